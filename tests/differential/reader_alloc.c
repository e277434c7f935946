/* Contract sections 1, 2 and 8: what the reader asks the injected allocators for, and what happens when it gets nothing. */
#include "reply.h"
#include "allocators.h"

static const struct {
    const char *key, *wire;
    size_t len;
} inputs[] = {
#define IN(key, wire) {key, wire, sizeof(wire) - 1}
    IN("status", "+OK\r\n"),
    IN("error", "-ERR\r\n"),
    IN("integer", ":1\r\n"),
    IN("nil", "_\r\n"),
    IN("bulk.nil", "$-1\r\n"),
    IN("array.nil", "*-1\r\n"),
    IN("bool", "#t\r\n"),
    IN("bulk", "$5\r\nhello\r\n"),
    IN("bulk.empty", "$0\r\n\r\n"),
    IN("double", ",3.5\r\n"),
    IN("bignum", "(123\r\n"),
    IN("verb", "=8\r\ntxt:abcd\r\n"),
    IN("verb.empty", "=4\r\ntxt:\r\n"),
    IN("array.empty", "*0\r\n"),
    IN("array", "*2\r\n:1\r\n+ab\r\n"),
    IN("map", "%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n"),
    IN("set", "~1\r\n_\r\n"),
    IN("push", ">1\r\n+x\r\n"),
    IN("nested", "*2\r\n*1\r\n$1\r\na\r\n*1\r\n:1\r\n"),
    IN("error.in.array", "*2\r\n+a\r\n:x\r\n"),
    IN("partial", "*2\r\n+a\r\n"),
    IN("deep", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n+x\r\n"),
};

enum { TRACED = 19 };

/* The allocations of building one reply, and how many blocks its release gives back. */
static void trace_reply(const char *key, const char *wire, size_t len) {
    redisReader *r = redisReaderCreate();
    redisReaderFeed(r, wire, len);
    void *reply;
    long before = live;
    allocators_trace(key);
    fact(redisReaderGetReply(r, &reply), "%s.rc", key);
    allocators_trace(NULL);
    fact(live - before, "%s.blocks", key);
    freeReplyObject(reply);
    fact(live - before, "%s.blocks.after.free", key);
    redisReaderFree(r);
    fact(live, "%s.live", key);
}

enum { CREATE = 1, FEED = 2, REPLY = 4, DONE = 8, WRONG = 16 };

/* One attempt with the nth allocation failing: where it ended. */
static int attempt(const char *wire, size_t len, long nth) {
    allocators_fail(nth);
    redisReader *r = redisReaderCreate();
    if (r == NULL)
        return CREATE;
    int where = DONE;
    void *reply = NULL;
    if (redisReaderFeed(r, wire, len) != REDIS_OK)
        where = FEED;
    else if (redisReaderGetReply(r, &reply) != REDIS_OK && r->err == REDIS_ERR_OOM)
        where = REPLY;
    if (where != DONE && (r->err != REDIS_ERR_OOM || strcmp(r->errstr, "Out of memory") != 0 || reply != NULL))
        where |= WRONG;
    /* What it knew before still counts: the error stays. */
    if (where != DONE && (redisReaderFeed(r, "x", 1) != REDIS_ERR || redisReaderGetReply(r, &reply) != REDIS_ERR))
        where |= WRONG;
    freeReplyObject(reply);
    redisReaderFree(r);
    return where;
}

/* How many allocations there are is the library's own affair; that each may fail is not. */
static void fail_each(const char *key, const char *wire, size_t len) {
    int seen = 0, leaks = 0;
    for (long nth = 1; nth < 1000; nth++) {
        seen |= attempt(wire, len, nth);
        leaks += live != 0;
        if (attempts < nth)
            break;
    }
    allocators_fail(0);
    say("%s.failures", key);
    printf(" create=%d feed=%d reply=%d done=%d wrong=%d", !!(seen & CREATE), !!(seen & FEED), !!(seen & REPLY), !!(seen & DONE),
           !!(seen & WRONG));
    end();
    fact(leaks, "%s.leaks", key);
}

/* Setting returns the previous table, by value. */
static void set_and_reset(void) {
    hiredisAllocFuncs mine = {trace_malloc, trace_calloc, trace_realloc, trace_strdup, trace_free};
    hiredisResetAllocators();
    hiredisAllocFuncs before = hiredisSetAllocators(&mine);
    fact(before.mallocFn == malloc && before.freeFn == free, "set.returns.libc");
    fact(hiredisAllocFns.mallocFn == trace_malloc && hiredisAllocFns.freeFn == trace_free, "set.is.effective");
    before = hiredisSetAllocators(&mine);
    fact(before.callocFn == trace_calloc && before.strdupFn == trace_strdup, "set.returns.mine");
    hiredisResetAllocators();
    fact(hiredisAllocFns.mallocFn == malloc && hiredisAllocFns.callocFn == calloc && hiredisAllocFns.reallocFn == realloc &&
             hiredisAllocFns.strdupFn == strdup && hiredisAllocFns.freeFn == free,
         "reset.is.libc");
}

/* A reply made under one table and freed under the next goes to the next one's free. */
static void changed_between(void) {
    redisReader *r = redisReaderCreate();
    void *reply;
    redisReaderFeed(r, "*2\r\n+a\r\n:1\r\n", 12);
    redisReaderGetReply(r, &reply);
    long before = live;
    allocators_install();
    freeReplyObject(reply);
    fact(before - live, "changed.frees");
    hiredisResetAllocators();
    live = 0;
    redisReaderFree(r);
}

/* A table assigned member by member is obeyed at once. */
static void assigned(void) {
    hiredisAllocFns.callocFn = trace_calloc;
    redisReader *r = redisReaderCreate();
    redisReaderFeed(r, ":1\r\n", 4);
    allocators_fail(1);
    void *reply;
    fact(redisReaderGetReply(r, &reply), "assigned.rc");
    fact(r->err, "assigned.err");
    allocators_fail(0);
    redisReaderFree(r);
    hiredisResetAllocators();
}

int main(void) {
    allocators_install();
    for (size_t i = 0; i < TRACED; i++)
        trace_reply(inputs[i].key, inputs[i].wire, inputs[i].len);
    for (size_t i = 0; i < sizeof(inputs) / sizeof(*inputs); i++)
        fail_each(inputs[i].key, inputs[i].wire, inputs[i].len);
    fact(live, "live");
    set_and_reset();
    changed_between();
    assigned();
    return 0;
}

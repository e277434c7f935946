/* An executable at a fixed address takes hiredisAllocFns by copy relocation: what it assigns there, the library uses, and
 * what the library sets, its inline hi_* functions use. */
#include <hiredis/hiredis.h>

#include "cases.h"

static int mallocs, callocs, frees;
static void *counted_malloc(size_t size) {
    mallocs++;
    return malloc(size);
}
static void *counted_calloc(size_t n, size_t size) {
    callocs++;
    return calloc(n, size);
}
static void counted_free(void *at) {
    frees++;
    free(at);
}

static void assigned_directly(void) {
    redisReader *r;
    void *reply;
    int before;
    hiredisAllocFns.mallocFn = counted_malloc;
    hiredisAllocFns.callocFn = counted_calloc;
    hiredisAllocFns.freeFn = counted_free;
    r = redisReaderCreate();
    check(callocs > 0);
    before = mallocs + callocs;
    redisReaderFeed(r, "*2\r\n$3\r\nfoo\r\n:1\r\n", 17);
    check(redisReaderGetReply(r, &reply) == REDIS_OK && reply);
    check(mallocs + callocs > before);
    before = frees;
    freeReplyObject(reply);
    check(frees >= before + 5); /* root, vector, two elements, one string */
    redisReaderFree(r);
    hiredisResetAllocators();
    check(hiredisAllocFns.mallocFn == malloc);
    before = mallocs;
    hi_free(hi_malloc(10));
    check(mallocs == before);
}

static void set_by_the_library(void) {
    hiredisAllocFuncs own = hiredisAllocFns, old;
    int before = mallocs;
    own.mallocFn = counted_malloc;
    old = hiredisSetAllocators(&own);
    check(old.mallocFn == malloc);
    hi_free(hi_malloc(10));
    check(mallocs == before + 1);
    hi_free(hi_strdup("x"));
    hiredisResetAllocators();
}

static const struct test_case cases[] = {CASE(assigned_directly), CASE(set_by_the_library)};

int main(int argc, char **argv) {
    return run_cases(cases, sizeof cases / sizeof *cases, argc, argv);
}

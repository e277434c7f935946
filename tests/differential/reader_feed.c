/* Contract section 2: the fields of the reader after each step, its limits, the release of its buffer. */
#include "reply.h"

static void get(redisReader *r, const char *key) {
    void *reply = r;
    fact(redisReaderGetReply(r, &reply), "%s.rc", key);
    dump(key, reply);
    freeReplyObject(reply);
    state(key, r);
}

static void feed(redisReader *r, const char *key, const char *wire) {
    fact(redisReaderFeed(r, wire, strlen(wire)), "%s.feed", key);
    state(key, r);
}

static void fresh(void) {
    redisReader *r = redisReaderCreate();
    state("fresh", r);
    fact((long long)r->maxbuf, "fresh.maxbuf");
    fact(r->maxelements, "fresh.maxelements");
    fact(r->tasks, "fresh.tasks");
    fact((long long)sdslen(r->buf), "fresh.sdslen");
    fact(r->privdata == NULL, "fresh.privdata.null");
    fact(r->fn != NULL, "fresh.fn.set");
    fact(redisReaderFeed(r, NULL, 0), "fresh.feed.null");
    fact(redisReaderFeed(r, NULL, 5), "fresh.feed.null.5");
    fact(redisReaderFeed(r, "x", 0), "fresh.feed.0");
    state("fresh.fed.nothing", r);
    get(r, "fresh.get");
    fact(redisReaderGetReply(r, NULL), "fresh.get.no.target");
    redisReaderSetPrivdata(r, r);
    fact(r->privdata == r, "fresh.set.privdata");
    say("fresh.get.error");
    text(redisReaderGetError(r));
    end();
    redisReaderFree(r);
    redisReaderFree(NULL);
}

/* The fields while one reply arrives piece by piece. */
static void steps(void) {
    static const char *const pieces[] = {"*", "3\r", "\n:1\r\n$5\r", "\nhel", "lo\r\n*2\r\n", "+a\r\n", "_\r\n+next\r\n:4"};
    redisReader *r = redisReaderCreate();
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        char key[64];
        snprintf(key, sizeof(key), "steps.%zu.fed", i);
        feed(r, key, pieces[i]);
        snprintf(key, sizeof(key), "steps.%zu.get", i);
        get(r, key);
    }
    get(r, "steps.more");
    get(r, "steps.nothing");
    redisReaderFree(r);
}

/* Consumed bytes stay in front until 1024 of them are there. */
static void consumed_prefix(void) {
    redisReader *r = redisReaderCreate();
    char key[64];
    for (int i = 0; i < 300; i++)
        redisReaderFeed(r, "+OK\r\n", 5);
    for (int i = 0; i < 300; i++) {
        void *reply;
        redisReaderGetReply(r, &reply);
        freeReplyObject(reply);
        if (i > 201 && i < 208) {
            snprintf(key, sizeof(key), "prefix.%d", i);
            state(key, r);
        }
    }
    state("prefix.end", r);
    redisReaderFeed(r, ":1\r\n", 4);
    state("prefix.fed", r);
    get(r, "prefix.last");
    redisReaderFree(r);
}

/* A reply of this many bytes leaves the buffer with pos at its end, or empty from 1024 on. */
static void reply_sizes(void) {
    static const size_t sizes[] = {1000, 1015, 1016, 1017, 1018, 1020, 1024, 2000, 16384, 20000, 70000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        size_t size = sizes[i];
        char *wire = malloc(size + 32);
        int head = sprintf(wire, "$%zu\r\n", size);
        memset(wire + head, 'x', size);
        memcpy(wire + head + size, "\r\n+r", 4);
        redisReader *r = redisReaderCreate();
        redisReaderFeed(r, wire, (size_t)head + size + 4);
        void *out;
        redisReaderGetReply(r, &out);
        redisReply *reply = out;
        char key[64];
        snprintf(key, sizeof(key), "size.%zu", size);
        fact(reply ? (long long)reply->len : -1, "%s.len", key);
        fact(reply && reply->str[0] == 'x' && reply->str[size - 1] == 'x' && reply->str[size] == '\0', "%s.whole", key);
        freeReplyObject(reply);
        state(key, r);
        strcat(key, ".rest");
        get(r, key);
        redisReaderFree(r);
        free(wire);
    }
}

/* maxelements counts before a map is doubled; 0 and less is no limit. */
static void element_limits(void) {
    static const struct {
        long long limit;
        const char *wire;
    } cases[] = {
        {3, "*3\r\n:1\r\n:2\r\n:3\r\n"}, {3, "*4\r\n"},      {3, "%3\r\n"},     {3, "%4\r\n"}, {3, "~4\r\n"}, {3, ">4\r\n"},
        {3, "*1\r\n*4\r\n"},             {3, "*0\r\n"},      {3, "*-1\r\n"},    {1, "%1\r\n"}, {1, "%2\r\n"}, {1, "*1\r\n*1\r\n"},
        {0, "*5\r\n"},                   {-1, "*5\r\n"},     {4294967296LL, "*-2\r\n"},
        {0, "*2305843009213693953\r\n"}, {0, "*9223372036854775807\r\n"}, {0, "%4611686018427387904\r\n"}, {0, "%9223372036854775807\r\n"},
        {0, "%2305843009213693952\r\n"}, {0, "~2305843009213693953\r\n"}, {0, ">2305843009213693953\r\n"},
        {-5, "*2305843009213693953\r\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char key[64];
        snprintf(key, sizeof(key), "maxelements.%zu", i);
        redisReader *r = redisReaderCreate();
        r->maxelements = cases[i].limit;
        feed(r, key, cases[i].wire);
        strcat(key, ".get");
        get(r, key);
        redisReaderFree(r);
    }
}

/* An empty buffer with more than maxbuf unused bytes is given back at the next feed. */
static void buffer_release(size_t maxbuf, size_t size) {
    char key[64];
    snprintf(key, sizeof(key), "maxbuf.%zu.%zu", maxbuf, size);
    char *wire = malloc(size + 3);
    memset(wire, 'x', size);
    wire[0] = '+';
    memcpy(wire + size, "\r\n", 2);
    redisReader *r = redisReaderCreate();
    r->maxbuf = maxbuf;
    redisReaderFeed(r, wire, size + 2);
    void *reply;
    redisReaderGetReply(r, &reply);
    fact(reply != NULL, "%s.reply", key);
    freeReplyObject(reply);
    state(key, r);
    redisReaderFeed(r, "+a\r\n", 4);
    fact(sdsavail(r->buf) > maxbuf, "%s.keeps.more.than.maxbuf", key);
    strcat(key, ".next");
    get(r, key);
    redisReaderFeed(r, wire, size + 2);
    get(r, strcat(key, ".again"));
    redisReaderFeed(r, wire, size + 2);
    fact(sdsavail(r->buf) <= 2 * size, "%s.room.within.twice.the.feed", key);
    get(r, strcat(key, ".again"));
    redisReaderFree(r);
    free(wire);
}

/* The task stack grows with the depth. */
static void nesting(int depth) {
    char key[64];
    snprintf(key, sizeof(key), "nesting.%d", depth);
    redisReader *r = redisReaderCreate();
    for (int i = 0; i < depth; i++)
        redisReaderFeed(r, "*1\r\n", 4);
    void *reply;
    fact(redisReaderGetReply(r, &reply), "%s.partial.rc", key);
    fact(r->ridx, "%s.ridx", key);
    fact(r->tasks, "%s.tasks", key);
    fact(redisReaderFeed(r, ":7\r\n", 4), "%s.feed", key);
    fact(redisReaderGetReply(r, &reply), "%s.rc", key);
    int levels = 0;
    for (redisReply *at = reply; at != NULL; at = at->elements ? at->element[0] : NULL)
        levels++;
    fact(levels, "%s.levels", key);
    freeReplyObject(reply);
    state(key, r);
    redisReaderFree(r);
}

int main(void) {
    fresh();
    steps();
    consumed_prefix();
    reply_sizes();
    element_limits();
    buffer_release(16384, 100);
    buffer_release(16384, 5000);
    buffer_release(16384, 9000);
    buffer_release(16384, 40000);
    buffer_release(1024, 5000);
    buffer_release(0, 40000);
    static const int depths[] = {1, 2, 8, 9, 10, 18, 19, 100, 1024};
    for (size_t i = 0; i < sizeof(depths) / sizeof(*depths); i++)
        nesting(depths[i]);
    return 0;
}

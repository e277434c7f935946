/* The reader's limits where our library differs from the C library, and hostile input: contract sections 2 and 11.13-11.16. */
#include "measure.h"
#include <sys/resource.h>

static redisReader *reader_with_depth(int maxdepth) {
    redisReader *r = redisReaderCreate();
    CHECK(r->maxdepth == 1024);
    r->maxdepth = maxdepth;
    return r;
}

/* Feeds a text `times` times. */
static void feed(redisReader *r, const char *wire, int times) {
    for (int i = 0; i < times; i++)
        CHECK(redisReaderFeed(r, wire, strlen(wire)) == REDIS_OK);
}

static void refused(redisReader *r, int err, const char *errstr) {
    void *reply = r;
    CHECK(redisReaderGetReply(r, &reply) == REDIS_ERR && reply == NULL);
    CHECK(r->err == err);
    if (strcmp(r->errstr, errstr) != 0) {
        fprintf(stderr, "\"%s\" instead of \"%s\"\n", r->errstr, errstr);
        exit(1);
    }
    redisReaderFree(r);
}

static void waits(redisReader *r) {
    void *reply = r;
    CHECK(redisReaderGetReply(r, &reply) == REDIS_OK && reply == NULL && r->err == 0);
}

static const char too_deep[] = "Max nesting depth exceeded";

/* Exactly maxdepth aggregates may be nested; the next one is refused at its type byte, whatever follows. */
static void depth(void) {
    static const struct {
        int maxdepth;
        const char *inner;
        int accepted;
    } cases[] = {
        {1, ":1\r\n", 1},    {2, ":1\r\n", 2},    {9, ":1\r\n", 9},    {10, ":1\r\n", 10}, {1024, ":1\r\n", 1024},
        {1024, "*0\r\n", 1023}, {1024, "*-1\r\n", 1023}, {1024, "%0\r\n", 1023}, {3, "~-1\r\n", 2}, {3, ">0\r\n", 2},
        {0, ":1\r\n", 5000}, {-1, ":1\r\n", 5000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        redisReader *r = reader_with_depth(cases[i].maxdepth);
        feed(r, "*1\r\n", cases[i].accepted);
        feed(r, cases[i].inner, 1);
        void *reply = NULL;
        CHECK(redisReaderGetReply(r, &reply) == REDIS_OK && reply != NULL);
        freeReplyObject(reply);
        redisReaderFree(r);
        if (cases[i].maxdepth > 0) {
            r = reader_with_depth(cases[i].maxdepth);
            feed(r, "*1\r\n", cases[i].accepted + 1);
            feed(r, cases[i].inner, 1);
            refused(r, REDIS_ERR_PROTOCOL, too_deep);
        }
    }
    static const char *const types[] = {"*", "%", "~", ">", "|", "*x\r\n", "*-5\r\n"};
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        redisReader *r = reader_with_depth(1);
        feed(r, "*2\r\n", 1);
        feed(r, types[i], 1);
        refused(r, REDIS_ERR_PROTOCOL, too_deep);
    }
    redisReader *r = reader_with_depth(2);
    feed(r, "*3\r\n*1\r\n:1\r\n*1\r\n:2\r\n:3\r\n", 1);
    void *reply = NULL;
    CHECK(redisReaderGetReply(r, &reply) == REDIS_OK && reply != NULL);
    freeReplyObject(reply);
    redisReaderFree(r);
}

/* A million nested arrays, parsed and freed on a small stack. 11.16 */
static void unlimited_depth(void) {
    struct rlimit small = {256 * 1024, 256 * 1024};
    setrlimit(RLIMIT_STACK, &small);
    int levels = getenv("UNDER_VALGRIND") ? 50000 : 1000000;
    redisReader *r = reader_with_depth(0);
    feed(r, "*1\r\n", levels);
    feed(r, "+end\r\n", 1);
    void *reply = NULL;
    CHECK(redisReaderGetReply(r, &reply) == REDIS_OK && reply != NULL);
    freeReplyObject(reply);
    feed(r, "*2\r\n:1\r\n", levels);
    waits(r);
    redisReaderFree(r);
    r = reader_with_depth(0);
    feed(r, "*2\r\n:1\r\n", levels);
    feed(r, "?", 1);
    refused(r, REDIS_ERR_PROTOCOL, "Protocol error, got \"?\" as reply type byte");
}

/* What an announcement costs before its elements or bytes arrive: nothing to speak of. 11.14 */
static void announcements(void) {
    static const struct {
        const char *header, *trickle;
    } cases[] = {
        {"*4294967295\r\n", ":1\r\n"},    {"%4294967295\r\n", ":1\r\n"},    {"~4294967295\r\n", "+a\r\n"},
        {">4294967295\r\n", "$-1\r\n"},   {"*1000000\r\n", ":1\r\n"},       {"$9223372036854775807\r\n", "x"},
        {"$2147483648\r\n", "xxxxxxxx"},  {"$68719476736\r\n", "xxxxxxxx"}, {"=68719476736\r\n", "txt:"},
        {"*2\r\n$68719476736\r\n", "xx"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        redisReader *r = redisReaderCreate();
        size_t before = held;
        peak = held;
        feed(r, cases[i].header, 1);
        waits(r);
        CHECK(peak - before < 32 * 1024);
        feed(r, cases[i].trickle, 1);
        waits(r);
        CHECK(peak - before < 128 * 1024);
        for (int n = 0; n < 1000; n++) {
            feed(r, cases[i].trickle, 1);
            waits(r);
        }
        if (peak - before >= 512 * 1024)
            fprintf(stderr, "%.20s: %zu bytes\n", cases[i].header, peak - before);
        CHECK(peak - before < 512 * 1024);
        redisReaderFree(r);
    }
}

static void impossible_sizes(void) {
    static const char *const headers[] = {"*2305843009213693953\r\n", "~2305843009213693953\r\n", ">2305843009213693953\r\n",
                                          "%2305843009213693952\r\n", "*9223372036854775807\r\n"};
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
        redisReader *r = redisReaderCreate();
        r->maxelements = 0;
        peak = held;
        size_t before = held;
        feed(r, headers[i], 1);
        refused(r, REDIS_ERR_OOM, "Out of memory");
        CHECK(peak - before < 4096);
    }
    redisReader *r = redisReaderCreate();
    r->maxelements = 0;
    feed(r, "%4611686018427387904\r\n", 1);
    refused(r, REDIS_ERR_PROTOCOL, "Multi-bulk length out of range");
}

/* `elements` is what was announced, also while they are still arriving. */
static void large_aggregates(void) {
    redisReader *r = redisReaderCreate();
    enum { COUNT = 100000 };
    feed(r, "*100000\r\n", 1);
    for (int i = 0; i < COUNT; i++) {
        char wire[32];
        snprintf(wire, sizeof(wire), ":%d\r\n", i);
        feed(r, wire, 1);
        if (i % 777 == 0)
            waits(r);
    }
    void *out = NULL;
    CHECK(redisReaderGetReply(r, &out) == REDIS_OK && out != NULL);
    redisReply *reply = out;
    CHECK(reply->elements == COUNT);
    for (int i = 0; i < COUNT; i++)
        CHECK(reply->element[i]->type == REDIS_REPLY_INTEGER && reply->element[i]->integer == i);
    freeReplyObject(reply);
    redisReaderFree(r);
}

/* A large string arrives piece by piece; its pieces may be of any size. 11.13 */
static void large_strings(void) {
    static const size_t pieces[] = {1, 7, 1000, 4096, 16384, 100000, 1 << 20};
    size_t size = 1 << 20;
    char *wire = malloc(size + 32);
    int head = sprintf(wire, "*2\r\n$%zu\r\n", size);
    for (size_t i = 0; i < size; i++)
        wire[(size_t)head + i] = (char)(i * 7 % 251);
    memcpy(wire + head + size, "\r\n:5\r\n", 6);
    size_t total = (size_t)head + size + 6;
    for (size_t p = getenv("UNDER_VALGRIND") ? 3 : 0; p < sizeof(pieces) / sizeof(*pieces); p++) {
        redisReader *r = redisReaderCreate();
        void *out = NULL;
        for (size_t at = 0; at < total; at += pieces[p]) {
            size_t piece = at + pieces[p] < total ? pieces[p] : total - at;
            CHECK(out == NULL);
            CHECK(redisReaderFeed(r, wire + at, piece) == REDIS_OK);
            CHECK(redisReaderGetReply(r, &out) == REDIS_OK);
        }
        redisReply *reply = out;
        CHECK(reply != NULL && reply->elements == 2 && reply->element[1]->integer == 5);
        CHECK(reply->element[0]->len == size && memcmp(reply->element[0]->str, wire + head, size) == 0);
        CHECK(reply->element[0]->str[size] == '\0');
        freeReplyObject(reply);
        redisReaderFree(r);
    }
    free(wire);
}

int main(void) {
    measure_memory();
    depth();
    announcements();
    impossible_sizes();
    large_aggregates();
    large_strings();
    unlimited_depth();
    CHECK(held == 0);
    hiredisResetAllocators();
    return 0;
}

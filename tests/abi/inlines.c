/* Inline functions and macros of the headers live in the programs: each is used once, and its effect is checked. */
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define CHECK(condition)                                             \
    do {                                                             \
        if (!(condition)) {                                          \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            failures++;                                              \
        }                                                            \
    } while (0)

static int called[5];

static void *count_malloc(size_t size) {
    called[0]++;
    return malloc(size);
}
static void *count_calloc(size_t n, size_t size) {
    called[1]++;
    return calloc(n, size);
}
static void *count_realloc(void *p, size_t size) {
    called[2]++;
    return realloc(p, size);
}
static char *count_strdup(const char *s) {
    called[3]++;
    return strdup(s);
}
static void count_free(void *p) {
    called[4]++;
    free(p);
}

static void allocation(void) {
    hiredisAllocFuncs table = {count_malloc, count_calloc, count_realloc, count_strdup, count_free};
    hiredisSetAllocators(&table);
    char *p = (char *)hi_malloc(4);
    p = (char *)hi_realloc(p, 8);
    hi_free(p);
    p = hi_strdup("text");
    CHECK(strcmp(p, "text") == 0);
    hi_free(p);
    p = (char *)hi_calloc(2, 3);
    CHECK(p[5] == 0);
    hi_free(p);
    volatile size_t huge = SIZE_MAX / 2;
    CHECK(hi_calloc(huge, 3) == NULL);
    CHECK(called[0] == 1 && called[1] == 1 && called[2] == 1 && called[3] == 1 && called[4] == 3);
    hiredisResetAllocators();
}

/* The header in front of the string, for each of its types. */
static void sds_headers(void) {
    static const size_t lengths[] = {3, 100, 1000, 70000};
    for (int type = 0; type < 4; type++) {
        size_t len = lengths[type];
        sds s = sdsnewlen(NULL, len);
        CHECK((s[-1] & SDS_TYPE_MASK) == type);
        CHECK(sdslen(s) == len && sdsalloc(s) == len && sdsavail(s) == 0);
        sdssetlen(s, len - 2);
        sdsinclen(s, 1);
        CHECK(sdslen(s) == len - 1);
        CHECK(type == SDS_TYPE_5 || sdsavail(s) == 1);
        if (type != SDS_TYPE_5) {
            sdssetalloc(s, len - 1);
            CHECK(sdsalloc(s) == len - 1 && sdsavail(s) == 0);
        }
        sdsfree(s);
    }
    unsigned char flags = (5 << SDS_TYPE_BITS) | SDS_TYPE_5;
    CHECK(SDS_TYPE_5_LEN(flags) == 5);
    sds s = sdsnewlen(NULL, 200);
    SDS_HDR_VAR(8, s);
    CHECK(sh->len == 200 && SDS_HDR(8, s)->len == 200);
    sdsfree(s);
}

static void reader_macros(void) {
    redisReader *r = redisReaderCreate();
    redisReaderSetPrivdata(r, &failures);
    CHECK(r->privdata == &failures);
    redisReaderFeed(r, "*1\r\n", 4);
    void *reply;
    redisReaderGetReply(r, &reply);
    CHECK(redisReaderGetObject(r) == r->reply && r->reply != NULL);
    CHECK(redisReaderGetError(r) == r->errstr);
    redisReaderFree(r);
}

static void destroy(void *data) {
    (void)data;
}

static void option_macros(void) {
    redisReply reply;
    memset(&reply, 0, sizeof(reply));
    CHECK(!redisIsPushReply(&reply));
    reply.type = REDIS_REPLY_PUSH;
    CHECK(redisIsPushReply(&reply));

    redisOptions options;
    memset(&options, 0, sizeof(options));
    options.endpoint.tcp.source_addr = "untouched";
    REDIS_OPTIONS_SET_TCP(&options, "host", 1234);
    CHECK(options.type == REDIS_CONN_TCP && strcmp(options.endpoint.tcp.ip, "host") == 0 && options.endpoint.tcp.port == 1234);
    CHECK(strcmp(options.endpoint.tcp.source_addr, "untouched") == 0);
    REDIS_OPTIONS_SET_UNIX(&options, "path");
    CHECK(options.type == REDIS_CONN_UNIX && strcmp(options.endpoint.unix_socket, "path") == 0);
    REDIS_OPTIONS_SET_PRIVDATA(&options, &reply, destroy);
    CHECK(options.privdata == &reply && options.free_privdata == destroy);
}

int main(void) {
    allocation();
    sds_headers();
    reader_macros();
    option_macros();
    return failures != 0;
}

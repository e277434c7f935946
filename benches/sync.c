/* Blocking work, on a server that holds bench:key and is asked for the rest:
 *
 *   sync get ENDPOINT COUNT        round trips of GET, 16 bytes
 *   sync pipeline ENDPOINT COUNT   SETs, 1,000 of them appended before their replies are read
 *   sync large ENDPOINT MIB        one GET of a large value, and how often it was received from
 *   sync memory ENDPOINT MIB       the same: heap beyond the value at most, and kept by the idle context afterwards
 *   sync contexts ENDPOINT COUNT   connect, PING, free
 *   sync trickle ENDPOINT COUNT    as get, a byte arriving at a time */
#include "../tests/c/measure.h"
#include "bench.h"

#include <sys/syscall.h>

static long receives;

/* Stands in for libc's. Neither library reads from its socket in another way, or the count would be 0. */
ssize_t recv(int fd, void *into, size_t len, int flags) {
    receives++;
    return syscall(SYS_recvfrom, fd, into, len, flags, NULL, NULL);
}

static redisContext *open_context(const char *at) {
    redisContext *c = at[0] == '/' ? redisConnectUnix(at) : redisConnect("127.0.0.1", atoi(at));
    CHECK(c != NULL && c->err == 0);
    return c;
}

/* Frees the reply, which is as expected. */
static void expect(redisReply *reply, int type, size_t len) {
    CHECK(reply != NULL && reply->type == type && reply->len == len);
    freeReplyObject(reply);
}

static void gets_of(redisContext *c, long count) {
    for (long i = 0; i < count; i++) expect(redisCommand(c, "GET %s", "bench:key"), REDIS_REPLY_STRING, strlen(VALUE));
}

static void get(redisContext *c, long count) {
    gets_of(c, count / 10); /* to warm up */
    start();
    gets_of(c, count);
    stop((double)count);
}

static void pipeline_of(redisContext *c, long count) {
    for (long i = 0; i < count; i++) CHECK(redisAppendCommand(c, "SET bench:set:%d %b", (int)i, VALUE, strlen(VALUE)) == REDIS_OK);
    for (long i = 0; i < count; i++) {
        void *reply;
        CHECK(redisGetReply(c, &reply) == REDIS_OK);
        expect(reply, REDIS_REPLY_STATUS, 2);
    }
}

static void pipeline(redisContext *c, long count) {
    pipeline_of(c, 1000);
    start();
    for (long i = 0; i < count; i += 1000) pipeline_of(c, 1000);
    stop((double)count);
}

/* All of it is queued before a reply is read. */
static void huge_pipeline(redisContext *c, long count) {
    start();
    pipeline_of(c, count);
    stop((double)count);
}

static void make_large(redisContext *c, long mib) {
    redisReply *reply = redisCommand(c, "SETRANGE bench:large %d x", (int)(mib << 20) - 1);
    CHECK(reply != NULL && reply->integer == mib << 20);
    freeReplyObject(reply);
}

static void remove_large(redisContext *c) {
    expect(redisCommand(c, "DEL bench:large"), REDIS_REPLY_INTEGER, 0);
}

static void large(redisContext *c, long mib) {
    make_large(c, mib);
    receives = 0;
    start();
    expect(redisCommand(c, "GET bench:large"), REDIS_REPLY_STRING, (size_t)mib << 20);
    stop(1);
    CHECK(receives > 0);
    printf(" receives %ld", receives);
    remove_large(c);
}

static void memory(redisContext *c, long mib) {
    make_large(c, mib);
    size_t before = held;
    peak = held;
    redisReply *reply = redisCommand(c, "GET bench:large");
    size_t most = peak - before - ((size_t)mib << 20);
    expect(reply, REDIS_REPLY_STRING, (size_t)mib << 20);
    printf("peak_bytes %zu kept_bytes %ld", most, (long)(held - before));
    remove_large(c);
}

static const char *place;

static void contexts(redisContext *unused, long count) {
    (void)unused;
    start();
    for (long i = 0; i < count; i++) {
        redisContext *c = open_context(place);
        expect(redisCommand(c, "PING"), REDIS_REPLY_STATUS, 4);
        redisFree(c);
    }
    stop((double)count);
}

static ssize_t read_a_byte(redisContext *c, char *into, size_t len) {
    return len > 0 ? recv(c->fd, into, 1, 0) : 0;
}

static void trickle(redisContext *c, long count) {
    redisContextFuncs funcs = *c->funcs;
    funcs.read = read_a_byte;
    c->funcs = &funcs;
    get(c, count);
}

static const struct {
    const char *name;
    void (*work)(redisContext *, long);
} works[] = {{"get", get},     {"pipeline", pipeline}, {"huge-pipeline", huge_pipeline}, {"large", large},
             {"memory", memory}, {"contexts", contexts}, {"trickle", trickle}};

int main(int argc, char **argv) {
    CHECK(argc == 4);
    if (strcmp(argv[1], "memory") == 0) measure_memory();
    redisContext *c = open_context(place = argv[2]);
    for (size_t i = 0; i < sizeof(works) / sizeof(*works); i++)
        if (strcmp(works[i].name, argv[1]) == 0) works[i].work(c, atol(argv[3]));
    printf("\n");
    return 0;
}

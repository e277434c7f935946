/* One measure of TLS: seconds for a fixed amount of work against the redis-server at TLS_PORT, on the libraries of the process.
 * tls WORK: prints units of work per second. Without WORK: prints the works. Built with the C library's headers, for both. */
#include <hiredis/adapters/poll.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LARGE = 16 << 20, PIPELINE = 100 };

static redisSSLContext *tls;

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

static redisContext *connected(void) {
    redisContext *c = redisConnect("127.0.0.1", atoi(getenv("TLS_PORT")));
    must(c && c->err == 0, "connect");
    must(redisInitiateSSLWithContext(c, tls) == REDIS_OK, c->errstr);
    return c;
}

static void reply_to(redisContext *c) {
    redisReply *reply;
    must(redisGetReply(c, (void **)&reply) == REDIS_OK, c->errstr);
    freeReplyObject(reply);
}

/* Connections from one context, each with one command: what a program does that connects again and again. */
static double handshakes(int times) {
    for (int i = 0; i < times; i++) {
        redisContext *c = connected();
        redisAppendCommand(c, "PING");
        reply_to(c);
        redisFree(c);
    }
    return times;
}

/* The same without what one connection leaves to the next. */
static double whole_handshakes(int times) {
    redisSSLContext *shared = tls;
    for (int i = 0; i < times; i++) {
        tls = redisCreateSSLContext(getenv("TLS_CA"), NULL, NULL, NULL, "localhost", NULL);
        must(tls != NULL, "context");
        handshakes(1);
        redisFreeSSLContext(tls);
    }
    tls = shared;
    return times;
}

static double set_large(int times) {
    redisContext *c = connected();
    char *value = calloc(1, LARGE);
    for (int i = 0; i < times; i++) {
        redisAppendCommand(c, "SET large %b", value, (size_t)LARGE);
        reply_to(c);
    }
    redisFree(c);
    free(value);
    return times;
}

static double get_large(int times) {
    redisContext *c = connected();
    set_large(1);
    for (int i = 0; i < times; i++) {
        redisAppendCommand(c, "GET large");
        reply_to(c);
    }
    redisFree(c);
    return times;
}

static double requests(int times) {
    redisContext *c = connected();
    for (int i = 0; i < times; i++) {
        redisAppendCommand(c, "GET small");
        reply_to(c);
    }
    redisFree(c);
    return times;
}

static double pipelined(int times) {
    redisContext *c = connected();
    for (int i = 0; i < times; i++) {
        for (int j = 0; j < PIPELINE; j++) redisAppendCommand(c, "GET small");
        for (int j = 0; j < PIPELINE; j++) reply_to(c);
    }
    redisFree(c);
    return times;
}

static int left;

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata) {
    must(reply != NULL, ac->errstr);
    if (--left == 0) redisAsyncDisconnect(ac);
    if (left >= PIPELINE) redisAsyncCommand(ac, on_reply, privdata, "GET small");
}

/* A hundred commands always in flight. */
static double asynchronous(int times) {
    redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", atoi(getenv("TLS_PORT")));
    must(redisInitiateSSLWithContext(&ac->c, tls) == REDIS_OK, ac->c.errstr);
    redisPollAttach(ac);
    left = times;
    for (int i = 0; i < PIPELINE; i++) redisAsyncCommand(ac, on_reply, NULL, "GET small");
    while (left > 0) redisPollTick(ac, 1);
    return times;
}

static const struct work {
    const char *name;
    double (*function)(int);
    int times;
} works[] = {{"handshakes", handshakes, 400}, {"whole", whole_handshakes, 100}, {"set-16MiB", set_large, 16}, {"get-16MiB", get_large, 16},
    {"requests", requests, 20000}, {"pipelined", pipelined, 2000}, {"async-100", asynchronous, 400000}};

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        double wall, processor, done;
        if (argc < 2) {
            puts(works[i].name);
            continue;
        }
        if (strcmp(argv[1], works[i].name) != 0) continue;
        tls = redisCreateSSLContext(getenv("TLS_CA"), NULL, NULL, NULL, "localhost", NULL);
        must(tls != NULL, "context");
        wall = seconds(CLOCK_MONOTONIC), processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
        done = works[i].function(works[i].times);
        wall = seconds(CLOCK_MONOTONIC) - wall, processor = seconds(CLOCK_PROCESS_CPUTIME_ID) - processor;
        printf("%.3f %.3f\n", done / wall, processor / done * 1e6);
        redisFreeSSLContext(tls);
    }
    return 0;
}

/* A loop, and connections of it whose callbacks count. */
#ifndef TESTS_EVENT_LOOP_H
#define TESTS_EVENT_LOOP_H

#include <hiredis/adapters/mio.h>
#include <signal.h>
#include <time.h>

#include "peer.h"

#define check(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

#define run(scenario)              \
    do {                           \
        scenario();                \
        printf("%s\n", #scenario); \
        fflush(stdout);            \
    } while (0)

/* Runs the loop until the condition holds; fails when it has not after ten seconds. */
#define loop_until(condition)                                                          \
    do {                                                                               \
        double begun_ = seconds();                                                     \
        while (!(condition)) {                                                         \
            if (seconds() - begun_ > 10) {                                             \
                fprintf(stderr, "%s:%d: never: %s\n", __FILE__, __LINE__, #condition); \
                exit(1);                                                               \
            }                                                                          \
            check(redisMioRunOnce(loop, 50) >= 0);                                     \
        }                                                                              \
    } while (0)

enum { NONE = 99 };

struct client {
    redisAsyncContext *ac; /* NULL once it is freed */
    int connected, disconnected; /* status, or NONE */
    int err;                     /* as the connect or disconnect callback saw it */
    char errstr[128];
    int answered, failed; /* replies, NULLs */
};

static redisMioLoop *loop;

static inline double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline struct timeval in_ms(int ms) { return (struct timeval){ms / 1000, ms % 1000 * 1000}; }
static inline int redis_port(void) { return atoi(getenv("REDIS_PORT")); }
static inline int under_valgrind(void) { return getenv("UNDER_VALGRIND") != NULL; }

/* Whether it took no longer than this since then; under valgrind, on a busy machine, anything may take longer. */
static inline int within(double limit, double begun) { return under_valgrind() || seconds() - begun < limit; }

static inline void on_freed(void *privdata) { ((struct client *)privdata)->ac = NULL; }

static inline void on_connect(const redisAsyncContext *ac, int status) {
    struct client *c = ac->c.privdata;
    check(c->connected == NONE);
    c->connected = status;
    c->err = ac->err;
    strcpy(c->errstr, ac->errstr);
}

static inline void on_disconnect(const redisAsyncContext *ac, int status) {
    struct client *c = ac->c.privdata;
    check(c->disconnected == NONE);
    c->disconnected = status;
    c->err = ac->err;
    strcpy(c->errstr, ac->errstr);
}

static inline void on_reply(redisAsyncContext *ac, void *reply, void *privdata) {
    struct client *c = ac->c.privdata;
    (void)privdata;
    if (reply) c->answered++;
    else c->failed++;
}

static inline void open_with(struct client *c, redisOptions *o) {
    memset(c, 0, sizeof *c);
    c->connected = c->disconnected = NONE;
    REDIS_OPTIONS_SET_PRIVDATA(o, c, on_freed);
    c->ac = redisMioConnect(loop, o);
    check(c->ac && c->ac->err == 0);
    check(redisAsyncSetConnectCallback(c->ac, on_connect) == REDIS_OK);
    check(redisAsyncSetDisconnectCallback(c->ac, on_disconnect) == REDIS_OK);
}

static inline void open_tcp(struct client *c, const char *host, int port) {
    redisOptions o = {0};
    REDIS_OPTIONS_SET_TCP(&o, host, port);
    open_with(c, &o);
}

static inline void open_redis(struct client *c) { open_tcp(c, "127.0.0.1", redis_port()); }

static inline void begin(void) {
    signal(SIGPIPE, SIG_IGN);
    loop = redisMioLoopCreate();
    check(loop != NULL);
}

#endif

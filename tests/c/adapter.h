/* What every adapter must do, whatever its loop. The program that includes this gives the loop:
 *
 *   static int loop_attach(redisAsyncContext *)
 *   static void loop_once(void): waits a short while for something to do, on all attached contexts, and does it
 *   static void loop_ended(redisAsyncContext *): the context is about to be freed
 */
#ifndef TESTS_ADAPTER_H
#define TESTS_ADAPTER_H

#include <time.h>

#include "peer.h"

static int loop_attach(redisAsyncContext *);
static void loop_once(void);
static void loop_ended(const redisAsyncContext *);

#define check(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

/* One connection and what its callbacks saw. */
struct client {
    redisAsyncContext *ac; /* NULL once it is freed */
    int connected, disconnected; /* status, or NONE */
    int err;                     /* seen by the connect or disconnect callback */
    int answered, failed;        /* replies, NULLs */
    int messages;
    struct client *publisher;
};
enum { NONE = 99 };

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void on_freed(void *privdata) { ((struct client *)privdata)->ac = NULL; }

static void on_connect(const redisAsyncContext *ac, int status) {
    struct client *c = (struct client *)ac->data;
    c->connected = status;
    c->err = ac->err;
    if (status != REDIS_OK) loop_ended(ac);
}

static void on_disconnect(const redisAsyncContext *ac, int status) {
    struct client *c = (struct client *)ac->data;
    c->disconnected = status;
    c->err = ac->err;
    loop_ended(ac);
}

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata) {
    struct client *c = (struct client *)ac->data;
    (void)privdata;
    if (reply) c->answered++;
    else c->failed++;
}

static void open_with(struct client *c, redisOptions *o) {
    memset(c, 0, sizeof *c);
    c->connected = c->disconnected = NONE;
    REDIS_OPTIONS_SET_PRIVDATA(o, c, on_freed);
    c->ac = redisAsyncConnectWithOptions(o);
    check(c->ac && !c->ac->err);
    c->ac->data = c;
    check(loop_attach(c->ac) == REDIS_OK);
    redisAsyncSetConnectCallback(c->ac, on_connect);
    redisAsyncSetDisconnectCallback(c->ac, on_disconnect);
}

static void open_port(struct client *c, int port) {
    redisOptions o = {0};
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", port);
    open_with(c, &o);
}

static void open_redis(struct client *c) { open_port(c, atoi(getenv("REDIS_PORT"))); }

/* Runs the loop until the condition holds; fails when it has not after ten seconds. */
#define loop_until(condition)                                                          \
    do {                                                                               \
        double begun_ = seconds();                                                     \
        while (!(condition)) {                                                         \
            if (seconds() - begun_ > 10) {                                             \
                fprintf(stderr, "%s:%d: never: %s\n", __FILE__, __LINE__, #condition); \
                exit(1);                                                               \
            }                                                                          \
            loop_once();                                                               \
        }                                                                              \
    } while (0)

static void thousand_commands(void) {
    struct client c;
    open_redis(&c);
    for (int i = 0; i < 1000; i++) check(redisAsyncCommand(c.ac, on_reply, NULL, "INCR adapter:%s", "n") == REDIS_OK);
    loop_until(c.answered == 1000);
    check(c.connected == REDIS_OK && c.failed == 0);
    redisAsyncDisconnect(c.ac);
    check(c.ac == NULL && c.disconnected == REDIS_OK && c.err == 0);
}

/* Each command is issued by the callback of the one before. */
static void on_reply_again(redisAsyncContext *ac, void *reply, void *privdata) {
    struct client *c = (struct client *)ac->data;
    on_reply(ac, reply, privdata);
    if (reply && c->answered < 200) redisAsyncCommand(ac, on_reply_again, NULL, "PING");
    if (c->answered == 200) redisAsyncDisconnect(ac);
}

static void request_and_reply(void) {
    struct client c;
    open_redis(&c);
    redisAsyncCommand(c.ac, on_reply_again, NULL, "PING");
    loop_until(c.ac == NULL);
    check(c.answered == 200 && c.failed == 0 && c.disconnected == REDIS_OK);
}

static void large_values(void) {
    static char value[4 * 1024 * 1024];
    struct client c;
    memset(value, 'x', sizeof value);
    open_redis(&c);
    for (int i = 0; i < 4; i++) {
        redisAsyncCommand(c.ac, on_reply, NULL, "SET adapter:large %b", value, sizeof value);
        redisAsyncCommand(c.ac, on_reply, NULL, "GET adapter:large");
    }
    redisAsyncCommand(c.ac, on_reply, NULL, "DEL adapter:large");
    redisAsyncDisconnect(c.ac);
    loop_until(c.ac == NULL);
    check(c.answered == 9 && c.failed == 0 && c.disconnected == REDIS_OK);
}

static void refused(void) {
    struct peer p;
    struct client c;
    peer_refuse(&p);
    open_port(&c, p.port);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.ac == NULL);
    check(c.connected == REDIS_ERR && c.err == REDIS_ERR_IO && c.failed == 1 && c.disconnected == NONE);
    peer_end(&p);
}

/* A listener whose backlog is full leaves further connects waiting. */
static void connect_timeout(void) {
    struct timeval tv = {0, 200000};
    struct sockaddr_in a = {0};
    struct peer p;
    struct client c;
    redisOptions o = {0};
    int fillers[4];
    double begun = seconds();

    peer_listen_backlog(&p, 0);
    a.sin_family = AF_INET;
    a.sin_port = htons((uint16_t)p.port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fillers[i], (struct sockaddr *)&a, sizeof a);
    }
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    o.connect_timeout = &tv;
    open_with(&c, &o);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.ac == NULL);
    check(c.connected == REDIS_ERR && c.err == REDIS_ERR_TIMEOUT && c.failed == 1);
    check(seconds() - begun > 0.19 && seconds() - begun < 5);
    for (int i = 0; i < 4; i++) close(fillers[i]);
    peer_end(&p);
}

static void command_timeout(void) {
    struct timeval tv = {0, 200000};
    struct peer p;
    struct client c;
    redisOptions o = {0};
    double begun = seconds();

    peer_listen(&p);
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    o.command_timeout = &tv;
    open_with(&c, &o);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.ac == NULL);
    check(c.connected == REDIS_OK && c.disconnected == REDIS_ERR && c.err == REDIS_ERR_TIMEOUT && c.failed == 1);
    check(seconds() - begun > 0.19 && seconds() - begun < 5);
    peer_end(&p);
}

static void on_message(redisAsyncContext *ac, void *reply, void *privdata) {
    struct client *c = (struct client *)ac->data;
    redisReply *r = (redisReply *)reply;
    (void)privdata;
    if (r == NULL) {
        c->failed++;
        return;
    }
    check(r->type == REDIS_REPLY_ARRAY && r->elements == 3);
    if (!strcmp(r->element[0]->str, "subscribe"))
        for (int i = 0; i < 10; i++) redisAsyncCommand(c->publisher->ac, on_reply, NULL, "PUBLISH adapter:news %d", i);
    if (!strcmp(r->element[0]->str, "message") && ++c->messages == 10)
        redisAsyncCommand(ac, NULL, NULL, "UNSUBSCRIBE adapter:news");
    if (!strcmp(r->element[0]->str, "unsubscribe")) redisAsyncDisconnect(ac);
}

static void publish_subscribe(void) {
    struct client publisher, subscriber;
    open_redis(&publisher);
    open_redis(&subscriber);
    subscriber.publisher = &publisher;
    redisAsyncCommand(subscriber.ac, on_message, NULL, "SUBSCRIBE adapter:news");
    loop_until(subscriber.ac == NULL && publisher.answered == 10);
    check(subscriber.messages == 10 && subscriber.failed == 0 && subscriber.disconnected == REDIS_OK);
    redisAsyncFree(publisher.ac);
    check(publisher.ac == NULL && publisher.disconnected == REDIS_OK);
}

static void on_reply_free(redisAsyncContext *ac, void *reply, void *privdata) {
    on_reply(ac, reply, privdata);
    redisAsyncFree(ac);
}

static void free_in_callback(void) {
    struct client c;
    open_redis(&c);
    redisAsyncCommand(c.ac, on_reply_free, NULL, "PING");
    for (int i = 0; i < 10; i++) redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.ac == NULL);
    check(c.answered == 1 && c.failed == 10 && c.disconnected == REDIS_OK);
}

/* The reply arrives while much is still to be written, so the loop finds both at once, and the first takes the context. */
static void free_while_writing(void) {
    static char value[8 * 1024 * 1024];
    struct client c;
    open_redis(&c);
    redisAsyncCommand(c.ac, on_reply_free, NULL, "PING");
    for (int i = 0; i < 3; i++) redisAsyncCommand(c.ac, on_reply, NULL, "ECHO %b", value, sizeof value);
    loop_until(c.ac == NULL);
    check(c.answered == 1 && c.failed == 3 && c.disconnected == REDIS_OK);
}

static void on_connect_free(const redisAsyncContext *ac, int status) {
    on_connect(ac, status);
    redisAsyncFree((redisAsyncContext *)ac);
}

static void free_in_connect_callback(void) {
    redisOptions o = {0};
    struct client c;
    memset(&c, 0, sizeof c);
    c.disconnected = NONE;
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", atoi(getenv("REDIS_PORT")));
    REDIS_OPTIONS_SET_PRIVDATA(&o, &c, on_freed);
    c.ac = redisAsyncConnectWithOptions(&o);
    c.ac->data = &c;
    check(loop_attach(c.ac) == REDIS_OK);
    redisAsyncSetConnectCallback(c.ac, on_connect_free);
    redisAsyncSetDisconnectCallback(c.ac, on_disconnect);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.ac == NULL);
    check(c.connected == REDIS_OK && c.failed == 1 && c.answered == 0);
}

static void disconnect_with_pending(void) {
    struct client c;
    open_redis(&c);
    for (int i = 0; i < 100; i++) redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    redisAsyncDisconnect(c.ac);
    check(redisAsyncCommand(c.ac, on_reply, NULL, "PING") == REDIS_ERR);
    loop_until(c.ac == NULL);
    check(c.answered == 100 && c.failed == 0 && c.disconnected == REDIS_OK);
}

/* Nothing is being written when the connection goes, so only the interest in reading can tell. */
static void peer_ends(int reset) {
    struct peer p;
    struct client c;
    peer_listen(&p);
    open_port(&c, p.port);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.connected == REDIS_OK && sdslen(c.ac->c.obuf) == 0);
    peer_accept(&p);
    peer_read(&p, (char[64]){0}, 14);
    if (reset) peer_reset(&p);
    else peer_close(&p);
    loop_until(c.ac == NULL);
    check(c.failed == 1 && c.disconnected == REDIS_ERR && c.err == (reset ? REDIS_ERR_IO : REDIS_ERR_EOF));
    peer_end(&p);
}

static void closed_by_peer(void) { peer_ends(0); }
static void reset_by_peer(void) { peer_ends(1); }

/* The context survives its connection; the adapter has let go of it and must not be woken. */
static void outlives_its_connection(void) {
    struct peer p;
    struct client c;
    redisOptions o = {0};
    peer_listen(&p);
    o.options = REDIS_OPT_NOAUTOFREE;
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    open_with(&c, &o);
    loop_until(c.connected == REDIS_OK);
    peer_accept(&p);
    peer_close(&p);
    loop_until(c.ac->err == REDIS_ERR_EOF);
    for (int i = 0; i < 3; i++) loop_once();
    redisAsyncFree(c.ac);
    check(c.ac == NULL);
    peer_end(&p);
}

static void *no_memory(size_t size) {
    (void)size;
    return NULL;
}
static void *no_zeroed_memory(size_t count, size_t size) {
    (void)count;
    (void)size;
    return NULL;
}

static void failed_attach(void) {
    hiredisAllocFuncs failing = hiredisAllocFns;
    redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", atoi(getenv("REDIS_PORT")));
    failing.mallocFn = no_memory;
    failing.callocFn = no_zeroed_memory;
    hiredisSetAllocators(&failing);
    check(loop_attach(ac) == REDIS_ERR);
    hiredisResetAllocators();
    check(!ac->ev.data && !ac->ev.addRead && !ac->ev.addWrite && !ac->ev.delRead && !ac->ev.delWrite);
    check(!ac->ev.cleanup && !ac->ev.scheduleTimer);
    check(loop_attach(ac) == REDIS_OK);
    check(loop_attach(ac) == REDIS_ERR);
    loop_ended(ac);
    redisAsyncFree(ac);
}

#define run(scenario)            \
    do {                         \
        scenario();              \
        printf("%s\n", #scenario); \
        fflush(stdout);          \
    } while (0)

static inline void run_scenarios(void) {
    run(thousand_commands);
    run(request_and_reply);
    run(large_values);
    run(refused);
    run(connect_timeout);
    run(command_timeout);
    run(publish_subscribe);
    run(free_in_callback);
    run(free_while_writing);
    run(free_in_connect_callback);
    run(disconnect_with_pending);
    run(closed_by_peer);
    run(reset_by_peer);
    run(outlives_its_connection);
    run(failed_attach);
}

#endif

/* The conformance program: the same scenarios on every loop, which must print the same lines. A loop's program includes
 * this and gives what ../adapter.h asks for; arguments name scenarios to leave out. */
#ifndef CONFORMANCE_SCENARIOS_H
#define CONFORMANCE_SCENARIOS_H

#ifdef ALLOCATIONS_FAIL
#include "../oom_adapter.h"
#elif defined WATCHES
#include "../watch_adapter.h"
#else

#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "../adapter.h"
#include "../two_families.h"

/* What a loop tells the kernel for a command that is issued outside of callbacks: wait for writable, then not any more. */
#ifndef REGISTRATIONS_PER_ROUND
#define REGISTRATIONS_PER_ROUND 2
#endif

static int registrations;

/* Stands in for libc's, which the loops would otherwise call. */
int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event) {
    registrations++;
    return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

static const char *scenario;

static void told(const char *of, const struct client *c) {
    printf("%s.%s: connected %d, disconnected %d, err %d, %d answered, %d failed, %d messages, %s\n", scenario, of, c->connected,
        c->disconnected, c->err, c->answered, c->failed, c->messages, c->ac ? "kept" : "freed");
}

static int slow(void) { return getenv("UNDER_VALGRIND") != NULL; }

static void pause_ms(int ms) {
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};
    nanosleep(&t, NULL);
}

/* Connecting. */

static void connects(void) {
    struct client tcp, local;
    redisOptions o = {0};
    REDIS_OPTIONS_SET_UNIX(&o, getenv("REDIS_SOCK"));
    open_with(&local, &o);
    open_redis(&tcp);
    loop_until(tcp.connected != NONE && local.connected != NONE);
    redisAsyncFree(tcp.ac);
    redisAsyncDisconnect(local.ac);
    told("tcp", &tcp);
    told("unix", &local);
}

static void connects_without_callbacks(void) {
    redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", atoi(getenv("REDIS_PORT")));
    struct client c = {.connected = NONE, .disconnected = NONE};
    ac->data = &c;
    check(loop_attach(ac) == REDIS_OK);
    redisAsyncCommand(ac, on_reply, NULL, "PING");
    loop_until(c.answered == 1);
    redisAsyncFree(ac);
    told("client", &c);
}

/* The server listens at the address that is not preferred; its socket takes the place of the first. */
static void other_family(void) {
    static const struct { const char *name, *listens; int options; } sides[] = {
        {"ipv6", "::1", REDIS_OPT_PREFER_IPV4}, {"ipv4", "127.0.0.1", REDIS_OPT_PREFER_IPV6},
    };
    for (int i = 0; i < 2; i++) {
        struct client c;
        struct peer p;
        redisOptions o = {0};
        peer_bind(&p, sides[i].listens);
        if (listen(p.listener, 4)) peer_die("listen");
        REDIS_OPTIONS_SET_TCP(&o, "both.test", p.port);
        o.options |= sides[i].options;
        int idle = 0;
        socklen_t size = sizeof idle;
        open_with(&c, &o);
        redisEnableKeepAliveWithInterval(&c.ac->c, 33);
        loop_until(c.connected != NONE);
        /* The new socket has the options of the first. */
        check(getsockopt(c.ac->c.fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &size) == 0 && idle == 33);
        peer_accept(&p);
        for (int round = 1; round < 4; round++) {
            redisAsyncCommand(c.ac, on_reply, NULL, "PING");
            for (int k = 0; k < 3; k++) loop_once();
            peer_read(&p, (char[64]){0}, 14);
            peer_say(&p, "+PONG\r\n");
            loop_until(c.answered == round);
        }
        redisAsyncFree(c.ac);
        check(strcmp(peer_heard(&p, 5000), "<eof>") == 0); /* no other descriptor holds the connection */
        told(sides[i].name, &c);
        peer_end(&p);
    }
}

/* Neither family answers. */
static void no_family(void) {
    struct client c;
    struct peer p;
    redisOptions o = {0};
    peer_refuse(&p);
    REDIS_OPTIONS_SET_TCP(&o, "both.test", p.port);
    open_with(&c, &o);
    loop_until(c.connected != NONE && c.ac == NULL);
    told("client", &c);
    peer_end(&p);
}

static double processor_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void loop_for(double duration) {
    double begun = seconds();
    while (seconds() - begun < duration) loop_once();
}

/* A unix listener that has no room for more. */
struct full {
    struct sockaddr_un at;
    int listener, fillers[8], count;
};

static int tries;

/* Stands in for libc's, which the library would otherwise call. */
int connect(int fd, const struct sockaddr *at, socklen_t len) {
    tries++;
    return (int)syscall(SYS_connect, fd, at, len);
}

static void fill_up(struct full *f) {
    f->at.sun_family = AF_UNIX;
    snprintf(f->at.sun_path, sizeof f->at.sun_path, "/tmp/hiredis-full-%d", (int)getpid());
    unlink(f->at.sun_path);
    f->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    check(bind(f->listener, (struct sockaddr *)&f->at, sizeof f->at) == 0 && listen(f->listener, 0) == 0);
    for (f->count = 0; f->count < 8; f->count++) {
        f->fillers[f->count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(f->fillers[f->count], (struct sockaddr *)&f->at, sizeof f->at) != 0) break;
    }
    check(f->count < 8 && errno == EAGAIN);
    close(f->fillers[f->count]);
}

static int let_in(struct full *f) {
    int fd = accept(f->listener, NULL, NULL);
    check(fd >= 0);
    return fd;
}

static void empty(struct full *f) {
    while (f->count > 0) close(f->fillers[--f->count]);
    close(f->listener);
    unlink(f->at.sun_path);
}

/* The loop rests while it waits for room, goes on when there is some, and gives up when the connect's time is over. */
static void full_backlog(void) {
    struct timeval tv = {0, 300000};
    struct full f;
    struct client c, late;
    redisOptions o = {0};
    double begun, rested;
    int inside;
    fill_up(&f);
    REDIS_OPTIONS_SET_UNIX(&o, f.at.sun_path);
    open_with(&c, &o);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_for(0.05);
    tries = 0;
    rested = processor_seconds();
    loop_for(1);
    rested = processor_seconds() - rested;
    if (getenv("SAY_TRIES")) fprintf(stderr, "%d connects in a second, %.1f%% of a processor\n", tries, 100 * rested);
    check(c.connected == NONE && tries > 0 && tries <= 250);
    if (!slow()) check(rested < 0.05);
    close(let_in(&f));
    loop_until(c.connected == REDIS_OK);
    inside = let_in(&f);
    while (inside >= 0 && sdslen(c.ac->c.obuf) > 0) loop_once();
    check(read(inside, (char[64]){0}, 14) == 14 && write(inside, "+PONG\r\n", 7) == 7);
    loop_until(c.answered == 1);
    for (int i = 2; i < 5; i++) {
        redisAsyncCommand(c.ac, on_reply, NULL, "PING");
        loop_until(sdslen(c.ac->c.obuf) == 0);
        check(read(inside, (char[64]){0}, 14) == 14 && write(inside, "+PONG\r\n", 7) == 7);
        loop_until(c.answered == i);
    }
    redisAsyncFree(c.ac);
    close(inside);
    told("client", &c);
    empty(&f);
    fill_up(&f);
    REDIS_OPTIONS_SET_UNIX(&o, f.at.sun_path);
    o.connect_timeout = &tv;
    open_with(&late, &o);
    redisAsyncCommand(late.ac, on_reply, NULL, "PING");
    begun = seconds();
    loop_until(late.ac == NULL);
    check(seconds() - begun > 0.29 && seconds() - begun < 3);
    told("late", &late);
    empty(&f);
}

/* What is no time is refused, and the timeout in force stays; one that is longer than any life never comes. */
static void timeouts_that_are_none(void) {
    static const struct timeval none[] = {{1, 1000000}, {-1, 0}, {0, -1}, {3, 0x7fff12345678}, {LONG_MIN, LONG_MIN}};
    static const struct timeval huge[] = {{LONG_MAX, 0}, {LONG_MAX, 999999}, {LONG_MAX / 1000, 0}, {3000000, 0}, {1L << 33, 0}};
    enum { NONE_OF_THEM = sizeof none / sizeof *none, ALL = NONE_OF_THEM + sizeof huge / sizeof *huge };
    for (int i = 0; i < ALL; i++) {
        struct timeval tv = {8, 0};
        struct client c;
        open_redis(&c);
        check(redisAsyncSetTimeout(c.ac, tv) == REDIS_OK);
        if (i < NONE_OF_THEM) {
            errno = 0;
            check(redisAsyncSetTimeout(c.ac, none[i]) == REDIS_ERR && errno == EINVAL && c.ac->err == 0 && c.ac->c.err == 0);
            check(c.ac->c.command_timeout->tv_sec == 8 && c.ac->c.command_timeout->tv_usec == 0);
            /* A program may write it there itself. */
            if (i % 2) *c.ac->c.command_timeout = none[i];
        } else {
            check(redisAsyncSetTimeout(c.ac, huge[i - NONE_OF_THEM]) == REDIS_OK);
        }
        redisAsyncCommand(c.ac, on_reply, NULL, "BLPOP conformance:nothing 0.05");
        loop_until(c.answered == 1);
        redisAsyncFree(c.ac);
        check(c.failed == 0 && c.disconnected == REDIS_OK);
    }
    printf("%s: refused, or never\n", scenario);
}

/* Much at once. */

static void on_next_number(redisAsyncContext *ac, void *reply, void *privdata) {
    struct client *c = (struct client *)ac->data;
    redisReply *r = (redisReply *)reply;
    (void)privdata;
    if (r && r->type == REDIS_REPLY_INTEGER && r->integer == c->answered + 1) c->answered++;
    else c->failed++;
}

static void ten_thousand_commands(void) {
    struct client c;
    open_redis(&c);
    redisAsyncCommand(c.ac, NULL, NULL, "DEL conformance:counter");
    for (int i = 0; i < 10000; i++) redisAsyncCommand(c.ac, on_next_number, NULL, "INCR conformance:counter");
    redisAsyncDisconnect(c.ac);
    loop_until(c.ac == NULL);
    told("client", &c);
}

static size_t large(void) { return slow() ? 4u << 20 : 64u << 20; }

static void on_large(redisAsyncContext *ac, void *reply, void *privdata) {
    struct client *c = (struct client *)ac->data;
    redisReply *r = (redisReply *)reply;
    (void)privdata;
    if (r && r->type == REDIS_REPLY_STRING && r->len == large() && r->str[0] == 0 && r->str[r->len - 1] == 'x') c->answered++;
    else if (r && r->type == REDIS_REPLY_INTEGER && r->integer == (long long)large()) c->answered++;
    else c->failed++;
}

static void reply_of_64_mib(void) {
    struct client c;
    open_redis(&c);
    redisAsyncCommand(c.ac, on_large, NULL, "SETRANGE conformance:large %d x", (int)large() - 1);
    redisAsyncCommand(c.ac, on_large, NULL, "GET conformance:large");
    redisAsyncCommand(c.ac, on_reply, NULL, "DEL conformance:large");
    redisAsyncDisconnect(c.ac);
    loop_until(c.ac == NULL);
    told("client", &c);
}

static void command_of_64_mib(void) {
    struct client c;
    char *value = calloc(1, large());
    open_redis(&c);
    redisAsyncCommand(c.ac, on_reply, NULL, "SET conformance:large %b", value, large());
    redisAsyncCommand(c.ac, on_large, NULL, "STRLEN conformance:large");
    redisAsyncCommand(c.ac, on_reply, NULL, "DEL conformance:large");
    redisAsyncDisconnect(c.ac);
    loop_until(c.ac == NULL);
    free(value);
    told("client", &c);
}

/* Half of the contexts disconnect, half are freed by a callback with commands pending. */
static void two_hundred_contexts(void) {
    enum { CONTEXTS = 200, COMMANDS = 20 };
    static struct client clients[CONTEXTS];
    int contexts = slow() ? 40 : CONTEXTS, alive, answered = 0, failed = 0, clean = 0;
    for (int i = 0; i < contexts; i++) open_redis(&clients[i]);
    for (int i = 0; i < contexts; i++) {
        for (int k = 0; k < COMMANDS; k++)
            redisAsyncCommand(clients[i].ac, k == COMMANDS - 2 && i % 2 ? on_reply_free : on_reply, NULL, "ECHO %d", k);
        if (i % 2 == 0) redisAsyncDisconnect(clients[i].ac);
    }
    do {
        alive = 0;
        loop_once();
        for (int i = 0; i < contexts; i++) alive += clients[i].ac != NULL;
    } while (alive > 0);
    for (int i = 0; i < contexts; i++) {
        answered += clients[i].answered;
        failed += clients[i].failed;
        clean += clients[i].connected == REDIS_OK && clients[i].disconnected == REDIS_OK;
    }
    printf("%s: all answered %d, failed as they should %d, clean %d\n", scenario,
        answered == contexts * COMMANDS - contexts / 2, failed == contexts / 2, clean == contexts);
}

/* Freed from every callback; the others are in ../adapter.h. */

static void free_in_failed_connect_callback(void) {
    struct peer p;
    struct client c;
    peer_refuse(&p);
    open_port(&c, p.port);
    c.ac->onConnect = on_connect_free;
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.ac == NULL);
    told("client", &c);
    peer_end(&p);
}

static void on_disconnect_free(const redisAsyncContext *ac, int status) {
    on_disconnect(ac, status);
    redisAsyncFree((redisAsyncContext *)ac);
}

static void free_in_disconnect_callback(void) {
    struct client c;
    open_redis(&c);
    c.ac->onDisconnect = on_disconnect_free;
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    redisAsyncDisconnect(c.ac);
    loop_until(c.ac == NULL);
    told("client", &c);
}

static void free_when_server_closes(void) {
    struct peer p;
    struct client c;
    peer_listen(&p);
    open_port(&c, p.port);
    for (int i = 0; i < 3; i++) redisAsyncCommand(c.ac, on_reply_free, NULL, "PING");
    loop_until(c.connected == REDIS_OK && sdslen(c.ac->c.obuf) == 0);
    peer_accept(&p);
    peer_read(&p, (char[64]){0}, 42);
    peer_close(&p);
    loop_until(c.ac == NULL);
    told("client", &c);
    peer_end(&p);
}

static void on_message_free(redisAsyncContext *ac, void *reply, void *privdata) {
    struct client *c = (struct client *)ac->data;
    redisReply *r = (redisReply *)reply;
    (void)privdata;
    if (r == NULL) {
        c->failed++;
        return;
    }
    if (!strcmp(r->element[0]->str, "subscribe")) {
        redisAsyncCommand(c->publisher->ac, on_reply, NULL, "PUBLISH conformance:news 1");
        redisAsyncCommand(c->publisher->ac, on_reply, NULL, "PUBLISH conformance:news 2");
    } else {
        c->messages++;
        redisAsyncFree(ac);
    }
}

static void free_in_message_callback(void) {
    struct client publisher, subscriber;
    open_redis(&publisher);
    open_redis(&subscriber);
    subscriber.publisher = &publisher;
    redisAsyncCommand(subscriber.ac, on_message_free, NULL, "SUBSCRIBE conformance:news");
    loop_until(subscriber.ac == NULL && publisher.answered == 2);
    redisAsyncFree(publisher.ac);
    told("subscriber", &subscriber);
    told("publisher", &publisher);
}

static void on_push_free(redisAsyncContext *ac, void *reply) {
    struct client *c = (struct client *)ac->data;
    (void)reply;
    c->messages++;
    redisAsyncFree(ac);
}

static void free_in_push_callback(void) {
    struct client writer, reader;
    open_redis(&writer);
    open_redis(&reader);
    redisAsyncSetPushCallback(reader.ac, on_push_free);
    redisAsyncCommand(reader.ac, on_reply, NULL, "HELLO 3");
    redisAsyncCommand(reader.ac, on_reply, NULL, "CLIENT TRACKING ON");
    redisAsyncCommand(reader.ac, on_reply, NULL, "GET conformance:tracked");
    loop_until(reader.answered == 3);
    redisAsyncCommand(writer.ac, on_reply, NULL, "SET conformance:tracked 1");
    loop_until(reader.ac == NULL && writer.answered == 1);
    redisAsyncFree(writer.ac);
    told("reader", &reader);
}

static void free_at_timeout(void) {
    struct timeval tv = {0, 50000};
    struct peer p;
    struct client c;
    redisOptions o = {0};
    peer_listen(&p);
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    o.command_timeout = &tv;
    open_with(&c, &o);
    for (int i = 0; i < 3; i++) redisAsyncCommand(c.ac, on_reply_free, NULL, "PING");
    loop_until(c.ac == NULL);
    told("client", &c);
    peer_end(&p);
}

static struct client either[2];

static void on_reply_free_other(redisAsyncContext *ac, void *reply, void *privdata) {
    struct client *other = ac->data == &either[0] ? &either[1] : &either[0];
    on_reply(ac, reply, privdata);
    if (reply) redisAsyncFree(other->ac);
}

/* Both replies are there when the loop looks: the callback of the first must take the event of the second with it. */
static void free_another(void) {
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 2; i++) open_redis(&either[i]);
        loop_until(either[0].connected == REDIS_OK && either[1].connected == REDIS_OK);
        for (int i = 0; i < 2; i++) redisAsyncCommand(either[i].ac, on_reply_free_other, NULL, "PING");
        for (int i = 0; i < 2; i++) redisAsyncHandleWrite(either[i].ac);
        pause_ms(20);
        loop_until(either[0].ac == NULL || either[1].ac == NULL);
        check(either[0].answered + either[1].answered == 1 && either[0].failed + either[1].failed == 1);
        redisAsyncFree(either[0].ac ? either[0].ac : either[1].ac);
    }
    printf("%s: one was answered, the other freed\n", scenario);
}

static void free_outside_the_loop(void) {
    struct client fresh, busy;
    open_redis(&fresh);
    redisAsyncFree(fresh.ac);
    loop_once();
    open_redis(&busy);
    loop_until(busy.connected == REDIS_OK);
    redisAsyncCommand(busy.ac, on_reply, NULL, "PING");
    redisAsyncFree(busy.ac);
    loop_once();
    fresh.connected = NONE; /* where the kernel was quick, a loop may not have seen it */
    told("fresh", &fresh);
    told("busy", &busy);
}

#include "timers.h"

/* Replies keep coming for longer than the timeout, each in time. */
static void activity_puts_the_timeout_off(void) {
    struct timeval tv = {1, 0};
    struct client c;
    redisOptions o = {0};
    double begun = seconds();
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", atoi(getenv("REDIS_PORT")));
    o.command_timeout = &tv;
    open_with(&c, &o);
    for (int i = 1; i <= 6; i++) {
        redisAsyncCommand(c.ac, on_reply, NULL, "BLPOP conformance:nothing 0.2");
        loop_until(c.answered == i);
    }
    check(seconds() - begun > 1.1);
    redisAsyncDisconnect(c.ac);
    told("client", &c);
}

#include "denied.h"
#include "interrupted.h"

/* Neither an idle connection nor one that failed before anybody asked for anything keeps the loop busy. */
static void waits_quietly(void) {
    struct peer p;
    struct client idle, unasked = {.connected = NONE};
    redisOptions o = {0};
    double begun;
    peer_refuse(&p);
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    REDIS_OPTIONS_SET_PRIVDATA(&o, &unasked, on_freed);
    open_redis(&idle);
    loop_until(idle.connected == REDIS_OK);
    unasked.ac = redisAsyncConnectWithOptions(&o);
    check(loop_attach(unasked.ac) == REDIS_OK);
    begun = processor_seconds();
    loop_for(0.4);
    check(processor_seconds() - begun < 0.2);
    redisAsyncFree(idle.ac);
    redisAsyncFree(unasked.ac); /* NULL where the loop went on with the connect on its own */
    told("idle", &idle);
    peer_end(&p);
}

/* What the hooks ask for again, or take back at once, is no change. */
static void one_registration_per_change(void) {
    struct client c;
    int at_most = 0;
    open_redis(&c);
    loop_until(c.connected == REDIS_OK);
    loop_for(0.05);
    for (int i = 0; i < 20; i++) {
        registrations = 0;
        for (int k = 0; k < 10; k++) redisAsyncCommand(c.ac, on_reply, NULL, "PING");
        loop_until(c.answered == 10 * (i + 1));
        if (registrations > at_most) at_most = registrations;
    }
    if (at_most > REGISTRATIONS_PER_ROUND) fprintf(stderr, "%d registrations\n", at_most);
    check(at_most <= REGISTRATIONS_PER_ROUND);
    redisAsyncFree(c.ac);
    printf("%s: no more than needed\n", scenario);
}

/* Asked twice is asked once: the last word counts, here while a reply is under way. */
static void hooks_are_idempotent(void) {
    struct client c;
    redisAsyncContext *ac;
    open_redis(&c);
    ac = c.ac;
    redisAsyncCommand(ac, on_reply, NULL, "BLPOP conformance:nothing 0.1");
    loop_until(c.connected == REDIS_OK && sdslen(ac->c.obuf) == 0);
    for (int i = 0; i < 2; i++) ac->ev.delRead(ac->ev.data);
    for (int i = 0; i < 2; i++) ac->ev.addRead(ac->ev.data);
    for (int i = 0; i < 2; i++) ac->ev.addWrite(ac->ev.data);
    for (int i = 0; i < 2; i++) ac->ev.delWrite(ac->ev.data);
    loop_until(c.answered == 1);
    redisAsyncFree(ac);
    told("client", &c);
}

/* What the kernel cannot wait for, some loops refuse at once. With its socket back, the context is as good as new. */
static void refused_by_the_loop(void) {
    struct client c = {.connected = NONE, .disconnected = NONE};
    redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", atoi(getenv("REDIS_PORT")));
    int fd = ac->c.fd, connection = dup(fd), file = open("/dev/null", O_RDWR);
    check(dup2(file, fd) == fd);
    if (loop_attach(ac) == REDIS_OK) {
        redisAsyncFree(ac);
        ac = redisAsyncConnect("127.0.0.1", atoi(getenv("REDIS_PORT")));
    } else {
        check(!ac->ev.data && !ac->ev.addRead && !ac->ev.addWrite && !ac->ev.delRead && !ac->ev.delWrite);
        check(!ac->ev.cleanup && !ac->ev.scheduleTimer);
        check(dup2(connection, fd) == fd);
    }
    close(connection);
    close(file);
    ac->data = &c;
    check(loop_attach(ac) == REDIS_OK);
    redisAsyncCommand(ac, on_reply, NULL, "PING");
    loop_until(c.answered == 1);
    redisAsyncFree(ac);
    told("client", &c);
}

static void attaches_once(void) {
    struct client c;
    void *data;
    open_redis(&c);
    data = c.ac->ev.data;
    check(loop_attach(c.ac) == REDIS_ERR && c.ac->ev.data == data);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    redisAsyncDisconnect(c.ac);
    loop_until(c.ac == NULL);
    told("client", &c);
}

/* Where the program owns the adapter, it may end first; the context is then free to be attached again. Not for headers of
 * the C library, which leave their hooks behind. */
static inline void outlives_its_adapter(void (*detach_last)(void)) {
    struct client c;
#ifdef HIREDIS_RS
    open_redis(&c);
    detach_last();
    check(c.ac->ev.data == NULL && c.ac->ev.addWrite == NULL && c.ac->ev.cleanup == NULL);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_once();
    check(loop_attach(c.ac) == REDIS_OK);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.answered == 2);
    redisAsyncFree(c.ac);
#else
    (void)c;
    (void)detach_last;
#endif
}

static const struct {
    const char *name;
    void (*play)(void);
} all_scenarios[] = {
#define entry(name) {#name, name}
    entry(connects),
    entry(connects_without_callbacks),
    entry(refused),
    entry(other_family),
    entry(no_family),
    entry(connect_timeout),
    entry(full_backlog),
    entry(command_timeout),
    entry(timeouts_that_are_none),
    entry(request_and_reply),
    entry(ten_thousand_commands),
    entry(publish_subscribe),
    entry(reply_of_64_mib),
    entry(command_of_64_mib),
    entry(large_values),
    entry(disconnect_with_pending),
    entry(closed_by_peer),
    entry(reset_by_peer),
    entry(two_hundred_contexts),
    entry(free_in_connect_callback),
    entry(free_in_failed_connect_callback),
    entry(free_in_callback),
    entry(free_while_writing),
    entry(free_in_disconnect_callback),
    entry(free_when_server_closes),
    entry(free_in_message_callback),
    entry(free_in_push_callback),
    entry(free_at_timeout),
    entry(free_another),
    entry(free_outside_the_loop),
    entry(outlives_its_connection),
    entry(timers_are_not_late),
    entry(activity_puts_the_timeout_off),
    entry(held_up_beyond_the_timeout),
    entry(held_up_beyond_the_connect_timeout),
    entry(nested_beyond_the_timeout),
    entry(nested_with_a_reply_waiting),
    entry(nested_in_the_disconnect_callback),
    entry(much_was_said_before_the_end),
    entry(waits_quietly),
    entry(one_registration_per_change),
    entry(commands_denied),
    entry(client_reply_denied),
    entry(hooks_are_idempotent),
    entry(attaches_once),
    entry(failed_attach),
    entry(refused_by_the_loop),
    entry(thousand_commands),
#undef entry
};

static inline void conformance(int skips, char **skip) {
    signal(SIGPIPE, SIG_IGN);
    (void)run_scenarios;
    for (size_t i = 0; i < sizeof all_scenarios / sizeof *all_scenarios; i++) {
        int wanted = 1;
        scenario = all_scenarios[i].name;
        for (int k = 0; k < skips; k++) wanted = wanted && strcmp(skip[k], scenario) != 0;
        if (!wanted) continue;
        all_scenarios[i].play();
        printf("%s: done\n", scenario);
        fflush(stdout);
    }
}

#endif
#endif

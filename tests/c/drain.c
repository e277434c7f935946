/* The drain callback and what the transport has taken, on a real server; over TLS where TLS_PORT is given. */
/* cc: -lhiredis_ssl -ldl */
#include "event_loop.h"

#include <hiredis/hiredis_ssl.h>
#include <sys/syscall.h>

static redisSSLContext *tls;

/* Stands in for libc's, which the library would otherwise call. */
static int sends;
ssize_t send(int fd, const void *bytes, size_t len, int flags) {
    sends++;
    return syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0);
}

static void open_server(struct client *c) {
    redisOptions o = {0};
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", tls ? atoi(getenv("TLS_PORT")) : redis_port());
    if (!tls) {
        open_with(c, &o);
    } else {
        memset(c, 0, sizeof *c);
        c->connected = c->disconnected = NONE;
        REDIS_OPTIONS_SET_PRIVDATA(&o, c, on_freed);
        c->ac = redisAsyncConnectWithOptions(&o);
        c->ac->data = c;
        check(redisInitiateSSLWithContext(&c->ac->c, tls) == REDIS_OK && redisMioAttach(c->ac, loop) == REDIS_OK);
        redisAsyncSetConnectCallback(c->ac, on_connect);
        redisAsyncSetDisconnectCallback(c->ac, on_disconnect);
    }
    redisAsyncCommand(c->ac, on_reply, NULL, "PING");
    loop_until(c->answered == 1);
    c->answered = 0;
}

static int told;
static size_t mark, seen;

static void note(redisAsyncContext *ac, void *privdata) {
    check(privdata == &told && sdslen(ac->c.obuf) < mark);
    check(ac->c.flags & REDIS_IN_CALLBACK);
    told++;
    seen = sdslen(ac->c.obuf);
}

static void set(redisAsyncContext *ac, size_t low_water, redisAsyncDrainFn *fn) {
    mark = low_water;
    told = 0;
    redisAsyncSetDrainCallback(ac, low_water, fn, &told);
}

/* Once for each time that the buffer falls, and not if it never was that full, nor without a mark or a function. */
static void once_for_each_fall(void) {
    static char value[1 << 20];
    struct client c;
    open_server(&c);
    set(c.ac, 1000, note);
    for (int i = 1; i <= 20; i++) {
        redisAsyncCommand(c.ac, on_reply, NULL, "PING");
        loop_until(c.answered == i);
    }
    check(told == 0);
    for (int i = 1; i <= 5; i++) {
        redisAsyncCommand(c.ac, on_reply, NULL, "ECHO %b", value, sizeof value);
        check(told == i - 1);
        loop_until(c.answered == 20 + i);
        check(told == i && seen == 0);
    }
    set(c.ac, 1, note);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.answered == 26);
    check(told == 1);
    set(c.ac, 0, note);
    redisAsyncCommand(c.ac, on_reply, NULL, "ECHO %b", value, sizeof value);
    loop_until(c.answered == 27);
    set(c.ac, 1000, NULL);
    redisAsyncCommand(c.ac, on_reply, NULL, "ECHO %b", value, sizeof value);
    loop_until(c.answered == 28);
    check(told == 0);
    redisAsyncFree(c.ac);
}

/* A mark that a write has passed before it was set is none to tell of; one that is set meanwhile is. */
static void set_late(void) {
    struct client c;
    open_server(&c);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(sdslen(c.ac->c.obuf) == 0);
    set(c.ac, 10, note);
    loop_until(c.answered == 1);
    check(told == 0);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    set(c.ac, 11, note);
    loop_until(c.answered == 2);
    check(told == 1);
    redisAsyncFree(c.ac);
}

/* A window: the program keeps its commands, and the context never holds more than 64 KiB. Each reply comes to its command. */
enum { WINDOW = 64 << 10, LOW = 32 << 10 };
static long next, all, in_order, fullest;

static void on_number(redisAsyncContext *ac, void *reply, void *privdata) {
    char expected[32];
    (void)ac;
    snprintf(expected, sizeof expected, "%ld", (long)privdata);
    check(reply != NULL && !strcmp(((redisReply *)reply)->str, expected) && (long)privdata == in_order);
    in_order++;
}

static void fill(redisAsyncContext *ac, void *privdata) {
    (void)privdata;
    told++;
    while (next < all && sdslen(ac->c.obuf) < WINDOW) {
        check(redisAsyncCommand(ac, on_number, (void *)next, "ECHO %ld", next) == REDIS_OK);
        next++;
    }
    if ((long)sdslen(ac->c.obuf) > fullest) fullest = (long)sdslen(ac->c.obuf);
}

static void keeps_a_window(void) {
    struct client c;
    uint64_t before;
    open_server(&c);
    all = under_valgrind() ? 20000 : 500000;
    next = in_order = fullest = 0;
    set(c.ac, LOW, fill);
    before = redisAsyncBytesTaken(c.ac);
    fill(c.ac, &told);
    loop_until(in_order == all);
    check(told > 5 && fullest <= WINDOW + 64 && redisAsyncBytesTaken(c.ac) - before > (uint64_t)all * 20);
    redisAsyncDisconnect(c.ac);
    check(c.ac == NULL && c.disconnected == REDIS_OK);
}

/* What is issued in it leaves with the same event, and in a dispatch with what the replies' callbacks have issued. */
static int refills;

static void on_reply_issue(redisAsyncContext *ac, void *reply, void *privdata) {
    on_reply(ac, reply, privdata);
    if (reply) redisAsyncCommand(ac, on_reply, NULL, "ECHO reply");
}

static void refill(redisAsyncContext *ac, void *privdata) {
    (void)privdata;
    if (refills == 0) return;
    refills--;
    redisAsyncCommand(ac, on_reply, NULL, "ECHO drained");
}

static void leaves_at_once(void) {
    struct client c;
    open_server(&c);
    redisAsyncSetDrainCallback(c.ac, 1, refill, NULL);
    refills = 1;
    redisAsyncCommand(c.ac, on_reply_issue, NULL, "PING");
    sends = 0;
    redisAsyncHandleWrite(c.ac);
    check(sdslen(c.ac->c.obuf) == 0 && sends == 2 && refills == 0);
    refills = 1;
    loop_until(c.answered >= 2);
    check(sdslen(c.ac->c.obuf) == 0 && sends == 4 && refills == 0);
    /* It is not called for ever in one event, and what is left waits for the loop. */
    loop_until(c.answered == 4);
    refills = 1000;
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    sends = 0;
    redisAsyncHandleWrite(c.ac);
    check(sends == 2 && refills == 998 && sdslen(c.ac->c.obuf) > 0);
    loop_until(c.answered == 1005 && refills == 0);
    redisAsyncFree(c.ac);
}

/* It may do what callbacks may do. */

static void in_it_free(redisAsyncContext *ac, void *privdata) {
    (void)privdata;
    told++;
    redisAsyncFree(ac);
    check(redisAsyncCommand(ac, on_reply, NULL, "PING") == REDIS_ERR);
}

static void in_it_disconnect(redisAsyncContext *ac, void *privdata) {
    (void)privdata;
    told++;
    redisAsyncCommand(ac, on_reply, NULL, "ECHO last");
    redisAsyncDisconnect(ac);
}

static struct client other;

static void in_it_run_the_loop(redisAsyncContext *ac, void *privdata) {
    (void)privdata;
    if (told++ > 2) return;
    redisAsyncCommand(other.ac, on_reply, NULL, "PING");
    redisAsyncCommand(ac, on_reply, NULL, "ECHO before");
    loop_until(other.answered == told);
    redisAsyncCommand(ac, on_reply, NULL, "ECHO after");
}

static void in_it_replace_it(redisAsyncContext *ac, void *privdata) {
    (void)privdata;
    set(ac, 1, note);
}

static void does_what_callbacks_do(void) {
    for (int within = 0; within < 2; within++) {
        struct client c;
        open_server(&c);
        set(c.ac, 1, in_it_free);
        redisAsyncCommand(c.ac, on_reply, NULL, "PING");
        loop_until(c.ac == NULL);
        check(told == 1 && c.failed == 1 && c.disconnected == REDIS_OK);

        open_server(&c);
        set(c.ac, 1, in_it_disconnect);
        redisAsyncCommand(c.ac, on_reply, NULL, "PING");
        loop_until(c.ac == NULL);
        check(told == 1 && c.answered == 2 && c.failed == 0 && c.disconnected == REDIS_OK);

        open_server(&c);
        open_server(&other);
        set(c.ac, 1, in_it_run_the_loop);
        redisAsyncCommand(c.ac, on_reply, NULL, "PING");
        loop_until(c.answered == 7);
        check(told >= 3 && c.failed == 0);
        redisAsyncFree(other.ac);

        set(c.ac, 1, in_it_replace_it);
        redisAsyncCommand(c.ac, within ? on_reply_issue : on_reply, NULL, "PING");
        loop_until(c.answered == 8 + within);
        check(told == within);
        redisAsyncCommand(c.ac, on_reply, NULL, "PING");
        loop_until(c.answered == 9 + within);
        check(told == 1 + within);
        redisAsyncFree(c.ac);
        check(told == 1 + within);
    }
}

/* What was taken, and what was not, is everything that was issued: in the first callback that gets NULL. */
static uint64_t taken;
static size_t rest;

static void on_first_null(redisAsyncContext *ac, void *reply, void *privdata) {
    on_reply(ac, reply, privdata);
    if (reply || taken) return;
    taken = redisAsyncBytesTaken(ac);
    rest = sdslen(ac->c.obuf);
}

static void tells_what_was_taken(void) {
    static char value[1 << 20];
    struct peer p;
    struct client c;
    size_t issued = 0;
    redisOptions o = {0};
    if (tls) return;
    peer_listen(&p);
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    open_with(&c, &o);
    check(redisAsyncBytesTaken(c.ac) == 0);
    set(c.ac, 1, note);
    for (int i = 0; i < 32; i++) {
        redisAsyncCommand(c.ac, on_first_null, NULL, "ECHO %b", value, sizeof value);
        issued = sdslen(c.ac->c.obuf);
    }
    loop_until(c.connected == REDIS_OK && redisAsyncBytesTaken(c.ac) > 0);
    check(redisAsyncBytesTaken(c.ac) + sdslen(c.ac->c.obuf) == issued);
    peer_accept(&p);
    peer_reset(&p);
    loop_until(c.ac == NULL);
    check(c.failed == 32 && taken > 0 && taken < issued && taken + rest == issued && told == 0);
    peer_end(&p);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    loop = redisMioLoopCreate();
    if (getenv("TLS_PORT")) {
        redisSSLOptions o = {0};
        o.verify_mode = REDIS_SSL_VERIFY_NONE;
        tls = redisCreateSSLContextWithOptions(&o, NULL);
        check(tls != NULL);
    }
    run(once_for_each_fall);
    run(set_late);
    run(keeps_a_window);
    if (!tls) run(leaves_at_once);
    run(does_what_callbacks_do);
    run(tells_what_was_taken);
    redisMioLoopFree(loop);
    redisFreeSSLContext(tls);
    return 0;
}

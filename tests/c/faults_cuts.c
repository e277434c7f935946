/* Recorded conversations, cut off at every byte.
 *
 *     faults_cuts API TRANSPORT WAY      API: blocking, poll, mio or libevent; TRANSPORT: tcp or unix
 *
 * WAY says what the peer does after so many bytes: of its own half it sends them and then closes (`closed`), half-closes
 * (`half-closed`), resets (`reset`) or falls silent (`stalled`); of the client's half it reads them and closes although more was
 * sent (`unread`), or closes before more is sent (`unsent`). `bytes` is the whole conversation in single bytes, both ways.
 * Whatever was said in full must have reached the callback that it was meant for, and every other callback must have got NULL,
 * once. */
/* cc: -levent */
#include <hiredis/adapters/libevent.h>
#include <hiredis/adapters/mio.h>
#include <hiredis/adapters/poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "expectations.h"
#include "../differential/allocators.h"

enum way { CLOSED_AT, HALF_CLOSED_AT, RESET_AT, STALLED_AT, UNREAD, UNSENT, BYTES, WAYS };
static const char *const ways[WAYS] = {"closed", "half-closed", "reset", "stalled", "unread", "unsent", "bytes"};

static enum way way;
static int local;
static struct peer p;
static size_t cut;

/* The library's calls: one byte each; or, after so many, a socket that takes no more. The loop of mio.h is told of events once,
 * and rightly concludes from a short read that there is no more: there only the peer sends single bytes. */
static int singly, limited;
static size_t allowance;
static int is_single(int fd);
ssize_t recv(int fd, void *buf, size_t len, int flags) { return recvfrom(fd, buf, is_single(fd) && len ? 1 : len, flags, NULL, NULL); }
ssize_t send(int fd, const void *buf, size_t len, int flags) {
    ssize_t n;
    if (!limited || fd == p.fd) return sendto(fd, buf, is_single(fd) && len ? 1 : len, flags, NULL, 0);
    if (allowance == 0) {
        errno = EAGAIN;
        return -1;
    }
    n = sendto(fd, buf, len < allowance ? len : allowance, flags, NULL, 0);
    if (n > 0) allowance -= (size_t)n;
    return n;
}

/* The peer. The kernel holds what it has said, so that everything happens in order without a thread. */

static size_t prefix(void) {
    if (way == UNREAD) return 0;
    return way == UNSENT ? said_to(talk, cut) : cut;
}

static void listen_anew(void) {
    peer_end(&p);
    if (local) peer_listen_unix(&p, "cuts", 64);
    else peer_listen(&p);
}

static void act(void) {
    size_t heard = way == UNREAD || way == UNSENT ? cut : talk->len[TO_SERVER];
    peer_accept(&p);
    check(peer_swallow(&p, heard) == heard);
    peer_send(&p, talk->bytes[TO_CLIENT], prefix());
    if (way == RESET_AT) peer_reset(&p);
    else if (way == HALF_CLOSED_AT) peer_half_close(&p);
    else if (way != STALLED_AT) peer_close(&p);
}

static void act_in_single_bytes(struct peer *peer) {
    peer_accept(peer);
    proxy_undelayed(peer->fd);
    peer_swallow(peer, talk->len[TO_SERVER]);
    peer_send(peer, talk->bytes[TO_CLIENT], talk->len[TO_CLIENT]);
    peer_close(peer);
}

/* A unix socket knows no reset but the one that meets whoever leaves bytes unread. */
static int is_reset(void) {
    if (way == UNREAD || way == UNSENT) return cut < talk->len[TO_SERVER];
    return way == RESET_AT && !local;
}

static int is_right_error(int err, const char *text, int blocking) {
    if (way == STALLED_AT && blocking) return err == REDIS_ERR_IO && !strcmp(text, "Resource temporarily unavailable");
    if (way == STALLED_AT) return err == REDIS_ERR_TIMEOUT && !strcmp(text, "Timeout");
    if (err == REDIS_ERR_EOF) return (!is_reset() || way == UNSENT) && !strcmp(text, "Server closed the connection");
    return is_reset() && err == REDIS_ERR_IO && (!strcmp(text, "Connection reset by peer") || !strcmp(text, "Broken pipe"));
}

static redisOptions options(void) {
    static const struct timeval moment = {0, 1000}, long_time = {20, 0}; /* the latter tells where a test hangs */
    redisOptions o = {0};
    if (local) REDIS_OPTIONS_SET_UNIX(&o, p.path);
    else REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    o.connect_timeout = &long_time;
    o.command_timeout = way == STALLED_AT ? &moment : &long_time;
    return o;
}

/* The blocking API. */

static int pushes, replies;

static void on_blocking_push(void *privdata, void *reply) {
    check(privdata == &p && same_reply(reply, nth_of_kind(pushes++, 1)));
    freeReplyObject(reply);
}

static void flush_blocking(redisContext *c) {
    int done = 0;
    while (!done && !(limited && allowance == 0)) check(redisBufferWrite(c, &done) == REDIS_OK);
}

static void try_blocking(void) {
    redisOptions o = options();
    redisContext *c;
    redisReply *r;
    o.push_cb = on_blocking_push;
    o.privdata = &p;
    c = redisConnectWithOptions(&o);
    check(c && c->err == 0);
    for (const struct turn *t = talk->turns; t->command; t++)
        if (is_issued(t)) check(redisAppendCommand(c, command_of(t), value, value_len(talk)) == REDIS_OK);
    pushes = replies = 0;
    if (way == BYTES) peer_start(&p, act_in_single_bytes);
    else {
        flush_blocking(c);
        act();
        limited = 0;
    }
    while (redisGetReply(c, (void **)&r) == REDIS_OK) {
        check(same_reply(r, nth_of_kind(replies++, 0)));
        freeReplyObject(r);
    }
    check(replies + pushes == items_in(talk, prefix()));
    check(is_right_error(c->err, c->errstr, 1));
    check(redisGetReply(c, (void **)&r) == REDIS_ERR && redisCommand(c, "PING") == NULL);
    redisFree(c);
    if (way == BYTES) peer_join(&p);
}

/* The asynchronous API. */

struct loop {
    const char *name;
    int (*attach)(redisAsyncContext *);
    void (*once)(redisAsyncContext *);
};

static redisMioLoop *mio;
static struct event_base *base;

static int poll_attach(redisAsyncContext *ac) { return redisPollAttach(ac); }
static void poll_once(redisAsyncContext *ac) { check(redisPollTick(ac, 5) > 0); }
static int mio_attach(redisAsyncContext *ac) { return redisMioAttach(ac, mio); }
static void mio_once(redisAsyncContext *ac) {
    double began = redisPollGetNow();
    check(redisMioRunOnce(mio, 5000) > 0 || redisPollGetNow() - began < 4); /* 0 also where an event meant nothing */
}
static int libevent_attach(redisAsyncContext *ac) { return redisLibeventAttach(ac, base); }
static void libevent_once(redisAsyncContext *ac) { check(event_base_loop(base, EVLOOP_ONCE) == 0); }

static const struct loop loops[] = {
    {"poll", poll_attach, poll_once}, {"mio", mio_attach, mio_once}, {"libevent", libevent_attach, libevent_once}};
static const struct loop *loop; /* NULL: the blocking API */

static int is_single(int fd) { return singly && (fd == p.fd || loop == NULL || loop->attach != mio_attach); }

static redisAsyncContext *ac; /* NULL once it is freed */
static int disconnects, disconnect_status, disconnect_err;
static char disconnect_text[128];

static void on_reply(redisAsyncContext *c, void *reply, void *privdata) {
    struct expected *e = privdata;
    check(c == ac);
    if (e->name) e = reply ? subscription(((redisReply *)reply)->element[1]->str) : e;
    if (reply == NULL) e->nulls++;
    else check(e->nulls == 0 && e->calls < e->count && same_reply(reply, talk->items[e->items[e->calls]]));
    e->calls += reply != NULL;
}

static void on_push(redisAsyncContext *c, void *reply) {
    check(c == ac && same_reply(reply, nth_out_of_band(pushes++)));
}

static void on_disconnect(const redisAsyncContext *c, int status) {
    check(c == ac);
    disconnects++;
    disconnect_status = status;
    disconnect_err = c->err;
    strcpy(disconnect_text, c->errstr);
}

static void on_freed(void *data) { ac = NULL; }

/* A subscription to several channels has one privdata: the last of them, whose end all the NULLs are then counted for. */
static void issue_all(void) {
    expectations = 0;
    for (const struct turn *t = talk->turns; t->command; t++) {
        if (!is_issued(t)) continue;
        expect_of(t);
        check(redisAsyncCommand(ac, on_reply, &expected[expectations - 1], command_of(t), value, value_len(talk)) == REDIS_OK);
    }
}

static void open_asynchronous(void) {
    redisOptions o = options();
    REDIS_OPTIONS_SET_PRIVDATA(&o, &ac, on_freed);
    o.async_push_cb = on_push;
    ac = redisAsyncConnectWithOptions(&o);
    check(ac && ac->err == 0 && loop->attach(ac) == REDIS_OK);
    ac->ev.scheduleTimer = NULL; /* the test drives it */
    check(redisAsyncSetDisconnectCallback(ac, on_disconnect) == REDIS_OK);
    disconnects = pushes = 0;
    issue_all();
}

static int unread_bytes(void) {
    int n = 0;
    ioctl(ac->c.fd, FIONREAD, &n);
    return n;
}

static void run_asynchronous(void) {
    if (way == BYTES) peer_start(&p, act_in_single_bytes);
    else {
        while (!(ac->c.flags & REDIS_CONNECTED) || (sdslen(ac->c.obuf) > 0 && !(limited && allowance == 0))) loop->once(ac);
        act();
        limited = 0;
    }
    if (way == STALLED_AT) {
        while (unread_bytes() > 0) loop->once(ac);
        redisAsyncHandleTimeout(ac);
        if (ac) redisAsyncFree(ac);
    } else
        while (ac) loop->once(ac);
    if (way == BYTES) peer_join(&p);
}

static void try_asynchronous(void) {
    int out_of_band, ended, nulls = 0, wanted = 0;
    open_asynchronous();
    out_of_band = distribute(items_in(talk, prefix()));
    ended = way != STALLED_AT || is_waiting();
    run_asynchronous();
    check(disconnects == 1 && disconnect_status == (ended ? REDIS_ERR : REDIS_OK));
    check(ended ? is_right_error(disconnect_err, disconnect_text, 0) : disconnect_err == 0);
    check(pushes == out_of_band);
    for (int i = 0; i < expectations; i++) {
        const struct expected *e = &expected[i];
        check(e->calls == e->count);
        if (!e->name) check(e->calls + e->nulls == 1);
        else nulls += e->nulls, wanted += !e->left;
    }
    check(nulls == wanted);
}

/* Every point. */

static void try_cut(size_t at) {
    long before = live;
    cut = at;
    snprintf(told_point, sizeof told_point, "%s at %zu", ways[way], at);
    singly = way == BYTES;
    limited = way == UNSENT;
    allowance = at;
    if (loop) try_asynchronous();
    else try_blocking();
    check(live <= before || (loop && at < 64)); /* a loop grows at first */
}

enum { WORKERS = 24 };

/* Those of one worker. Silence takes a moment each time, so that several wait at once. */
static long try_cuts(size_t len, size_t first, size_t step) {
    long tried = 0;
    mio = redisMioLoopCreate();
    base = event_base_new();
    for (size_t at = first; at <= len; at += step, tried++) {
        if (tried % 500 == 0) listen_anew();
        try_cut(at);
    }
    redisMioLoopFree(mio);
    event_base_free(base);
    peer_end(&p);
    for (int i = 0; i < talk->count; i++) freeReplyObject(talk->items[i]);
    talk->count = 0;
    check(live == 0);
    return tried;
}

static long try_by_workers(size_t len) {
    int results[2];
    long tried = 0, n;
    check(pipe(results) == 0);
    for (int i = 0; i < WORKERS; i++)
        if (fork() == 0) {
            n = try_cuts(len, (size_t)i, WORKERS);
            _exit(write(results[1], &n, sizeof n) != sizeof n);
        }
    close(results[1]);
    while (read(results[0], &n, sizeof n) == sizeof n) tried += n;
    for (int i = 0, status; i < WORKERS; i++) check(wait(&status) > 0 && status == 0);
    close(results[0]);
    return tried;
}

static void try_conversation(void) {
    size_t len = talk->len[way == UNREAD || way == UNSENT ? TO_SERVER : TO_CLIENT];
    long tried;
    if (way == BYTES) tried = try_cuts(talk->len[TO_CLIENT], talk->len[TO_CLIENT], 1);
    else if (under_valgrind()) tried = try_cuts(len, len % 7, 41);
    else if (!loop && way == STALLED_AT) tried = try_by_workers(len);
    else tried = try_cuts(len, 0, 1);
    printf("%s: %ld of %zu\n", talk->name, tried, way == BYTES ? 1 : len + 1);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    check(argc == 4);
    p.listener = p.fd = -1;
    local = !strcmp(argv[2], "unix");
    while (strcmp(argv[3], ways[way])) check(++way < WAYS);
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++)
        if (!strcmp(argv[1], loops[i].name)) loop = &loops[i];
    check(loop || !strcmp(argv[1], "blocking"));
    allocators_install();
    for (int i = 0; i < CONVERSATIONS; i++) {
        talk = &conversations[i];
        record(talk, local);
        try_conversation();
        forget(talk);
    }
    return 0;
}

/* Traffic that goes on through faults, until it is told to stop; then the proof that nothing acknowledged was lost.
 *
 *     faults_traffic API TRANSPORT name=NAME [timeout=MS] [proxy=SEED] [storm] [wait] [paced]
 *
 * API: blocking, poll, mio or libevent; TRANSPORT: tcp or unix; NAME is part of its keys. Stops when the file FAULTS_STOP exists. After the end of a
 * connection it makes a new one, to OTHER_PORT or OTHER_SOCK in turn where these are given, and goes on with new commands. */
/* cc: -levent */
#include <hiredis/adapters/libevent.h>
#include <hiredis/adapters/mio.h>
#include <hiredis/adapters/poll.h>
#include <signal.h>
#include <sys/time.h>

#include "faults.h"
#include "proxy.h"

static int local, paced, turned;
static struct timeval timeout; /* zero: none */
static struct proxy proxy;     /* port 0 and no path: none */

static int is_told_to_stop(void) {
    static unsigned asked;
    static int stop;
    if (paced) pause_ms(1);
    if (!stop && asked++ % 8 == 0) stop = access(getenv("FAULTS_STOP"), F_OK) == 0;
    return stop || issued > MOST - 1000;
}

/* Where to connect to, at this turn. */
static redisOptions options(void) {
    static const struct timeval patience = {1, 0};
    redisOptions o = {0};
    int other = turned % 2 && getenv("OTHER_PORT");
    if (local) REDIS_OPTIONS_SET_UNIX(&o, *proxy.peer.path ? proxy.peer.path : getenv(other ? "OTHER_SOCK" : "REDIS_SOCK"));
    else REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", proxy.peer.port ? proxy.peer.port : atoi(getenv(other ? "OTHER_PORT" : "REDIS_PORT")));
    o.connect_timeout = &patience;
    if (timeout.tv_sec || timeout.tv_usec) o.command_timeout = &timeout;
    return o;
}

/* A replica that takes no writes: the other one is the master by now, or will be. */
static int is_replica(const redisReply *r) { return r && r->type == REDIS_REPLY_ERROR && !strncmp(r->str, "READONLY", 8); }

static void step_back(const redisReply *r) {
    if (r && r->type == REDIS_REPLY_ERROR) pause_ms(1);
}

static void end_connection(int err, const char *text) {
    note_text(&ends, "%d %s", err, text);
    turned++;
    pause_ms(2);
}

/* The blocking API. */

static redisContext *blocking;

static void connect_anew(void) {
    redisOptions o = options();
    if (blocking && !getenv("OTHER_PORT")) redisReconnect(blocking);
    else {
        redisFree(blocking);
        blocking = redisConnectWithOptions(&o);
    }
    check(blocking != NULL);
    connection++;
    if (blocking->err) end_connection(blocking->err, blocking->errstr);
}

/* Issues some commands at once and takes their replies. */
static void pipeline(void) {
    int first = issued, many = 1 + (int)below(20), at, replica = 0;
    for (int i = 0; i < many; i++) {
        char *wire;
        int len;
        next_command(&wire, &len);
        check(redisAppendFormattedCommand(blocking, wire, (size_t)len) == REDIS_OK);
        redisFreeCommand(wire);
    }
    for (at = first; at < issued; at++) {
        redisReply *r;
        if (redisGetReply(blocking, (void **)&r) != REDIS_OK) break;
        settle(at, r);
        replica |= is_replica(r);
        step_back(r);
        freeReplyObject(r);
    }
    if (at < issued || replica) end_connection(blocking->err, blocking->errstr);
    while (at < issued) settle(at++, NULL);
    if (replica) redisFree(blocking), blocking = NULL;
}

static void run_blocking(void) {
    while (!is_told_to_stop())
        if (blocking == NULL || blocking->err) connect_anew();
        else pipeline();
    redisFree(blocking);
}

/* The asynchronous API. */

static redisMioLoop *mio;
static struct event_base *base;
static redisAsyncContext *ac; /* NULL once it is freed */
static int in_flight, told, finishing;

static int poll_attach(redisAsyncContext *c) { return redisPollAttach(c); }
static void poll_once(void) { check(redisPollTick(ac, 0.02) >= 0); }
static int mio_attach(redisAsyncContext *c) { return redisMioAttach(c, mio); }
static void mio_once(void) { check(redisMioRunOnce(mio, 20) >= 0); }
static int libevent_attach(redisAsyncContext *c) { return redisLibeventAttach(c, base); }
static void libevent_once(void) {
    struct timeval soon = {0, 20000};
    event_base_loopexit(base, &soon);
    check(event_base_loop(base, EVLOOP_ONCE) >= 0);
}

static const struct loop {
    const char *name;
    int (*attach)(redisAsyncContext *);
    void (*once)(void);
} loops[] = {{"poll", poll_attach, poll_once}, {"mio", mio_attach, mio_once}, {"libevent", libevent_attach, libevent_once}};
static const struct loop *loop; /* NULL: the blocking API */

static void issue(void);

static void on_reply(redisAsyncContext *c, void *reply, void *privdata) {
    check(c == ac);
    in_flight--;
    settle((int)(size_t)privdata, reply);
    if (is_replica(reply)) redisAsyncDisconnect(c);
    else step_back(reply);
    if (reply && !finishing && below(4) == 0) issue();
}

static void issue(void) {
    char *wire;
    int len, id = next_command(&wire, &len);
    in_flight++;
    if (redisAsyncFormattedCommand(ac, on_reply, (void *)(size_t)id, wire, (size_t)len) != REDIS_OK) {
        check(ac->c.flags & (REDIS_DISCONNECTING | REDIS_FREEING));
        in_flight--;
        issued--; /* it was refused, and is not to be heard of again */
    }
    redisFreeCommand(wire);
}

static void on_connect(const redisAsyncContext *c, int status) {
    check(c == ac && told == 0);
    if (status == REDIS_OK) told = 1;
    else end_connection(c->err, c->errstr);
}

static void on_disconnect(const redisAsyncContext *c, int status) {
    check(c == ac && told == 1 && (status == REDIS_OK) == (c->err == 0));
    told = 2;
    end_connection(c->err, c->errstr);
}

static void on_freed(void *data) { ac = NULL; }

static void open_asynchronous(void) {
    redisOptions o = options();
    REDIS_OPTIONS_SET_PRIVDATA(&o, &ac, on_freed);
    check(in_flight == 0);
    ac = redisAsyncConnectWithOptions(&o);
    check(ac != NULL);
    connection++;
    told = 0;
    if (ac->err) {
        end_connection(ac->err, ac->errstr);
        redisAsyncFree(ac);
        return;
    }
    check(loop->attach(ac) == REDIS_OK);
    check(redisAsyncSetConnectCallback(ac, on_connect) == REDIS_OK && redisAsyncSetDisconnectCallback(ac, on_disconnect) == REDIS_OK);
}

static void run_asynchronous(void) {
    mio = redisMioLoopCreate();
    base = event_base_new();
    while (!is_told_to_stop()) {
        if (ac == NULL) open_asynchronous();
        while (ac && in_flight < 40 && !(ac->c.flags & REDIS_DISCONNECTING)) issue();
        if (ac) loop->once();
    }
    finishing = 1;
    if (ac) redisAsyncDisconnect(ac);
    while (ac) loop->once();
    check(in_flight == 0);
    redisMioLoopFree(mio);
    event_base_free(base);
}

/* A signal every so often, that interrupts every call. */

static volatile sig_atomic_t signals;
static void on_alarm(int signal) { signals++; }

static void storm(int microseconds) {
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{0, microseconds}, {0, microseconds}};
    sigaction(SIGALRM, &action, NULL);
    check(setitimer(ITIMER_REAL, &often, NULL) == 0);
}

static const char *option(int argc, char **argv, const char *name) {
    for (int i = 3; i < argc; i++)
        if (!strncmp(argv[i], name, strlen(name))) return argv[i] + strlen(name);
    return NULL;
}

int main(int argc, char **argv) {
    const char *text;
    unsigned long long seed = 0;
    redisContext *c;
    check(argc >= 3);
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++)
        if (!strcmp(argv[1], loops[i].name)) loop = &loops[i];
    check(loop || !strcmp(argv[1], "blocking"));
    local = !strcmp(argv[2], "unix");
    paced = option(argc, argv, "paced") != NULL;
    waiting = option(argc, argv, "wait") != NULL;
    if ((text = option(argc, argv, "name="))) program = text;
    if ((text = option(argc, argv, "timeout="))) timeout = (struct timeval){atoi(text) / 1000, atoi(text) % 1000 * 1000};
    if ((text = option(argc, argv, "proxy="))) seed = strtoull(text, NULL, 10);
    random_state = seed + 1;
    if (seed) proxy_begin(&proxy, local, seed);
    if (option(argc, argv, "storm")) storm(200);
    if (loop) run_asynchronous();
    else run_blocking();
    if (seed) proxy_end(&proxy);
    for (int i = 0; seed && i < FAULTS; i++) printf("connections %s: %ld\n", fault_names[i], proxy.happened[i]);
    c = redisConnect("127.0.0.1", atoi(getenv("PROOF_PORT") ? getenv("PROOF_PORT") : getenv("REDIS_PORT")));
    check(c != NULL);
    prove(c);
    redisFree(c);
    printf("signals: %d\n", (int)signals);
    return 0;
}

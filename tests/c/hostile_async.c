/* Peers that break the protocol and programs that misuse the async API: each case ends in a clear error on the right
 * object, with every pending callback run exactly once. */
#include <sys/mman.h>

#include "cases.h"
#include "hostile_peers.h"

static struct session s;
static struct peer p;
static struct expect a = {"a", NULL}, b = {"b", NULL}, c = {"c", NULL}, sub = {"sub", NULL};


/* While set, every recv and send moves one byte, and every other call is interrupted. */
static int hurried;
static int interrupted(void) {
    static unsigned turn;
    if (hurried && ++turn % 2) {
        errno = EINTR;
        return 1;
    }
    return 0;
}
/* While set, the peer takes nothing any more, and says something for ever. */
static int endless;
ssize_t recv(int fd, void *buf, size_t len, int flags) {
    if (interrupted()) return -1;
    if (endless) return memset(buf, '+', len), (ssize_t)len;
    return recvfrom(fd, buf, hurried && len ? 1 : len, flags, NULL, NULL);
}
ssize_t send(int fd, const void *buf, size_t len, int flags) {
    if (interrupted()) return -1;
    if (endless) return errno = EPIPE, -1;
    return sendto(fd, buf, hurried && len ? 1 : len, flags, NULL, 0);
}

static void open_with(const char *command, struct expect *e) {
    begin("hostile");
    session_connected(&s, &p, 0);
    redisAsyncSetPushCallback(s.ac, on_push);
    if (command) {
        check(ask(&s, e, command) == REDIS_OK);
        drive_flush(&s);
        peer_heard(&p, 1000);
    }
    trace.calls[0] = 0;
}

static void hear(const char *bytes) {
    peer_say(&p, bytes);
    drive_read(&s);
}

static void end(void) {
    if (s.ac) redisAsyncFree(s.ac);
    peer_end(&p);
}

/* Every row to the end, and its every word. */
static void peers_that_break_the_protocol(void) {
    for (size_t i = 0; i < PEER_ROWS; i++) {
        int before = failures;
        play(&peer_rows[i], &s, &p);
        same(trace.calls, peer_rows[i].calls);
        check(s.ac == NULL);
        if (failures > before) fprintf(stderr, "  in %s\n", peer_rows[i].name);
    }
}

/* One byte per event in both directions and an interruption before each. */
static void hurried_by_the_kernel(void) {
    const char *answer = "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$2\r\nhi\r\n";
    open_with(NULL, NULL);
    ask(&s, &a, "SET key some-value");
    ask(&s, &sub, "SUBSCRIBE ch");
    hurried = 1;
    drive_flush(&s);
    for (int i = 0; i < 1000 && s.writing; i++) drive_write(&s);
    hurried = 0;
    check(!s.writing);
    same(peer_heard(&p, 1000), "*3 $3 SET $3 key $10 some-value *2 $9 SUBSCRIBE $2 ch");
    peer_say(&p, "+OK\r\n");
    peer_say(&p, answer);
    hurried = 1;
    for (int i = 0; i < 1000 && peer_ready(s.ac->c.fd, POLLIN, 0); i++) drive_read(&s);
    hurried = 0;
    same(trace.calls, "{a +OK}{sub *[$subscribe $ch :1]}{sub *[$message $ch $hi]}");
    end();
}

/* The last LEN bytes of a page, with nothing readable behind them. */
static char *at_the_edge(const char *bytes, size_t len) {
    static char *page;
    long size = sysconf(_SC_PAGESIZE);
    if (!page) {
        page = mmap(NULL, (size_t)size * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        mprotect(page + size, (size_t)size, PROT_NONE);
    }
    if (len) memcpy(page + (size_t)size - len, bytes, len);
    return page + (size_t)size - len;
}

static void formatted_garbage(void) {
    static const char *const buffers[] = {
        "PING", "*1\r\n$100000", "*2\r\n$9\r\nSUBSCRIBE\r\n$100000\r\nX\r\n", "*1\r\n$4\r\nPI", "*1\r\n", "*", "$4\r\nPING\r\n", "*1\r\n$4\r\nPING",
        "*-1\r\n", "*0\r\n", "*1\r\n$-1\r\n", "*2\r\n$4\r\nPING\r\n", "*1\r\n:4\r\n", "*99999999999999999999\r\n", "*1\r\n$18446744073709551615\r\nx\r\n",
    };
    open_with(NULL, NULL);
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
        size_t len = strlen(buffers[i]);
        int rc = redisAsyncFormattedCommand(s.ac, on_reply, &a, at_the_edge(buffers[i], len), len);
        if (rc != REDIS_ERR) fprintf(stderr, "  accepted: buffer %zu\n", i);
        check(rc == REDIS_ERR);
    }
    check(redisAsyncFormattedCommand(s.ac, on_reply, &a, at_the_edge("", 0), 0) == REDIS_ERR);
    check(redisAsyncFormattedCommand(s.ac, on_reply, &a, NULL, 0) == REDIS_ERR);
    check(s.ac->replies.head == NULL && s.ac->sub.replies.head == NULL && sdslen(s.ac->c.obuf) == 0);
    check(s.ac->err == 0 && s.ac->c.err == 0 && s.ac->errstr[0] == 0);
    check(redisAsyncFormattedCommand(s.ac, on_reply, &b, at_the_edge("*1\r\n$4\r\nPING\r\n", 14), 14) == REDIS_OK);
    drive_flush(&s);
    same(peer_heard(&p, 1000), "*1 $4 PING");
    hear("+PONG\r\n");
    same(trace.calls, "{b +PONG}");
    end();
}

/* Refused, and so no reply is anybody else's. */
static void two_commands_in_one_buffer(void) {
    const char *two = "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPONG\r\n";
    open_with(NULL, NULL);
    check(redisAsyncFormattedCommand(s.ac, on_reply, &a, at_the_edge(two, 28), 28) == REDIS_ERR);
    check(s.ac->err == 0 && s.ac->replies.head == NULL && sdslen(s.ac->c.obuf) == 0);
    ask(&s, &b, "LAST");
    drive_flush(&s);
    hear("+1\r\n");
    same(trace.calls, "{b +1}");
    end();
}

static void strange_argv(void) {
    const char *argv[] = {"SET", NULL, "value"};
    size_t lens[] = {3, 0, 5};
    open_with(NULL, NULL);
    check(redisAsyncCommandArgv(s.ac, on_reply, &a, 3, argv, lens) == REDIS_OK);
    drive_flush(&s);
    same(peer_heard(&p, 1000), "*3 $3 SET $0  $5 value");
    hear("+OK\r\n");
    same(trace.calls, "{a +OK}");
    check(redisAsyncCommandArgv(s.ac, on_reply, &a, -1, argv, lens) == REDIS_ERR);
    check(redisAsyncCommandArgv(s.ac, on_reply, &a, 0, argv, lens) == REDIS_ERR);
    check(s.ac->err == 0 && s.ac->replies.head == NULL && sdslen(s.ac->c.obuf) == 0);
    end();
}

static void overlapping_subscriptions(void) {
    open_with(NULL, NULL);
    ask(&s, &sub, "SUBSCRIBE a");
    ask(&s, &sub, "SUBSCRIBE a b");
    ask(&s, &sub, "UNSUBSCRIBE");
    drive_flush(&s);
    hear("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n");
    check(s.ac->c.flags & REDIS_SUBSCRIBED);
    hear("*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:0\r\n");
    check(!(s.ac->c.flags & REDIS_SUBSCRIBED));
    end();
}

static int reissued;
static void ask_again(struct session *t, redisReply *r) {
    static struct expect again = {"again", ask_again};
    (void)r;
    if (++reissued > 1000) return;
    ask(t, &again, "PING");
}
static void reissuing_while_timed_out(void) {
    struct timeval tv = {0, 500000};
    static struct expect again = {"again", ask_again};
    open_with(NULL, NULL);
    redisAsyncSetTimeout(s.ac, tv);
    ask(&s, &again, "PING");
    drive_flush(&s);
    usleep(510000);
    reissued = 0;
    if (s.ac) redisAsyncHandleTimeout(s.ac); /* a busy machine is past the deadline by now */
    check(reissued <= 2);
    check(s.ac == NULL);
    contains(trace.calls, "{onDisconnect -1 err 6 'Timeout'");
    end();
}

/* Ends the context from each kind of callback: freeing, disconnecting, both, in both orders, and twice. */
static int way;
static void end_it(struct session *t) {
    if (t->ac == NULL) return;
    if (way == 0 || way == 2 || way == 4) redisAsyncFree(t->ac);
    if (way == 4) redisAsyncFree(t->ac);
    if (way == 1 || way == 2 || way == 3 || way == 5) redisAsyncDisconnect(t->ac);
    if (way == 5) redisAsyncDisconnect(t->ac);
    if (way == 3) redisAsyncFree(t->ac);
}
static void end_in_reply(struct session *t, redisReply *r) {
    (void)r;
    end_it(t);
}
static void end_in_status(struct session *t, int status) {
    (void)status;
    end_it(t);
}

static int count(const char *what) {
    int n = 0;
    for (const char *at = trace.calls; (at = strstr(at, what)); at++) n++;
    return n;
}

static void ended_from(const char *where, int options) {
    struct expect acting = {"acting", strcmp(where, "reply") == 0 ? end_in_reply : NULL};
    begin("ended from %s", where);
    peer_listen(&p);
    session_tcp(&s, &p, options);
    redisAsyncSetConnectCallback(s.ac, on_connect);
    redisAsyncSetDisconnectCallback(s.ac, on_disconnect);
    redisAsyncSetPushCallback(s.ac, on_push);
    if (strcmp(where, "connect") == 0) s.on_connect = end_in_status;
    if (strcmp(where, "disconnect") == 0) s.on_disconnect = end_in_status;
    if (strcmp(where, "push") == 0) s.on_push = end_in_reply;
    if (strcmp(where, "dataCleanup") == 0) s.on_data_cleanup = end_it;
    ask(&s, &acting, "A");
    ask(&s, &sub, "SUBSCRIBE ch");
    ask(&s, &b, "B");
    drive_write(&s);
    peer_accept(&p);
    if (s.ac) drive_flush(&s);
    peer_say(&p, ">1\r\n+hello\r\n+A\r\n*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n");
    if (s.ac) drive_read(&s);
    peer_half_close(&p);
    for (int i = 0; i < 3 && s.ac && !s.ac->err; i++) drive_read(&s);
    if (s.ac) redisAsyncFree(s.ac);
    check(s.ac == NULL);
    check(count("{acting ") == 1);
    check(count("{b ") == 1);
    check(count("{sub NULL") == 1);
    check(count("{onDisconnect ") == 1);
    check(count("{dataCleanup}") == 1);
    check(count("{privdata dtor}") == 1);
    check(count("<cleanup>") == 1);
    peer_end(&p);
}
static void ended_from_everywhere(void) {
    static const char *const places[] = {"connect", "reply", "push", "disconnect", "dataCleanup"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        for (way = 0; way < 6; way++) {
            int before = failures;
            ended_from(places[i], 0);
            ended_from(places[i], REDIS_OPT_NOAUTOFREE);
            if (failures > before) fprintf(stderr, "  in %s, way %d: %s\n", places[i], way, trace.calls);
        }
}

static void silent_replies(void) {
    redisOptions o = {0};
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", atoi(getenv("REDIS_PORT")));
    begin("silent");
    session_open(&s, &o);
    ask(&s, &a, "ECHO 1");
    ask(&s, &b, "CLIENT REPLY SKIP");
    ask(&s, &b, "ECHO skipped");
    ask(&s, &a, "ECHO 2");
    ask(&s, &b, "CLIENT REPLY OFF");
    ask(&s, &b, "ECHO off");
    ask(&s, &b, "ECHO off");
    ask(&s, &c, "CLIENT REPLY ON");
    ask(&s, &a, "ECHO 3");
    for (int i = 0; i < 200 && !strstr(trace.calls, "{a $3}"); i++) {
        struct pollfd f = {.fd = s.ac->c.fd, .events = (short)(POLLIN | (s.writing ? POLLOUT : 0))};
        poll(&f, 1, 50);
        if (f.revents & POLLOUT) redisAsyncHandleWrite(s.ac);
        if (s.ac && f.revents & POLLIN) redisAsyncHandleRead(s.ac);
    }
    contains(trace.calls, "{a $1}");
    contains(trace.calls, "{a $2}");
    contains(trace.calls, "{c +OK}{a $3}");
    check(count("{a $") == 3);
    check(count("{b $") == 0);
    check(s.ac->replies.head == NULL);
    redisAsyncFree(s.ac);
    check(count("{b NULL ") == 5);
}

static void endless_last_words(void) {
    open_with(NULL, NULL);
    ask(&s, &a, "PING");
    endless = 1;
    drive_flush(&s);
    endless = 0;
    check(s.ac == NULL);
    contains(trace.calls, "{a NULL err 1 CDI}");
    contains(trace.calls, "{onDisconnect -1 err 1 'Broken pipe'");
    end();
}

static void peer_gone_without_sigpipe_handling(void) {
    begin("sigpipe");
    signal(SIGPIPE, SIG_DFL);
    for (int local = 0; local < 2; local++) {
        int fds[2];
        redisOptions o = {0};
        if (local) {
            if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) peer_die("socketpair");
        } else {
            peer_listen(&p);
            fds[0] = socket(AF_INET, SOCK_STREAM, 0);
            struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)p.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
            if (connect(fds[0], (struct sockaddr *)&to, sizeof to)) peer_die("connect");
            peer_accept(&p);
            fds[1] = dup(p.fd);
            peer_end(&p);
        }
        close(fds[1]);
        o.type = REDIS_CONN_USERFD;
        o.endpoint.fd = fds[0];
        session_open(&s, &o);
        redisAsyncSetDisconnectCallback(s.ac, on_disconnect);
        ask(&s, &a, "PING");
        drive_write(&s);
        usleep(10000);
        if (s.ac) ask(&s, &b, "PING");
        if (s.ac) redisAsyncHandleWrite(s.ac);
        drive_read(&s);
        check(s.ac == NULL);
        contains(trace.calls, "{a NULL err ");
        if (s.ac) redisAsyncFree(s.ac);
        trace.calls[0] = 0;
    }
}

static const struct test_case cases[] = {
    CASE(peers_that_break_the_protocol), CASE(hurried_by_the_kernel), CASE(formatted_garbage), CASE(two_commands_in_one_buffer), CASE(strange_argv),
    CASE(overlapping_subscriptions), CASE(reissuing_while_timed_out), CASE(ended_from_everywhere), CASE(silent_replies),
    CASE(peer_gone_without_sigpipe_handling), CASE(endless_last_words),
};

int main(int argc, char **argv) {
    return run_cases(cases, sizeof cases / sizeof *cases, argc, argv);
}

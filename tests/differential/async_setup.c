/* Constructors, option flags, setters, missing hooks, commands on the wire and immediate failures of the async API
 * (contract section 6: Creation, Hooks, Issuing commands). */
#include <sys/time.h>

#include "../c/hooks.h"

/* Both libraries have these; ours has some of its own besides. */
enum { PUBLIC_FLAGS = 0x1fff };

static struct session s;
static struct peer p, local, refusing;
static struct expect a = {"a", NULL}, b = {"b", NULL};

static void show(const char *name, redisAsyncContext *ac) {
    int nodelay = -1;
    socklen_t len = sizeof nodelay;
    if (ac == NULL) {
        note(name, "NULL");
        return;
    }
    if (ac->c.fd >= 0) getsockopt(ac->c.fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len);
    note(name, "err %d '%s' c.err %d '%s' flags 0x%x type %d fd %s nonblock %d", ac->err, ac->errstr, ac->c.err, ac->c.errstr, ac->c.flags & PUBLIC_FLAGS,
         (int)ac->c.connection_type, fd_is_open(ac->c.fd) ? "open" : "-1",
         ac->c.fd >= 0 ? (fcntl(ac->c.fd, F_GETFL) & O_NONBLOCK) != 0 : -1);
    begin("%s.inside", name);
    note("push", "c %d async %d", ac->c.push_cb != NULL, ac->push_cb != NULL);
    note("hooks", "%d%d%d%d%d%d%d", ac->ev.data != NULL, ac->ev.addRead != NULL, ac->ev.delRead != NULL, ac->ev.addWrite != NULL,
         ac->ev.delWrite != NULL, ac->ev.cleanup != NULL, ac->ev.scheduleTimer != NULL);
    note("callbacks", "%d%d%d%d", ac->onConnect != NULL, ac->onConnectNC != NULL, ac->onDisconnect != NULL, ac->dataCleanup != NULL);
    note("lists", "%d%d%d%d data %d", ac->replies.head != NULL, ac->replies.tail != NULL, ac->sub.replies.head != NULL,
         ac->sub.replies.tail != NULL, ac->data != NULL);
    note("same_errstr", "%d", ac->errstr == ac->c.errstr);
    note("timeouts", "%d %d", ac->c.connect_timeout != NULL, ac->c.command_timeout != NULL);
    redisAsyncFree(ac);
    begin("setup");
}

static void constructors(void) {
    begin("setup");
    show("connect", redisAsyncConnect("127.0.0.1", p.port));
    show("connect_bind", redisAsyncConnectBind("127.0.0.1", p.port, "127.0.0.1"));
    show("connect_bind_reuse", redisAsyncConnectBindWithReuse("127.0.0.1", p.port, "127.0.0.1"));
    show("connect_unix", redisAsyncConnectUnix(local.path));
    show("connect_refused", redisAsyncConnect("127.0.0.1", refusing.port));
    show("connect_unresolvable", redisAsyncConnect("no-such-host.invalid", 6379));
    show("connect_enoent", redisAsyncConnectUnix("/nonexistent/socket"));
    show("bind_foreign", redisAsyncConnectBind("127.0.0.1", p.port, "192.0.2.1"));
    show("bind_unresolvable", redisAsyncConnectBind("127.0.0.1", p.port, "no-such-host.invalid"));
}

static void flags(void) {
    static const int bits[] = {REDIS_OPT_NONBLOCK,          REDIS_OPT_REUSEADDR,   REDIS_OPT_NOAUTOFREE, REDIS_OPT_NO_PUSH_AUTOFREE,
                               REDIS_OPT_NOAUTOFREEREPLIES, REDIS_OPT_PREFER_IPV4, REDIS_OPT_PREFER_IPV6};
    struct timeval tv = {1, 0};
    for (int mask = 0; mask < 128; mask++) {
        char name[32];
        redisOptions o = {0};
        REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
        for (int i = 0; i < 7; i++)
            if (mask & (1 << i)) o.options |= bits[i];
        if (mask & 1) o.connect_timeout = &tv;
        if (mask & 2) o.command_timeout = &tv;
        o.async_push_cb = mask & 4 ? on_push : NULL;
        begin("options");
        snprintf(name, sizeof name, "0x%02x", mask);
        session_open(&s, &o);
        note(name, "opened flags 0x%x push %d %d timeouts %d %d", s.ac->c.flags & PUBLIC_FLAGS, s.ac->c.push_cb != NULL, s.ac->push_cb == on_push,
             s.ac->c.connect_timeout != NULL, s.ac->c.command_timeout != NULL);
        redisAsyncSetConnectCallback(s.ac, on_connect);
        drive_write(&s);
        redisAsyncFree(s.ac);
        begin("options_life");
        trace_call(" ");
        step_calls(name);
    }
}

static void setters(void) {
    struct timeval tv = {3, 5}, zero = {0, 0};
    begin("setters");
    session_tcp(&s, &p, 0);
    note("connect", "%d", redisAsyncSetConnectCallback(s.ac, on_connect));
    step("connect");
    note("connect_twice", "%d", redisAsyncSetConnectCallback(s.ac, on_connect));
    note("connect_nc_after", "%d", redisAsyncSetConnectCallbackNC(s.ac, on_connect_nc));
    step("again");
    note("disconnect", "%d", redisAsyncSetDisconnectCallback(s.ac, on_disconnect));
    note("disconnect_twice", "%d", redisAsyncSetDisconnectCallback(s.ac, on_disconnect));
    note("push_first", "%d", redisAsyncSetPushCallback(s.ac, on_push) == NULL);
    note("push_second", "%d", redisAsyncSetPushCallback(s.ac, NULL) == on_push);
    note("timeout", "%d", redisAsyncSetTimeout(s.ac, tv));
    note("timeout_stored", "%ld.%06ld", (long)s.ac->c.command_timeout->tv_sec, (long)s.ac->c.command_timeout->tv_usec);
    note("timeout_again", "%d", redisAsyncSetTimeout(s.ac, zero));
    note("timeout_zero", "%ld.%06ld", (long)s.ac->c.command_timeout->tv_sec, (long)s.ac->c.command_timeout->tv_usec);
    step("set");
    redisAsyncFree(s.ac);
    session_tcp(&s, &p, 0);
    begin("setters_nc");
    note("null", "%d", redisAsyncSetConnectCallbackNC(s.ac, NULL));
    step("null");
    note("nc", "%d", redisAsyncSetConnectCallbackNC(s.ac, on_connect_nc));
    step("nc");
    note("nc_twice", "%d", redisAsyncSetConnectCallbackNC(s.ac, on_connect_nc));
    note("const_after", "%d", redisAsyncSetConnectCallback(s.ac, on_connect));
    step("more");
    drive_write(&s);
    step("connected");
    redisAsyncFree(s.ac);
    step("freed");
    session_tcp(&s, &p, 0);
    begin("setters_null");
    note("connect_null", "%d", redisAsyncSetConnectCallback(s.ac, NULL));
    note("connect_after_null", "%d", redisAsyncSetConnectCallback(s.ac, on_connect));
    note("disconnect_null", "%d", redisAsyncSetDisconnectCallback(s.ac, NULL));
    note("disconnect_after_null", "%d", redisAsyncSetDisconnectCallback(s.ac, on_disconnect));
    step("set");
    redisAsyncFree(s.ac);
    step("freed");
}

/* Each hook alone missing, then all of them. */
static void missing_hooks(void) {
    for (int missing = 0; missing < 8; missing++) {
        struct peer own;
        begin("missing.%d", missing);
        peer_listen(&own);
        session_tcp(&s, &own, 0);
        if (missing == 0 || missing == 7) s.ac->ev.addRead = NULL;
        if (missing == 1 || missing == 7) s.ac->ev.delRead = NULL;
        if (missing == 2 || missing == 7) s.ac->ev.addWrite = NULL;
        if (missing == 3 || missing == 7) s.ac->ev.delWrite = NULL;
        if (missing == 4 || missing == 7) s.ac->ev.cleanup = NULL;
        if (missing == 5 || missing == 7) s.ac->ev.scheduleTimer = NULL;
        if (missing == 6) s.ac->dataCleanup = NULL;
        redisAsyncSetConnectCallback(s.ac, on_connect);
        redisAsyncSetDisconnectCallback(s.ac, on_disconnect);
        ask(&s, &a, "PING");
        step("asked");
        drive_write(&s);
        step("written");
        peer_accept(&own);
        peer_say(&own, "+PONG\r\n");
        drive_read(&s);
        step("read");
        note("cleanup_left", "%d", s.ac->ev.cleanup != NULL);
        redisAsyncFree(s.ac);
        step("freed");
        peer_end(&own);
    }
}

/* Without destructors and data nothing is called for them. */
static void bare(void) {
    struct peer own;
    redisAsyncContext *ac;
    begin("bare");
    peer_listen(&own);
    ac = redisAsyncConnect("127.0.0.1", own.port);
    current = &s;
    s.frees_replies = 0;
    note("command", "%d", redisAsyncCommand(ac, on_reply, &a, "PING"));
    peer_ready(ac->c.fd, POLLOUT, 1000);
    redisAsyncHandleWrite(ac);
    peer_accept(&own);
    note("heard", "%s", peer_heard(&own, 1000));
    redisAsyncFree(ac);
    step("freed");
    redisAsyncFree(NULL);
    peer_end(&own);
}

static void on_the_wire(void) {
    struct peer own;
    const char *argv[] = {"SET", "k\0y", ""};
    size_t lens[] = {3, 3, 0};
    begin("wire");
    session_connected(&s, &own, 0);
    note("command", "%d", redisAsyncCommand(s.ac, on_reply, &a, "SET %s %d", "key with space", 42));
    note("argv", "%d", redisAsyncCommandArgv(s.ac, on_reply, &a, 3, argv, lens));
    note("argv_no_lengths", "%d", redisAsyncCommandArgv(s.ac, on_reply, &a, 2, argv, NULL));
    note("formatted", "%d", redisAsyncFormattedCommand(s.ac, on_reply, &b, "*2\r\n$3\r\nGET\r\n$1\r\nx\r\n", 20));
    note("bad_format", "%d", redisAsyncCommand(s.ac, on_reply, &a, "SET %n", (void *)0));
    note("bad_format_err", "%d %d", s.ac->err, s.ac->c.err);
    drive_flush(&s);
    note("heard", "%s", peer_heard(&own, 1000));
    peer_say(&own, "+1\r\n+2\r\n+3\r\n+4\r\n");
    drive_read(&s);
    step("replies");
    session_end(&s, &own);
}

/* A context whose connection failed at once still takes commands; they are failed when it is freed. */
static void failed_at_once(void) {
    static const int options[] = {0, REDIS_OPT_NOAUTOFREE};
    for (int i = 0; i < 2; i++) {
        redisOptions o = {0};
        begin("failed.%d", i);
        REDIS_OPTIONS_SET_UNIX(&o, "/nonexistent/socket");
        o.options = options[i];
        session_open(&s, &o);
        state("opened", &s);
        note("set_connect", "%d", redisAsyncSetConnectCallback(s.ac, on_connect));
        note("ask", "%d", ask(&s, &a, "PING"));
        note("subscribe", "%d", ask(&s, &b, "SUBSCRIBE ch"));
        step("asked");
        redisAsyncFree(s.ac);
        step("freed");
        begin("failed_disconnect.%d", i);
        session_open(&s, &o);
        redisAsyncDisconnect(s.ac);
        step("disconnect");
        if (s.ac) redisAsyncFree(s.ac);
        step("end");
    }
}

/* Errors that sync functions set on the embedded context are not mirrored by themselves. */
static void mirroring(void) {
    struct peer own;
    begin("mirror");
    session_connected(&s, &own, 0);
    s.ac->c.err = REDIS_ERR_OTHER;
    strcpy(s.ac->c.errstr, "by hand");
    state("set", &s);
    note("ask", "%d", ask(&s, &a, "PING"));
    s.ac->c.err = 0;
    s.ac->c.errstr[0] = 0;
    drive_flush(&s);
    peer_half_close(&own);
    drive_read(&s);
    step("read");
    session_end(&s, &own);
}

static void timeouts_set_late(void) {
    struct peer own;
    struct timeval tv = {0, 30000};
    begin("late_timeout");
    session_connected(&s, &own, 0);
    note("set", "%d", redisAsyncSetTimeout(s.ac, tv));
    ask(&s, &a, "PING");
    ask(&s, &b, "PING");
    usleep(40000);
    trace.hooks[0] = 0;
    if (s.ac) redisAsyncHandleTimeout(s.ac);
    step_calls("expired");
    state("state", &s);
    session_end(&s, &own);
}

int main(void) {
    begin("setup");
    peer_listen_backlog(&p, 1000);
    peer_refuse(&refusing);
    peer_listen_unix(&local, "async-setup", 100);
    constructors();
    flags();
    setters();
    missing_hooks();
    bare();
    on_the_wire();
    failed_at_once();
    mirroring();
    timeouts_set_late();
    peer_end(&p);
    peer_end(&refusing);
    peer_end(&local);
    return 0;
}

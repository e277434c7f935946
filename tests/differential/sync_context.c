/* Function tables, buffers by hand, reconnecting, socket options, timeouts and freeing of synchronous contexts
 * (contract sections 4 and 5). */
#include <sys/time.h>

#include "../c/hooks.h"

static struct peer p, local;

static redisContext *connected(void) {
    redisContext *c;
    while (peer_ready(p.listener, POLLIN, 0)) peer_accept(&p); /* what nobody took of the case before */
    c = redisConnect("127.0.0.1", p.port);
    peer_accept(&p);
    return c;
}

static void context(const char *name, redisContext *c) {
    note(name, "err %d '%s' flags 0x%x type %d fd %s obuf %zu", c->err, c->errstr, c->flags, (int)c->connection_type,
         c->fd == -1 ? "-1" : fd_is_open(c->fd) ? "open" : "closed", sdslen(c->obuf));
}

/* A table of the program's own around the default one. */
static const redisContextFuncs *defaults;
static char calls[4096];
static const char *script_read; /* what the next read delivers, instead of the socket */
static ssize_t read_result, write_result;

static void called(const char *format, ...) {
    va_list ap;
    size_t at = strlen(calls);
    va_start(ap, format);
    vsnprintf(calls + at, sizeof calls - at, format, ap);
    va_end(ap);
}
static void show_calls(const char *name) {
    note(name, "%s", calls[0] ? calls : "none");
    calls[0] = 0;
}
static void traced_close(redisContext *c) {
    called("(close %s)", fd_is_open(c->fd) ? "open" : "closed");
    defaults->close(c);
    called("(now %d)", c->fd);
}
static void traced_free_privctx(void *privctx) { called("(free_privctx %s)", privctx ? (char *)privctx : "NULL"); }
static ssize_t traced_read(redisContext *c, char *buf, size_t cap) {
    ssize_t n;
    if (script_read) {
        n = (ssize_t)strlen(script_read);
        memcpy(buf, script_read, (size_t)n);
        script_read = NULL;
    } else if (read_result != 1) {
        n = read_result;
    } else {
        n = defaults->read(c, buf, cap);
    }
    called("(read %zd)", n);
    return n;
}
static ssize_t traced_write(redisContext *c) {
    ssize_t n = write_result != 1 ? write_result : defaults->write(c);
    called("(write %zu %zd)", sdslen(c->obuf), n);
    return n;
}
static redisContextFuncs traced;
static void freed_privdata(void *privdata) { called("(privdata %s)", (char *)privdata); }

static redisContext *with_table(void) {
    redisContext *c = connected();
    defaults = c->funcs;
    traced = *defaults;
    traced.close = traced_close;
    traced.free_privctx = traced_free_privctx;
    traced.read = traced_read;
    traced.write = traced_write;
    c->funcs = &traced;
    calls[0] = 0;
    read_result = write_result = 1;
    return c;
}

static void tables(void) {
    redisContext *c = with_table();
    char mark[] = "mark", state[] = "state";
    void *r;
    int done;
    begin("table");
    note("default_free_privctx", "%d", defaults->free_privctx != NULL);
    note("default_members", "%d%d%d%d%d", defaults->close != NULL, defaults->read != NULL, defaults->write != NULL,
         defaults->async_read != NULL, defaults->async_write != NULL);
    peer_say(&p, "+PONG\r\n");
    r = redisCommand(c, "PING");
    note("reply", "%s", reply_text(r));
    freeReplyObject(r);
    show_calls("command");
    redisAppendCommand(c, "PING");
    write_result = 0;
    note("write0", "%d", redisBufferWrite(c, &done));
    note("write0.done", "%d", done);
    show_calls("write0.calls");
    write_result = 5;
    note("write5", "%d", redisBufferWrite(c, &done));
    note("write5.done", "%d", done);
    note("write5.left", "%s", c->obuf[0] == '4' ? "4..." : "other");
    show_calls("write5.calls");
    write_result = 9;
    note("write9", "%d done %d left %zu", redisBufferWrite(c, &done), done, sdslen(c->obuf));
    show_calls("write9.calls");
    note("write_empty", "%d done %d", redisBufferWrite(c, &done), done);
    show_calls("write_empty.calls");
    read_result = 0;
    note("read0", "%d", redisBufferRead(c));
    show_calls("read0.calls");
    script_read = "+one\r\n+two\r\n";
    note("read_script", "%d", redisBufferRead(c));
    redisGetReply(c, &r);
    note("one", "%s", reply_text(r));
    freeReplyObject(r);
    redisGetReply(c, &r);
    note("two", "%s", reply_text(r));
    freeReplyObject(r);
    show_calls("script.calls");
    read_result = -1;
    note("read_fails", "%d", redisBufferRead(c));
    context("read_fails.context", c);
    write_result = -1;
    redisAppendCommand(c, "X");
    note("write_fails", "%d", redisBufferWrite(c, &done));
    context("write_fails.context", c);
    show_calls("fails.calls");
    c->privctx = state;
    c->privdata = mark;
    c->free_privdata = freed_privdata;
    redisFree(c);
    show_calls("free.calls");

    c = with_table();
    begin("table_keep_fd");
    {
        int fd = redisFreeKeepFd(c);
        note("open", "%d", fd_is_open(fd));
        close(fd);
    }
    show_calls("calls");

    c = with_table();
    begin("table_reconnect");
    c->privctx = state;
    c->privdata = mark;
    c->free_privdata = freed_privdata;
    note("reconnect", "%d", redisReconnect(c));
    note("privctx", "%d", c->privctx != NULL);
    note("privdata", "%d", c->privdata == mark);
    show_calls("calls");
    note("table_kept", "%d", c->funcs == &traced);
    c->funcs = defaults;
    redisFree(c);
}

static void reconnects(void) {
    struct timeval tv = {5, 0}, tv2 = {7, 0};
    redisContext *c = connected();
    void *r;
    int fds[2], old;
    begin("reconnect.idle");
    redisAppendCommand(c, "LOST");
    redisReaderFeed(c->reader, "+lost\r\n+half", 12);
    redisSetTimeout(c, tv);
    note("rc", "%d", redisReconnect(c));
    peer_accept(&p);
    context("context", c);
    note("reader", "pos %zu len %zu", c->reader->pos, c->reader->len);
    note("timeout", "%ld", (long)c->command_timeout->tv_sec);
    {
        struct timeval set = {0, 0};
        socklen_t len = sizeof set;
        getsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &set, &len);
        note("rcvtimeo", "%ld", (long)set.tv_sec);
    }
    peer_say(&p, "+PONG\r\n");
    r = redisCommand(c, "PING");
    note("reply", "%s", reply_text(r));
    freeReplyObject(r);
    redisFree(c);

    c = connected();
    begin("reconnect.after_eof");
    peer_close(&p);
    note("command", "%s", reply_text(redisCommand(c, "PING")));
    context("broken", c);
    note("rc", "%d", redisReconnect(c));
    peer_accept(&p);
    context("context", c);
    peer_say(&p, "+PONG\r\n");
    r = redisCommand(c, "PING");
    note("reply", "%s", reply_text(r));
    freeReplyObject(r);
    redisFree(c);

    c = connected();
    begin("reconnect.after_protocol_error");
    peer_say(&p, "@\r\n");
    note("command", "%s", reply_text(redisCommand(c, "PING")));
    note("rc", "%d", redisReconnect(c));
    context("context", c);
    redisFree(c);

    begin("reconnect.unix");
    c = redisConnectUnixWithTimeout(local.path, tv2);
    note("rc", "%d", redisReconnect(c));
    context("context", c);
    note("path", "%d", strcmp(c->unix_sock.path, local.path));
    note("connect_timeout", "%ld", c->connect_timeout ? (long)c->connect_timeout->tv_sec : -1);
    redisFree(c);

    begin("reconnect.nonblock");
    c = redisConnectNonBlock("127.0.0.1", p.port);
    note("rc", "%d", redisReconnect(c));
    context("context", c);
    redisFree(c);

    begin("reconnect.bind");
    c = redisConnectBindNonBlock("127.0.0.1", p.port, "127.0.0.1");
    note("rc", "%d", redisReconnect(c));
    note("source", "%s", c->tcp.source_addr);
    redisFree(c);

    begin("reconnect.failed_context");
    c = redisConnect("no-such-host.invalid", 1);
    note("rc", "%d", redisReconnect(c));
    context("context", c);
    redisFree(c);

    begin("reconnect.to_nobody");
    {
        struct peer gone;
        peer_listen(&gone);
        c = redisConnect("127.0.0.1", gone.port);
        peer_accept(&gone);
        peer_stop_listening(&gone);
        note("rc", "%d", redisReconnect(c));
        context("context", c);
        note("again", "%d", redisReconnect(c));
        note("get", "%d", redisGetReply(c, NULL));
        redisFree(c);
        peer_end(&gone);
    }

    begin("reconnect.fd");
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) peer_die("socketpair");
    c = redisConnectFd(fds[0]);
    note("rc", "%d", redisReconnect(c));
    note("failed", "%d '%s'", c->err, c->errstr);
    redisFree(c);
    note("old_open", "%d", fd_is_open(fds[0]));
    close(fds[1]);

    c = connected();
    begin("reconnect.settings");
    c->reader->maxbuf = 99;
    c->reader->maxelements = 88;
    c->flags |= REDIS_NO_AUTO_FREE;
    redisSetPushCallback(c, NULL);
    redisEnableKeepAliveWithInterval(c, 9);
    old = c->flags;
    note("rc", "%d", redisReconnect(c));
    note("flags_same", "%d", c->flags == old);
    note("push_cb", "%d", c->push_cb != NULL);
    note("maxbuf", "%zu", c->reader->maxbuf);
    note("maxelements", "%lld", c->reader->maxelements);
    {
        int on = -1;
        socklen_t len = sizeof on;
        getsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len);
        note("keepalive", "%d", on);
    }
    redisFree(c);

    c = connected();
    begin("reconnect.bad_command_timeout");
    {
        struct timeval bad = {1, 2000000};
        note("set", "%d", redisSetTimeout(c, bad));
        context("set.context", c);
        if (c->command_timeout == NULL) note("stored", "nothing");
        else note("stored", "%ld.%06ld", (long)c->command_timeout->tv_sec, (long)c->command_timeout->tv_usec);
        note("rc", "%d", redisReconnect(c));
        context("context", c);
    }
    redisFree(c);
}

static int option_of(redisContext *c, int level, int name) {
    int value = -1;
    socklen_t len = sizeof value;
    getsockopt(c->fd, level, name, &value, &len);
    return value;
}

static void socket_options(void) {
    static const int intervals[] = {15, 1, 2, 3, 10, 300, 32767, 0, -1, 40000};
    redisContext *c;
    for (size_t i = 0; i < sizeof intervals / sizeof *intervals; i++) {
        c = connected();
        begin("keepalive.%d", intervals[i]);
        note("rc", "%d", redisEnableKeepAliveWithInterval(c, intervals[i]));
        note("set", "on %d idle %d intvl %d cnt %d", option_of(c, SOL_SOCKET, SO_KEEPALIVE), option_of(c, IPPROTO_TCP, TCP_KEEPIDLE),
             option_of(c, IPPROTO_TCP, TCP_KEEPINTVL), option_of(c, IPPROTO_TCP, TCP_KEEPCNT));
        context("context", c);
        redisFree(c);
    }
    c = connected();
    begin("keepalive.default");
    note("rc", "%d", redisEnableKeepAlive(c));
    note("idle", "%d", option_of(c, IPPROTO_TCP, TCP_KEEPIDLE));
    redisFree(c);
    c = redisConnectUnix(local.path);
    begin("keepalive.unix");
    note("rc", "%d", redisEnableKeepAlive(c));
    note("on", "%d", option_of(c, SOL_SOCKET, SO_KEEPALIVE));
    context("context", c);
    note("user_timeout", "%d", redisSetTcpUserTimeout(c, 100));
    context("user_timeout.context", c);
    redisFree(c);
    c = connected();
    begin("user_timeout");
    note("rc", "%d", redisSetTcpUserTimeout(c, 1234));
    note("set", "%d", option_of(c, IPPROTO_TCP, TCP_USER_TIMEOUT));
    note("zero", "%d", redisSetTcpUserTimeout(c, 0));
    note("cleared", "%d", option_of(c, IPPROTO_TCP, TCP_USER_TIMEOUT));
    note("huge", "%d", redisSetTcpUserTimeout(c, 0xffffffffu));
    note("huge_err", "%d '%s'", c->err, c->errstr);
    redisFree(c);
    c = redisConnect("no-such-host.invalid", 1);
    begin("options.no_fd");
    note("keepalive", "%d", redisEnableKeepAlive(c));
    note("keepalive_err", "%d '%s'", c->err, c->errstr);
    note("user_timeout", "%d", redisSetTcpUserTimeout(c, 5));
    note("user_timeout_err", "%d '%s'", c->err, c->errstr);
    {
        struct timeval tv = {1, 0};
        note("timeout", "%d", redisSetTimeout(c, tv));
        note("timeout_err", "%d '%s'", c->err, c->errstr);
    }
    redisFree(c);
}

static void set_timeouts(void) {
    static const struct timeval tried[] = {{0, 0}, {1, 0}, {0, 1}, {0, 999999}, {0, 1000000}, {0, -1}, {-1, 0}, {2000000000, 0}};
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        redisContext *c = connected();
        begin("set_timeout.%zu", i);
        note("rc", "%d", redisSetTimeout(c, tried[i]));
        note("stored", "%ld.%06ld", c->command_timeout ? (long)c->command_timeout->tv_sec : -9L,
             c->command_timeout ? (long)c->command_timeout->tv_usec : -9L);
        context("context", c);
        redisFree(c);
    }
}

/* A file descriptor of the program's. */
static void user_fd(void) {
    int fds[2], flags;
    struct timeval tv = {0, 30000};
    redisContext *c;
    redisOptions o = {0};
    void *r;
    begin("fd");
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) peer_die("socketpair");
    o.type = REDIS_CONN_USERFD;
    o.endpoint.fd = fds[0];
    o.command_timeout = &tv;
    c = redisConnectWithOptions(&o);
    note("same", "%d", c->fd == fds[0]);
    p.fd = fds[1];
    peer_say(&p, "+PONG\r\n");
    r = redisCommand(c, "PING");
    note("reply", "%s", reply_text(r));
    freeReplyObject(r);
    note("timed_out", "%s", reply_text(redisCommand(c, "PING")));
    note("err", "%d '%s'", c->err, c->errstr);
    note("freed_keep", "%d", redisFreeKeepFd(c) == fds[0]);
    note("open", "%d", fd_is_open(fds[0]));
    flags = fcntl(fds[0], F_GETFL);
    note("still_blocking", "%d", (flags & O_NONBLOCK) == 0);
    o.options = REDIS_OPT_NONBLOCK;
    c = redisConnectWithOptions(&o);
    note("nonblock_flags", "0x%x", c->flags);
    note("mode_untouched", "%d", (fcntl(fds[0], F_GETFL) & O_NONBLOCK) == 0);
    redisFree(c);
    note("closed", "%d", !fd_is_open(fds[0]));
    peer_close(&p);
    c = redisConnectFd(-1);
    note("invalid_command", "%s", reply_text(redisCommand(c, "PING")));
    note("invalid_err", "%d '%s'", c->err, c->errstr);
    redisFree(c);
}

int main(void) {
    begin("start");
    peer_listen_backlog(&p, 1000);
    peer_listen_unix(&local, "sync-context", 100);
    tables();
    reconnects();
    socket_options();
    set_timeouts();
    user_fd();
    peer_end(&p);
    peer_end(&local);
    return 0;
}

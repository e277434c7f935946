/* The order of hooks and callbacks through the life of an asynchronous context (contract section 6, traces), for
 * every combination of transport, ownership options and timeouts. */
#include "../c/hooks.h"

static const struct variant {
    const char *name;
    int options;
    int timed;
    int local; /* unix socket */
} variants[] = {
    {"tcp", 0, 0, 0},
    {"tcp-timed", 0, 1, 0},
    {"unix", 0, 0, 1},
    {"keep", REDIS_OPT_NOAUTOFREE, 0, 0},
    {"keep-timed", REDIS_OPT_NOAUTOFREE, 1, 0},
    {"own", REDIS_OPT_NOAUTOFREEREPLIES, 0, 0},
    {"keep-own", REDIS_OPT_NOAUTOFREE | REDIS_OPT_NOAUTOFREEREPLIES, 0, 1},
};

static const struct variant *variant;
static struct session s;
static struct peer p;
static struct timeval one = {1, 0}, two = {2, 0};

static struct expect a = {"a", NULL}, b = {"b", NULL}, c = {"c", NULL}, sub = {"sub", NULL}, psub = {"psub", NULL};

/* The context exists and no event has been served. */
static void opened(void) {
    redisOptions o = {0};
    if (variant->local) {
        REDIS_OPTIONS_SET_UNIX(&o, p.path);
    } else {
        REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    }
    o.options = variant->options;
    if (variant->timed) o.connect_timeout = &one, o.command_timeout = &two;
    session_open(&s, &o);
}

static void with_callbacks(void) {
    redisAsyncSetConnectCallback(s.ac, on_connect);
    redisAsyncSetDisconnectCallback(s.ac, on_disconnect);
}

static void listening(void) {
    if (variant->local) peer_listen_unix(&p, "async-trace", 16);
    else peer_listen(&p);
    opened();
}

static void connected(void) {
    listening();
    with_callbacks();
    drive_write(&s);
    peer_accept(&p);
    step("connected");
}

static void finish(void) {
    state("state", &s);
    if (s.ac) redisAsyncFree(s.ac);
    step("end");
    peer_end(&p);
}

static void ordinary_life(void) {
    listening();
    state("fresh", &s);
    redisAsyncSetConnectCallback(s.ac, on_connect);
    step("set-connect-callback");
    redisAsyncSetDisconnectCallback(s.ac, on_disconnect);
    step("set-disconnect-callback");
    ask(&s, &a, "PING");
    step("command");
    drive_write(&s);
    step("write");
    state("waiting", &s);
    peer_accept(&p);
    note("heard", "%s", peer_heard(&p, 1000));
    peer_say(&p, "+PONG\r\n");
    drive_read(&s);
    step("reply");
    state("idle", &s);
    ask(&s, &b, "ECHO b");
    step("second-command");
    drive_flush(&s);
    step("second-write");
    redisAsyncDisconnect(s.ac);
    step("disconnect");
    state("draining", &s);
    note("refused-now", "%d", ask(&s, &c, "PING"));
    peer_say(&p, "$1\r\nb\r\n");
    drive_read(&s);
    step("last-reply");
    finish();
}

static void connect_by_read_event(void) {
    listening();
    with_callbacks();
    step("open");
    redisAsyncHandleRead(s.ac);
    step("read-event");
    state("after", &s);
    finish();
}

static void connect_without_callbacks(void) {
    listening();
    step("open");
    drive_write(&s);
    step("write-event");
    ask(&s, &a, "PING");
    step("command");
    drive_flush(&s);
    step("flush");
    finish();
}

static void connect_nothing_to_send(void) {
    connected();
    drive_write(&s);
    step("idle-write-event");
    finish();
}

static void command_from_connect(struct session *t, int status) {
    trace_call("[ask %d]", ask(t, &a, "PING"));
    (void)status;
}

static void connect_issues_command(void) {
    listening();
    with_callbacks();
    s.on_connect = command_from_connect;
    drive_write(&s);
    step("write");
    peer_accept(&p);
    note("heard", "%s", peer_heard(&p, 1000));
    peer_say(&p, "+PONG\r\n");
    drive_read(&s);
    step("reply");
    finish();
}

static void disconnect_from_connect(struct session *t, int status) {
    redisAsyncDisconnect(t->ac);
    trace_call("[ask %d]", ask(t, &b, "PING"));
    (void)status;
}
static void free_from_connect(struct session *t, int status) {
    redisAsyncFree(t->ac);
    trace_call("[ask %d]", ask(t, &b, "PING"));
    (void)status;
}
static void both_from_connect(struct session *t, int status) {
    redisAsyncDisconnect(t->ac);
    redisAsyncFree(t->ac);
    redisAsyncFree(t->ac);
    (void)status;
}

static void ended_in_connect(void (*act)(struct session *, int), int queued) {
    listening();
    with_callbacks();
    s.on_connect = act;
    if (queued) ask(&s, &a, "PING");
    drive_write(&s);
    step("write");
    state("after", &s);
    if (s.ac) {
        peer_accept(&p);
        drive_flush(&s);
        step("flush");
        peer_say(&p, "+PONG\r\n");
        drive_read(&s);
        step("reply");
    }
    finish();
}
static void connect_disconnects(void) { ended_in_connect(disconnect_from_connect, 0); }
static void connect_disconnects_queued(void) { ended_in_connect(disconnect_from_connect, 1); }
static void connect_frees(void) { ended_in_connect(free_from_connect, 0); }
static void connect_frees_queued(void) { ended_in_connect(free_from_connect, 1); }
static void connect_does_both(void) { ended_in_connect(both_from_connect, 1); }

/* A unix peer that does not listen fails in the constructor; a TCP one at the first event. */
static void refused(void (*act)(struct session *, int), int commands, int callbacks) {
    if (variant->local) {
        peer_listen_unix(&p, "async-trace", 1);
        close(p.listener);
        p.listener = -1;
    } else {
        peer_refuse(&p);
    }
    opened();
    state("fresh", &s);
    if (callbacks) with_callbacks();
    s.on_connect = act;
    if (commands > 0) note("ask", "%d", ask(&s, &a, "PING"));
    if (commands > 1) note("ask2", "%d", ask(&s, &sub, "SUBSCRIBE ch"));
    step("issued");
    drive_write(&s);
    step("write");
    if (s.ac) note("ask-later", "%d", ask(&s, &c, "PING"));
    step("later");
    finish();
}
static void refused_idle(void) { refused(NULL, 0, 1); }
static void refused_one_pending(void) { refused(NULL, 1, 1); }
static void refused_with_subscription(void) { refused(NULL, 2, 1); }
static void refused_no_callbacks(void) { refused(NULL, 1, 0); }
static void refused_command_in_callback(void) { refused(command_from_connect, 1, 1); }
static void refused_disconnect_in_callback(void) { refused(disconnect_from_connect, 1, 1); }
static void refused_free_in_callback(void) { refused(free_from_connect, 1, 1); }

static void ended_by_peer(int commands, void (*how)(struct peer *), const char *before) {
    connected();
    if (commands > 0) ask(&s, &a, "PING");
    if (commands > 1) ask(&s, &b, "PING");
    if (commands > 2) ask(&s, &c, "PING");
    drive_flush(&s);
    peer_heard(&p, commands ? 1000 : 0);
    if (before) peer_say(&p, before);
    if (how) how(&p);
    step("asked");
    drive_read(&s);
    step("read");
    if (s.ac && s.ac->err == 0 && peer_ready(s.ac->c.fd, POLLIN, 0)) {
        drive_read(&s);
        step("read-again");
    }
    state("after", &s);
    if (s.ac) note("ask-later", "%d", ask(&s, &c, "PING"));
    step("later");
    finish();
}
static void eof_idle(void) { ended_by_peer(0, peer_close, NULL); }
static void eof_one_pending(void) { ended_by_peer(1, peer_close, NULL); }
static void eof_three_pending(void) { ended_by_peer(3, peer_close, NULL); }
static void eof_half_closed(void) { ended_by_peer(1, peer_half_close, NULL); }
static void eof_after_half_reply(void) { ended_by_peer(2, peer_half_close, "+PONG\r\n$5\r\nhe"); }
static void reset_idle(void) { ended_by_peer(0, variant->local ? peer_close : peer_reset, NULL); }
static void reset_three_pending(void) { ended_by_peer(3, variant->local ? peer_close : peer_reset, NULL); }
static void protocol_error_first(void) { ended_by_peer(2, NULL, "@\r\n"); }
static void protocol_error_second(void) { ended_by_peer(2, NULL, "+PONG\r\n@\r\n"); }
static void two_replies_in_one_read(void) { ended_by_peer(2, NULL, "+PONG\r\n-ERR no\r\n"); }
static void unasked_error_idle(void) { ended_by_peer(0, NULL, "-ERR max number of clients reached\r\n"); }
static void unasked_error_after_reply(void) { ended_by_peer(1, NULL, "+PONG\r\n-ERR idle\r\n+more\r\n"); }

static void write_after_reset(void) {
    connected();
    ask(&s, &a, "PING");
    peer_close(&p); /* answers what comes with RST */
    drive_write(&s);
    step("write");
    drive_read(&s);
    step("read");
    finish();
}

static void free_with_everything(void) {
    connected();
    ask(&s, &a, "PING");
    ask(&s, &sub, "SUBSCRIBE ch");
    ask(&s, &psub, "PSUBSCRIBE pat*");
    ask(&s, &b, "PING");
    step("asked");
    state("asked", &s);
    redisAsyncFree(s.ac);
    step("freed");
    finish();
}

static void disconnect_with_everything(void) {
    connected();
    ask(&s, &a, "PING");
    drive_flush(&s);
    ask(&s, &sub, "SUBSCRIBE ch");
    ask(&s, &b, "PING");
    drive_flush(&s);
    step("asked");
    redisAsyncDisconnect(s.ac);
    step("disconnect");
    peer_say(&p, "+PONG\r\n");
    drive_read(&s);
    step("drained");
    finish();
}

static void free_unconnected(void) {
    listening();
    with_callbacks();
    ask(&s, &a, "PING");
    step("asked");
    redisAsyncFree(s.ac);
    step("freed");
    finish();
}
static void disconnect_unconnected(void) {
    listening();
    with_callbacks();
    step("opened");
    redisAsyncDisconnect(s.ac);
    step("disconnect");
    finish();
}
static void disconnect_unconnected_queued(void) {
    listening();
    with_callbacks();
    ask(&s, &a, "PING");
    redisAsyncDisconnect(s.ac);
    step("disconnect");
    state("after", &s);
    drive_write(&s);
    step("write");
    peer_accept(&p);
    peer_say(&p, "+PONG\r\n");
    if (s.ac) drive_flush(&s);
    drive_read(&s);
    step("read");
    finish();
}
static void disconnect_idle(void) {
    connected();
    redisAsyncDisconnect(s.ac);
    step("disconnect");
    finish();
}
static void disconnect_then_peer_closes(void) {
    connected();
    ask(&s, &a, "PING");
    drive_flush(&s);
    redisAsyncDisconnect(s.ac);
    redisAsyncDisconnect(s.ac);
    peer_heard(&p, 1000);
    peer_close(&p);
    step("disconnect");
    drive_read(&s);
    step("closed");
    finish();
}

static void reply_asks_again(struct session *t, redisReply *r) {
    if (r) trace_call("[ask %d]", ask(t, &c, "ECHO again"));
    else trace_call("[ask null %d]", ask(t, &c, "ECHO never"));
}
static void reply_disconnects(struct session *t, redisReply *r) {
    (void)r;
    redisAsyncDisconnect(t->ac);
}
static void reply_frees(struct session *t, redisReply *r) {
    (void)r;
    redisAsyncFree(t->ac);
}
static void reply_asks_then_disconnects(struct session *t, redisReply *r) {
    reply_asks_again(t, r);
    redisAsyncDisconnect(t->ac);
    reply_asks_again(t, r);
}
static void reply_ends_twice(struct session *t, redisReply *r) {
    (void)r;
    redisAsyncFree(t->ac);
    redisAsyncDisconnect(t->ac);
    redisAsyncFree(t->ac);
}

static void acted_in_reply(void (*act)(struct session *, redisReply *), const char *answer, int close_after) {
    struct expect acting = {"acting", act};
    connected();
    ask(&s, &acting, "PING");
    ask(&s, &a, "PING");
    drive_flush(&s);
    peer_heard(&p, 1000);
    if (answer) peer_say(&p, answer);
    if (close_after) peer_close(&p);
    step("asked");
    drive_read(&s);
    step("read");
    if (s.ac) {
        state("after", &s);
        if (s.ac->err == 0) {
            drive_flush(&s);
            step("flush");
            note("heard", "%s", p.fd >= 0 ? peer_heard(&p, 20) : "");
            if (p.fd >= 0) peer_say(&p, "+more\r\n");
            drive_read(&s);
            step("more");
        }
    }
    finish();
}
static void reply_issues(void) { acted_in_reply(reply_asks_again, "+1\r\n+2\r\n", 0); }
static void reply_issues_first_of_two(void) { acted_in_reply(reply_asks_again, "+1\r\n", 0); }
static void reply_issues_at_eof(void) { acted_in_reply(reply_asks_again, NULL, 1); }
static void reply_disconnects_both_there(void) { acted_in_reply(reply_disconnects, "+1\r\n+2\r\n", 0); }
static void reply_disconnects_one_there(void) { acted_in_reply(reply_disconnects, "+1\r\n", 0); }
static void reply_disconnects_at_eof(void) { acted_in_reply(reply_disconnects, NULL, 1); }
static void reply_frees_both_there(void) { acted_in_reply(reply_frees, "+1\r\n+2\r\n", 0); }
static void reply_frees_one_there(void) { acted_in_reply(reply_frees, "+1\r\n", 0); }
static void reply_frees_at_eof(void) { acted_in_reply(reply_frees, NULL, 1); }
static void reply_issues_and_disconnects(void) { acted_in_reply(reply_asks_then_disconnects, "+1\r\n+2\r\n", 0); }
static void reply_ends_twice_there(void) { acted_in_reply(reply_ends_twice, "+1\r\n+2\r\n", 0); }
static void reply_ends_twice_at_eof(void) { acted_in_reply(reply_ends_twice, NULL, 1); }

static void disconnect_in_disconnect(struct session *t, int status) {
    (void)status;
    redisAsyncDisconnect(t->ac);
    redisAsyncFree(t->ac);
    trace_call("[ask %d]", ask(t, &c, "PING"));
}
static void disconnect_callback_ends_eof(void) {
    connected();
    s.on_disconnect = disconnect_in_disconnect;
    ask(&s, &a, "PING");
    drive_flush(&s);
    peer_heard(&p, 1000);
    peer_close(&p);
    drive_read(&s);
    step("read");
    finish();
}
static void disconnect_callback_ends_free(void) {
    connected();
    s.on_disconnect = disconnect_in_disconnect;
    redisAsyncFree(s.ac);
    step("freed");
    finish();
}

/* More than the socket takes at once. */
static void large_command(void) {
    static char value[6000000];
    size_t swallowed = 0;
    memset(value, 'v', sizeof value);
    connected();
    redisAsyncCommand(s.ac, on_reply, &a, "SET big %b", value, sizeof value);
    step("command");
    drive_write(&s);
    step("first-write");
    while (s.writing) {
        swallowed += peer_swallow_present(&p);
        trace.hooks[0] = 0;
        drive_write(&s);
    }
    step("last-write");
    swallowed += peer_swallow(&p, sizeof value + 34 - swallowed); /* the rest of it, framed */
    note("swallowed", "%zu", swallowed);
    peer_say(&p, "+OK\r\n");
    drive_read(&s);
    step("reply");
    finish();
}

static void byte_by_byte(void) {
    const char *answer = "*2\r\n$3\r\nfoo\r\n:12\r\n+next\r\n";
    char name[16];
    connected();
    ask(&s, &a, "A");
    ask(&s, &b, "B");
    drive_flush(&s);
    step("asked");
    for (int i = 0; answer[i]; i++) {
        peer_send(&p, answer + i, 1);
        drive_read(&s);
        snprintf(name, sizeof name, "byte%d", i);
        step(name);
    }
    finish();
}

static void timeout_in(const char *moment) {
    if (s.ac == NULL) return;
    redisAsyncHandleTimeout(s.ac);
    step(moment);
}
/* The connect is not done when its time is up, where that can be: one to a unix socket is done at once. */
static int held[8], holds;
static void connecting(void) {
    holds = 0;
    if (variant->local) {
        listening();
        return;
    }
    holds = peer_listen_full(&p, held);
    opened();
}
static void finish_connecting(void) {
    while (holds > 0) close(held[--holds]);
    finish();
}
static void timeout_unconnected(void) {
    connecting();
    with_callbacks();
    ask(&s, &a, "PING");
    step("asked");
    if (variant->timed) usleep(1020000);
    timeout_in("timeout");
    finish_connecting();
}
static void timeout_unconnected_idle(void) {
    connecting();
    with_callbacks();
    step("opened");
    if (variant->timed) usleep(1020000);
    timeout_in("timeout");
    finish_connecting();
}
static void timeout_idle(void) {
    connected();
    timeout_in("timeout");
    state("after", &s);
    finish();
}

static struct {
    const char *name;
    void (*run)(void);
} scenarios[] = {
#define S(name) {#name, name}
    S(ordinary_life), S(connect_by_read_event), S(connect_without_callbacks), S(connect_nothing_to_send),
    S(connect_issues_command), S(connect_disconnects), S(connect_disconnects_queued), S(connect_frees),
    S(connect_frees_queued), S(connect_does_both), S(refused_idle), S(refused_one_pending), S(refused_with_subscription),
    S(refused_no_callbacks), S(refused_command_in_callback), S(refused_disconnect_in_callback),
    S(refused_free_in_callback), S(eof_idle), S(eof_one_pending), S(eof_three_pending), S(eof_half_closed),
    S(eof_after_half_reply), S(reset_idle), S(reset_three_pending), S(protocol_error_first), S(protocol_error_second),
    S(two_replies_in_one_read), S(unasked_error_idle), S(unasked_error_after_reply), S(write_after_reset),
    S(free_with_everything), S(disconnect_with_everything), S(free_unconnected), S(disconnect_unconnected),
    S(disconnect_unconnected_queued), S(disconnect_idle), S(disconnect_then_peer_closes), S(reply_issues),
    S(reply_issues_first_of_two), S(reply_issues_at_eof), S(reply_disconnects_both_there), S(reply_disconnects_one_there),
    S(reply_disconnects_at_eof), S(reply_frees_both_there), S(reply_frees_one_there), S(reply_frees_at_eof),
    S(reply_issues_and_disconnects), S(reply_ends_twice_there), S(reply_ends_twice_at_eof),
    S(disconnect_callback_ends_eof), S(disconnect_callback_ends_free), S(large_command), S(byte_by_byte),
    S(timeout_unconnected), S(timeout_unconnected_idle), S(timeout_idle),
};

int main(void) {
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        for (size_t v = 0; v < sizeof variants / sizeof *variants; v++) {
            variant = &variants[v];
            begin("%s.%s", scenarios[i].name, variant->name);
            scenarios[i].run();
        }
    return 0;
}

/* Subscription bookkeeping against a scripted peer, in RESP2 and RESP3 shapes (contract section 6, "Subscription
 * lookup", "Issuing commands", redisProcessCallbacks, Monitor). */
#include "../c/hooks.h"

static struct session s;
static struct peer p;
static char mark; /* of the protocol: '*' or '>' */

static struct expect a = {"a", NULL}, b = {"b", NULL}, c = {"c", NULL}, sub = {"sub", NULL}, sub2 = {"sub2", NULL},
                     psub = {"psub", NULL}, unsub = {"unsub", NULL};

static void opened(const char *name, int options) {
    begin("%s.resp%c", name, mark == '*' ? '2' : '3');
    session_connected(&s, &p, options);
    redisAsyncSetPushCallback(s.ac, on_push);
}

static void issue(const char *name, struct expect *e, const char *command) {
    note(name, "%d", s.ac ? ask(&s, e, command) : -9);
}

/* What the peer says next; '>' and '*' stand for the protocol's own mark of an array that may be a push. */
static void said(const char *name, const char *text) {
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", text);
    for (char *at = copy; *at; at++)
        if (*at == '@' && (at == copy || at[-1] == '\n')) *at = mark;
    if (s.ac == NULL || s.ac->err) return;
    drive_flush(&s);
    peer_say(&p, copy);
    drive_read(&s);
    step(name);
    state(name, &s);
}

#define SUBSCRIBED_CH "@3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n"
#define SUBSCRIBED_CH2 "@3\r\n$9\r\nsubscribe\r\n$3\r\nch2\r\n:2\r\n"
#define PSUBSCRIBED "@3\r\n$10\r\npsubscribe\r\n$2\r\np*\r\n:2\r\n"
#define MESSAGE "@3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$2\r\nhi\r\n"
#define PMESSAGE "@4\r\n$8\r\npmessage\r\n$2\r\np*\r\n$2\r\npx\r\n$2\r\nhi\r\n"
#define UNSUBSCRIBED(n) "@3\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n:" #n "\r\n"
#define UNSUBSCRIBED_CH2(n) "@3\r\n$11\r\nunsubscribe\r\n$3\r\nch2\r\n:" #n "\r\n"
#define PUNSUBSCRIBED(n) "@3\r\n$12\r\npunsubscribe\r\n$2\r\np*\r\n:" #n "\r\n"

static void close_case(void) {
    session_end(&s, &p);
}

static void simple(void) {
    opened("simple", 0);
    issue("ask", &sub, "SUBSCRIBE ch");
    said("subscribed", SUBSCRIBED_CH);
    said("message", MESSAGE);
    said("unknown_channel", "@3\r\n$7\r\nmessage\r\n$5\r\nother\r\n$2\r\nhi\r\n");
    issue("ask_unsub", &unsub, "UNSUBSCRIBE ch");
    note("heard", "%s", peer_heard(&p, 0));
    said("unsubscribed", UNSUBSCRIBED(0));
    issue("ask_after", &a, "PING");
    said("pong", "+PONG\r\n");
    close_case();
}

static void case_of_names(void) {
    opened("case_of_names", 0);
    issue("ask", &sub, "sUbScRiBe ch");
    said("subscribed", "@3\r\n$9\r\nSUBSCRIBE\r\n$2\r\nch\r\n:1\r\n");
    said("message", "@3\r\n$7\r\nMeSsAgE\r\n$2\r\nch\r\n$2\r\nhi\r\n");
    issue("ask_unsub", &unsub, "UnSubscribe ch");
    said("unsubscribed", "@3\r\n$11\r\nUNSUBSCRIBE\r\n$2\r\nch\r\n:0\r\n");
    close_case();
}

static void several_channels(void) {
    opened("several_channels", 0);
    issue("ask", &sub, "SUBSCRIBE ch ch2");
    said("both", SUBSCRIBED_CH SUBSCRIBED_CH2);
    said("message", MESSAGE);
    issue("ask_unsub", &unsub, "UNSUBSCRIBE ch2");
    said("one_left", UNSUBSCRIBED_CH2(1));
    issue("ask_unsub_all", &unsub, "UNSUBSCRIBE");
    said("none_left", UNSUBSCRIBED(0));
    issue("ask_again", &sub2, "SUBSCRIBE ch");
    said("subscribed_again", SUBSCRIBED_CH);
    close_case();
}

static void unsubscribe_everything(void) {
    opened("unsubscribe_everything", 0);
    issue("ask", &sub, "SUBSCRIBE ch ch2");
    said("both", SUBSCRIBED_CH SUBSCRIBED_CH2);
    issue("ask_unsub_all", &unsub, "UNSUBSCRIBE");
    said("first", UNSUBSCRIBED(1));
    said("second", UNSUBSCRIBED_CH2(0));
    issue("ask_unsub_none", &unsub, "UNSUBSCRIBE");
    close_case();
}

static void patterns(void) {
    opened("patterns", 0);
    issue("ask", &sub, "SUBSCRIBE ch");
    issue("ask_p", &psub, "PSUBSCRIBE p*");
    said("both", SUBSCRIBED_CH PSUBSCRIBED);
    said("messages", MESSAGE PMESSAGE);
    issue("ask_unsub", &unsub, "UNSUBSCRIBE");
    said("pattern_left", UNSUBSCRIBED(1));
    issue("ask_punsub", &unsub, "PUNSUBSCRIBE");
    said("none_left", PUNSUBSCRIBED(0));
    close_case();
}

static void same_channel_again(void) {
    opened("same_channel_again", 0);
    issue("ask", &sub, "SUBSCRIBE ch");
    issue("ask_again", &sub2, "SUBSCRIBE ch");
    said("first", SUBSCRIBED_CH);
    said("second", SUBSCRIBED_CH);
    said("message", MESSAGE);
    issue("ask_unsub", &unsub, "UNSUBSCRIBE ch");
    issue("ask_unsub_twice", &unsub, "UNSUBSCRIBE ch");
    said("unsubscribed", UNSUBSCRIBED(0));
    said("unsubscribed_twice", UNSUBSCRIBED(0));
    close_case();
}

static void unsubscribe_then_subscribe(void) {
    opened("unsubscribe_then_subscribe", 0);
    issue("ask", &sub, "SUBSCRIBE ch");
    said("subscribed", SUBSCRIBED_CH);
    issue("ask_unsub", &unsub, "UNSUBSCRIBE ch");
    issue("ask_again", &sub2, "SUBSCRIBE ch");
    said("crossing", UNSUBSCRIBED(0) SUBSCRIBED_CH);
    said("message", MESSAGE);
    close_case();
}

static void unsubscribe_unknown(void) {
    opened("unsubscribe_unknown", 0);
    issue("early", &unsub, "UNSUBSCRIBE ch");
    issue("early_p", &unsub, "PUNSUBSCRIBE");
    issue("ask", &sub, "SUBSCRIBE ch");
    issue("unknown", &unsub, "UNSUBSCRIBE other");
    state("asked", &s);
    said("subscribed", SUBSCRIBED_CH "@3\r\n$11\r\nunsubscribe\r\n$5\r\nother\r\n:1\r\n");
    issue("ask_unsub", &unsub, "UNSUBSCRIBE ch");
    said("unsubscribed", UNSUBSCRIBED(0));
    close_case();
}

static void commands_while_subscribed(void) {
    opened("commands_while_subscribed", 0);
    issue("before", &a, "PING");
    issue("ask", &sub, "SUBSCRIBE ch");
    issue("after", &b, "PING");
    state("asked", &s);
    said("pong", "+PONG\r\n");
    said("subscribed", SUBSCRIBED_CH);
    said("ping_in_array", mark == '*' ? "*2\r\n$4\r\npong\r\n$0\r\n\r\n" : "+PONG\r\n");
    issue("again", &c, "PING x");
    said("message_first", MESSAGE "*2\r\n$4\r\npong\r\n$1\r\nx\r\n");
    close_case();
}

static void queue_moves_back(void) {
    opened("queue_moves_back", 0);
    issue("ask", &sub, "SUBSCRIBE ch");
    issue("ask_a", &a, "PING");
    issue("ask_unsub", &unsub, "UNSUBSCRIBE ch");
    issue("ask_b", &b, "PING");
    issue("ask_c", &c, "GET x");
    state("asked", &s);
    said("subscribed", SUBSCRIBED_CH);
    said("first", "+a\r\n");
    said("unsubscribed", UNSUBSCRIBED(0));
    said("rest", "+b\r\n$1\r\nc\r\n");
    close_case();
}

static void null_callbacks(void) {
    opened("null_callbacks", 0);
    note("command", "%d", redisAsyncCommand(s.ac, NULL, NULL, "PING"));
    note("subscribe", "%d", redisAsyncCommand(s.ac, NULL, NULL, "SUBSCRIBE ch"));
    state("asked", &s);
    said("answers", "+PONG\r\n" SUBSCRIBED_CH MESSAGE);
    note("while_subscribed", "%d", redisAsyncCommand(s.ac, NULL, NULL, "PING"));
    note("unsubscribe", "%d", redisAsyncCommand(s.ac, NULL, NULL, "UNSUBSCRIBE"));
    said("answers_end", "*2\r\n$4\r\npong\r\n$0\r\n\r\n" UNSUBSCRIBED(0));
    close_case();
}

static void subscribe_without_arguments(void) {
    opened("subscribe_without_arguments", 0);
    issue("ask", &a, "SUBSCRIBE");
    state("asked", &s);
    said("error", "-ERR wrong number of arguments\r\n");
    close_case();
}

static void ends_while_subscribed(const char *name, void (*how)(struct session *), int pending) {
    opened(name, 0);
    issue("ask", &sub, "SUBSCRIBE ch");
    issue("ask_p", &psub, "PSUBSCRIBE p*");
    said("subscribed", SUBSCRIBED_CH PSUBSCRIBED);
    if (pending) issue("ask_pending", &a, "PING");
    drive_flush(&s);
    trace.hooks[0] = 0;
    how(&s);
    step("ended");
    state("ended", &s);
    close_case();
}
static void by_free(struct session *t) { redisAsyncFree(t->ac); }
static void by_disconnect(struct session *t) { redisAsyncDisconnect(t->ac); }
static void by_eof(struct session *t) {
    peer_half_close(&p);
    drive_read(t);
}
static void by_spontaneous_error(struct session *t) {
    peer_say(&p, "-ERR go away\r\n");
    drive_read(t);
}
static void by_protocol_error(struct session *t) {
    peer_say(&p, "\"\r\n");
    drive_read(t);
}
static void by_timeout(struct session *t) {
    redisAsyncHandleTimeout(t->ac);
}

static void unsubscribed_disconnect(void) {
    opened("unsubscribed_disconnect", 0);
    issue("ask", &sub, "SUBSCRIBE ch");
    said("subscribed", SUBSCRIBED_CH);
    issue("ask_unsub", &unsub, "UNSUBSCRIBE ch");
    said("unsubscribed", UNSUBSCRIBED(0));
    redisAsyncDisconnect(s.ac);
    step("disconnected");
    state("disconnected", &s);
    close_case();
}

/* Callbacks that act while a message is delivered. */
static void act_unsubscribe(struct session *t, redisReply *r) {
    if (r && r->elements > 2 && r->element[0]->len == 7) trace_call("[unsub %d]", redisAsyncCommand(t->ac, NULL, NULL, "UNSUBSCRIBE"));
}
static void act_command(struct session *t, redisReply *r) {
    if (r && r->elements > 2 && r->element[0]->len == 7) trace_call("[ask %d]", ask(t, &a, "PING"));
}
static void act_free(struct session *t, redisReply *r) {
    if (r && r->elements > 2 && r->element[0]->len == 7) redisAsyncFree(t->ac);
}
static void act_disconnect(struct session *t, redisReply *r) {
    if (r && r->elements > 2 && r->element[0]->len == 7) redisAsyncDisconnect(t->ac);
}
static void acting_message(const char *name, void (*act)(struct session *, redisReply *), int options) {
    struct expect acting = {"acting", act};
    opened(name, options);
    issue("ask", &acting, "SUBSCRIBE ch ch2");
    said("subscribed", SUBSCRIBED_CH SUBSCRIBED_CH2);
    said("message", MESSAGE MESSAGE);
    if (s.ac && s.ac->err == 0) {
        said("more", UNSUBSCRIBED(1) UNSUBSCRIBED_CH2(0));
        said("pong", "+PONG\r\n");
    }
    close_case();
}

/* Pushes that are no pub/sub. */
static void push_frees(struct session *t, redisReply *r) {
    (void)r;
    redisAsyncFree(t->ac);
}
static void push_disconnects(struct session *t, redisReply *r) {
    (void)r;
    redisAsyncDisconnect(t->ac);
}
static void push_asks(struct session *t, redisReply *r) {
    (void)r;
    trace_call("[ask %d]", ask(t, &b, "PING"));
}
static void pushed(const char *name, void (*act)(struct session *, redisReply *), int pending, int callback, int options) {
    begin("push.%s", name);
    session_connected(&s, &p, options);
    s.on_push = act;
    if (callback) note("old", "%d", redisAsyncSetPushCallback(s.ac, on_push) != NULL);
    if (pending) ask(&s, &a, "PING");
    said("invalidate", ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n");
    said("with_reply", ">1\r\n$4\r\nlast\r\n+PONG\r\n");
    note("again", "%d", s.ac ? redisAsyncSetPushCallback(s.ac, NULL) == on_push : -1);
    said("unset", ">1\r\n$6\r\nnobody\r\n");
    close_case();
}

/* Which pushes count as pub/sub when nobody subscribed: the C library aborts on those, so only names that do not. */
static void push_names(void) {
    static const char *const names[] = {"", "m", "mess", "messag", "subscri1", "subscribeX", "smessage", "ssubscribe",
                                        "invalidate", "unsubscribes", "pmessages", "xsubscribe", "MESSAGES"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[128];
        begin("push_name.%zu", i);
        session_connected(&s, &p, 0);
        redisAsyncSetPushCallback(s.ac, on_push);
        snprintf(text, sizeof text, ">2\r\n$%zu\r\n%s\r\n$2\r\nch\r\n", strlen(names[i]), names[i]);
        said("push", text);
        close_case();
    }
}

/* A regular command that waits takes an array that looks like a message in RESP2. */
static void pubsub_shape_for_regular(void) {
    opened("pubsub_shape_for_regular", 0);
    issue("ask", &a, "LRANGE l 0 -1");
    said("array", "*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nx\r\n");
    close_case();
}

static void monitor(const char *end) {
    begin("monitor.%s", end);
    session_connected(&s, &p, 0);
    issue("ask", &a, "MONITOR");
    state("asked", &s);
    said("ok", "+OK\r\n");
    said("lines", "+1.0 [0 x] \"PING\"\r\n+2.0 [0 x] \"PING\"\r\n");
    state("watching", &s);
    if (strcmp(end, "eof") == 0) {
        peer_half_close(&p);
        drive_read(&s);
    } else if (strcmp(end, "free") == 0) {
        redisAsyncFree(s.ac);
    }
    step("ended");
    close_case();
}

int main(void) {
    for (int protocol = 0; protocol < 2; protocol++) {
        mark = "*>"[protocol];
        simple();
        case_of_names();
        several_channels();
        unsubscribe_everything();
        patterns();
        same_channel_again();
        unsubscribe_then_subscribe();
        unsubscribe_unknown();
        commands_while_subscribed();
        queue_moves_back();
        null_callbacks();
        subscribe_without_arguments();
        for (int pending = 0; pending < 2; pending++) {
            ends_while_subscribed(pending ? "free_pending" : "free", by_free, pending);
            ends_while_subscribed(pending ? "disconnect_pending" : "disconnect", by_disconnect, pending);
            ends_while_subscribed(pending ? "eof_pending" : "eof", by_eof, pending);
            ends_while_subscribed(pending ? "protocol_error_pending" : "protocol_error", by_protocol_error, pending);
            ends_while_subscribed(pending ? "timeout_pending" : "timeout", by_timeout, pending);
            ends_while_subscribed(pending ? "error_pending" : "error", by_spontaneous_error, pending);
        }
        unsubscribed_disconnect();
        acting_message("message_unsubscribes", act_unsubscribe, 0);
        acting_message("message_asks", act_command, 0);
        acting_message("message_frees", act_free, 0);
        acting_message("message_disconnects", act_disconnect, 0);
        acting_message("message_frees_kept", act_free, REDIS_OPT_NOAUTOFREE);
        acting_message("message_owned", act_unsubscribe, REDIS_OPT_NOAUTOFREEREPLIES);
        pubsub_shape_for_regular();
    }
    mark = '>';
    pushed("plain", NULL, 1, 1, 0);
    pushed("no_callback", NULL, 1, 0, 0);
    pushed("asks", push_asks, 0, 1, 0);
    pushed("disconnects", push_disconnects, 1, 1, 0);
    pushed("frees", push_frees, 1, 1, 0);
    pushed("owned", NULL, 1, 1, REDIS_OPT_NOAUTOFREEREPLIES);
    push_names();
    monitor("free");
    monitor("eof");
    return 0;
}

/* Known defects of the C library in the async API, one function per number of contract section 11: each is fixed here.
 * What peers can provoke (20) and what programs can (29) is in hostile_async.c too. */
#include "cases.h"
#include "hooks.h"

static struct session s;
static struct peer p;
static struct expect a = {"a", NULL}, b = {"b", NULL}, c = {"c", NULL}, sub = {"sub", NULL}, ssub = {"ssub", NULL}, mon = {"mon", NULL};

static void open_with(int options) {
    begin("regression");
    session_connected(&s, &p, options);
    redisAsyncSetPushCallback(s.ac, on_push);
}
static void hear(const char *bytes) {
    drive_flush(&s);
    peer_say(&p, bytes);
    drive_read(&s);
}
static void end(void) {
    if (s.ac) redisAsyncFree(s.ac);
    check(s.ac == NULL);
    peer_end(&p);
}

#define SUBSCRIBED "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n"
#define SUBSCRIBED3 ">3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n"

static void defect_20_short_pushes(void) {
    static const char *const pushes[] = {">0\r\n", ">1\r\n$9\r\nsubscribe\r\n", ">1\r\n:1\r\n", "+OK\r\n"};
    for (size_t i = 0; i < sizeof pushes / sizeof *pushes; i++) {
        open_with(0);
        ask(&s, &sub, "SUBSCRIBE ch");
        hear(SUBSCRIBED3);
        hear(pushes[i]);
        check(s.ac == NULL || s.ac->err == 0);
        end();
    }
}

static void defect_21_error_reply_while_subscribed(void) {
    for (int resp3 = 0; resp3 < 2; resp3++) {
        open_with(0);
        ask(&s, &sub, "SUBSCRIBE ch");
        hear(resp3 ? SUBSCRIBED3 : SUBSCRIBED);
        ask(&s, &a, "GET");
        ask(&s, &b, "PING");
        hear("-ERR wrong number of arguments\r\n+PONG\r\n");
        contains(trace.calls, "{a -ERR wrong number of arguments}{b +PONG}");
        check(s.ac != NULL && s.ac->err == 0);
        hear("-ERR nobody waits\r\n");
        contains(trace.calls, "{onDisconnect -1 err 2 'ERR nobody waits'");
        end();
    }
}

static void sharded(const char *mark) {
    char text[512];
    open_with(0);
    ask(&s, &a, "PING");
    ask(&s, &ssub, "SSUBSCRIBE ch");
    ask(&s, &b, "PING");
    snprintf(text, sizeof text, "+1\r\n%c3\r\n$10\r\nssubscribe\r\n$2\r\nch\r\n:1\r\n", *mark);
    hear(text);
    hear(*mark == '*' ? "*2\r\n$4\r\npong\r\n$0\r\n\r\n" : "+2\r\n");
    snprintf(text, sizeof text, "%c3\r\n$8\r\nsmessage\r\n$2\r\nch\r\n$2\r\nhi\r\n", *mark);
    hear(text);
    contains(trace.calls, "{a +1}{ssub ");
    contains(trace.calls, *mark == '*' ? "{b *[$pong $]}" : "{b +2}");
    contains(trace.calls, *mark == '*' ? "{ssub *[$smessage $ch $hi]}" : "{ssub >[$smessage $ch $hi]}");
    check(redisAsyncCommand(s.ac, NULL, NULL, "SUNSUBSCRIBE ch") == REDIS_OK);
    ask(&s, &c, "PING");
    snprintf(text, sizeof text, "%c3\r\n$12\r\nsunsubscribe\r\n$2\r\nch\r\n:0\r\n+3\r\n", *mark);
    hear(text);
    contains(trace.calls, "{c +3}");
    check(!(s.ac->c.flags & REDIS_SUBSCRIBED));
    check(s.ac->replies.head == NULL && s.ac->sub.replies.head == NULL);
    end();
}
static void defect_22_sharded_resp2(void) { sharded("*"); }
static void defect_22_sharded_resp3(void) { sharded(">"); }

/* Programs that know the shard messages by their push callback alone keep getting them there. */
static void defect_22_sharded_by_push_callback(void) {
    open_with(0);
    check(redisAsyncCommand(s.ac, NULL, NULL, "SSUBSCRIBE ch") == REDIS_OK);
    ask(&s, &a, "PING");
    hear(">3\r\n$10\r\nssubscribe\r\n$2\r\nch\r\n:1\r\n+PONG\r\n");
    hear(">3\r\n$8\r\nsmessage\r\n$2\r\nch\r\n$2\r\nhi\r\n");
    contains(trace.calls, "{push >[$smessage $ch $hi]}");
    contains(trace.calls, "{a +PONG}");
    end();
}

static void defect_23_monitor_repeats_only_itself(void) {
    open_with(0);
    ask(&s, &a, "PING");
    ask(&s, &mon, "MONITOR");
    hear("+PONG\r\n+OK\r\n");
    hear("+1.0 \"PING\"\r\n+2.0 \"PING\"\r\n+3.0 \"PING\"\r\n");
    same(trace.calls, "{a +PONG}{mon +OK}{mon +1.0 \"PING\"}{mon +2.0 \"PING\"}{mon +3.0 \"PING\"}");
    end();
}

static void defect_23_monitor_disconnects(void) {
    open_with(0);
    ask(&s, &mon, "MONITOR");
    hear("+OK\r\n");
    redisAsyncDisconnect(s.ac);
    if (s.ac) hear("+1.0 \"PING\"\r\n");
    check(s.ac == NULL);
    contains(trace.calls, "{onDisconnect 0 err 0");
    end();
}

static void free_it(struct session *t, redisReply *r) {
    (void)r;
    redisAsyncFree(t->ac);
}
static void free_on_connect(struct session *t, int status) {
    (void)status;
    redisAsyncFree(t->ac);
}
static void defect_24_free_in_push_callback(void) {
    open_with(0);
    s.on_push = free_it;
    ask(&s, &a, "PING");
    hear(">1\r\n+x\r\n");
    check(s.ac == NULL);
    contains(trace.calls, "{push >[+x]}{a NULL err 0 CFIP}<cleanup>{onDisconnect 0 ");
    end();
}
static void defect_24_free_in_failed_connect(void) {
    begin("regression");
    peer_refuse(&p);
    session_tcp(&s, &p, REDIS_OPT_NOAUTOFREE);
    redisAsyncSetConnectCallback(s.ac, on_connect);
    s.on_connect = free_on_connect;
    ask(&s, &a, "PING");
    drive_write(&s);
    check(s.ac == NULL);
    contains(trace.calls, "{a NULL err 1 ");
    end();
}

static int reissues;
static void again(struct session *t, redisReply *r) {
    static struct expect e = {"again", again};
    (void)r;
    if (++reissues < 1000) ask(t, &e, "PING");
}
static void defect_25_timeout_ends(void) {
    static struct expect e = {"again", again};
    begin("regression");
    peer_listen(&p);
    session_connected(&s, &p, 0);
    s.ac->ev.scheduleTimer = NULL;
    check(redisAsyncSetTimeout(s.ac, (struct timeval){0, 1000}) == REDIS_OK);
    ask(&s, &e, "PING");
    reissues = 0;
    redisAsyncHandleTimeout(s.ac);
    check(reissues <= 2);
    check(s.ac == NULL);
    end();
}

static void defect_26_counts_of_one_command(void) {
    open_with(0);
    ask(&s, &sub, "SUBSCRIBE ch");
    ask(&s, &sub, "SUBSCRIBE ch ch2");
    hear(SUBSCRIBED SUBSCRIBED "*3\r\n$9\r\nsubscribe\r\n$3\r\nch2\r\n:2\r\n");
    ask(&s, NULL, "UNSUBSCRIBE");
    hear("*3\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$3\r\nch2\r\n:0\r\n");
    check(!(s.ac->c.flags & REDIS_SUBSCRIBED));
    check(s.ac->sub.pending_unsubs == 0);
    ask(&s, &a, "PING");
    hear("+PONG\r\n");
    contains(trace.calls, "{a +PONG}");
    end();
}

static void defect_27_hooks_after_cleanup(void) {
    open_with(REDIS_OPT_NOAUTOFREE);
    ask(&s, &a, "PING");
    drive_flush(&s);
    peer_close(&p);
    drive_read(&s);
    check(s.ac != NULL && s.ac->err != 0);
    check(s.ac->ev.addRead == NULL && s.ac->ev.delRead == NULL && s.ac->ev.addWrite == NULL);
    check(s.ac->ev.delWrite == NULL && s.ac->ev.cleanup == NULL && s.ac->ev.scheduleTimer == NULL);
    check(s.ac->ev.data == &s);
    trace.hooks[0] = 0;
    redisAsyncSetConnectCallback(s.ac, NULL);
    ask(&s, &b, "PING");
    same(trace.hooks, "");
    end();
}

static void defect_28_kept_context_disconnects(void) {
    open_with(REDIS_OPT_NOAUTOFREE);
    ask(&s, &a, "PING");
    ask(&s, &b, "PING");
    drive_flush(&s);
    peer_heard(&p, 1000);
    peer_close(&p);
    drive_read(&s);
    check(s.ac != NULL);
    /* As in the C library: commands are still to be told, which the redisAsyncFree does that the program owes. */
    redisAsyncDisconnect(s.ac);
    check(s.ac != NULL);
    check(strstr(trace.calls, "{a NULL") == NULL);
    redisAsyncFree(s.ac);
    check(s.ac == NULL);
    contains(trace.calls, "<cleanup>{a NULL err 3 ");
    contains(trace.calls, "{b NULL err 3 ");
    contains(trace.calls, "{onDisconnect 0 err 3");
    peer_end(&p);
}

/* Without commands to be told, the disconnect frees. */
static void defect_28_kept_context_without_commands(void) {
    open_with(REDIS_OPT_NOAUTOFREE);
    peer_close(&p);
    drive_read(&s);
    check(s.ac != NULL && s.ac->err != 0);
    redisAsyncDisconnect(s.ac);
    check(s.ac == NULL);
    contains(trace.calls, "<cleanup>{onDisconnect -1 err 3");
    peer_end(&p);
}

static void defect_29_length_is_honoured(void) {
    char *cmd = malloc(14); /* no NUL behind it: valgrind sees any read beyond */
    memcpy(cmd, "*1\r\n$4\r\nPING\r\n", 14);
    open_with(0);
    check(redisAsyncFormattedCommand(s.ac, on_reply, &a, cmd, 14) == REDIS_OK);
    for (size_t len = 0; len < 14; len++) {
        char *cut = malloc(len + !len);
        memcpy(cut, cmd, len);
        check(redisAsyncFormattedCommand(s.ac, on_reply, &b, cut, len) == REDIS_ERR);
        free(cut);
    }
    free(cmd);
    hear("+PONG\r\n");
    same(trace.calls, "{a +PONG}");
    end();
}

static int allocations_left = -1;
static int refuse(void) { return allocations_left >= 0 && allocations_left-- == 0; }
static void *failing_malloc(size_t size) { return refuse() ? NULL : malloc(size); }
static void *failing_calloc(size_t n, size_t size) { return refuse() ? NULL : calloc(n, size); }
static void *failing_realloc(void *old, size_t size) { return refuse() ? NULL : realloc(old, size); }
static char *failing_strdup(const char *str) { return refuse() ? NULL : strdup(str); }

static void defect_30_command_without_memory(void) {
    hiredisAllocFuncs failing = {failing_malloc, failing_calloc, failing_realloc, failing_strdup, free};
    for (int n = 0; n < 30; n++) {
        static char value[100000];
        int rc;
        open_with(0);
        hiredisSetAllocators(&failing);
        allocations_left = n;
        rc = redisAsyncCommand(s.ac, on_reply, &a, "SET k %b", value, sizeof value);
        allocations_left = -1;
        hiredisResetAllocators();
        if (rc == REDIS_OK) {
            check(s.ac->replies.head != NULL && sdslen(s.ac->c.obuf) > sizeof value);
            n = 30;
        } else {
            check(s.ac->replies.head == NULL);
            check(sdslen(s.ac->c.obuf) == 0);
        }
        end();
    }
}
static void defect_30_address_is_initialised(void) {
    begin("regression");
    peer_listen(&p);
    session_tcp(&s, &p, 0);
    check(s.ac->saddr == NULL && s.ac->addrlen == 0);
    end();
}

static void defect_31_subscription_is_sent_before_disconnecting(void) {
    open_with(0);
    ask(&s, &sub, "SUBSCRIBE ch");
    redisAsyncDisconnect(s.ac);
    if (s.ac) drive_flush(&s);
    same(peer_heard(&p, 1000), "*2 $9 SUBSCRIBE $2 ch <eof>");
    check(s.ac == NULL);
    contains(trace.calls, "<cleanup>{sub NULL ");
    contains(trace.calls, "{onDisconnect 0 ");
    end();
}

static void free_in_cleanup(struct session *t) {
    redisAsyncFree(t->ac);
    redisAsyncDisconnect(t->ac);
    check(ask(t, &b, "PING") == REDIS_ERR);
}
static void defect_32_free_in_data_cleanup(void) {
    for (int by_eof = 0; by_eof < 2; by_eof++) {
        open_with(0);
        s.on_data_cleanup = free_in_cleanup;
        if (by_eof) {
            peer_close(&p);
            drive_read(&s);
        } else {
            redisAsyncFree(s.ac);
        }
        check(s.ac == NULL);
        contains(trace.calls, "{dataCleanup}{privdata dtor}");
        end();
    }
}

/* What the peer said before it went reaches its callbacks, although the loop finds the socket writable first. */
static void last_words(const char *words, int options, const char *wanted) {
    int fds[2];
    redisOptions o = {.type = REDIS_CONN_USERFD, .options = options};
    begin("last words");
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) peer_die("socketpair");
    o.endpoint.fd = fds[0];
    session_open(&s, &o);
    redisAsyncSetDisconnectCallback(s.ac, on_disconnect);
    ask(&s, &a, "A");
    ask(&s, &b, "B");
    check(write(fds[1], words, strlen(words)) == (ssize_t)strlen(words));
    close(fds[1]);
    drive_write(&s);
    contains(trace.calls, wanted);
    if (s.ac) redisAsyncFree(s.ac);
    check(s.ac == NULL);
}
static void free_while_heard_out(struct session *t, redisReply *r) {
    (void)r;
    redisAsyncFree(t->ac);
}
static void ask_while_heard_out(struct session *t, redisReply *r) {
    check(r == NULL || ask(t, &b, "C") == REDIS_OK);
}
static void defect_40_last_words(void) {
    const char *end = "<cleanup>{b NULL err 1 CDI}{onDisconnect -1 err 1 'Broken pipe' CDI fd open}";
    char wanted[256];
    snprintf(wanted, sizeof wanted, "{a +OK}%s", end);
    last_words("+OK\r\n$100\r\nhalf", 0, wanted);
    snprintf(wanted, sizeof wanted, "{a -ERR max number of clients reached}%s", end);
    last_words("-ERR max number of clients reached\r\n", 0, wanted);
    last_words("+OK\r\n?", 0, "{a +OK}<cleanup>{b NULL err 4 CDI}{onDisconnect -1 err 4 ");
    last_words("+OK\r\n", REDIS_OPT_NOAUTOFREE, "{a +OK}<cleanup>");
    a.act = free_while_heard_out;
    last_words("+OK\r\n+OK\r\n", 0, "{a +OK}{b NULL err 0 CFI}<cleanup>{onDisconnect 0 ");
    a.act = ask_while_heard_out;
    snprintf(wanted, sizeof wanted, "{a +OK}<cleanup>{b NULL err 1 CDI}%s", end + strlen("<cleanup>"));
    last_words("+OK\r\n", 0, wanted);
    a.act = NULL;
}

static int whole, missing;
static void count_replies(redisAsyncContext *ac, void *reply, void *privdata) {
    (void)ac, (void)privdata;
    if (reply) whole++;
    else missing++;
}
/* The same of more than one read brings. */
static void defect_40_many_last_words(void) {
    enum { REPLIES = 150, EACH = 1000 };
    static char words[REPLIES * (EACH + 9) + 1];
    redisOptions o = {.type = REDIS_CONN_USERFD};
    size_t len = 0;
    int fds[2];
    begin("many last words");
    for (int i = 0; i < REPLIES; i++) len += (size_t)sprintf(words + len, "$%d\r\n%0*d\r\n", EACH, EACH, i);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) peer_die("socketpair");
    o.endpoint.fd = fds[0];
    session_open(&s, &o);
    redisAsyncSetDisconnectCallback(s.ac, on_disconnect);
    for (int i = 0; i <= REPLIES; i++) check(redisAsyncCommand(s.ac, count_replies, NULL, "PING") == REDIS_OK);
    check(write(fds[1], words, len) == (ssize_t)len);
    close(fds[1]);
    whole = missing = 0;
    drive_write(&s);
    check(s.ac == NULL && whole == REPLIES && missing == 1);
    contains(trace.calls, "{onDisconnect -1 err 1 'Broken pipe'");
}

static ssize_t says_nothing(redisContext *c, char *buf, size_t room) { return -1; }

/* A transport that gives up without an error: its commands were not answered. */
static void defect_25_a_failure_without_an_error_ends(void) {
    redisContextFuncs funcs;
    redisOptions o = {0};
    struct session s;
    struct expect a = {"a", NULL};
    begin("no_error");
    peer_listen(&p);
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    session_open(&s, &o);
    redisAsyncSetDisconnectCallback(s.ac, on_disconnect);
    drive_write(&s);
    peer_accept(&p);
    funcs = *s.ac->c.funcs;
    funcs.read = says_nothing;
    s.ac->c.funcs = &funcs;
    ask(&s, &a, "A");
    drive_flush(&s);
    peer_say(&p, "+1\r\n");
    drive_read(&s);
    check(s.ac == NULL);
    contains(trace.calls, "{a NULL err 2 ");
    contains(trace.calls, "{onDisconnect -1 err 2 'Transport failed without an error'");
    peer_end(&p);
}

static void ignore(redisAsyncContext *ac, void *reply, void *privdata) {}

/* What comes as a push shows that the server sends pushes, whatever it was confirmed by. */
static void defect_20_a_message_shows_pushes(void) {
    redisOptions o = {0};
    struct session s;
    begin("shows_pushes");
    peer_listen(&p);
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    session_open(&s, &o);
    drive_write(&s);
    peer_accept(&p);
    check(redisAsyncCommand(s.ac, ignore, NULL, "SUBSCRIBE c") == REDIS_OK);
    drive_flush(&s);
    peer_say(&p, "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    drive_read(&s);
    check((s.ac->c.flags & REDIS_SUPPORTS_PUSH) == 0);
    peer_say(&p, ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n");
    drive_read(&s);
    check((s.ac->c.flags & REDIS_SUPPORTS_PUSH) != 0);
    redisAsyncFree(s.ac);
    peer_end(&p);
}

static int objects_freed;
static void (*free_default)(void *);
static void free_counted(void *object) {
    objects_freed++;
    free_default(object);
}

/* The program frees what its callbacks get. Without a callback there is nobody else but the library. */
static void defect_29_replies_for_nobody_are_freed(void) {
    redisReplyObjectFunctions counting;
    redisOptions o = {0};
    struct session s;
    begin("for_nobody");
    peer_listen(&p);
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    o.options |= REDIS_OPT_NOAUTOFREEREPLIES;
    session_open(&s, &o);
    counting = *s.ac->c.reader->fn;
    free_default = counting.freeObject;
    counting.freeObject = free_counted;
    s.ac->c.reader->fn = &counting;
    drive_write(&s);
    peer_accept(&p);
    check(redisAsyncCommand(s.ac, NULL, NULL, "PING") == REDIS_OK);
    drive_flush(&s);
    peer_say(&p, "+PONG\r\n");
    objects_freed = 0;
    drive_read(&s);
    check(objects_freed == 1);
    redisAsyncFree(s.ac);
    peer_end(&p);
}

static const struct test_case cases[] = {
    CASE(defect_20_short_pushes),
    CASE(defect_20_a_message_shows_pushes),
    CASE(defect_21_error_reply_while_subscribed),
    CASE(defect_22_sharded_resp2),
    CASE(defect_22_sharded_resp3),
    CASE(defect_22_sharded_by_push_callback),
    CASE(defect_23_monitor_repeats_only_itself),
    CASE(defect_23_monitor_disconnects),
    CASE(defect_24_free_in_push_callback),
    CASE(defect_24_free_in_failed_connect),
    CASE(defect_25_timeout_ends),
    CASE(defect_25_a_failure_without_an_error_ends),
    CASE(defect_26_counts_of_one_command),
    CASE(defect_27_hooks_after_cleanup),
    CASE(defect_28_kept_context_disconnects),
    CASE(defect_28_kept_context_without_commands),
    CASE(defect_29_length_is_honoured),
    CASE(defect_29_replies_for_nobody_are_freed),
    CASE(defect_30_command_without_memory),
    CASE(defect_30_address_is_initialised),
    CASE(defect_31_subscription_is_sent_before_disconnecting),
    CASE(defect_32_free_in_data_cleanup),
    CASE(defect_40_last_words),
    CASE(defect_40_many_last_words),
};

int main(int argc, char **argv) {
    return run_cases(cases, sizeof cases / sizeof *cases, argc, argv);
}

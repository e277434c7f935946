/* The async API on a real server: commands, pipelines, large values, publish/subscribe in RESP2 and RESP3, tracking,
 * monitoring. Only what callbacks see, since the server decides how replies share read events. */
#include "../c/hooks.h"

static struct session s, other;
static struct expect a = {"a", NULL}, b = {"b", NULL}, sub = {"sub", NULL}, psub = {"psub", NULL}, unsub = {"unsub", NULL};
static int local;

static void open_to_server(struct session *t, int options) {
    redisOptions o = {0};
    if (local) {
        REDIS_OPTIONS_SET_UNIX(&o, getenv("REDIS_SOCK"));
    } else {
        REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", atoi(getenv("REDIS_PORT")));
    }
    o.options = options;
    session_open(t, &o);
    redisAsyncSetConnectCallback(t->ac, on_connect);
    redisAsyncSetDisconnectCallback(t->ac, on_disconnect);
    redisAsyncSetPushCallback(t->ac, on_push);
}

static void start(const char *name, int options) {
    begin("%s.%s", name, local ? "unix" : "tcp");
    open_to_server(&s, options);
}

/* Serves events until MORE further callbacks have run, then prints them. */
static void wait_for(int more, const char *name) {
    drive_until(&s, s.calls + more);
    step_calls(name);
}

static void finish(const char *name) {
    redisAsyncDisconnect(s.ac);
    for (int i = 0; i < 100 && s.ac; i++) drive_read(&s);
    step_calls(name);
}

/* Sends on a second, synchronous connection, so that it has happened when the call returns. */
static redisContext *helper;
static void meanwhile(const char *command) {
    freeReplyObject(redisCommand(helper, command));
}

static void commands(int options) {
    start(options ? "commands_owned" : "commands", options);
    ask(&s, &a, "PING");
    ask(&s, &a, "SET key value");
    ask(&s, &a, "GET key");
    ask(&s, &a, "GET missing");
    ask(&s, &a, "INCR n");
    ask(&s, &a, "NOSUCH");
    ask(&s, &a, "RPUSH l 1 2 3");
    ask(&s, &a, "LRANGE l 0 -1");
    ask(&s, &a, "DEL l n");
    ask(&s, &a, "MULTI");
    ask(&s, &a, "INCR n");
    ask(&s, &a, "EXEC");
    ask(&s, &a, "DEL n");
    wait_for(14, "first");
    redisAsyncCommand(s.ac, on_reply, &b, "SET %s %b", "bin key", "a\0b", (size_t)3);
    redisAsyncCommand(s.ac, on_reply, &b, "STRLEN %s", "bin key");
    redisAsyncCommand(s.ac, NULL, NULL, "SET silent %d", 1);
    redisAsyncFormattedCommand(s.ac, on_reply, &b, "*2\r\n$3\r\nGET\r\n$6\r\nsilent\r\n", 25);
    {
        const char *argv[] = {"ECHO", "x\0y z"};
        size_t lens[] = {4, 5};
        redisAsyncCommandArgv(s.ac, on_reply, &b, 2, argv, lens);
        redisAsyncCommandArgv(s.ac, on_reply, &b, 2, argv, NULL);
    }
    wait_for(5, "second");
    ask(&s, &a, "QUIT");
    wait_for(1, "quit");
    drive_until(&s, s.calls + 1);
    step_calls("closed");
}

/* A chain: each reply asks for the next. */
static int left;
static void next(struct session *t, redisReply *r) {
    static struct expect e = {"chain", next};
    (void)r;
    if (left-- > 0) redisAsyncCommand(t->ac, on_reply, &e, "INCR chain");
}
static void chains(void) {
    static struct expect e = {"chain", next};
    start("chain", 0);
    left = 20;
    meanwhile("DEL chain");
    redisAsyncCommand(s.ac, on_reply, &e, "INCR chain");
    wait_for(22, "replies");
    finish("end");
}

static int right;
static void count_right(redisAsyncContext *ac, void *reply, void *privdata) {
    char expected[32];
    (void)ac;
    current->calls++;
    snprintf(expected, sizeof expected, "%d", (int)(intptr_t)privdata);
    right += reply && strcmp(((redisReply *)reply)->str, expected) == 0;
}
static void pipelines(void) {
    static const int lengths[] = {1, 10, 1000, 50000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char name[32];
        snprintf(name, sizeof name, "pipeline_%d", lengths[i]);
        start(name, 0);
        right = 0;
        for (int j = 0; j < lengths[i]; j++) redisAsyncCommand(s.ac, count_right, (void *)(intptr_t)j, "ECHO %d", j);
        wait_for(lengths[i] + 1, "connect");
        note("right", "%d", right);
        state("state", &s);
        finish("end");
    }
}

static void compare_large(redisAsyncContext *ac, void *reply, void *privdata) {
    redisReply *r = reply;
    const char *value = privdata;
    (void)ac;
    current->calls++;
    trace_call("{large %zu %d}", r->len, r->len && memcmp(r->str, value, r->len) == 0);
}
static void large_values(void) {
    static const size_t sizes[] = {16000, 16384, 70000, 1048576, 20000000};
    char *value = malloc(20000000);
    for (size_t i = 0; i < 20000000; i++) value[i] = (char)(i * 13 + i / 255);
    start("large", 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        redisAsyncCommand(s.ac, on_reply, &a, "SET large %b", value, sizes[i]);
        redisAsyncCommand(s.ac, compare_large, value, "GET large");
    }
    wait_for(11, "replies");
    finish("end");
    free(value);
}

static void hello(int protocol) {
    if (protocol == 3) {
        static struct expect quiet = {"hello", NULL};
        ask(&s, &quiet, "HELLO 3");
        drive_until(&s, s.calls + 2);
        note("hello", "%d", strstr(trace.calls, "{hello %") != NULL);
        trace.calls[0] = 0;
    } else {
        drive_until(&s, s.calls + 1);
        step_calls("connect");
    }
}

static void subscriptions(int protocol) {
    char name[32];
    snprintf(name, sizeof name, "pubsub_resp%d", protocol);
    start(name, 0);
    hello(protocol);
    ask(&s, &sub, "SUBSCRIBE ch1 ch2 ch3");
    ask(&s, &psub, "PSUBSCRIBE p* q*");
    wait_for(5, "subscribed");
    meanwhile("PUBLISH ch1 one");
    meanwhile("PUBLISH p1 two");
    meanwhile("PUBLISH nobody three");
    meanwhile("PUBLISH q four");
    wait_for(3, "messages");
    ask(&s, &a, "PING");
    ask(&s, &b, "PING arg");
    wait_for(2, "ping");
    if (protocol == 3) {
        ask(&s, &a, "GET key");
        ask(&s, &b, "ECHO while-subscribed");
        wait_for(2, "commands");
    }
    note("unsub", "%d", ask(&s, &unsub, "UNSUBSCRIBE ch2"));
    wait_for(1, "one_less");
    note("unknown", "%d", ask(&s, &unsub, "UNSUBSCRIBE neverheard"));
    meanwhile("PUBLISH ch3 still");
    wait_for(1, "still");
    note("punsub", "%d", ask(&s, &unsub, "PUNSUBSCRIBE"));
    wait_for(2, "patterns_gone");
    state("before_last", &s);
    note("unsub_all", "%d", ask(&s, &unsub, "UNSUBSCRIBE"));
    drive_until(&s, s.calls + 2); /* in an order that differs from server to server */
    note("all_gone", "%d", strstr(trace.calls, "$ch1") && strstr(trace.calls, "$ch3") && strstr(trace.calls, "$unsubscribe") != NULL);
    trace.calls[0] = 0;
    state("after_last", &s);
    ask(&s, &a, "ECHO ordinary-again");
    wait_for(1, "ordinary");
    ask(&s, &sub, "SUBSCRIBE again");
    wait_for(1, "again");
    redisAsyncFree(s.ac);
    step_calls("freed");
}

static void same_channels_twice(int protocol) {
    char name[32];
    snprintf(name, sizeof name, "twice_resp%d", protocol);
    start(name, 0);
    hello(protocol);
    ask(&s, &sub, "SUBSCRIBE ch");
    ask(&s, &psub, "SUBSCRIBE ch");
    ask(&s, &unsub, "UNSUBSCRIBE ch");
    ask(&s, &unsub, "UNSUBSCRIBE ch");
    wait_for(3, "events");
    for (int i = 0; i < 3 && peer_ready(s.ac->c.fd, POLLIN, 100); i++) redisAsyncHandleRead(s.ac);
    step_calls("rest");
    state("state", &s);
    redisAsyncFree(s.ac);
    step_calls("freed");
}

static void unsubscribe_in_callback(struct session *t, redisReply *r) {
    if (r && strcmp(r->element[0]->str, "message") == 0) redisAsyncCommand(t->ac, NULL, NULL, "UNSUBSCRIBE ch");
    if (r && strcmp(r->element[0]->str, "unsubscribe") == 0) redisAsyncDisconnect(t->ac);
}
static void unsubscribing_subscriber(int protocol) {
    static struct expect e = {"sub", unsubscribe_in_callback};
    char name[32];
    snprintf(name, sizeof name, "unsubscribing_resp%d", protocol);
    start(name, 0);
    hello(protocol);
    ask(&s, &e, "SUBSCRIBE ch");
    wait_for(1, "subscribed");
    meanwhile("PUBLISH ch stop");
    wait_for(3, "stopped");
    note("freed", "%d", s.ac == NULL);
    if (s.ac) redisAsyncFree(s.ac);
}

static void tracking(void) {
    start("tracking", 0);
    hello(3);
    ask(&s, &a, "CLIENT TRACKING ON");
    ask(&s, &a, "GET key");
    wait_for(2, "on");
    meanwhile("SET key changed");
    wait_for(1, "invalidated");
    ask(&s, &a, "GET key");
    wait_for(1, "read_again");
    redisAsyncSetPushCallback(s.ac, NULL);
    meanwhile("SET key value");
    ask(&s, &a, "PING");
    wait_for(1, "without_callback");
    finish("end");
}

static void monitored(void) {
    start("monitor", 0);
    ask(&s, &a, "MONITOR");
    wait_for(2, "started");
    meanwhile("ECHO watched");
    drive_until(&s, s.calls + 1);
    note("line", "%d", strstr(trace.calls, "\"ECHO\" \"watched\"") != NULL);
    trace.calls[0] = 0;
    redisAsyncFree(s.ac);
    step_calls("freed");
}

static void two_contexts(void) {
    begin("two.%s", local ? "unix" : "tcp");
    open_to_server(&s, 0);
    open_to_server(&other, 0);
    current = &s;
    ask(&s, &a, "ECHO s");
    wait_for(2, "first");
    current = &other;
    ask(&other, &b, "ECHO other");
    drive_until(&other, 2);
    step_calls("second");
    redisAsyncFree(other.ac);
    current = &s;
    finish("end");
    step_calls("both");
}

int main(void) {
    helper = redisConnect("127.0.0.1", atoi(getenv("REDIS_PORT")));
    for (local = 0; local < 2; local++) {
        commands(0);
        commands(REDIS_OPT_NOAUTOFREEREPLIES);
        chains();
        pipelines();
        large_values();
        for (int protocol = 2; protocol <= 3; protocol++) {
            subscriptions(protocol);
            same_channels_twice(protocol);
            unsubscribing_subscriber(protocol);
        }
        tracking();
        monitored();
        two_contexts();
    }
    redisFree(helper);
    return 0;
}

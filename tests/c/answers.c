/* Every reply finds its own command: refusals by a real server, then what takes a scripted one. */
#include <hiredis/adapters/poll.h>

#include "cases.h"
#include "hooks.h"

static struct session s;
static struct peer p;
static struct expect a = {"a", NULL}, b = {"b", NULL}, sub = {"sub", NULL};

/* A real server and a user with few rights. */

static redisAsyncContext *ac;
static char heard[4096];
static int over;

static void note_reply(redisAsyncContext *c, void *r, void *name) {
    redisReply *reply = r;
    char text[256];
    (void)c;
    if (reply == NULL) snprintf(text, sizeof text, "[%s NULL]", (char *)name);
    else if (reply->type == REDIS_REPLY_ERROR) snprintf(text, sizeof text, "[%s -%.6s]", (char *)name, reply->str);
    else if (reply->elements > 0) snprintf(text, sizeof text, "[%s %s]", (char *)name, reply->element[0]->str);
    else snprintf(text, sizeof text, "[%s %s]", (char *)name, reply->str ? reply->str : "?");
    strcat(heard, text);
}
static void note_end(const redisAsyncContext *c, int status) {
    (void)c;
    (void)status;
    strcat(heard, "[end]");
    over = 1;
}
static void settle(void) {
    for (int i = 0; i < 20 && !over; i++) redisPollTick(ac, 0.02);
}
/* As a user who may run everything but CATEGORIES and no channel. */
static void log_in(const char *rules, int resp3) {
    int port = atoi(getenv("REDIS_PORT"));
    redisContext *admin = redisConnect("127.0.0.1", port);
    char command[256];
    snprintf(command, sizeof command, "ACL SETUSER few reset on nopass allkeys +@all %s", rules);
    redisReply *reply = redisCommand(admin, command);
    check(reply != NULL && reply->type == REDIS_REPLY_STATUS);
    freeReplyObject(reply);
    freeReplyObject(redisCommand(admin, "MSET x value-x y value-y z value-z"));
    redisFree(admin);
    over = 0;
    ac = redisAsyncConnect("127.0.0.1", port);
    check(ac != NULL && redisPollAttach(ac) == REDIS_OK);
    redisAsyncSetDisconnectCallback(ac, note_end);
    redisAsyncCommand(ac, note_reply, "login", resp3 ? "HELLO 3 AUTH few x" : "AUTH few x");
    settle();
    heard[0] = 0;
}
static void log_out(void) {
    if (!over) redisAsyncFree(ac);
}
static void gets(void) {
    redisAsyncCommand(ac, note_reply, "x", "GET x");
    redisAsyncCommand(ac, note_reply, "y", "GET y");
    redisAsyncCommand(ac, note_reply, "z", "GET z");
}

static void refused_subscriptions(void) {
    static const char *const verbs[] = {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"};
    for (int resp3 = 0; resp3 < 2; resp3++)
        for (int verb = 0; verb < 3; verb++) {
            log_in("resetchannels ", resp3);
            redisAsyncCommand(ac, note_reply, "before", "GET x");
            redisAsyncCommand(ac, note_reply, "sub", "%s one two", verbs[verb]);
            gets();
            settle();
            same(heard, "[before value-x][sub -NOPERM][sub -NOPERM][x value-x][y value-y][z value-z]");
            check(!over && !(ac->c.flags & REDIS_SUBSCRIBED) && ac->replies.head == NULL && ac->sub.replies.head == NULL);
            log_out();
        }
}

/* Refused when it is queued: the transaction fails, and everything else is as it was. */
static void refused_in_a_transaction(void) {
    log_in("resetchannels ", 0);
    redisAsyncCommand(ac, note_reply, "multi", "MULTI");
    redisAsyncCommand(ac, note_reply, "sub", "SUBSCRIBE one");
    redisAsyncCommand(ac, note_reply, "exec", "EXEC");
    gets();
    settle();
    same(heard, "[multi OK][sub -NOPERM][exec -EXECAB][x value-x][y value-y][z value-z]");
    log_out();
}

static void other_refusals(void) {
    log_in("&* -get", 0);
    gets();
    redisAsyncCommand(ac, note_reply, "echo", "ECHO hi");
    settle();
    same(heard, "[x -NOPERM][y -NOPERM][z -NOPERM][echo hi]");
    log_out();

    log_in("&* -monitor", 0);
    redisAsyncCommand(ac, note_reply, "mon", "MONITOR");
    gets();
    settle();
    same(heard, "[mon -NOPERM][x value-x][y value-y][z value-z]");
    log_out();

    log_in("&* -unsubscribe", 1);
    redisAsyncCommand(ac, note_reply, "sub", "SUBSCRIBE one");
    redisAsyncCommand(ac, NULL, NULL, "UNSUBSCRIBE one");
    gets();
    settle();
    same(heard, "[sub subscribe][x value-x][y value-y][z value-z]");
    log_out();
}

/* With callbacks behind a refused OFF that were told of no reply, only the end can be told. */
static void refused_client_reply(void) {
    log_in("&* -client|reply", 0);
    redisAsyncCommand(ac, NULL, NULL, "CLIENT REPLY OFF");
    redisAsyncCommand(ac, NULL, NULL, "SET x changed");
    redisAsyncCommand(ac, note_reply, "on", "CLIENT REPLY ON");
    gets();
    settle();
    same(heard, "[on -NOPERM][x changed][y value-y][z value-z]");
    log_out();

    log_in("&* -client|reply", 0);
    redisAsyncCommand(ac, note_reply, "off", "CLIENT REPLY OFF");
    gets();
    settle();
    same(heard, "[off NULL][x NULL][y NULL][z NULL][end]");

    log_in("&* -client|reply", 0);
    redisAsyncCommand(ac, note_reply, "skip", "CLIENT REPLY SKIP");
    gets();
    settle();
    same(heard, "[skip NULL][x NULL][y NULL][z NULL][end]");
}

/* A scripted server. */

static void opened(void) {
    begin("answers");
    session_connected(&s, &p, 0);
}
static void hear(const char *bytes) {
    drive_flush(&s);
    peer_say(&p, bytes);
    drive_read(&s);
}
static void end(void) {
    if (s.ac) redisAsyncFree(s.ac);
    peer_end(&p);
}

/* A program that frees the nodes of the list keeps no callback, and none gets another's reply. */
static void freed_nodes(void) {
    redisCallback *node;
    opened();
    ask(&s, &a, "A");
    ask(&s, &a, "A");
    while ((node = s.ac->replies.head)) {
        s.ac->replies.head = node->next;
        hi_free(node);
    }
    s.ac->replies.tail = NULL;
    ask(&s, &b, "B");
    hear("+1\r\n+2\r\n+3\r\n");
    same(trace.calls, "{b +3}");
    end();
}

static void queued_subscription(void) {
    opened();
    ask(&s, &a, "MULTI");
    ask(&s, &sub, "SUBSCRIBE ch");
    ask(&s, &b, "EXEC");
    hear("+OK\r\n+QUEUED\r\n");
    contains(trace.calls, "{a +OK}");
    contains(trace.calls, "{b NULL err 2 ");
    check(s.ac == NULL);
    end();
}

/* MONITOR and CLIENT REPLY OFF, with a callback that issues its command again: bounded work for each event. */
static int again;
static void issue_again(struct session *t, redisReply *r) {
    static struct expect e = {"again", issue_again};
    check(++again < 100);
    if (r == NULL && !(t->ac->c.flags & (REDIS_FREEING | REDIS_DISCONNECTING))) ask(t, &e, "SET k v");
}
static void silent_work_is_bounded(void) {
    static struct expect e = {"again", issue_again}, mon = {"mon", NULL};
    opened();
    ask(&s, &mon, "MONITOR");
    check(redisAsyncCommand(s.ac, NULL, NULL, "CLIENT REPLY OFF") == REDIS_OK);
    ask(&s, &e, "SET k v");
    again = 0;
    hear("+OK\r\n");
    for (int i = 0; i < 10; i++) drive_write(&s);
    check(again >= 1 && again <= 12);
    end();
}

static const struct test_case cases[] = {
    CASE(refused_subscriptions), CASE(refused_in_a_transaction), CASE(other_refusals), CASE(refused_client_reply),
    CASE(freed_nodes),           CASE(queued_subscription),      CASE(silent_work_is_bounded),
};

int main(int argc, char **argv) {
    return run_cases(cases, sizeof cases / sizeof *cases, argc, argv);
}

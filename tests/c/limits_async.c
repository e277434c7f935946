/* What a program allows an asynchronous connection to hold (docs/limits.md), on a real server. A refused command leaves no trace. */
#include "event_loop.h"

static int messages, confirmed;

static void on_message(redisAsyncContext *ac, void *r, void *privdata) {
    redisReply *reply = r;
    (void)ac, (void)privdata;
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) return;
    if (strstr(reply->element[0]->str, "message")) messages++;
    else confirmed++;
}

/* What a refusal must leave as it is. */
struct state {
    size_t queued;
    redisCallback *tail, *subscribed_tail;
    int flags;
};

static struct state state_of(redisAsyncContext *ac) {
    return (struct state){sdslen(ac->c.obuf), ac->replies.tail, ac->sub.replies.tail, ac->c.flags};
}

#define refused(client, command)                                                              \
    do {                                                                                 \
        struct state before_ = state_of((client)->ac), after_;                                \
        errno = 0;                                                                       \
        check((command) == REDIS_ERR && errno == ENOBUFS);                               \
        check((client)->ac->err == 0 && (client)->ac->c.err == 0 && (client)->ac->c.errstr[0] == 0);    \
        after_ = state_of((client)->ac);                                                      \
        check(after_.queued == before_.queued && after_.flags == before_.flags);         \
        check(after_.tail == before_.tail && after_.subscribed_tail == before_.subscribed_tail); \
    } while (0)

static void close_client(struct client *c) {
    redisAsyncDisconnect(c->ac);
    loop_until(c->ac == NULL);
    check(c->disconnected == REDIS_OK);
}

static void pending_commands(void) {
    struct client c;
    const char *ping = "*1\r\n$4\r\nPING\r\n", *argv[] = {"PING"};
    open_redis(&c);
    redisAsyncSetMaxPending(c.ac, 10);
    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < 10; i++) check(redisAsyncCommand(c.ac, i % 2 ? on_reply : NULL, NULL, "PING") == REDIS_OK);
        refused(&c, redisAsyncCommand(c.ac, on_reply, NULL, "PING"));
        refused(&c, redisAsyncCommandArgv(c.ac, on_reply, NULL, 1, argv, NULL));
        refused(&c, redisAsyncFormattedCommand(c.ac, on_reply, NULL, ping, strlen(ping)));
        refused(&c, redisAsyncCommand(c.ac, on_reply, NULL, "MONITOR"));
        refused(&c, redisAsyncCommand(c.ac, on_reply, NULL, "CLIENT REPLY OFF"));
        refused(&c, redisAsyncCommand(c.ac, on_message, NULL, "SSUBSCRIBE s"));
        loop_until(c.answered == 5 * round);
        check(c.failed == 0);
    }
    /* Subscriptions are no commands that wait, but what waits in subscribed mode is. */
    check(redisAsyncCommand(c.ac, on_message, NULL, "SUBSCRIBE a b c d e f g h i j k l") == REDIS_OK);
    for (int i = 0; i < 10; i++) check(redisAsyncCommand(c.ac, NULL, NULL, "PING") == REDIS_OK);
    refused(&c, redisAsyncCommand(c.ac, on_reply, NULL, "PING"));
    check(redisAsyncCommand(c.ac, NULL, NULL, "UNSUBSCRIBE") == REDIS_OK);
    loop_until(!(c.ac->c.flags & REDIS_SUBSCRIBED) && c.ac->replies.head == NULL);
    redisAsyncSetMaxPending(c.ac, 0);
    for (int i = 0; i < 1000; i++) check(redisAsyncCommand(c.ac, on_reply, NULL, "PING") == REDIS_OK);
    close_client(&c);
    check(c.answered == 1015 && c.failed == 0);
}

/* A callback that issues two commands for each reply: the limit keeps them from growing without end. */
static int issued;

static void double_itself(redisAsyncContext *ac, void *reply, void *privdata) {
    (void)reply;
    for (int i = 0; i < 2; i++)
        if (issued < 10000 && redisAsyncCommand(ac, double_itself, privdata, "PING") == REDIS_OK) issued++;
}

static void pending_commands_in_callbacks(void) {
    struct client c;
    open_redis(&c);
    redisAsyncSetMaxPending(c.ac, 64);
    double_itself(c.ac, NULL, NULL);
    size_t most = 0;
    while (issued < 10000) {
        size_t waiting = 0;
        check(redisMioRunOnce(loop, 1000) >= 0);
        for (redisCallback *cb = c.ac->replies.head; cb; cb = cb->next) waiting++;
        if (waiting > most) most = waiting;
    }
    check(most <= 64 && most > 32);
    close_client(&c);
}

static void output(void) {
    struct client c;
    char value[1000];
    int accepted = 0;
    memset(value, 'x', sizeof value);
    open_redis(&c);
    redisSetMaxOutput(&c.ac->c, 5500);
    while (redisAsyncCommand(c.ac, on_reply, NULL, "ECHO %b", value, sizeof value) == REDIS_OK) accepted++;
    check(accepted == 5);
    refused(&c, redisAsyncCommand(c.ac, on_reply, NULL, "ECHO %b", value, sizeof value));
    refused(&c, redisAsyncCommand(c.ac, on_message, NULL, "SUBSCRIBE %b", value, sizeof value));
    check(redisAsyncCommand(c.ac, on_reply, NULL, "PING") == REDIS_OK);
    loop_until(c.answered == accepted + 1);
    check(redisAsyncCommand(c.ac, on_reply, NULL, "ECHO %b", value, sizeof value) == REDIS_OK);
    close_client(&c);
    check(c.answered == accepted + 2 && c.failed == 0);
}

static void input(void) {
    struct client c;
    open_redis(&c);
    redisReaderSetMaxInput(c.ac->c.reader, 100);
    check(redisAsyncCommand(c.ac, on_reply, NULL, "ECHO %0900d", 1) == REDIS_OK);
    loop_until(c.ac == NULL);
    check(c.disconnected == REDIS_ERR && c.err == REDIS_ERR_OOM && c.failed == 1);
    check(strcmp(c.errstr, "Input limit reached") == 0);
}

static void subscriptions(void) {
    struct client c, other;
    open_redis(&c);
    open_redis(&other);
    confirmed = messages = 0;
    redisAsyncSetMaxSubscriptions(c.ac, 3);
    refused(&c, redisAsyncCommand(c.ac, on_message, NULL, "SUBSCRIBE a b c d"));
    check(!(c.ac->c.flags & REDIS_SUBSCRIBED));
    check(redisAsyncCommand(c.ac, on_message, NULL, "SUBSCRIBE a a b") == REDIS_OK);
    check(redisAsyncCommand(c.ac, on_message, NULL, "PSUBSCRIBE a*") == REDIS_OK);
    refused(&c, redisAsyncCommand(c.ac, on_message, NULL, "PSUBSCRIBE b*"));
    refused(&c, redisAsyncCommand(c.ac, on_message, NULL, "SUBSCRIBE a c"));
    refused(&c, redisAsyncCommand(c.ac, on_message, NULL, "SSUBSCRIBE s"));
    check(redisAsyncCommand(c.ac, on_message, NULL, "SUBSCRIBE a") == REDIS_OK); /* nothing new */
    loop_until(confirmed == 5);
    check(redisAsyncCommand(other.ac, NULL, NULL, "PUBLISH a 1") == REDIS_OK);
    check(redisAsyncCommand(other.ac, NULL, NULL, "PUBLISH c 1") == REDIS_OK);
    loop_until(messages == 2);
    check(redisAsyncCommand(c.ac, NULL, NULL, "UNSUBSCRIBE a") == REDIS_OK);
    refused(&c, redisAsyncCommand(c.ac, on_message, NULL, "SSUBSCRIBE s"));
    loop_until(confirmed == 6);
    check(redisAsyncCommand(c.ac, on_message, NULL, "SSUBSCRIBE s") == REDIS_OK);
    refused(&c, redisAsyncCommand(c.ac, on_message, NULL, "SUBSCRIBE a"));
    loop_until(confirmed == 7);
    close_client(&c);
    close_client(&other);
}

int main(void) {
    begin();
    run(pending_commands);
    run(pending_commands_in_callbacks);
    run(output);
    run(input);
    run(subscriptions);
    redisMioLoopFree(loop);
    return 0;
}

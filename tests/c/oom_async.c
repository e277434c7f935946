/* Asynchronous contexts without memory, against a real server: a command that was accepted has its callback called exactly
 * once, a refused one never; a subscription's callback is called until its end; everything is freed. */
#include "oom_async.h"
#include "oom_socket.h"
#include <unistd.h>

static void issue_echoes(void) {
    static const char *texts[] = {"one", "two", "three", "four", "five", "six"};
    count = more_echoes = 0;
    for (int i = 0; i < 6; i++)
        issue_echo(texts[i], i, i == 2 ? 3 : 0);
}

static void whole_life(redisOptions *options) {
    options->connect_timeout = &TIMEOUT;
    count = 0;
    arm();
    if (start(options)) {
        int status = redisAsyncSetTimeout(ac, TIMEOUT);
        CHECK(status == REDIS_OK || IS_OUT_OF_MEMORY(ac));
        issue_echoes();
        if (ac->err == 0) {
            serve(all_called);
            CHECK(ac == NULL || all_called());
        }
    }
    if (ac != NULL && !ac->err) {
        redisAsyncDisconnect(ac);
        CHECK(ac == NULL && last_status == REDIS_OK);
    }
    finish();
    check_each_called_once();
}

static void whole_life_tcp(void) {
    redisOptions options = {0};
    REDIS_OPTIONS_SET_TCP(&options, "127.0.0.1", port);
    options.endpoint.tcp.source_addr = "127.0.0.1";
    whole_life(&options);
}

static void whole_life_unix(void) {
    redisOptions options = {0};
    REDIS_OPTIONS_SET_UNIX(&options, path);
    whole_life(&options);
}

static void whole_life_fd(void) {
    int fd = socket_to(path);
    redisOptions options = {.type = REDIS_CONN_USERFD};
    options.endpoint.fd = fd;
    whole_life(&options);
    close(fd); /* Still open where there was no context to own it. */
}

/* Connected before failures begin. */
static void open_connected(void) {
    redisOptions options = {.command_timeout = &TIMEOUT};
    REDIS_OPTIONS_SET_UNIX(&options, path);
    count = 0;
    CHECK(start(&options));
    serve(is_connected);
    CHECK(ac != NULL && ac->err == 0);
}

static void commands(void) {
    open_connected();
    arm();
    issue_echoes();
    serve(all_called);
    /* Failures in the middle of a second round meet spare callbacks and a used buffer. */
    if (ac != NULL && ac->err == 0)
        issue_echo("last", 0, 0);
    serve(all_called);
    finish();
    check_each_called_once();
}

static void set_timeout(void) {
    redisOptions options = {0};
    REDIS_OPTIONS_SET_UNIX(&options, path);
    CHECK(start(&options));
    serve(is_connected);
    arm();
    CHECK(redisAsyncSetTimeout(ac, TIMEOUT) == REDIS_OK || (has_failed() && IS_OUT_OF_MEMORY(ac)));
    finish();
}

static void say_to_server(const char *text) {
    int fd = socket_to(path);
    char answer[64];
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    CHECK(read(fd, answer, sizeof(answer)) > 0);
    close(fd);
}

static int is_kind(const redisReply *reply, const char *kind) {
    const char *name = reply->element[0]->str;
    return strcmp(name, kind) == 0 || (strchr("ps", *name) && strcmp(name + 1, kind) == 0);
}

static void on_message(redisAsyncContext *c, void *r, void *privdata) {
    redisReply *reply = r;
    struct issued *i = privdata;
    i->calls++;
    if (reply == NULL) {
        i->nulls++;
        return;
    }
    CHECK(!i->ended && !i->nulls && reply->elements >= 3);
    const char *channel = reply->element[1]->str;
    CHECK(strstr(i->text, channel) != NULL);
    i->confirmed += is_kind(reply, "subscribe");
    i->messages += is_kind(reply, "message");
    i->ended += is_kind(reply, "unsubscribe") && strlen(i->text) == strlen(channel);
}

/* The text names every channel, which is one letter or a pattern. */
static struct issued *subscribe(const char *command, const char *channels) {
    struct issued *i = note_issued(channels);
    settle(i, redisAsyncCommand(ac, on_message, i, command));
    if (i->status != REDIS_OK)
        CHECK(IS_OUT_OF_MEMORY(ac));
    return i;
}

static int confirmations, messages;

static int is_confirmed(void) {
    int sum = 0;
    for (int i = 0; i < count; i++)
        sum += issued[i].confirmed;
    return sum >= confirmations;
}

static int has_messages(void) {
    int sum = 0;
    for (int i = 0; i < count; i++)
        sum += issued[i].messages;
    return sum >= messages;
}

static int is_unsubscribed(void) {
    return !(ac->c.flags & REDIS_SUBSCRIBED) && issued[3].ended;
}

static void on_pong(redisAsyncContext *c, void *r, void *privdata) {
    redisReply *reply = r;
    struct issued *i = privdata;
    i->calls++;
    CHECK(reply == NULL || (reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "PONG") == 0));
}

static int is_answered(void) { return issued[count - 1].calls != 0; }

static void unsubscribe(const char *command) {
    int status = redisAsyncCommand(ac, NULL, NULL, command);
    CHECK(status == REDIS_OK || (has_failed() && IS_OUT_OF_MEMORY(ac)));
}

static void subscriptions(void) {
    arm();
    subscribe("SUBSCRIBE a b", "a b");
    subscribe("SUBSCRIBE d e f g", "d e f g");
    subscribe("PSUBSCRIBE p*", "p*");
    subscribe("SSUBSCRIBE s", "s");
    confirmations = 8;
    serve(is_confirmed);
    if (ac != NULL) {
        say_to_server("PUBLISH a x\r\n");
        say_to_server("PUBLISH pq x\r\n");
        say_to_server("SPUBLISH s x\r\n");
        messages = 3;
        serve(has_messages);
    }
    if (ac != NULL) {
        subscribe("SUBSCRIBE h a i", "h a i");
        confirmations = 11;
        serve(is_confirmed);
    }
    if (ac != NULL) {
        unsubscribe("UNSUBSCRIBE a b");
        unsubscribe("UNSUBSCRIBE");
        unsubscribe("PUNSUBSCRIBE");
        unsubscribe("SUNSUBSCRIBE");
        serve(is_unsubscribed);
    }
    if (ac != NULL) {
        struct issued *i = note_issued("PING");
        settle(i, redisAsyncCommand(ac, on_pong, i, "PING"));
        serve(is_answered);
    }
    if (ac != NULL && ac->err == 0)
        redisAsyncDisconnect(ac);
    finish();
    for (int i = 0; i < count; i++)
        CHECK((issued[i].calls > 0) == (issued[i].status == REDIS_OK));
    CHECK(failures || (count == 6 && issued[0].confirmed == 2 && issued[0].messages == 1 && issued[4].confirmed == 3));
}

static void subscriptions_resp2(void) {
    open_connected();
    subscriptions();
}

static int hello_said;
static void on_hello(redisAsyncContext *c, void *r, void *privdata) {
    CHECK(r != NULL && ((redisReply *)r)->type == REDIS_REPLY_MAP);
    hello_said = 1;
}
static int is_hello_said(void) { return hello_said; }

static void subscriptions_resp3(void) {
    open_connected();
    hello_said = 0;
    CHECK(redisAsyncCommand(ac, on_hello, NULL, "HELLO 3") == REDIS_OK);
    serve(is_hello_said);
    subscriptions();
}

/* Freed while everything is subscribed: one last call each, with NULL. */
static void subscriptions_freed(void) {
    open_connected();
    arm();
    subscribe("SUBSCRIBE a b", "a b");
    subscribe("PSUBSCRIBE p*", "p*");
    subscribe("SUBSCRIBE c a", "c a");
    subscribe("SSUBSCRIBE s", "s");
    finish();
    /* The later SUBSCRIBE took channel a over. */
    CHECK(failures || (issued[0].nulls == 1 && issued[1].nulls == 1 && issued[2].nulls == 2));
    for (int i = 0; i < count; i++)
        CHECK((issued[i].calls > 0) == (issued[i].status == REDIS_OK));
}

static void on_line(redisAsyncContext *c, void *r, void *privdata) {
    redisReply *reply = r;
    struct issued *i = privdata;
    i->calls++;
    i->confirmed += reply != NULL && strcmp(reply->str, "OK") == 0;
    i->messages += reply != NULL && strstr(reply->str, "\"oom\"") != NULL;
}

static void monitor(void) {
    open_connected();
    arm();
    struct issued *i = note_issued("MONITOR");
    settle(i, redisAsyncCommand(ac, on_line, i, "MONITOR"));
    CHECK(i->status == REDIS_OK || IS_OUT_OF_MEMORY(ac));
    confirmations = 1;
    messages = 2;
    serve(is_confirmed);
    if (ac != NULL)
        say_to_server("ECHO oom\r\n");
    if (ac != NULL)
        say_to_server("ECHO oom\r\n");
    serve(has_messages);
    finish();
    CHECK((i->calls > 0) == (i->status == REDIS_OK));
    CHECK(failures || (i->confirmed == 1 && i->messages == 2));
}

int main(void) {
    port = atoi(getenv("REDIS_PORT"));
    path = getenv("REDIS_SOCK");
    each_failure("whole life, tcp", whole_life_tcp);
    each_failure("whole life, unix", whole_life_unix);
    each_failure("whole life, fd", whole_life_fd);
    each_failure("async commands", commands);
    each_failure("async set timeout", set_timeout);
    each_failure("subscriptions, RESP2", subscriptions_resp2);
    each_failure("subscriptions, RESP3", subscriptions_resp3);
    each_failure("subscriptions freed", subscriptions_freed);
    each_failure("monitor", monitor);
    return 0;
}

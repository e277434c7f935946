/* Asynchronous contexts without memory, against a real server: a command that was accepted has its callback called exactly
 * once, a refused one never; a subscription's callback is called until its end; everything is freed. */
#include "oom.h"
#include <hiredis/async.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int port;
static const char *path;
static const struct timeval TIMEOUT = {5, 0};

/* The connection under test and its loop. */
static redisAsyncContext *ac; /* NULL once freed */
static int reading, writing, connects, disconnects, last_status;

static void add_read(void *data) { reading = 1; }
static void del_read(void *data) { reading = 0; }
static void add_write(void *data) { writing = 1; }
static void del_write(void *data) { writing = 0; }
static void no_events(void *data) { reading = writing = 0; }
static void set_timer(void *data, struct timeval tv) { CHECK(tv.tv_sec <= 5); }

static void on_freed(void *data) { ac = NULL; }
static void on_connect(const redisAsyncContext *c, int status) { connects++; }
static void on_disconnect(const redisAsyncContext *c, int status) {
    disconnects++;
    last_status = status;
    CHECK(status == REDIS_OK || (has_failed() && IS_OUT_OF_MEMORY(c)));
}

static int start(redisOptions *options) {
    reading = writing = connects = disconnects = 0;
    ac = redisAsyncConnectWithOptions(options);
    if (ac == NULL) {
        CHECK(has_failed());
        return 0;
    }
    CHECK(ac->err == 0 || (has_failed() && IS_OUT_OF_MEMORY(ac)));
    ac->dataCleanup = on_freed;
    ac->ev.data = &ac;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = no_events;
    ac->ev.scheduleTimer = set_timer;
    CHECK(redisAsyncSetConnectCallback(ac, on_connect) == REDIS_OK);
    CHECK(redisAsyncSetDisconnectCallback(ac, on_disconnect) == REDIS_OK);
    return 1;
}

/* What was issued, what became of it. */
struct issued {
    const char *text; /* of the reply, or the channel */
    int status, calls, nulls, confirmed, messages, ended;
};
enum { MOST = 16 };
static struct issued issued[MOST];
static int count;

/* A server that answers does not leave a client waiting for long. */
static void stalled(void) {
    for (struct issued *i = issued; i < issued + count; i++)
        fprintf(stderr, "%s: status %d, calls %d, nulls %d, confirmed %d, messages %d, ended %d\n", i->text, i->status,
            i->calls, i->nulls, i->confirmed, i->messages, i->ended);
    fprintf(stderr, "flags %x, pending_unsubs %d, unsent '%s'\n", ac->c.flags, ac->sub.pending_unsubs, ac->c.obuf);
    CHECK(!"the loop waits for something");
}

/* Serves events until done() or the context is gone. */
static void serve(int (*done)(void)) {
    while (ac != NULL && !done()) {
        if (ac->err != 0 && !writing) { /* Nothing is on its way: the program gives the connection up. */
            redisAsyncFree(ac);
            return;
        }
        struct pollfd f = {.fd = ac->c.fd, .events = (short)((reading ? POLLIN : 0) | (writing ? POLLOUT : 0))};
        CHECK(ac->err != 0 || f.events != 0);
        if (poll(&f, 1, 5000) != 1)
            stalled();
        if (f.revents & (POLLIN | POLLHUP | POLLERR))
            redisAsyncHandleRead(ac);
        if (ac != NULL && (f.revents & POLLOUT))
            redisAsyncHandleWrite(ac);
    }
}

static int is_connected(void) { return connects != 0; }

static void finish(void) {
    if (ac != NULL)
        redisAsyncFree(ac);
    CHECK(ac == NULL && connects <= 1 && disconnects <= 1);
    disarm();
}

static struct issued *note_issued(const char *text) {
    CHECK(count < MOST);
    issued[count] = (struct issued){.text = text};
    return &issued[count++];
}

static void settle(struct issued *i, int status) {
    i->status = status;
    CHECK(status == REDIS_OK || has_failed());
}

static int all_called(void) {
    for (int i = 0; i < count; i++)
        if (issued[i].status == REDIS_OK && issued[i].calls == 0)
            return 0;
    return 1;
}

static void check_each_called_once(void) {
    for (int i = 0; i < count; i++) {
        CHECK(issued[i].calls == (issued[i].status == REDIS_OK));
        CHECK(failures || issued[i].nulls == 0);
    }
}

static void issue_echo(const char *text, int function, int more);
static int more_echoes;

static void on_echo(redisAsyncContext *c, void *r, void *privdata) {
    redisReply *reply = r;
    struct issued *i = privdata;
    CHECK(c == ac);
    i->calls++;
    if (reply == NULL) {
        i->nulls++;
        CHECK(has_failed());
        return;
    }
    CHECK(reply->type == REDIS_REPLY_STRING && strcmp(reply->str, i->text) == 0);
    if (more_echoes > 0) {
        more_echoes--;
        issue_echo("from a callback", more_echoes, 0);
    }
}

static void issue_echo(const char *text, int function, int more) {
    const char *argv[] = {"ECHO", text};
    char command[64];
    struct issued *i = note_issued(text);
    size_t before = sdslen(ac->c.obuf);
    int status;
    more_echoes += more;
    switch (function % 3) {
    case 0: status = redisAsyncCommand(ac, on_echo, i, "ECHO %s", text); break;
    case 1: status = redisAsyncCommandArgv(ac, on_echo, i, 2, argv, NULL); break;
    default:
        status = redisAsyncFormattedCommand(ac, on_echo, i, command,
            (size_t)sprintf(command, "*2\r\n$4\r\nECHO\r\n$%zu\r\n%s\r\n", strlen(text), text));
    }
    settle(i, status);
    if (status != REDIS_OK)
        CHECK(sdslen(ac->c.obuf) == before && (IS_OUT_OF_MEMORY(ac) || ac->c.flags & REDIS_DISCONNECTING));
}

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

static int raw_connection(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

static void whole_life_fd(void) {
    int fd = raw_connection();
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
    int fd = raw_connection();
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

/* Blocking contexts without memory: connecting, commands, pipelines and reconnecting, against a real server. A reply always
 * belongs to the command it is handed out for, and what was refused is not sent. */
#include "oom.h"
#include "oom_socket.h"
#include <arpa/inet.h>
#include <unistd.h>

static int port;
static const char *path;
static int privdata_freed;

static void free_privdata(void *privdata) {
    CHECK(privdata == &privdata_freed);
    privdata_freed++;
}

static const struct timeval TIMEOUT = {5, 0};

static void check_ping(redisContext *c) {
    redisReply *reply = redisCommand(c, "PING");
    CHECK(reply != NULL && reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "PONG") == 0);
    freeReplyObject(reply);
}

/* Without memory libc may not find a name that it knows, and says no more than that. */
static const char NAME[] = "localhost";

static void connect_as(redisOptions *options) {
    options->privdata = &privdata_freed;
    options->free_privdata = free_privdata;
    privdata_freed = 0;
    arm();
    redisContext *c = redisConnectWithOptions(options);
    disarm();
    if (c == NULL) {
        CHECK(failures);
        CHECK(privdata_freed == 0);
        return;
    }
    if (c->err)
        CHECK(failures && ((options->type == REDIS_CONN_TCP && options->endpoint.tcp.ip == NAME && c->err == REDIS_ERR_OTHER) || IS_OUT_OF_MEMORY(c)));
    else if (c->flags & REDIS_BLOCK)
        check_ping(c);
    redisFree(c);
    CHECK(privdata_freed == 1);
}

static void connect_tcp(void) {
    redisOptions options = {0};
    REDIS_OPTIONS_SET_TCP(&options, "127.0.0.1", port);
    options.endpoint.tcp.source_addr = "127.0.0.1";
    options.connect_timeout = &TIMEOUT;
    options.command_timeout = &TIMEOUT;
    connect_as(&options);
}

static void connect_tcp_nonblocking(void) {
    redisOptions options = {.options = REDIS_OPT_NONBLOCK | REDIS_OPT_REUSEADDR};
    REDIS_OPTIONS_SET_TCP(&options, NAME, port);
    options.connect_timeout = &TIMEOUT;
    connect_as(&options);
}

static void connect_unix(void) {
    redisOptions options = {0};
    REDIS_OPTIONS_SET_UNIX(&options, path);
    options.connect_timeout = &TIMEOUT;
    options.command_timeout = &TIMEOUT;
    connect_as(&options);
}

static void connect_fd(void) {
    redisOptions options = {.type = REDIS_CONN_USERFD, .command_timeout = &TIMEOUT};
    int fd = socket_to(path);
    options.endpoint.fd = fd;
    connect_as(&options);
    close(fd); /* Still open where there was no context to own it; nobody else opens files here. */
}

static redisContext *connected(void) {
    redisContext *c = redisConnectUnix(path);
    CHECK(c != NULL && c->err == 0);
    return c;
}

/* After the error, the same context serves again. */
static void check_recovers(redisContext *c) {
    if (c->err)
        CHECK(failures && IS_OUT_OF_MEMORY(c));
    CHECK(redisReconnect(c) == REDIS_OK && c->err == 0);
    check_ping(c);
    redisFree(c);
}

static void reconnect(redisContext *c) {
    arm();
    int status = redisReconnect(c);
    disarm();
    if (status == REDIS_OK && c->err == 0)
        check_ping(c);
    else
        CHECK(failures && IS_OUT_OF_MEMORY(c));
    check_recovers(c);
}

static void reconnect_unix(void) {
    redisContext *c = connected();
    CHECK(redisSetTimeout(c, TIMEOUT) == REDIS_OK);
    reconnect(c);
}

static void reconnect_tcp(void) {
    redisOptions options = {.connect_timeout = &TIMEOUT, .command_timeout = &TIMEOUT};
    REDIS_OPTIONS_SET_TCP(&options, "127.0.0.1", port);
    options.endpoint.tcp.source_addr = "127.0.0.1";
    redisContext *c = redisConnectWithOptions(&options);
    CHECK(c != NULL && c->err == 0 && redisEnableKeepAlive(c) == REDIS_OK);
    reconnect(c);
}

static void set_timeout(void) {
    redisContext *c = connected();
    arm();
    int status = redisSetTimeout(c, TIMEOUT);
    disarm();
    CHECK(status == REDIS_OK || (failures && IS_OUT_OF_MEMORY(c)));
    check_recovers(c);
}

static void check_echo(redisReply *reply, const char *expected) {
    CHECK(reply->type == REDIS_REPLY_STRING && strcmp(reply->str, expected) == 0);
    freeReplyObject(reply);
}

enum { COMMANDS = 12 };

static const char *echoed(int i) {
    static char text[32];
    snprintf(text, sizeof(text), "text-%d", i);
    return text;
}

static void commands(void) {
    redisContext *c = connected();
    int refused = 0;
    arm();
    for (int i = 0; i < COMMANDS; i++) {
        const char *argv[] = {"ECHO", echoed(i)};
        redisReply *reply = i % 2 ? redisCommandArgv(c, 2, argv, NULL) : redisCommand(c, "ECHO text-%d", i);
        if (reply != NULL) {
            CHECK(!refused);
            check_echo(reply, echoed(i));
        } else {
            CHECK(has_failed() && IS_OUT_OF_MEMORY(c));
            refused++;
        }
    }
    disarm();
    CHECK(refused == 0 || c->err == REDIS_ERR_OOM);
    check_recovers(c);
}

/* One command of each kind of function, and which were acknowledged. */
static int append(redisContext *c, int i) {
    char command[64];
    const char *argv[] = {"ECHO", echoed(i)};
    switch (i % 3) {
    case 0: return redisAppendCommand(c, "ECHO text-%d", i);
    case 1: return redisAppendCommandArgv(c, 2, argv, NULL);
    default:
        return redisAppendFormattedCommand(
            c, command, (size_t)sprintf(command, "*2\r\n$4\r\nECHO\r\n$%zu\r\n%s\r\n", strlen(argv[1]), argv[1]));
    }
}

static void pipeline(void) {
    redisContext *c = connected();
    int acknowledged[COMMANDS], count = 0, broken = 0;
    arm();
    for (int i = 0; i < COMMANDS; i++) {
        size_t before = sdslen(c->obuf);
        if (append(c, i) == REDIS_OK) {
            acknowledged[count++] = i;
        } else {
            CHECK(has_failed() && IS_OUT_OF_MEMORY(c) && sdslen(c->obuf) == before);
        }
    }
    for (int i = 0; i < count; i++) {
        void *reply = NULL;
        if (redisGetReply(c, &reply) == REDIS_OK) {
            CHECK(!broken);
            check_echo(reply, echoed(acknowledged[i]));
        } else {
            CHECK(has_failed() && IS_OUT_OF_MEMORY(c) && reply == NULL);
            broken = 1;
        }
    }
    disarm();
    CHECK(failures || (count == COMMANDS && !broken));
    check_recovers(c);
}

/* A command that does not fit and is refused, between others that do. */
static void refused_in_a_pipeline(void) {
    static char large[1 << 18];
    memset(large, 'x', sizeof(large) - 1);
    redisContext *c = connected();
    CHECK(redisAppendCommand(c, "ECHO first") == REDIS_OK);
    arm();
    int status = redisAppendCommand(c, "ECHO %s", large);
    disarm();
    CHECK(redisAppendCommand(c, "ECHO last") == REDIS_OK);
    if (status == REDIS_OK) {
        redisReply *first, *second, *last;
        CHECK(redisGetReply(c, (void **)&first) == REDIS_OK);
        CHECK(redisGetReply(c, (void **)&second) == REDIS_OK);
        CHECK(redisGetReply(c, (void **)&last) == REDIS_OK);
        check_echo(first, "first");
        check_echo(second, large);
        check_echo(last, "last");
    } else {
        static const char sent[] = "*2\r\n$4\r\nECHO\r\n$5\r\nfirst\r\n*2\r\n$4\r\nECHO\r\n$4\r\nlast\r\n";
        CHECK(failures && IS_OUT_OF_MEMORY(c) && strcmp(c->obuf, sent) == 0);
    }
    check_recovers(c);
}

static void large_replies(void) {
    redisContext *c = connected();
    freeReplyObject(redisCommand(c, "DEL oom:list"));
    for (int i = 0; i < 40; i++)
        freeReplyObject(redisCommand(c, "RPUSH oom:list %0200d", i));
    freeReplyObject(redisCommand(c, "SETRANGE oom:string 200000 x"));
    arm();
    redisReply *list = redisCommand(c, "LRANGE oom:list 0 -1");
    if (list != NULL) {
        CHECK(list->elements == 40 && list->element[39]->len == 200);
        freeReplyObject(list);
    } else {
        CHECK(has_failed() && IS_OUT_OF_MEMORY(c));
    }
    redisReply *string = redisCommand(c, "GET oom:string");
    if (string != NULL) {
        CHECK(list != NULL && string->type == REDIS_REPLY_STRING && string->len == 200001);
        freeReplyObject(string);
    } else {
        CHECK(has_failed() && IS_OUT_OF_MEMORY(c));
    }
    disarm();
    check_recovers(c);
}

static int pushes;

static void on_push(void *privdata, void *reply) {
    pushes++;
    freeReplyObject(reply);
}

/* RESP3: an invalidation message comes before the reply of the command after it. */
static void push_messages(void) {
    redisContext *c = connected();
    redisSetPushCallback(c, on_push);
    freeReplyObject(redisCommand(c, "HELLO 3"));
    freeReplyObject(redisCommand(c, "CLIENT TRACKING ON"));
    freeReplyObject(redisCommand(c, "GET oom:key"));
    pushes = 0;
    arm();
    redisReply *set = redisCommand(c, "SET oom:key 1");
    redisReply *echo = redisCommand(c, "ECHO text");
    disarm();
    if (set != NULL) {
        CHECK(set->type == REDIS_REPLY_STATUS);
        freeReplyObject(set);
    }
    if (echo != NULL) {
        CHECK(set != NULL && pushes == 1);
        check_echo(echo, "text");
    } else {
        CHECK(failures && IS_OUT_OF_MEMORY(c));
    }
    check_recovers(c);
}

int main(void) {
    port = atoi(getenv("REDIS_PORT"));
    path = getenv("REDIS_SOCK");
    each_failure("connect tcp", connect_tcp);
    each_failure("connect tcp, nonblocking", connect_tcp_nonblocking);
    each_failure("connect unix", connect_unix);
    each_failure("connect fd", connect_fd);
    each_failure("reconnect unix", reconnect_unix);
    each_failure("reconnect tcp", reconnect_tcp);
    each_failure("set timeout", set_timeout);
    each_failure("commands", commands);
    each_failure("pipeline", pipeline);
    each_failure("refused in a pipeline", refused_in_a_pipeline);
    each_failure("large replies", large_replies);
    each_failure("push messages", push_messages);
    return 0;
}

/* fork() in a program with live connections (docs/threads.md): the child frees its copies or leaves them alone and opens connections
 * of its own; the parent goes on as if nothing had happened. */
#include "event_loop.h"

#include <hiredis/adapters/poll.h>
#include <sys/wait.h>

enum { PIPELINED = 5, COMMANDS = 100, MESSAGES = 10 };

struct connections {
    redisContext *sync, *local;
    redisAsyncContext *polled;
    struct client commands, subscriber;
};

static int next_echo, polled_echo, messages;

static void on_echo(redisAsyncContext *ac, void *r, void *privdata) {
    redisReply *reply = r;
    int *next = privdata;
    (void)ac;
    if (reply) check(atoi(reply->str) == (*next)++);
}

static void on_message(redisAsyncContext *ac, void *r, void *privdata) {
    redisReply *reply = r;
    (void)ac, (void)privdata;
    if (reply && strcmp(reply->element[0]->str, "message") == 0) check(atoi(reply->element[2]->str) == messages++);
}

static void answers(redisContext *c, const char *command, const char *wanted) {
    redisReply *reply = redisCommand(c, command);
    check(reply && strcmp(reply->str, wanted) == 0);
    freeReplyObject(reply);
}

/* Every kind, each in the middle of something. */
static void open_all(struct connections *all) {
    redisReply *reply;
    all->sync = redisConnect("127.0.0.1", redis_port());
    for (int i = 0; i < PIPELINED; i++) redisAppendCommand(all->sync, "ECHO sync:%d", i);
    check(redisGetReply(all->sync, (void **)&reply) == REDIS_OK);
    freeReplyObject(reply);
    redisAppendCommand(all->sync, "ECHO unsent");
    all->polled = redisAsyncConnect("127.0.0.1", redis_port());
    check(redisPollAttach(all->polled) == REDIS_OK);
    for (int i = 0; i < COMMANDS; i++) redisAsyncCommand(all->polled, on_echo, &polled_echo, "ECHO %d", i);
    while (polled_echo == 0) redisPollTick(all->polled, 1);
    redisAsyncCommand(all->polled, on_echo, &polled_echo, "ECHO %d", COMMANDS);
    open_redis(&all->commands);
    open_redis(&all->subscriber);
    redisAsyncCommand(all->subscriber.ac, on_message, NULL, "SUBSCRIBE news");
    loop_until(all->commands.connected == REDIS_OK && all->subscriber.connected == REDIS_OK);
    for (int i = 0; i < COMMANDS; i++) redisAsyncCommand(all->commands.ac, on_echo, &next_echo, "ECHO %d", i);
}

static void own_connections(void) {
    struct client own;
    int echoed = 0;
    redisContext *c = redisConnect("127.0.0.1", redis_port());
    answers(c, "PING", "PONG");
    redisFree(c);
    loop = redisMioLoopCreate();
    check(loop != NULL);
    open_redis(&own);
    for (int i = 0; i < COMMANDS; i++) redisAsyncCommand(own.ac, on_echo, &echoed, "ECHO %d", i);
    redisAsyncDisconnect(own.ac);
    loop_until(own.ac == NULL);
    check(echoed == COMMANDS);
    redisMioLoopFree(loop);
}

/* In the child. */
static void free_all(struct connections *all) {
    check(redisReconnect(all->sync) == REDIS_OK);
    answers(all->sync, "PING", "PONG");
    redisFree(all->sync);
    redisFree(all->local);
    redisAsyncFree(all->polled);
    redisAsyncFree(all->subscriber.ac);
    check(all->subscriber.ac == NULL && all->subscriber.disconnected == REDIS_OK);
    redisMioLoopFree(loop);
    check(all->commands.ac == NULL);
}

static void go_on(struct connections *all) {
    char wanted[32];
    redisReply *reply;
    for (int i = 1; i <= PIPELINED; i++) {
        snprintf(wanted, sizeof wanted, i < PIPELINED ? "sync:%d" : "unsent", i);
        check(redisGetReply(all->sync, (void **)&reply) == REDIS_OK && strcmp(reply->str, wanted) == 0);
        freeReplyObject(reply);
    }
    while (polled_echo <= COMMANDS) redisPollTick(all->polled, 1);
    loop_until(next_echo == COMMANDS);
    for (int i = 0; i < MESSAGES; i++) {
        reply = redisCommand(all->local, "PUBLISH news %d", i);
        check(reply && reply->integer == 1);
        freeReplyObject(reply);
    }
    loop_until(messages == MESSAGES);
}

/* What the server has counted shows that nothing was sent twice. */
static int echoes(redisContext *c) {
    redisReply *reply = redisCommand(c, "INFO commandstats");
    const char *line = strstr(reply->str, "cmdstat_echo:calls=");
    int calls = line ? atoi(line + strlen("cmdstat_echo:calls=")) : 0;
    freeReplyObject(reply);
    return calls;
}

static void close_all(struct connections *all) {
    redisFree(all->sync);
    redisFree(all->local);
    redisAsyncFree(all->polled);
    redisAsyncDisconnect(all->commands.ac);
    loop_until(all->commands.ac == NULL);
    redisMioLoopFree(loop);
    check(all->subscriber.ac == NULL);
}

int main(int argc, char **argv) {
    int frees = argc > 1 && strcmp(argv[1], "frees") == 0, status, before;
    struct connections all;
    begin();
    all.local = redisConnectUnix(getenv("REDIS_SOCK"));
    check(all.local && all.local->err == 0);
    before = echoes(all.local);
    open_all(&all);
    pid_t child = fork();
    check(child >= 0);
    if (child == 0) {
        if (frees) free_all(&all);
        own_connections();
        if (frees) exit(0); /* under memcheck with a look for leaks */
        _exit(0);
    }
    go_on(&all);
    check(waitpid(child, &status, 0) == child && status == 0);
    /* Once more, now that the child has closed what it had. */
    next_echo = messages = 0;
    for (int i = 0; i < COMMANDS; i++) redisAsyncCommand(all.commands.ac, on_echo, &next_echo, "ECHO %d", i);
    for (int i = 0; i < MESSAGES; i++) {
        redisReply *reply = redisCommand(all.local, "PUBLISH news %d", i);
        check(reply && reply->integer == 1);
        freeReplyObject(reply);
    }
    loop_until(next_echo == COMMANDS && messages == MESSAGES);
    /* Those of `sync`, `polled`, `commands` and the child. */
    check(echoes(all.local) - before == PIPELINED + 1 + COMMANDS + 1 + 2 * COMMANDS + COMMANDS);
    close_all(&all);
    printf("the parent went on\n");
    return 0;
}

/* Bounds on what a connection may hold, and what a program sees when one is reached. The commands that are refused are refused before
 * anything happens: the connection stays sound.
 *
 *     cc bounds.c $(pkg-config --cflags --libs hiredis) -o bounds
 *     ./bounds 127.0.0.1 6379      or      ./bounds /path/to/redis.sock
 */
#include <errno.h>
#include <hiredis/adapters/mio.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef HIREDIS_RS
#error "these limits are there in hiredis-rs alone"
#endif

enum { INPUT = 1024, OUTPUT = 1024, PENDING = 4, NAMES = 2 };

static redisMioLoop *loop;
static unsigned long long guard; /* a timer that ends the program if the server says nothing */
static int status = 1;

static void on_connect(const redisAsyncContext *ac, int result) {
    if (result != REDIS_OK) fprintf(stderr, "There is no Redis: %s\n", ac->errstr);
}

static void on_silence(void *data) {
    (void)data;
    redisMioStop(loop);
}

static void on_message(redisAsyncContext *ac, void *reply, void *privdata) {
    (void)ac, (void)reply, (void)privdata;
}

static void on_ping(redisAsyncContext *ac, void *reply, void *privdata) {
    (void)privdata;
    if (reply == NULL || status == 0) return;
    status = 0;
    redisMioTimerCancel(loop, guard);
    if (redisAsyncCommand(ac, on_message, NULL, "SUBSCRIBE a b c") != REDIS_OK && errno == ENOBUFS)
        printf("subscriptions: three names are refused, %d may be subscribed\n", NAMES);
    redisAsyncDisconnect(ac);
}

/* What waits in an asynchronous context. */
static void bound_what_waits(redisOptions *options) {
    redisAsyncContext *ac = redisAsyncConnectWithOptions(options);
    int accepted = 0;
    if (ac == NULL || ac->err) {
        fprintf(stderr, "There is no Redis: %s\n", ac ? ac->errstr : "out of memory");
        exit(1);
    }
    loop = redisMioLoopCreate();
    redisMioAttach(ac, loop);
    redisAsyncSetConnectCallback(ac, on_connect);
    redisAsyncSetMaxPending(ac, PENDING);
    redisAsyncSetMaxSubscriptions(ac, NAMES);
    while (redisAsyncCommand(ac, on_ping, NULL, "PING") == REDIS_OK) accepted++;
    if (errno == ENOBUFS) printf("commands: %d wait for their replies, the next one is refused\n", accepted);
    guard = redisMioTimerAdd(loop, (struct timeval){5, 0}, on_silence, NULL);
    redisMioRun(loop);
    redisMioLoopFree(loop);
}

/* What is not sent yet, and a reply that is not complete. */
static void bound_buffers(redisContext *c) {
    redisReply *reply;
    int appended = 0;
    redisSetMaxOutput(c, OUTPUT);
    while (redisAppendCommand(c, "ECHO %0100d", 0) == REDIS_OK) appended++;
    printf("output: %d commands are in the buffer; %s\n", appended, c->errstr);
    while (appended-- > 0 && redisGetReply(c, (void **)&reply) == REDIS_OK) freeReplyObject(reply);
    redisSetMaxOutput(c, 0);
    redisReaderSetMaxInput(c->reader, INPUT);
    reply = redisCommand(c, "ECHO %0*d", 2 * INPUT, 0);
    printf("input: %s\n", reply ? "no limit" : c->errstr); /* this one ends the connection */
    freeReplyObject(reply);
}

int main(int argc, char **argv) {
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    struct timeval patience = {2, 0};
    redisOptions options = {0};
    redisContext *c;

    if (host[0] == '/') REDIS_OPTIONS_SET_UNIX(&options, host);
    else REDIS_OPTIONS_SET_TCP(&options, host, argc > 2 ? atoi(argv[2]) : 6379);
    options.connect_timeout = &patience;
    c = redisConnectWithOptions(&options);
    if (c == NULL || c->err) {
        fprintf(stderr, "There is no Redis at %s: %s\n", host, c ? c->errstr : "out of memory");
        return 1;
    }
    bound_buffers(c);
    redisFree(c);
    bound_what_waits(&options);
    return status;
}

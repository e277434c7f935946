/* Asynchronous commands on the library's own loop, for programs that have none. It needs nothing but hiredis.
 *
 *     cc mio.c $(pkg-config --cflags --libs hiredis) -o mio
 *     ./mio 127.0.0.1 6379      or      ./mio /path/to/redis.sock
 */
#include <hiredis/adapters/mio.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

static int status = 1;

/* The context is freed after a failed connect, and after it has disconnected: there is nothing to clean up here. */
static void on_connect(const redisAsyncContext *ac, int result) {
    if (result == REDIS_OK) printf("Connected\n");
    else fprintf(stderr, "There is no Redis: %s\n", ac->errstr);
}

static void on_disconnect(const redisAsyncContext *ac, int result) {
    if (result == REDIS_OK) printf("Disconnected\n");
    else fprintf(stderr, "Lost the connection: %s\n", ac->errstr);
    if (result != REDIS_OK) status = 1;
}

/* The reply belongs to the library. NULL means that there will be none: the connection is about to go. */
static void on_get(redisAsyncContext *ac, void *answer, void *privdata) {
    redisReply *reply = (redisReply *)answer;
    if (reply == NULL) return;
    printf("%s: %s\n", (const char *)privdata, reply->str ? reply->str : "(nil)");
    if (reply->type == REDIS_REPLY_STRING) status = 0;
    redisAsyncDisconnect(ac); /* once every reply has come */
}

static redisAsyncContext *begin(redisMioLoop *loop, int argc, char **argv) {
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    struct timeval patience = {2, 0};
    redisOptions options = {0};
    redisAsyncContext *ac;
    if (host[0] == '/') REDIS_OPTIONS_SET_UNIX(&options, host);
    else REDIS_OPTIONS_SET_TCP(&options, host, argc > 2 ? atoi(argv[2]) : 6379);
    options.connect_timeout = &patience; /* the loop's timers see to both */
    options.command_timeout = &patience;
    ac = redisMioConnect(loop, &options); /* attached already; a host name is resolved while the loop runs */
    if (ac == NULL || ac->err) {
        fprintf(stderr, "There is no Redis at %s: %s\n", host, ac ? ac->errstr : "out of memory");
        redisAsyncFree(ac);
        exit(1);
    }
    return ac;
}

int main(int argc, char **argv) {
    redisMioLoop *loop = redisMioLoopCreate();
    redisAsyncContext *ac = begin(loop, argc, argv);

    redisAsyncSetConnectCallback(ac, on_connect);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
    redisAsyncCommand(ac, NULL, NULL, "SET example:loop %s", "mio");
    redisAsyncCommand(ac, on_get, "the value", "GET example:loop");
    redisAsyncCommand(ac, NULL, NULL, "DEL example:loop");
    redisMioRun(loop); /* until nothing is left to wait for */

    redisMioLoopFree(loop);
    return status;
}

/* Many commands without handing them over all at once: the program keeps what is not issued yet, which it can still withdraw, and the
 * context holds a window of 64 KiB, which the drain callback fills again.
 *
 *     cc window.c $(pkg-config --cflags --libs hiredis) -o window
 *     ./window 127.0.0.1 6379      or      ./window /path/to/redis.sock
 */
#include <hiredis/adapters/mio.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef HIREDIS_RS
#error "redisAsyncSetDrainCallback is there in hiredis-rs alone"
#endif

enum { COMMANDS = 20000, FULL = 64 * 1024, LOW = 32 * 1024 };

static int status = 1, issued, answered;
static size_t fullest;

static void on_connect(const redisAsyncContext *ac, int result) {
    if (result != REDIS_OK) fprintf(stderr, "There is no Redis: %s\n", ac->errstr);
}

static void on_deleted(redisAsyncContext *ac, void *reply, void *privdata) {
    (void)privdata;
    if (reply == NULL) return;
    printf("%d commands answered, %llu bytes sent, never more than %zu waiting to be sent\n", answered,
           (unsigned long long)redisAsyncBytesTaken(ac), fullest);
    if (answered == COMMANDS && fullest < FULL + 100) status = 0;
    redisAsyncDisconnect(ac);
}

/* After an error, what was not issued has not been executed, and what was taken in part or in whole may have been. */
static void on_set(redisAsyncContext *ac, void *reply, void *privdata) {
    (void)privdata;
    if (reply == NULL) return;
    if (++answered == COMMANDS) redisAsyncCommand(ac, on_deleted, NULL, "DEL example:window");
}

/* Called once for the beginning, and then whenever the window has fallen below its mark. */
static void fill(redisAsyncContext *ac, void *privdata) {
    (void)privdata;
    while (issued < COMMANDS && sdslen(ac->c.obuf) < FULL)
        if (redisAsyncCommand(ac, on_set, NULL, "HSET example:window field:%d value:%d", issued % 100, issued) == REDIS_OK) issued++;
        else return;
    if (sdslen(ac->c.obuf) > fullest) fullest = sdslen(ac->c.obuf);
}

static redisAsyncContext *begin(redisMioLoop *loop, int argc, char **argv) {
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    struct timeval patience = {2, 0};
    redisOptions options = {0};
    redisAsyncContext *ac;
    if (host[0] == '/') REDIS_OPTIONS_SET_UNIX(&options, host);
    else REDIS_OPTIONS_SET_TCP(&options, host, argc > 2 ? atoi(argv[2]) : 6379);
    options.connect_timeout = &patience;
    options.command_timeout = &patience;
    ac = redisMioConnect(loop, &options);
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
    redisAsyncSetDrainCallback(ac, LOW, fill, NULL);
    fill(ac, NULL);
    redisMioRun(loop);
    redisMioLoopFree(loop);
    return status;
}

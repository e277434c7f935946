/* Work for the loop's thread from other threads, up to a limit: a thread that is faster than the loop is told so, instead of filling the
 * memory.
 *
 *     cc tasks.c $(pkg-config --cflags --libs hiredis) -pthread -o tasks
 *     ./tasks 127.0.0.1 6379      or      ./tasks /path/to/redis.sock
 */
#include <errno.h>
#include <hiredis/adapters/mio.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef HIREDIS_RS
#error "redisMioSetPostLimit is there in hiredis-rs alone"
#endif

enum { TASKS = 1000, LIMIT = 10 };

static redisMioLoop *loop;
static redisAsyncContext *redis; /* the loop's thread alone touches it */
static int status = 1, answered;
static atomic_int over, refused;

static void on_connect(const redisAsyncContext *ac, int result) {
    if (result == REDIS_OK) return;
    fprintf(stderr, "There is no Redis: %s\n", ac->errstr);
    redis = NULL;
}

static void on_deleted(redisAsyncContext *ac, void *reply, void *privdata) {
    (void)privdata;
    if (reply == NULL) return;
    printf("%d tasks done, never more than %d waiting; the thread was too fast %d times\n", answered, LIMIT, refused);
    status = 0;
    redisAsyncDisconnect(ac);
}

static void on_incr(redisAsyncContext *ac, void *reply, void *privdata) {
    (void)privdata;
    if (reply != NULL && ++answered == TASKS) redisAsyncCommand(ac, on_deleted, NULL, "DEL example:tasks");
}

static void task(void *data) {
    (void)data;
    if (redis != NULL) redisAsyncCommand(redis, on_incr, NULL, "INCR example:tasks");
}

static void *post_all(void *data) {
    int i = 0;
    (void)data;
    while (i < TASKS && !over) {
        if (redisMioPost(loop, task, NULL) == REDIS_OK) {
            i++;
            continue;
        }
        if (errno != ENOBUFS) break;
        refused++;
        sched_yield(); /* the loop will make room */
    }
    return NULL;
}

int main(int argc, char **argv) {
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    struct timeval patience = {2, 0};
    redisOptions options = {0};
    pthread_t thread;

    if (host[0] == '/') REDIS_OPTIONS_SET_UNIX(&options, host);
    else REDIS_OPTIONS_SET_TCP(&options, host, argc > 2 ? atoi(argv[2]) : 6379);
    options.connect_timeout = &patience;
    options.command_timeout = &patience;
    loop = redisMioLoopCreate();
    redisMioSetPostLimit(loop, LIMIT);
    redis = redisMioConnect(loop, &options);
    if (redis == NULL || redis->err) {
        fprintf(stderr, "There is no Redis at %s: %s\n", host, redis ? redis->errstr : "out of memory");
        return 1;
    }
    redisAsyncSetConnectCallback(redis, on_connect);
    pthread_create(&thread, NULL, post_all, NULL);
    redisMioRun(loop); /* until the connection has ended */
    over = 1;
    pthread_join(thread, NULL);
    redisMioLoopFree(loop);
    return status;
}

/* Timers and wake-ups on any loop: an adapter that drives connections drives descriptors of the program's own, too. Here a timerfd issues a
 * command three times, and another thread wakes the loop up by an eventfd. Any other adapter would do as libevent's does.
 *
 *     cc watch.c $(pkg-config --cflags --libs hiredis) -levent -pthread -o watch
 *     ./watch 127.0.0.1 6379      or      ./watch /path/to/redis.sock
 */
#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#ifndef HIREDIS_RS
#error "redisAsyncWatchFd is there in hiredis-rs alone"
#endif

static int status = 1, wake = -1;
static redisAsyncContext *redis, *timer, *waker;

/* The descriptors stay ours: a watch that ends does not close them. */
static void end_watches(void) {
    redisAsyncFree(timer);
    redisAsyncFree(waker);
    timer = waker = NULL;
}

static void on_connect(const redisAsyncContext *ac, int result) {
    if (result == REDIS_OK) return;
    fprintf(stderr, "There is no Redis: %s\n", ac->errstr);
    redis = NULL;
    end_watches();
}

static void *wake_the_loop(void *data) {
    uint64_t one = 1;
    (void)data;
    if (write(wake, &one, sizeof(one)) != sizeof(one)) perror("write");
    return NULL;
}

/* Called again and again until the descriptor has been read. */
static void on_wake(redisAsyncContext *ac, void *privdata) {
    uint64_t wakes;
    if (read(ac->c.fd, &wakes, sizeof(wakes)) != sizeof(wakes)) return;
    pthread_join(*(pthread_t *)privdata, NULL);
    printf("Woken up by another thread\n");
    end_watches(); /* both, this one when we return */
    if (redis != NULL) redisAsyncDisconnect(redis);
    status = 0;
}

static void on_deleted(redisAsyncContext *ac, void *reply, void *privdata) {
    (void)ac;
    if (reply != NULL) pthread_create((pthread_t *)privdata, NULL, wake_the_loop, NULL);
}

static void on_incr(redisAsyncContext *ac, void *answer, void *privdata) {
    redisReply *reply = (redisReply *)answer;
    if (reply == NULL) return;
    printf("%lld\n", reply->integer);
    if (reply->integer == 3) redisAsyncCommand(ac, on_deleted, privdata, "DEL example:watch");
}

static void on_timer(redisAsyncContext *ac, void *privdata) {
    static int ticks;
    uint64_t expirations;
    if (read(ac->c.fd, &expirations, sizeof(expirations)) != sizeof(expirations)) return;
    if (redis != NULL && ++ticks <= 3) redisAsyncCommand(redis, on_incr, privdata, "INCR example:watch");
}

static redisAsyncContext *watch(struct event_base *base, int fd, redisAsyncWatchFn *fn, void *privdata) {
    redisAsyncContext *ac = redisAsyncWatchFd(fd, fn, privdata);
    if (ac == NULL || redisLibeventAttach(ac, base) != REDIS_OK) exit(1);
    return ac;
}

int main(int argc, char **argv) {
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    struct itimerspec every = {{0, 20000000}, {0, 20000000}};
    struct event_base *base = event_base_new();
    int ticks = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    pthread_t thread;

    redis = host[0] == '/' ? redisAsyncConnectUnix(host) : redisAsyncConnect(host, argc > 2 ? atoi(argv[2]) : 6379);
    if (redis == NULL || redis->err) {
        fprintf(stderr, "There is no Redis at %s: %s\n", host, redis ? redis->errstr : "out of memory");
        return 1;
    }
    redisLibeventAttach(redis, base);
    wake = eventfd(0, EFD_NONBLOCK);
    timer = watch(base, ticks, on_timer, &thread);
    waker = watch(base, wake, on_wake, &thread);
    timerfd_settime(ticks, 0, &every, NULL);
    redisAsyncSetConnectCallback(redis, on_connect);
    event_base_dispatch(base); /* until nothing is left to wait for */

    close(ticks);
    close(wake);
    event_base_free(base);
    return status;
}

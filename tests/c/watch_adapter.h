/* redisAsyncWatchFd on some loop: no wake-up is lost, and the descriptor stays the program's. The programs of conformance/ include this
 * instead of their scenarios where WATCHES is defined. */
#ifndef TESTS_WATCH_ADAPTER_H
#define TESTS_WATCH_ADAPTER_H

#include <hiredis/async.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "adapter.h"

static inline void pause_ms(int ms) {
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};
    nanosleep(&t, NULL);
}

__attribute__((unused)) static int registrations;
__attribute__((unused)) static void outlives_its_adapter(void (*detach)(void)) { (void)detach; }

static redisAsyncContext *watch(int fd, redisAsyncWatchFn *fn, void *privdata) {
    redisAsyncContext *ac = redisAsyncWatchFd(fd, fn, privdata);
    check(ac != NULL && ac->err == 0 && ac->c.fd == fd);
    check(loop_attach(ac) == REDIS_OK);
    return ac;
}

static int event(void) {
    int fd = eventfd(0, EFD_NONBLOCK);
    check(fd >= 0);
    return fd;
}

static void wake(int fd) { check(write(fd, &(uint64_t){1}, 8) == 8); }

static uint64_t take(int fd) {
    uint64_t count = 0;
    if (read(fd, &count, 8) != 8) check(errno == EAGAIN);
    return count;
}

/* A million wake-ups from another thread, in bursts of random length; each burst must have arrived before the next begins. */

enum { WAKES = 1000000 };
static atomic_long arrived;
static long calls;

static void on_wake(redisAsyncContext *ac, void *privdata) {
    check(privdata == &calls);
    calls++;
    arrived += (long)take(ac->c.fd);
}

static void *wake_all(void *data) {
    unsigned seed = 1;
    long sent = 0, wakes = getenv("UNDER_VALGRIND") ? WAKES / 50 : WAKES;
    while (sent < wakes) {
        for (long burst = rand_r(&seed) % 200; burst >= 0 && sent < wakes; burst--, sent++) wake(*(int *)data);
        while (arrived < sent) sched_yield();
    }
    return NULL;
}

/* One shot after the other, each set when the one before has come; and one that repeats. */

enum { SHOTS = 100, TICKS = 100 };
static int shots;
static uint64_t ticks;

static void set(int fd, long first, long every) {
    struct itimerspec t = {{0, every}, {0, first}};
    check(timerfd_settime(fd, 0, &t, NULL) == 0);
}

static void on_shot(redisAsyncContext *ac, void *privdata) {
    (void)privdata;
    check(take(ac->c.fd) == 1);
    if (++shots < SHOTS) set(ac->c.fd, 300000, 0);
}

static void on_tick_of(redisAsyncContext *ac, void *privdata) {
    (void)privdata;
    ticks += take(ac->c.fd);
}

static void loses_nothing(void) {
    int fd = event(), shot = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), tick = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    long wakes = getenv("UNDER_VALGRIND") ? WAKES / 50 : WAKES;
    redisAsyncContext *all[3] = {watch(fd, on_wake, &calls), watch(shot, on_shot, NULL), watch(tick, on_tick_of, NULL)};
    double begun, heard;
    pthread_t thread;
    set(shot, 300000, 0);
    set(tick, 1000000, 1000000);
    begun = heard = seconds();
    pthread_create(&thread, NULL, wake_all, &fd);
    for (long last = 0; last < wakes || shots < SHOTS || ticks < TICKS;) {
        loop_once();
        if (arrived > last) heard = seconds();
        else if (last < wakes) check(seconds() - heard < 10);
        last = arrived;
        check(seconds() - begun < 200);
    }
    pthread_join(thread, NULL);
    check(arrived == wakes && take(fd) == 0 && shots == SHOTS && calls > 0);
    for (int i = 0; i < 3; i++) redisAsyncFree(all[i]);
    close(fd);
    close(shot);
    close(tick);
    printf("lost: %ld of %ld\n", wakes - (long)arrived, wakes);
}

/* What is not read is told again. */

static int left, freed;

static void on_left(redisAsyncContext *ac, void *privdata) {
    (void)privdata;
    if (--left == 0) check(take(ac->c.fd) == 1);
    check(left >= 0);
}

static void level_triggered(void) {
    int fd = event();
    redisAsyncContext *ac = watch(fd, on_left, NULL);
    left = 5;
    wake(fd);
    loop_until(left == 0);
    for (int i = 0; i < 5; i++) loop_once();
    redisAsyncFree(ac);
    close(fd);
}

/* Adapters that are not of this library do not begin by themselves. */
static void begun_by_hand(void) {
    int fd = event();
    redisAsyncContext *ac = watch(fd, on_left, NULL);
    ac->ev.delRead(ac->ev.data);
    check(redisAsyncSetConnectCallback(ac, NULL) == REDIS_OK);
    left = 1;
    wake(fd);
    loop_until(left == 0);
    redisAsyncFree(ac);
    close(fd);
}

/* Beside a connection, whose commands the function issues; a command to the watch itself is refused, and it goes on. */

static void on_command(redisAsyncContext *ac, void *privdata) {
    struct client *c = (struct client *)privdata;
    const char *argv[] = {"PING"}, *ping = "*1\r\n$4\r\nPING\r\n";
    take(ac->c.fd);
    for (int i = 0; i < 3; i++) {
        errno = 0;
        if (i == 0) check(redisAsyncCommand(ac, on_reply, NULL, "PING") == REDIS_ERR);
        if (i == 1) check(redisAsyncCommandArgv(ac, on_reply, NULL, 1, argv, NULL) == REDIS_ERR);
        if (i == 2) check(redisAsyncFormattedCommand(ac, on_reply, NULL, ping, strlen(ping)) == REDIS_ERR);
        check(errno == ENOTSUP && ac->err == REDIS_ERR_OTHER && !strcmp(ac->errstr, "A watched descriptor takes no commands"));
        check(sdslen(ac->c.obuf) == 0 && ac->replies.head == NULL);
    }
    check(redisBufferRead(&ac->c) == REDIS_ERR);
    check(redisAsyncCommand(c->ac, on_reply, NULL, "PING") == REDIS_OK);
}

static int status = NONE;
static void on_end(const redisAsyncContext *ac, int how) {
    check(ac->err == 0 || how == REDIS_OK);
    status = how;
}

static void takes_no_commands(void) {
    int fd = event();
    struct client c;
    redisAsyncContext *ac;
    open_redis(&c);
    ac = watch(fd, on_command, &c);
    redisAsyncSetDisconnectCallback(ac, on_end);
    for (int i = 1; i <= 20; i++) {
        wake(fd);
        loop_until(c.answered == i);
    }
    redisAsyncDisconnect(ac);
    check(status == REDIS_OK && fcntl(fd, F_GETFD) != -1);
    redisAsyncFree(c.ac);
    close(fd);
}

/* Freed from within, outside and never attached: the descriptor stays open, and what comes later is told to nobody. */

static void on_freed_by_it(redisAsyncContext *ac, void *how) {
    freed++;
    if (how) redisAsyncDisconnect(ac);
    else redisAsyncFree(ac);
    redisAsyncSetDisconnectCallback(ac, on_end);
}

static void stays_the_program_s(void) {
    int fd = event();
    wake(fd);
    for (int i = 0; i < 2; i++) {
        status = NONE;
        watch(fd, on_freed_by_it, i ? &freed : NULL);
        loop_until(freed == i + 1);
        check(status == REDIS_OK);
    }
    for (int i = 0; i < 3; i++) loop_once();
    check(freed == 2);
    redisAsyncFree(watch(fd, on_freed_by_it, NULL));
    redisAsyncFree(redisAsyncWatchFd(fd, on_freed_by_it, NULL));
    for (int i = 0; i < 3; i++) loop_once();
    check(freed == 2 && fcntl(fd, F_GETFD) != -1 && take(fd) == 1);
    close(fd);
    errno = 0;
    check(redisAsyncWatchFd(-1, on_freed_by_it, NULL) == NULL && errno == EINVAL);
    errno = 0;
    check(redisAsyncWatchFd(0, NULL, NULL) == NULL && errno == EINVAL);
}

static inline void conformance(int skips, char **skip) {
    (void)skips;
    (void)skip;
    (void)run_scenarios;
    signal(SIGPIPE, SIG_IGN);
    run(level_triggered);
    run(begun_by_hand);
    run(takes_no_commands);
    run(stays_the_program_s);
    run(loses_nothing);
}

#endif

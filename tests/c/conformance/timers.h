/* Part of scenarios.h: whether timers fire in time, told apart from a machine that is slow. */
#ifndef CONFORMANCE_TIMERS_H
#define CONFORMANCE_TIMERS_H

#include <math.h>

/* Seconds in which this thread would have run, had the processor not been another's. */
static double delayed(void) {
    unsigned long long ran, waited = 0;
    FILE *f = fopen("/proc/thread-self/schedstat", "r");
    if (f == NULL) return 0;
    if (fscanf(f, "%llu %llu", &ran, &waited) != 2) waited = 0;
    fclose(f);
    return (double)waited / 1e9;
}

enum { TIMERS = 8 };
static struct timer {
    double due, fired;
    double delayed; /* what delayed() said before the loop's last turn that began in time */
    int late;
} timers[TIMERS];

/* What the loop has slept, or done, since the timer was due: the machine's delay is not its fault. */
static void on_timeout(redisAsyncContext *ac, void *reply, void *privdata) {
    struct timer *t = (struct timer *)privdata;
    on_reply(ac, reply, NULL);
    t->fired = seconds();
    t->late = t->fired - t->due - (delayed() - t->delayed) > (slow() ? 0.1 : 0.005);
}

static void timed_turn(void) {
    double now = seconds(), so_far = delayed();
    for (int i = 0; i < TIMERS; i++)
        if (now < timers[i].due) timers[i].delayed = so_far;
    loop_once();
}

/* How many timers of different length were late. */
static int late_timers(struct peer *p) {
    struct client clients[TIMERS];
    double begun, sent;
    int late = 0;
    for (int i = 0; i < TIMERS; i++) {
        struct timeval tv = {0, 40000 + 15000 * i};
        redisOptions o = {0};
        REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p->port);
        o.command_timeout = &tv;
        open_with(&clients[i], &o);
        loop_until(clients[i].connected == REDIS_OK);
        timers[i].due = INFINITY;
    }
    begun = seconds();
    for (int i = 0; i < TIMERS; i++) redisAsyncCommand(clients[i].ac, on_timeout, &timers[i], "PING");
    for (int i = 0; i < TIMERS; i++) loop_until(clients[i].ac == NULL || sdslen(clients[i].ac->c.obuf) == 0);
    sent = seconds();
    for (int i = 0; i < TIMERS; i++) timers[i].due = sent + 0.04 + 0.015 * i;
    for (int i = 0; i < TIMERS; i++) {
        while (clients[i].ac) {
            timed_turn();
            check(seconds() - sent < 10);
        }
        check(clients[i].err == REDIS_ERR_TIMEOUT);
        check(timers[i].fired - begun > 0.04 + 0.015 * i - 0.005); /* loops with a coarse clock are this much early */
        late += timers[i].late;
    }
    return late;
}

static void timers_are_not_late(void) {
    struct peer p;
    int attempts = 0;
    peer_listen(&p);
    while (late_timers(&p) > 0) check(++attempts < 5);
    peer_end(&p);
    printf("%s: within one tick\n", scenario);
}

#endif

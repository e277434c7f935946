/* adapters/poll.h: the scenarios of every adapter, and what only poll.h has. */
#include <hiredis/adapters/poll.h>
#include <signal.h>
#include <sys/time.h>

#include "adapter.h"

static redisAsyncContext *attached[4];

static int loop_attach(redisAsyncContext *ac) {
    if (redisPollAttach(ac) != REDIS_OK) return REDIS_ERR;
    for (int i = 0; i < 4; i++) {
        if (attached[i] == NULL) {
            attached[i] = ac;
            return REDIS_OK;
        }
    }
    return REDIS_ERR;
}

static void loop_ended(const redisAsyncContext *ac) {
    for (int i = 0; i < 4; i++)
        if (attached[i] == ac) attached[i] = NULL;
}

static void loop_once(void) {
    int others = -1;
    for (int i = 0; i < 4; i++) others += attached[i] != NULL;
    for (int i = 0; i < 4; i++)
        if (attached[i]) check(redisPollTick(attached[i], others > 0 ? 0.001 : 0.05) >= 0);
}

static void tells_what_it_handled(void) {
    struct client c;
    open_redis(&c);
    check(redisPollTick(c.ac, 5) == REDIS_POLL_HANDLED_WRITE && c.connected == REDIS_OK);
    check(redisPollTick(c.ac, 0) == 0);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    check(redisPollTick(c.ac, 5) == REDIS_POLL_HANDLED_WRITE);
    check(redisPollTick(c.ac, 5) == REDIS_POLL_HANDLED_READ && c.answered == 1);
    redisAsyncFree(c.ac);
}

/* The wait is longer than the timeout, and infinite: both end when the time is up. */
static void wait_ends_at_the_deadline(void) {
    static const double waits[] = {8, -1};
    for (int i = 0; i < 2; i++) {
        struct timeval tv = {0, 100000};
        struct peer p;
        struct client c;
        redisOptions o = {0};
        int handled = 0;
        double begun = seconds();
        peer_listen(&p);
        REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
        o.command_timeout = &tv;
        open_with(&c, &o);
        redisAsyncCommand(c.ac, on_reply, NULL, "PING");
        while (c.ac) handled |= redisPollTick(c.ac, waits[i]);
        check(handled & REDIS_POLL_HANDLED_TIMEOUT);
        check(c.err == REDIS_ERR_TIMEOUT && seconds() - begun < 4);
        peer_end(&p);
    }
}

static void on_alarm(int signal) { (void)signal; }

static void signal_ends_the_wait(void) {
    struct sigaction quiet = {0};
    struct itimerval soon = {{0, 0}, {0, 100000}};
    struct client c;
    double begun = seconds();
    quiet.sa_handler = on_alarm;
    sigaction(SIGALRM, &quiet, NULL);
    open_redis(&c);
    loop_until(c.connected == REDIS_OK);
    setitimer(ITIMER_REAL, &soon, NULL);
    check(redisPollTick(c.ac, 8) == 0 && seconds() - begun < 4);
    redisAsyncFree(c.ac);
}

/* poll reports that apart from readiness, and whether it was asked for or not. */
static void descriptor_closed_by_the_program(void) {
    struct client c;
    open_redis(&c);
    loop_until(c.connected == REDIS_OK);
    redisAsyncCommand(c.ac, on_reply, NULL, "BLPOP adapter:nothing 0");
    loop_until(sdslen(c.ac->c.obuf) == 0);
    close(c.ac->c.fd);
    check(redisPollTick(c.ac, 8) == REDIS_POLL_HANDLED_READ);
    check(c.ac == NULL && c.failed == 1 && c.disconnected == REDIS_ERR && c.err == REDIS_ERR_IO);
}

static void without_adapter_nothing_happens(void) {
    redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", atoi(getenv("REDIS_PORT")));
    check(redisPollTick(ac, 8) == 0);
    redisAsyncFree(ac);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    run_scenarios();
    run(tells_what_it_handled);
    run(wait_ends_at_the_deadline);
    run(signal_ends_the_wait);
    run(descriptor_closed_by_the_program);
    run(without_adapter_nothing_happens);
    return 0;
}

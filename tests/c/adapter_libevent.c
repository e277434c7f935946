/* adapters/libevent.h: the scenarios of every adapter, and what it asks of the kernel. */
/* cc: -levent */
#include <hiredis/adapters/libevent.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "adapter.h"

static struct event_base *base;
static int registrations;

/* Stands in for libc's, which libevent would otherwise call. */
int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event) {
    registrations++;
    return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

static int loop_attach(redisAsyncContext *ac) { return redisLibeventAttach(ac, base); }
static void loop_ended(const redisAsyncContext *ac) { (void)ac; }

static void loop_once(void) {
    struct timeval soon = {0, 50000};
    event_base_loopexit(base, &soon);
    event_base_loop(base, EVLOOP_ONCE);
}

static int registrations_of(void (*hook)(void *), redisAsyncContext *ac) {
    registrations = 0;
    hook(ac->ev.data);
    return registrations;
}

static void one_registration_per_change(void) {
    struct client c;
    open_redis(&c);
    loop_until(c.connected == REDIS_OK);
    loop_once();
    check(registrations_of(c.ac->ev.addRead, c.ac) == 0);
    check(registrations_of(c.ac->ev.delWrite, c.ac) == 0);
    check(registrations_of(c.ac->ev.addWrite, c.ac) == 1);
    check(registrations_of(c.ac->ev.addWrite, c.ac) == 0);
    check(registrations_of(c.ac->ev.delRead, c.ac) == 1);
    check(registrations_of(c.ac->ev.addRead, c.ac) == 1);
    check(registrations_of(c.ac->ev.delWrite, c.ac) == 1);
    check(registrations_of(c.ac->ev.delRead, c.ac) == 1);
    check(registrations_of(c.ac->ev.delRead, c.ac) == 0);
    check(registrations_of(c.ac->ev.addRead, c.ac) == 1);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    redisAsyncDisconnect(c.ac);
    loop_until(c.ac == NULL);
    check(c.answered == 1);
}

/* The loop ends by itself once the context has gone: nothing of it is left behind, not even its timer. */
static void loop_runs_dry(void) {
    struct timeval tv = {60, 0};
    struct event_base *shared = base;
    struct client c;
    redisOptions o = {0};
    double begun = seconds();
    base = event_base_new();
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", atoi(getenv("REDIS_PORT")));
    o.connect_timeout = o.command_timeout = &tv;
    open_with(&c, &o);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    redisAsyncDisconnect(c.ac);
    event_base_dispatch(base);
    check(c.ac == NULL && c.answered == 1 && seconds() - begun < 10);
    event_base_free(base);
    base = shared;
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    base = event_base_new();
    run_scenarios();
    run(one_registration_per_change);
    run(loop_runs_dry);
    event_base_free(base);
    return 0;
}

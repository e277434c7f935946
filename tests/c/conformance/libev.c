/* cc: -lev */
#include <hiredis/adapters/libev.h>

#include "scenarios.h"

static struct ev_loop *loop;

static int loop_attach(redisAsyncContext *ac) { return redisLibevAttach(loop, ac); }
static void loop_ended(const redisAsyncContext *ac) { (void)ac; }
static void on_tick(EV_P_ ev_timer *w, int revents) { (void)EV_A, (void)w, (void)revents; }

/* Loops within callbacks each have a timer. */
static void loop_once(void) {
    ev_timer tick;
    ev_timer_init(&tick, on_tick, 0.02, 0);
    ev_timer_start(loop, &tick);
    ev_run(loop, EVRUN_ONCE);
    ev_timer_stop(loop, &tick);
}

int main(int argc, char **argv) {
    loop = ev_loop_new(EVFLAG_AUTO);
    conformance(argc - 1, argv + 1);
    ev_loop_destroy(loop);
    return 0;
}

/* cc: -livykis */
#include <hiredis/adapters/ivykis.h>

#include "scenarios.h"

static struct iv_timer tick;

static int loop_attach(redisAsyncContext *ac) { return redisIvykisAttach(ac); }
static void loop_ended(const redisAsyncContext *ac) { (void)ac; }

/* ivykis has no single step: it runs until it is stopped, here every five milliseconds. */
static void on_tick(void *data) {
    (void)data;
    iv_quit();
    iv_invalidate_now();
    iv_validate_now();
    tick.expires = iv_now;
    tick.expires.tv_nsec += 5000000;
    if (tick.expires.tv_nsec >= 1000000000) {
        tick.expires.tv_sec++;
        tick.expires.tv_nsec -= 1000000000;
    }
    iv_timer_register(&tick);
}

static void loop_once(void) { iv_main(); }

int main(int argc, char **argv) {
    iv_init();
    IV_TIMER_INIT(&tick);
    tick.handler = on_tick;
    on_tick(NULL);
    conformance(argc - 1, argv + 1);
    iv_timer_unregister(&tick);
    iv_deinit();
    return 0;
}

/* cc: -luv */
#include <hiredis/adapters/libuv.h>

/* libuv itself deletes and adds where it could modify. */
#define REGISTRATIONS_PER_ROUND 4
#include "scenarios.h"

static uv_loop_t loop;
static uv_timer_t tick;

static int loop_attach(redisAsyncContext *ac) { return redisLibuvAttach(ac, &loop); }
static void loop_ended(const redisAsyncContext *ac) { (void)ac; }
static void on_tick(uv_timer_t *timer) { (void)timer; }

static void loop_once(void) {
    uv_update_time(&loop);
    uv_timer_start(&tick, on_tick, 20, 0);
    uv_run(&loop, UV_RUN_ONCE);
    uv_timer_stop(&tick);
}

int main(int argc, char **argv) {
    uv_loop_init(&loop);
    uv_timer_init(&loop, &tick);
    conformance(argc - 1, argv + 1);
    /* Nothing but our own timer is left behind. */
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    check(uv_loop_close(&loop) == 0);
    return 0;
}

/* cc: -lsystemd */
#include <hiredis/adapters/libsdevent.h>

#include "scenarios.h"

static sd_event *loop;

static int loop_attach(redisAsyncContext *ac) { return redisLibsdeventAttach(ac, loop); }
static void loop_ended(const redisAsyncContext *ac) { (void)ac; }
static void loop_once(void) { check(sd_event_run(loop, 20000) >= 0); }

int main(int argc, char **argv) {
    check(sd_event_new(&loop) >= 0);
    conformance(argc - 1, argv + 1);
    check(sd_event_unref(loop) == NULL);
    return 0;
}

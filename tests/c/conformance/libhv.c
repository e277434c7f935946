#include <hiredis/adapters/libhv.h>

#include "scenarios.h"

static hloop_t *loop;

static int loop_attach(redisAsyncContext *ac) { return redisLibhvAttach(ac, loop); }
static void loop_ended(const redisAsyncContext *ac) { (void)ac; }

static void loop_once(void) {
    hloop_process_events(loop, 20);
    registrations += loop->changes;
    loop->changes = 0;
}

int main(int argc, char **argv) {
    loop = hloop_new(0);
    conformance(argc - 1, argv + 1);
    hloop_free(&loop);
    return 0;
}

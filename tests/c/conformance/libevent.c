/* cc: -levent */
#include <hiredis/adapters/libevent.h>

#include "scenarios.h"

static struct event_base *base;

static int loop_attach(redisAsyncContext *ac) { return redisLibeventAttach(ac, base); }
static void loop_ended(const redisAsyncContext *ac) { (void)ac; }

static void loop_once(void) {
    struct timeval soon = {0, 20000};
    event_base_loopexit(base, &soon);
    event_base_loop(base, EVLOOP_ONCE);
}

int main(int argc, char **argv) {
    base = event_base_new();
    conformance(argc - 1, argv + 1);
    event_base_free(base);
    return 0;
}

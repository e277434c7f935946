#include <hiredis/adapters/ae.h>

#include "scenarios.h"

static aeEventLoop *loop;

static int loop_attach(redisAsyncContext *ac) { return redisAeAttach(loop, ac); }
static void loop_ended(const redisAsyncContext *ac) { (void)ac; }

static void loop_once(void) {
    aeProcessEvents(loop, 20);
    registrations += loop->changes;
    loop->changes = 0;
}

int main(int argc, char **argv) {
    loop = aeCreateEventLoop(1024);
    conformance(argc - 1, argv + 1);
    aeDeleteEventLoop(loop);
    return 0;
}

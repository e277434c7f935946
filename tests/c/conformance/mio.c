#include <hiredis/adapters/mio.h>

#include "scenarios.h"

static redisMioLoop *loop;

static int loop_attach(redisAsyncContext *ac) { return redisMioAttach(ac, loop); }
static void loop_ended(const redisAsyncContext *ac) { (void)ac; }
static void loop_once(void) { check(redisMioRunOnce(loop, 20) >= 0); }

int main(int argc, char **argv) {
    loop = redisMioLoopCreate();
    conformance(argc - 1, argv + 1);
    redisMioLoopFree(loop);
    return 0;
}

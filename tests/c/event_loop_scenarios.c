/* The loop of adapters/mio.h: the scenarios of every adapter. */
#include <hiredis/adapters/mio.h>
#include <signal.h>

#include "adapter.h"

static redisMioLoop *loop;

static int loop_attach(redisAsyncContext *ac) { return redisMioAttach(ac, loop); }
static void loop_once(void) { check(redisMioRunOnce(loop, 50) >= 0); }
static void loop_ended(const redisAsyncContext *ac) { (void)ac; }

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    loop = redisMioLoopCreate();
    check(loop != NULL);
    run_scenarios();
    redisMioLoopFree(loop);
    return 0;
}

#include <hiredis/adapters/mio.h>

#include "loop.h"

static redisMioLoop *loop;

void loop_begin(void) { loop = redisMioLoopCreate(); }
int loop_attach(redisAsyncContext *ac) { return redisMioAttach(ac, loop); }
void loop_run(void) { redisMioRun(loop); }
void loop_stop(void) { redisMioStop(loop); }

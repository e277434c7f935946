#include <hiredis/adapters/libevent.h>

#include "loop.h"

static struct event_base *base;

void loop_begin(void) { base = event_base_new(); }
int loop_attach(redisAsyncContext *ac) { return redisLibeventAttach(ac, base); }
void loop_run(void) { event_base_dispatch(base); }
void loop_stop(void) { event_base_loopbreak(base); }

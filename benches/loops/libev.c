#include <hiredis/adapters/libev.h>

#include "loop.h"

static struct ev_loop *loop;

void loop_begin(void) { loop = ev_loop_new(EVFLAG_AUTO); }
int loop_attach(redisAsyncContext *ac) { return redisLibevAttach(loop, ac); }
void loop_run(void) { ev_run(loop, 0); }
void loop_stop(void) { ev_break(loop, EVBREAK_ALL); }

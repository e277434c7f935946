#include <hiredis/adapters/libsdevent.h>

#include "loop.h"

static sd_event *loop;
static int running;

void loop_begin(void) { sd_event_new(&loop); }
int loop_attach(redisAsyncContext *ac) { return redisLibsdeventAttach(ac, loop); }
void loop_stop(void) { running = 0; }

/* sd_event_exit() is for good; this is not. */
void loop_run(void) {
    for (running = 1; running;) sd_event_run(loop, (uint64_t)-1);
}

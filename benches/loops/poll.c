#include <hiredis/adapters/poll.h>

#include "loop.h"

/* poll.h waits for one context. With more, this asks each in turn without waiting. */
static redisAsyncContext *contexts[20000];
static int count, running;

void loop_begin(void) {}
void loop_stop(void) { running = 0; }

int loop_attach(redisAsyncContext *ac) {
    contexts[count++] = ac;
    return redisPollAttach(ac);
}

void loop_run(void) {
    for (running = 1; running;)
        for (int i = 0; i < count && running; i++) redisPollTick(contexts[i], count == 1 ? -1 : 0);
}

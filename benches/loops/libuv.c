#include <hiredis/adapters/libuv.h>

#include "loop.h"

static uv_loop_t loop;

void loop_begin(void) { uv_loop_init(&loop); }
int loop_attach(redisAsyncContext *ac) { return redisLibuvAttach(ac, &loop); }
void loop_run(void) { uv_run(&loop, UV_RUN_DEFAULT); }
void loop_stop(void) { uv_stop(&loop); }

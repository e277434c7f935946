#include <hiredis/adapters/ivykis.h>

#include "loop.h"

void loop_begin(void) { iv_init(); }
int loop_attach(redisAsyncContext *ac) { return redisIvykisAttach(ac); }
void loop_run(void) { iv_main(); }
void loop_stop(void) { iv_quit(); }

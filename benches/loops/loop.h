/* What a benchmark asks of an event loop. Each file beside this one is a loop; a program is linked with one of them. */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

void loop_begin(void);
int loop_attach(redisAsyncContext *ac);
void loop_run(void);  /* until a callback calls loop_stop() */
void loop_stop(void); /* loop_run() may be called again afterwards */

#endif

#include <hiredis/adapters/glib.h>

#include "loop.h"

static GMainLoop *loop;

void loop_begin(void) { loop = g_main_loop_new(NULL, FALSE); }

int loop_attach(redisAsyncContext *ac) {
    GSource *source = redis_source_new(ac);
    g_source_attach(source, NULL);
    return REDIS_OK;
}

void loop_run(void) { g_main_loop_run(loop); }
void loop_stop(void) { g_main_loop_quit(loop); }

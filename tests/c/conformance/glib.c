#include <hiredis/adapters/glib.h>

#include "scenarios.h"

static GMainContext *loop;

/* Every source is destroyed in the end: the adapter leaves that to the program. */
static GSource *sources[4096];
static size_t made;

static int loop_attach(redisAsyncContext *ac) {
    GSource *source;
    if (ac->ev.data != NULL) return REDIS_ERR;
    source = redis_source_new(ac);
    check(source != NULL && made < sizeof sources / sizeof *sources);
    g_source_attach(source, loop);
    sources[made++] = source;
    return REDIS_OK;
}

static void loop_ended(const redisAsyncContext *ac) { (void)ac; }
static gboolean on_tick(gpointer data) { return (void)data, G_SOURCE_CONTINUE; }
static void loop_once(void) { g_main_context_iteration(loop, TRUE); }

static void loop_detach(void) {
    g_source_destroy(sources[--made]);
    g_source_unref(sources[made]);
}

int main(int argc, char **argv) {
    GSource *tick = g_timeout_source_new(20);
    loop = g_main_context_new();
    g_source_set_callback(tick, on_tick, NULL, NULL);
    g_source_attach(tick, loop);
    conformance(argc - 1, argv + 1);
    outlives_its_adapter(loop_detach);
    while (made > 0) loop_detach();
    g_source_destroy(tick);
    g_source_unref(tick);
    g_main_context_unref(loop);
    return 0;
}

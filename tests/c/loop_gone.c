/* The program ends its loop, or the adapter's part of it, before the context: with callbacks waiting, a timer set, inside and outside of a
 * callback. The context then is without events: it takes commands, and is freed with each callback called once. Compiled for each loop. */
#include <hiredis/async.h>
#include <signal.h>
#include <unistd.h>
#include "cases.h"

static redisAsyncContext *ac;
static int replies, nulls, disconnects, end_in_callback;

static void loop_begin(void);
static void loop_attach(void);
static void loop_turn(void);
static void loop_end(void);   /* what the program does to it */
static void loop_leave(void); /* what is left to do when the context has gone, too */

#if defined(LOOP_UV)
#include <hiredis/adapters/libuv.h>
static uv_loop_t loop;
static int turns_after_end, unlucky;
static void close_handle(uv_handle_t *handle, void *unused) { if (!uv_is_closing(handle)) uv_close(handle, NULL), (void)unused; }
static void loop_begin(void) { uv_loop_init(&loop); }
static void loop_attach(void) { check(redisLibuvAttach(ac, &loop) == REDIS_OK); }
static void loop_turn(void) { uv_run(&loop, UV_RUN_NOWAIT); }
static void loop_end(void) {
    uv_walk(&loop, close_handle, NULL);
    for (int i = 0; i < turns_after_end; i++) uv_run(&loop, UV_RUN_NOWAIT);
    if (unlucky) check(uv_loop_close(&loop) == 0), memset(&loop, 0xa5, sizeof(loop));
}
static void loop_leave(void) {
    if (unlucky) return;
    uv_run(&loop, UV_RUN_DEFAULT);
    check(uv_loop_close(&loop) == 0);
}
#elif defined(LOOP_GLIB)
#include <hiredis/adapters/glib.h>
static GMainContext *loop;
static GSource *source;
static int keep_reference, whole_loop;
static void loop_begin(void) {
    g_log_set_always_fatal(G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL);
    loop = g_main_context_new();
}
static void loop_attach(void) {
    source = redis_source_new(ac);
    g_source_attach(source, loop);
    if (!keep_reference) g_source_unref(source);
}
static void loop_turn(void) { g_main_context_iteration(loop, FALSE); }
static void loop_end(void) {
    if (whole_loop) g_main_context_unref(loop);
    else g_source_destroy(source);
}
static void loop_leave(void) {
    if (keep_reference) g_source_unref(source);
    if (!whole_loop) g_main_context_unref(loop);
}
#elif defined(LOOP_EV)
#include <hiredis/adapters/libev.h>
static struct ev_loop *loop;
static void loop_begin(void) { loop = ev_loop_new(0); }
static void loop_attach(void) { check(redisLibevAttach(loop, ac) == REDIS_OK); }
static void loop_turn(void) { ev_run(loop, EVRUN_NOWAIT); }
static void loop_end(void) { ev_loop_destroy(loop); }
static void loop_leave(void) {}
#elif defined(LOOP_IVYKIS)
#include <hiredis/adapters/ivykis.h>
static void stop(void *unused) { (void)unused, iv_quit(); }
static void loop_begin(void) { iv_init(); }
static void loop_attach(void) { check(redisIvykisAttach(ac) == REDIS_OK); }
static void loop_turn(void) {
    struct iv_timer timer;
    IV_TIMER_INIT(&timer);
    iv_validate_now();
    timer.expires = iv_now;
    timer.expires.tv_nsec += 1000000;
    if (timer.expires.tv_nsec >= 1000000000) timer.expires.tv_sec++, timer.expires.tv_nsec -= 1000000000;
    timer.handler = stop;
    iv_timer_register(&timer);
    iv_main();
}
static void loop_end(void) { iv_deinit(); }
static void loop_leave(void) {}
#else
#include <hiredis/adapters/libsdevent.h>
static sd_event *loop;
static void loop_begin(void) { check(sd_event_new(&loop) >= 0); }
static void loop_attach(void) { check(redisLibsdeventAttach(ac, loop) == REDIS_OK); }
static void loop_turn(void) { sd_event_run(loop, 0); }
static void loop_end(void) { sd_event_exit(loop, 0), sd_event_run(loop, 0), sd_event_unref(loop); }
static void loop_leave(void) {}
#endif

static void on_reply(redisAsyncContext *context, void *reply, void *unused) {
    (void)context, (void)unused;
    if (reply != NULL) replies++;
    else nulls++;
    if (reply != NULL && end_in_callback) loop_end();
}

static void on_disconnect(const redisAsyncContext *context, int status) { (void)context, (void)status, disconnects++; }

static void ask(const char *command) { check(redisAsyncCommand(ac, on_reply, NULL, command) == REDIS_OK); }

enum { FREE, DISCONNECT };

static void once(int inside, int waiting, int how) {
    struct timeval long_time = {60, 0};
    replies = nulls = disconnects = 0;
    end_in_callback = inside;
    ac = redisAsyncConnect("127.0.0.1", atoi(getenv("REDIS_PORT")));
    check(ac != NULL && ac->err == 0);
    loop_begin();
    loop_attach();
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
    redisAsyncSetTimeout(ac, long_time);
    ask("PING");
    for (int i = 0; i < 5000 && replies == 0; i++) loop_turn(), usleep(1000);
    check(replies == 1);
    end_in_callback = 0;
    if (!inside) {
        if (waiting) ask("PING");
        loop_end();
    }
    int expected = waiting && !inside;
    ask("GET x"), expected++;
    ask("SUBSCRIBE x"), expected++;
    if (how == DISCONNECT) redisAsyncDisconnect(ac);
    redisAsyncFree(ac);
    check(nulls == expected && disconnects == 1);
    loop_leave();
}

static void each_way(void) {
    for (int inside = 0; inside < 2; inside++)
        for (int waiting = 0; waiting < 2; waiting++) {
            once(inside, waiting, FREE);
            once(inside, waiting, DISCONNECT);
        }
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
#if defined(LOOP_UV)
    for (turns_after_end = 0; turns_after_end < 3; turns_after_end++) {
        if (turns_after_end == 0) each_way();
        else once(0, 0, FREE), once(0, 1, FREE), once(0, 1, DISCONNECT);
    }
    unlucky = 1;
    once(0, 1, FREE);
#elif defined(LOOP_GLIB)
    keep_reference = 1;
    each_way();
    keep_reference = 0;
    each_way();
    for (whole_loop = 1, keep_reference = 0; keep_reference < 2; keep_reference++)
        once(0, 0, FREE), once(0, 1, FREE), once(0, 1, DISCONNECT);
#elif defined(LOOP_EV)
    once(0, 0, FREE), once(0, 1, FREE), once(0, 1, DISCONNECT);
#elif defined(LOOP_IVYKIS)
    once(0, 0, FREE), once(0, 1, FREE), once(0, 1, DISCONNECT);
#else
    once(0, 0, FREE), once(0, 1, FREE), once(0, 1, DISCONNECT);
#endif
    return failures != 0;
}

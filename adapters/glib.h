/* adapters/glib.h: drives asynchronous contexts with a GMainContext.
 *
 *     redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", 6379);
 *     GSource *source = redis_source_new(ac);
 *     g_source_attach(source, NULL);
 *     g_source_unref(source);
 *     g_main_loop_run(loop);
 *
 * Make the source first, then set callbacks and issue commands. The source and the context may end in either order: a
 * source without a context does nothing until it is destroyed; a context whose source is destroyed has no events any more,
 * and is not attached once the source's last reference has gone. */

#ifndef __HIREDIS_GLIB_H__
#define __HIREDIS_GLIB_H__

#if defined __cplusplus && defined __GNUC__
// The casts and the NULL of C are meant, in C++ too.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"
#endif

#include "../async.h"
#include "../hiredis.h"
#include <glib.h>
#include <string.h>

/* Made by redis_source_new, freed with its last reference. */
typedef struct RedisSource {
    GSource source;
    redisAsyncContext *ac; /* NULL after the cleanup hook */
    GPollFD poll_fd;       /* its `events` are the interest; polled where there is any */
} RedisSource;

/* poll reports these, too, whether asked for or not. */
#define REDIS_SOURCE_FAILED (G_IO_ERR | G_IO_HUP | G_IO_NVAL)

static inline void redis_source_set_interest(RedisSource *s, int interest) {
    GMainContext *loop;
    int before = s->poll_fd.events;
    if (interest == before) return;
    s->poll_fd.events = (gushort)interest;
    /* Its loop, which nothing polls for any more, may be gone. */
    if (g_source_is_destroyed(&s->source)) return;
    loop = g_source_get_context(&s->source);
    if (before == 0) g_source_add_poll(&s->source, &s->poll_fd);
    else if (interest == 0) g_source_remove_poll(&s->source, &s->poll_fd);
    /* Another thread may be waiting; the one that dispatches us is not. */
    else if (loop != NULL && !g_main_context_is_owner(loop)) g_main_context_wakeup(loop);
}

static inline void redis_source_add_read(void *data) {
    RedisSource *s = (RedisSource *)data;
    redis_source_set_interest(s, s->poll_fd.events | G_IO_IN);
}

static inline void redis_source_del_read(void *data) {
    RedisSource *s = (RedisSource *)data;
    redis_source_set_interest(s, s->poll_fd.events & ~G_IO_IN);
}

static inline void redis_source_add_write(void *data) {
    RedisSource *s = (RedisSource *)data;
    redis_source_set_interest(s, s->poll_fd.events | G_IO_OUT);
}

static inline void redis_source_del_write(void *data) {
    RedisSource *s = (RedisSource *)data;
    redis_source_set_interest(s, s->poll_fd.events & ~G_IO_OUT);
}

static inline void redis_source_schedule_timer(void *data, struct timeval tv) {
    GSource *source = &((RedisSource *)data)->source;
    gint64 wait = (gint64)tv.tv_sec * G_USEC_PER_SEC + (gint64)tv.tv_usec;
    if (!g_source_is_destroyed(source)) g_source_set_ready_time(source, g_get_monotonic_time() + wait);
}

/* The descriptor is about to be closed. The source is the program's, and stays. */
static inline void redis_source_cleanup(void *data) {
    RedisSource *s = (RedisSource *)data;
    redis_source_set_interest(s, 0);
    if (!g_source_is_destroyed(&s->source)) g_source_set_ready_time(&s->source, -1);
    s->ac = NULL;
}

/* What poll has found of that which is of interest. */
static inline int redis_source_ready(const RedisSource *s) {
    int interest = s->poll_fd.events, found = s->poll_fd.revents;
    if (found & REDIS_SOURCE_FAILED) found |= interest & G_IO_OUT ? G_IO_OUT : G_IO_IN;
    return found & interest;
}

static inline gboolean redis_source_prepare(GSource *source, gint *timeout) {
    RedisSource *s = (RedisSource *)source;
    *timeout = -1;
    s->poll_fd.revents = 0;
    return FALSE;
}

static inline gboolean redis_source_check(GSource *source) { return redis_source_ready((RedisSource *)source) != 0; }

/* Any call may free the context: its cleanup ends all interest and the timer, so nothing follows. */
static inline gboolean redis_source_dispatch(GSource *source, GSourceFunc callback, gpointer user_data) {
    RedisSource *s = (RedisSource *)source;
    int ready = redis_source_ready(s);
    gint64 deadline;
    s->poll_fd.revents = 0;
    /* Read first: what the server said before it closed the connection is still to be had. */
    if ((ready & G_IO_IN) && (s->poll_fd.events & G_IO_IN)) redisAsyncHandleRead(s->ac);
    if ((ready & G_IO_OUT) && (s->poll_fd.events & G_IO_OUT)) redisAsyncHandleWrite(s->ac);
    /* One-shot: redisAsyncHandleTimeout decides whether the time is up, and schedules again if it is not. */
    deadline = g_source_get_ready_time(source);
    if (deadline != -1 && deadline <= g_source_get_time(source)) {
        g_source_set_ready_time(source, -1);
        redisAsyncHandleTimeout(s->ac);
    }
    return callback == NULL || callback(user_data);
}

/* A context that is still there goes on without a loop, and may be given another. */
static inline void redis_source_finalize(GSource *source) {
    redisAsyncContext *ac = ((RedisSource *)source)->ac;
    if (ac != NULL) memset(&ac->ev, 0, sizeof(ac->ev));
}

/* Takes over a context that is attached to something else. */
static inline GSource *redis_source_new(redisAsyncContext *ac) {
    static GSourceFuncs functions = {redis_source_prepare,  redis_source_check, redis_source_dispatch,
                                     redis_source_finalize, NULL,               NULL};
    RedisSource *s = (RedisSource *)g_source_new(&functions, sizeof(*s));
    if (ac->ev.cleanup != NULL) ac->ev.cleanup(ac->ev.data);
    s->ac = ac;
    s->poll_fd.fd = ac->c.fd;

    ac->ev.addRead = redis_source_add_read;
    ac->ev.delRead = redis_source_del_read;
    ac->ev.addWrite = redis_source_add_write;
    ac->ev.delWrite = redis_source_del_write;
    ac->ev.scheduleTimer = redis_source_schedule_timer;
    ac->ev.cleanup = redis_source_cleanup;
    ac->ev.data = s;
    ac->c.flags |= REDIS_TIMER_ALONE;
    /* A descriptor that is watched, or a context that comes from another loop. */
    if (ac->c.flags & REDIS_CONNECTED) ac->ev.addRead(s);
    return &s->source;
}

#if defined __cplusplus && defined __GNUC__
#pragma GCC diagnostic pop
#endif

#endif

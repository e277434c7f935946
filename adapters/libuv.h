/* adapters/libuv.h: drives asynchronous contexts with libuv.
 *
 *     redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", 6379);
 *     redisLibuvAttach(ac, uv_default_loop());
 *     uv_run(uv_default_loop(), UV_RUN_DEFAULT);
 *
 * Attach first, then set callbacks and issue commands. The loop must run once more after the context has ended, as for
 * every handle that is closed. A program that ends its loop by closing all handles (uv_walk) may free the context before
 * or after that; meanwhile the context is as if nothing happened on its socket. Freed before the loop has run, it needs
 * the loop to run twice. */

#ifndef __HIREDIS_LIBUV_H__
#define __HIREDIS_LIBUV_H__

#if defined __cplusplus && defined __GNUC__
// The casts and the NULL of C are meant, in C++ too.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"
#endif

#include "../async.h"
#include "../hiredis.h"
#include <uv.h>

/* Made by redisLibuvAttach, freed when libuv has closed both handles. */
typedef struct redisLibuvEvents {
    redisAsyncContext *context; /* NULL after the cleanup hook */
    uv_poll_t poll;
    uv_timer_t timer;
    uv_timer_t last; /* waits for handles that the program closes */
    int interest;
    int write_next; /* both directions were ready, and reading had its turn */
    int open_handles;
} redisLibuvEvents;

/* One call into the library for each event, and the last act: the call may free all this, run the loop, or never return. What
 * else is ready the loop reports again; where both directions are, they take turns, and reading begins: what the server said
 * before it closed the connection is still to be had. */
static inline void redisLibuvHandlePoll(uv_poll_t *handle, int status, int ready) {
    redisLibuvEvents *e = (redisLibuvEvents *)handle->data;
    /* Where polling fails, the call that was waited for says why, at last: libuv has stopped, and there may be more to read. */
    if (status != 0) {
        ready = e->interest;
        uv_poll_start(handle, ready, redisLibuvHandlePoll);
    }
    ready &= e->interest;
    if ((ready & UV_READABLE) && !((ready & UV_WRITABLE) && e->write_next)) {
        e->write_next = (ready & UV_WRITABLE) != 0;
        redisAsyncHandleRead(e->context);
    } else if (ready & UV_WRITABLE) {
        e->write_next = 0;
        redisAsyncHandleWrite(e->context);
    }
}

/* One-shot: redisAsyncHandleTimeout decides whether the time is up, and schedules again if it is not. */
static inline void redisLibuvHandleTimer(uv_timer_t *handle) {
    redisAsyncHandleTimeout(((redisLibuvEvents *)handle->data)->context);
}

static inline void redisLibuvSetInterest(redisLibuvEvents *e, int interest) {
    if (interest == e->interest || uv_is_closing((uv_handle_t *)&e->poll)) return;
    if (interest != 0) uv_poll_start(&e->poll, interest, redisLibuvHandlePoll);
    else uv_poll_stop(&e->poll);
    e->interest = interest;
}

static inline void redisLibuvAddRead(void *data) {
    redisLibuvEvents *e = (redisLibuvEvents *)data;
    redisLibuvSetInterest(e, e->interest | UV_READABLE);
}

static inline void redisLibuvDelRead(void *data) {
    redisLibuvEvents *e = (redisLibuvEvents *)data;
    redisLibuvSetInterest(e, e->interest & ~UV_READABLE);
}

static inline void redisLibuvAddWrite(void *data) {
    redisLibuvEvents *e = (redisLibuvEvents *)data;
    redisLibuvSetInterest(e, e->interest | UV_WRITABLE);
}

static inline void redisLibuvDelWrite(void *data) {
    redisLibuvEvents *e = (redisLibuvEvents *)data;
    redisLibuvSetInterest(e, e->interest & ~UV_WRITABLE);
}

/* In milliseconds, rounded up: a deadline must have passed when it is reported. */
static inline void redisLibuvScheduleTimer(void *data, struct timeval tv) {
    redisLibuvEvents *e = (redisLibuvEvents *)data;
    uint64_t ms = (uint64_t)tv.tv_sec * 1000 + ((uint64_t)tv.tv_usec + 999) / 1000;
    if (!uv_is_closing((uv_handle_t *)&e->timer)) uv_timer_start(&e->timer, redisLibuvHandleTimer, ms, 0);
}

static inline void redisLibuvHandleClosed(uv_handle_t *handle) {
    redisLibuvEvents *e = (redisLibuvEvents *)handle->data;
    if (--e->open_handles == 0) hi_free(e);
}

/* Of a handle that the program closes nobody tells us when that is done. But then it holds its loop no more. */
static inline int redisLibuvIsBeingClosed(const uv_handle_t *handle) {
    return uv_is_closing(handle) && uv_has_ref(handle);
}

/* libuv calls back in no known order, so this takes turns of the loop until the others are done. */
static inline void redisLibuvLastClosed(uv_handle_t *handle) {
    redisLibuvEvents *e = (redisLibuvEvents *)handle->data;
    if (redisLibuvIsBeingClosed((uv_handle_t *)&e->poll) || redisLibuvIsBeingClosed((uv_handle_t *)&e->timer)) {
        uv_timer_init(handle->loop, &e->last);
        uv_close(handle, redisLibuvLastClosed);
    } else {
        redisLibuvHandleClosed(handle);
    }
}

static inline void redisLibuvClose(redisLibuvEvents *e, uv_handle_t *handle) {
    if (uv_is_closing(handle)) return;
    e->open_handles++;
    uv_close(handle, redisLibuvHandleClosed);
}

/* The descriptor is about to be closed: libuv forgets it now, and calls back later. With both handles closed by the
 * program, the loop may be gone. */
static inline void redisLibuvCleanup(void *data) {
    redisLibuvEvents *e = (redisLibuvEvents *)data;
    e->context = NULL;
    e->interest = 0;
    if (redisLibuvIsBeingClosed((uv_handle_t *)&e->poll) || redisLibuvIsBeingClosed((uv_handle_t *)&e->timer)) {
        uv_timer_init(e->poll.loop, &e->last);
        e->last.data = e;
        e->open_handles++;
        uv_close((uv_handle_t *)&e->last, redisLibuvLastClosed);
    }
    redisLibuvClose(e, (uv_handle_t *)&e->poll);
    redisLibuvClose(e, (uv_handle_t *)&e->timer);
    if (e->open_handles == 0) hi_free(e);
}

/* REDIS_ERR, and the context as it was, when it is attached already, memory is short or libuv refuses the socket. */
static inline int redisLibuvAttach(redisAsyncContext *ac, uv_loop_t *loop) {
    redisLibuvEvents *e;

    if (ac->ev.data != NULL) return REDIS_ERR;
    e = (redisLibuvEvents *)hi_calloc(1, sizeof(*e));
    if (e == NULL) return REDIS_ERR;
    e->context = ac;
    if (uv_poll_init_socket(loop, &e->poll, (uv_os_sock_t)ac->c.fd) != 0) {
        hi_free(e);
        return REDIS_ERR;
    }
    uv_timer_init(loop, &e->timer);
    e->poll.data = e->timer.data = e;

    ac->ev.addRead = redisLibuvAddRead;
    ac->ev.delRead = redisLibuvDelRead;
    ac->ev.addWrite = redisLibuvAddWrite;
    ac->ev.delWrite = redisLibuvDelWrite;
    ac->ev.scheduleTimer = redisLibuvScheduleTimer;
    ac->ev.cleanup = redisLibuvCleanup;
    ac->ev.data = e;
    ac->c.flags |= REDIS_TIMER_ALONE;
    /* A descriptor that is watched, or a context that comes from another loop. */
    if (ac->c.flags & REDIS_CONNECTED) ac->ev.addRead(e);
    return REDIS_OK;
}

#if defined __cplusplus && defined __GNUC__
#pragma GCC diagnostic pop
#endif

#endif

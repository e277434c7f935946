/* adapters/ivykis.h: drives asynchronous contexts with ivykis.
 *
 *     redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", 6379);
 *     redisIvykisAttach(ac);
 *     iv_main();
 *
 * Attach in the thread that runs the loop, after its iv_init. Attach first, then set callbacks and issue commands. After
 * iv_deinit the context has no events any more; free it before another iv_init in the same thread. */

#ifndef __HIREDIS_IVYKIS_H__
#define __HIREDIS_IVYKIS_H__

#if defined __cplusplus && defined __GNUC__
// The casts and the NULL of C are meant, in C++ too.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"
#endif

#include "../async.h"
#include "../hiredis.h"
#include <iv.h>

/* Made by redisIvykisAttach, freed by the cleanup hook: ivykis has a handler for each direction, which touches nothing
 * after its call into the library, and forgets at once what is unregistered. */
typedef struct redisIvykisEvents {
    redisAsyncContext *context;
    struct iv_fd fd; /* its handlers are the interest */
    struct iv_timer timer;
} redisIvykisEvents;

static inline void redisIvykisHandleRead(void *data) { redisAsyncHandleRead(((redisIvykisEvents *)data)->context); }
static inline void redisIvykisHandleWrite(void *data) { redisAsyncHandleWrite(((redisIvykisEvents *)data)->context); }

/* One-shot: redisAsyncHandleTimeout decides whether the time is up, and schedules again if it is not. */
static inline void redisIvykisHandleTimer(void *data) { redisAsyncHandleTimeout(((redisIvykisEvents *)data)->context); }

/* ivykis tells the kernel before it waits, once, and only of what is different then. With nothing of interest it is told to
 * forget the socket: when it next hears of the descriptor, that may be another's. */
static inline void redisIvykisSetInterest(redisIvykisEvents *e, void (*in)(void *), void (*out)(void *)) {
    if (!iv_inited()) return;
    if (!iv_fd_registered(&e->fd)) {
        e->fd.handler_in = in;
        e->fd.handler_out = out;
        if (in != NULL || out != NULL) iv_fd_register(&e->fd);
        return;
    }
    if (in == NULL && out == NULL) {
        iv_fd_unregister(&e->fd);
        e->fd.handler_in = e->fd.handler_out = NULL;
        return;
    }
    if (in != e->fd.handler_in) iv_fd_set_handler_in(&e->fd, in);
    if (out != e->fd.handler_out) iv_fd_set_handler_out(&e->fd, out);
}

static inline void redisIvykisAddRead(void *data) {
    redisIvykisEvents *e = (redisIvykisEvents *)data;
    if (e->fd.handler_in == NULL) redisIvykisSetInterest(e, redisIvykisHandleRead, e->fd.handler_out);
}

static inline void redisIvykisDelRead(void *data) {
    redisIvykisEvents *e = (redisIvykisEvents *)data;
    if (e->fd.handler_in != NULL) redisIvykisSetInterest(e, NULL, e->fd.handler_out);
}

static inline void redisIvykisAddWrite(void *data) {
    redisIvykisEvents *e = (redisIvykisEvents *)data;
    if (e->fd.handler_out == NULL) redisIvykisSetInterest(e, e->fd.handler_in, redisIvykisHandleWrite);
}

static inline void redisIvykisDelWrite(void *data) {
    redisIvykisEvents *e = (redisIvykisEvents *)data;
    if (e->fd.handler_out != NULL) redisIvykisSetInterest(e, e->fd.handler_in, NULL);
}

static inline void redisIvykisStopTimer(redisIvykisEvents *e) {
    if (iv_timer_registered(&e->timer)) iv_timer_unregister(&e->timer);
}

static inline void redisIvykisScheduleTimer(void *data, struct timeval tv) {
    redisIvykisEvents *e = (redisIvykisEvents *)data;
    if (!iv_inited()) return;
    redisIvykisStopTimer(e);
    iv_validate_now();
    e->timer.expires = iv_now;
    e->timer.expires.tv_sec += tv.tv_sec;
    e->timer.expires.tv_nsec += (long)tv.tv_usec * 1000;
    if (e->timer.expires.tv_nsec >= 1000000000) {
        e->timer.expires.tv_sec++;
        e->timer.expires.tv_nsec -= 1000000000;
    }
    iv_timer_register(&e->timer);
}

/* The descriptor is about to be closed. */
static inline void redisIvykisCleanup(void *data) {
    redisIvykisEvents *e = (redisIvykisEvents *)data;
    if (iv_inited()) {
        if (iv_fd_registered(&e->fd)) iv_fd_unregister(&e->fd);
        redisIvykisStopTimer(e);
    }
    hi_free(e);
}

/* REDIS_ERR, and the context as it was, when it is attached already, memory is short or ivykis refuses the socket. */
static inline int redisIvykisAttach(redisAsyncContext *ac) {
    redisIvykisEvents *e;

    if (ac->ev.data != NULL) return REDIS_ERR;
    e = (redisIvykisEvents *)hi_calloc(1, sizeof(*e));
    if (e == NULL) return REDIS_ERR;
    e->context = ac;
    IV_FD_INIT(&e->fd);
    e->fd.fd = ac->c.fd;
    e->fd.cookie = e;
    /* Programs may rely on the connect going on although they have not asked for anything yet. */
    e->fd.handler_out = redisIvykisHandleWrite;
    if (iv_fd_register_try(&e->fd) != 0) {
        hi_free(e);
        return REDIS_ERR;
    }
    IV_TIMER_INIT(&e->timer);
    e->timer.cookie = e;
    e->timer.handler = redisIvykisHandleTimer;

    ac->ev.addRead = redisIvykisAddRead;
    ac->ev.delRead = redisIvykisDelRead;
    ac->ev.addWrite = redisIvykisAddWrite;
    ac->ev.delWrite = redisIvykisDelWrite;
    ac->ev.scheduleTimer = redisIvykisScheduleTimer;
    ac->ev.cleanup = redisIvykisCleanup;
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

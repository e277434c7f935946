/* adapters/libev.h: drives asynchronous contexts with libev.
 *
 *     redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", 6379);
 *     redisLibevAttach(EV_DEFAULT_ ac);
 *     ev_run(EV_DEFAULT_ 0);
 *
 * Attach first, then set callbacks and issue commands. The context must end before its loop is destroyed. */

#ifndef HIREDIS_ADAPTERS_LIBEV_H
#define HIREDIS_ADAPTERS_LIBEV_H

#include "../async.h"
#include "../hiredis.h"
#include <ev.h>
#include <stddef.h>

/* Bits of `state`: the context is gone; a call into the library is under way. */
#define REDIS_LIBEV_DELETED 1
#define REDIS_LIBEV_ENTERED 2

/* Made by redisLibevAttach, freed after the cleanup hook: at once, or by the handler that it is called in. */
typedef struct redisLibevEvents {
    redisAsyncContext *context;
#if EV_MULTIPLICITY
    struct ev_loop *loop;
#endif
    ev_io io;
    ev_timer timer;
    int interest;
    int state;
} redisLibevEvents;

/* Where libev is built without EV_MULTIPLICITY there is one loop, which no call names. */
#if EV_MULTIPLICITY
#define REDIS_LIBEV_LOOP_(e) (e)->loop,
#else
#define REDIS_LIBEV_LOOP_(e)
#endif

/* Every handler's last act. The context may be gone by now. */
static inline void redisLibevLeave(redisLibevEvents *e) {
    e->state &= ~REDIS_LIBEV_ENTERED;
    if (e->state & REDIS_LIBEV_DELETED) hi_free(e);
}

static inline void redisLibevHandleIo(EV_P_ ev_io *watcher, int ready) {
    redisLibevEvents *e = (redisLibevEvents *)watcher->data;
#if EV_MULTIPLICITY
    (void)EV_A;
#endif
    e->state |= REDIS_LIBEV_ENTERED;
    /* Read first: what the server said before it closed the connection is still to be had. */
    if ((ready & EV_READ) && (e->interest & EV_READ)) redisAsyncHandleRead(e->context);
    if ((ready & EV_WRITE) && (e->interest & EV_WRITE)) redisAsyncHandleWrite(e->context);
    redisLibevLeave(e);
}

/* One-shot: redisAsyncHandleTimeout decides whether the time is up, and schedules again if it is not. */
static inline void redisLibevHandleTimer(EV_P_ ev_timer *watcher, int ready) {
    redisLibevEvents *e = (redisLibevEvents *)watcher->data;
#if EV_MULTIPLICITY
    (void)EV_A;
#endif
    (void)ready;
    e->state |= REDIS_LIBEV_ENTERED;
    redisAsyncHandleTimeout(e->context);
    redisLibevLeave(e);
}

/* libev tells the kernel before it waits, once, and only of what is different then. */
static inline void redisLibevSetInterest(redisLibevEvents *e, int interest) {
    if (interest == e->interest) return;
    ev_io_stop(REDIS_LIBEV_LOOP_(e) &e->io);
    ev_io_set(&e->io, e->context->c.fd, interest);
    if (interest != 0) ev_io_start(REDIS_LIBEV_LOOP_(e) &e->io);
    e->interest = interest;
}

static inline void redisLibevAddRead(void *data) {
    redisLibevEvents *e = (redisLibevEvents *)data;
    redisLibevSetInterest(e, e->interest | EV_READ);
}

static inline void redisLibevDelRead(void *data) {
    redisLibevEvents *e = (redisLibevEvents *)data;
    redisLibevSetInterest(e, e->interest & ~EV_READ);
}

static inline void redisLibevAddWrite(void *data) {
    redisLibevEvents *e = (redisLibevEvents *)data;
    redisLibevSetInterest(e, e->interest | EV_WRITE);
}

static inline void redisLibevDelWrite(void *data) {
    redisLibevEvents *e = (redisLibevEvents *)data;
    redisLibevSetInterest(e, e->interest & ~EV_WRITE);
}

static inline void redisLibevScheduleTimer(void *data, struct timeval tv) {
    redisLibevEvents *e = (redisLibevEvents *)data;
    ev_timer_stop(REDIS_LIBEV_LOOP_(e) &e->timer);
    ev_timer_set(&e->timer, (double)tv.tv_sec + (double)tv.tv_usec / 1e6, 0.);
    ev_timer_start(REDIS_LIBEV_LOOP_(e) &e->timer);
}

/* The descriptor is about to be closed, so the watchers stop at once, even the one whose handler is running. */
static inline void redisLibevCleanup(void *data) {
    redisLibevEvents *e = (redisLibevEvents *)data;
    redisLibevSetInterest(e, 0);
    ev_timer_stop(REDIS_LIBEV_LOOP_(e) &e->timer);
    e->state |= REDIS_LIBEV_DELETED;
    if (!(e->state & REDIS_LIBEV_ENTERED)) hi_free(e);
}

/* REDIS_ERR, and the context as it was, when it is attached already or memory is short. */
static inline int redisLibevAttach(EV_P_ redisAsyncContext *ac) {
    redisLibevEvents *e;

    if (ac->ev.data != NULL) return REDIS_ERR;
    e = (redisLibevEvents *)hi_calloc(1, sizeof(*e));
    if (e == NULL) return REDIS_ERR;
    e->context = ac;
#if EV_MULTIPLICITY
    e->loop = EV_A;
#endif
    ev_init(&e->io, redisLibevHandleIo);
    ev_init(&e->timer, redisLibevHandleTimer);
    e->io.data = e->timer.data = e;

    ac->ev.addRead = redisLibevAddRead;
    ac->ev.delRead = redisLibevDelRead;
    ac->ev.addWrite = redisLibevAddWrite;
    ac->ev.delWrite = redisLibevDelWrite;
    ac->ev.scheduleTimer = redisLibevScheduleTimer;
    ac->ev.cleanup = redisLibevCleanup;
    ac->ev.data = e;
    return REDIS_OK;
}

#endif

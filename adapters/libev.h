/* adapters/libev.h: drives asynchronous contexts with libev.
 *
 *     redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", 6379);
 *     redisLibevAttach(EV_DEFAULT_ ac);
 *     ev_run(EV_DEFAULT_ 0);
 *
 * Attach first, then set callbacks and issue commands. A context whose loop is destroyed goes on without one, and may be
 * given another. (Where libev is built without EV_CLEANUP_ENABLE, the context must end before its loop.) */

#ifndef __HIREDIS_LIBEV_H__
#define __HIREDIS_LIBEV_H__

#if defined __cplusplus && defined __GNUC__
// The casts and the NULL of C are meant, in C++ too.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"
#endif

#include "../async.h"
#include "../hiredis.h"
#include <ev.h>
#include <stddef.h>
#include <string.h>

/* Made by redisLibevAttach, freed by the cleanup hook. */
typedef struct redisLibevEvents {
    redisAsyncContext *context;
#if EV_MULTIPLICITY
    struct ev_loop *loop;
#endif
    ev_io io;
    ev_timer timer;
#if EV_CLEANUP_ENABLE
    ev_cleanup end; /* of the loop */
#endif
    int interest;
    int write_next; /* both directions were ready, and reading had its turn */
} redisLibevEvents;

/* Where libev is built without EV_MULTIPLICITY there is one loop, which no call names. */
#if EV_MULTIPLICITY
#define REDIS_LIBEV_LOOP_(e) (e)->loop,
#else
#define REDIS_LIBEV_LOOP_(e)
#endif

/* One call into the library for each event, and the last act: the call may free all this, run the loop, or never return. What
 * else is ready the loop reports again; where both directions are, they take turns, and reading begins: what the server said
 * before it closed the connection is still to be had. */
static inline void redisLibevHandleIo(EV_P_ ev_io *watcher, int ready) {
    redisLibevEvents *e = (redisLibevEvents *)watcher->data;
#if EV_MULTIPLICITY
    (void)EV_A;
#endif
    ready &= e->interest;
    if ((ready & EV_READ) && !((ready & EV_WRITE) && e->write_next)) {
        e->write_next = (ready & EV_WRITE) != 0;
        redisAsyncHandleRead(e->context);
    } else if (ready & EV_WRITE) {
        e->write_next = 0;
        redisAsyncHandleWrite(e->context);
    }
}

/* One-shot: redisAsyncHandleTimeout decides whether the time is up, and schedules again if it is not. */
static inline void redisLibevHandleTimer(EV_P_ ev_timer *watcher, int ready) {
    redisLibevEvents *e = (redisLibevEvents *)watcher->data;
#if EV_MULTIPLICITY
    (void)EV_A;
#endif
    (void)ready;
    redisAsyncHandleTimeout(e->context);
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
#if EV_CLEANUP_ENABLE
    ev_cleanup_stop(REDIS_LIBEV_LOOP_(e) &e->end);
#endif
    hi_free(e);
}

#if EV_CLEANUP_ENABLE
/* The program destroys the loop first. The context goes on without one, and may be given another. */
static inline void redisLibevHandleEnd(EV_P_ ev_cleanup *watcher, int ready) {
    redisLibevEvents *e = (redisLibevEvents *)watcher->data;
    redisAsyncContext *ac = e->context;
#if EV_MULTIPLICITY
    (void)EV_A;
#endif
    (void)ready;
    redisLibevCleanup(e);
    memset(&ac->ev, 0, sizeof(ac->ev));
}
#endif

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
#if EV_CLEANUP_ENABLE
    ev_cleanup_init(&e->end, redisLibevHandleEnd);
    e->end.data = e;
    ev_cleanup_start(REDIS_LIBEV_LOOP_(e) &e->end);
#endif

    ac->ev.addRead = redisLibevAddRead;
    ac->ev.delRead = redisLibevDelRead;
    ac->ev.addWrite = redisLibevAddWrite;
    ac->ev.delWrite = redisLibevDelWrite;
    ac->ev.scheduleTimer = redisLibevScheduleTimer;
    ac->ev.cleanup = redisLibevCleanup;
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

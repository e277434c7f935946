/* adapters/ae.h: drives asynchronous contexts with ae, the event loop of redis-server.
 *
 *     aeEventLoop *loop = aeCreateEventLoop(64);
 *     redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", 6379);
 *     redisAeAttach(loop, ac);
 *     aeMain(loop);
 *
 * Attach first, then set callbacks and issue commands. The context must end before its loop is deleted. */

#ifndef __HIREDIS_AE_H__
#define __HIREDIS_AE_H__

#if defined __cplusplus && defined __GNUC__
// The casts and the NULL of C are meant, in C++ too.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"
#endif

#include "../async.h"
#include "../hiredis.h"
#include <ae.h>

/* Made by redisAeAttach, freed by the cleanup hook: ae has a handler for each direction, which touches nothing after its
 * call into the library, and asks before each whether it is still wanted. */
typedef struct redisAeEvents {
    redisAsyncContext *context;
    aeEventLoop *loop;
    int interest;    /* AE_READABLE | AE_WRITABLE */
    long long timer; /* negative when there is none */
} redisAeEvents;

static inline void redisAeHandleRead(aeEventLoop *loop, int fd, void *data, int ready) {
    (void)loop;
    (void)fd;
    (void)ready;
    redisAsyncHandleRead(((redisAeEvents *)data)->context);
}

static inline void redisAeHandleWrite(aeEventLoop *loop, int fd, void *data, int ready) {
    (void)loop;
    (void)fd;
    (void)ready;
    redisAsyncHandleWrite(((redisAeEvents *)data)->context);
}

/* One-shot: redisAsyncHandleTimeout decides whether the time is up, and schedules again if it is not. */
static inline int redisAeHandleTimer(aeEventLoop *loop, long long id, void *data) {
    redisAeEvents *e = (redisAeEvents *)data;
    /* ae forgets the timer after this, and would call it again from a loop within a callback. */
    aeDeleteTimeEvent(loop, id);
    e->timer = -1;
    redisAsyncHandleTimeout(e->context);
    return AE_NOMORE;
}

static inline void redisAeAdd(redisAeEvents *e, int direction, aeFileProc *handler) {
    if (e->interest & direction) return;
    if (aeCreateFileEvent(e->loop, e->context->c.fd, direction, handler, e) == AE_OK) e->interest |= direction;
}

static inline void redisAeDel(redisAeEvents *e, int directions) {
    directions &= e->interest;
    if (directions == 0) return;
    aeDeleteFileEvent(e->loop, e->context->c.fd, directions);
    e->interest &= ~directions;
}

static inline void redisAeAddRead(void *data) { redisAeAdd((redisAeEvents *)data, AE_READABLE, redisAeHandleRead); }
static inline void redisAeDelRead(void *data) { redisAeDel((redisAeEvents *)data, AE_READABLE); }
static inline void redisAeAddWrite(void *data) { redisAeAdd((redisAeEvents *)data, AE_WRITABLE, redisAeHandleWrite); }
static inline void redisAeDelWrite(void *data) { redisAeDel((redisAeEvents *)data, AE_WRITABLE); }

static inline void redisAeStopTimer(redisAeEvents *e) {
    if (e->timer >= 0) aeDeleteTimeEvent(e->loop, e->timer);
    e->timer = -1;
}

/* In milliseconds, rounded up: a deadline must have passed when it is reported. */
static inline void redisAeScheduleTimer(void *data, struct timeval tv) {
    redisAeEvents *e = (redisAeEvents *)data;
    long long ms = (long long)tv.tv_sec * 1000 + ((long long)tv.tv_usec + 999) / 1000;
    redisAeStopTimer(e);
    e->timer = aeCreateTimeEvent(e->loop, ms, redisAeHandleTimer, e, NULL);
}

/* The descriptor is about to be closed. */
static inline void redisAeCleanup(void *data) {
    redisAeEvents *e = (redisAeEvents *)data;
    redisAeDel(e, AE_READABLE | AE_WRITABLE);
    redisAeStopTimer(e);
    hi_free(e);
}

/* REDIS_ERR, and the context as it was, when it is attached already or memory is short. */
static inline int redisAeAttach(aeEventLoop *loop, redisAsyncContext *ac) {
    redisAeEvents *e;

    if (ac->ev.data != NULL) return REDIS_ERR;
    e = (redisAeEvents *)hi_calloc(1, sizeof(*e));
    if (e == NULL) return REDIS_ERR;
    e->context = ac;
    e->loop = loop;
    e->timer = -1;

    ac->ev.addRead = redisAeAddRead;
    ac->ev.delRead = redisAeDelRead;
    ac->ev.addWrite = redisAeAddWrite;
    ac->ev.delWrite = redisAeDelWrite;
    ac->ev.scheduleTimer = redisAeScheduleTimer;
    ac->ev.cleanup = redisAeCleanup;
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

/* adapters/libhv.h: drives asynchronous contexts with libhv.
 *
 *     hloop_t *loop = hloop_new(HLOOP_FLAG_QUIT_WHEN_NO_ACTIVE_EVENTS);
 *     redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", 6379);
 *     redisLibhvAttach(ac, loop);
 *     hloop_run(loop);
 *
 * Attach first, then set callbacks and issue commands. The context must end before its loop is freed. */

#ifndef __HIREDIS_LIBHV_H__
#define __HIREDIS_LIBHV_H__

#if defined __cplusplus && defined __GNUC__
// The casts and the NULL of C are meant, in C++ too.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"
#endif

#include "../async.h"
#include "../hiredis.h"
#include <fcntl.h>
#include <hv/hloop.h>
#include <unistd.h>

/* Made by redisLibhvAttach, freed by the cleanup hook. */
typedef struct redisLibhvEvents {
    redisAsyncContext *context;
    hloop_t *loop;
    /* Of a duplicate of the socket: an hio closes its descriptor when it ends, and the library closes its own. */
    hio_t *io;
    htimer_t *timer; /* NULL when there is none: libhv frees it once it has fired */
    int interest;
    int write_next; /* both directions were ready, and reading had its turn */
} redisLibhvEvents;

/* One call into the library for each event, and the last act: the call may free all this, run the loop, or never return. What
 * else is ready the loop reports again; where both directions are, they take turns, and reading begins: what the server said
 * before it closed the connection is still to be had. */
static inline void redisLibhvHandleIo(hio_t *io) {
    redisLibhvEvents *e = (redisLibhvEvents *)hevent_userdata(io);
    int ready = hio_revents(io);
    if (e == NULL) return;
    ready &= e->interest;
    if ((ready & HV_READ) && !((ready & HV_WRITE) && e->write_next)) {
        e->write_next = (ready & HV_WRITE) != 0;
        redisAsyncHandleRead(e->context);
    } else if (ready & HV_WRITE) {
        e->write_next = 0;
        redisAsyncHandleWrite(e->context);
    }
}

/* One-shot: redisAsyncHandleTimeout decides whether the time is up, and schedules again if it is not. */
static inline void redisLibhvHandleTimer(htimer_t *timer) {
    redisLibhvEvents *e = (redisLibhvEvents *)hevent_userdata(timer);
    if (e == NULL) return;
    /* libhv forgets the timer after this, and would call it again from a loop within a callback. */
    hevent_set_userdata(timer, NULL);
    e->timer = NULL;
    redisAsyncHandleTimeout(e->context);
}

static inline void redisLibhvAdd(redisLibhvEvents *e, int direction) {
    if (!(e->interest & direction)) hio_add(e->io, redisLibhvHandleIo, direction);
    e->interest |= direction;
}

static inline void redisLibhvDel(redisLibhvEvents *e, int direction) {
    if (e->interest & direction) hio_del(e->io, direction);
    e->interest &= ~direction;
}

static inline void redisLibhvAddRead(void *data) { redisLibhvAdd((redisLibhvEvents *)data, HV_READ); }
static inline void redisLibhvDelRead(void *data) { redisLibhvDel((redisLibhvEvents *)data, HV_READ); }
static inline void redisLibhvAddWrite(void *data) { redisLibhvAdd((redisLibhvEvents *)data, HV_WRITE); }
static inline void redisLibhvDelWrite(void *data) { redisLibhvDel((redisLibhvEvents *)data, HV_WRITE); }

static inline void redisLibhvStopTimer(redisLibhvEvents *e) {
    if (e->timer != NULL) htimer_del(e->timer);
    e->timer = NULL;
}

/* In milliseconds, rounded up: a deadline must have passed when it is reported. libhv knows no timer of 0. */
static inline void redisLibhvScheduleTimer(void *data, struct timeval tv) {
    redisLibhvEvents *e = (redisLibhvEvents *)data;
    uint64_t ms = (uint64_t)tv.tv_sec * 1000 + ((uint64_t)tv.tv_usec + 999) / 1000;
    if (ms == 0) ms = 1;
    if (ms > UINT32_MAX / 1000) ms = UINT32_MAX / 1000; /* libhv counts microseconds in 32 bits; the rest follows then */
    redisLibhvStopTimer(e);
    e->timer = htimer_add(e->loop, redisLibhvHandleTimer, (uint32_t)ms, 1);
    if (e->timer != NULL) hevent_set_userdata(e->timer, e);
}

static inline void redisLibhvCleanup(void *data) {
    redisLibhvEvents *e = (redisLibhvEvents *)data;
    redisLibhvStopTimer(e);
    hevent_set_userdata(e->io, NULL);
    hio_close(e->io);
    hi_free(e);
}

/* REDIS_ERR, and the context as it was, when it is attached already, memory is short or there is no descriptor left. */
static inline int redisLibhvAttach(redisAsyncContext *ac, hloop_t *loop) {
    redisLibhvEvents *e;
    int fd;

    if (ac->ev.data != NULL) return REDIS_ERR;
    e = (redisLibhvEvents *)hi_calloc(1, sizeof(*e));
    if (e == NULL) return REDIS_ERR;
    fd = dup(ac->c.fd);
    if (fd >= 0) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        e->io = hio_get(loop, fd);
        if (e->io == NULL) close(fd);
    }
    if (e->io == NULL) {
        hi_free(e);
        return REDIS_ERR;
    }
    e->context = ac;
    e->loop = loop;
    hevent_set_userdata(e->io, e);

    ac->ev.addRead = redisLibhvAddRead;
    ac->ev.delRead = redisLibhvDelRead;
    ac->ev.addWrite = redisLibhvAddWrite;
    ac->ev.delWrite = redisLibhvDelWrite;
    ac->ev.scheduleTimer = redisLibhvScheduleTimer;
    ac->ev.cleanup = redisLibhvCleanup;
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

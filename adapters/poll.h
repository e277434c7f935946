/* adapters/poll.h: drives asynchronous contexts with poll(2), without an event loop.
 *
 *     redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", 6379);
 *     redisPollAttach(ac);
 *     while (!done) redisPollTick(ac, 0.1);
 *
 * Attach first, then set callbacks and issue commands. A tick may free the context (after a disconnect, an error, or
 * redisAsyncFree in a callback): learn of that by the connect and disconnect callbacks, and stop ticking. */

#ifndef HIREDIS_POLL_H
#define HIREDIS_POLL_H

#if defined __cplusplus && defined __GNUC__
// The casts and the NULL of C are meant, in C++ too.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"
#endif

#include "../async.h"
#include "../hiredis.h"
#include "../sockcompat.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

/* What a tick has done, or-ed together. */
#define REDIS_POLL_HANDLED_READ 1
#define REDIS_POLL_HANDLED_WRITE 2
#define REDIS_POLL_HANDLED_TIMEOUT 4

/* Made by redisPollAttach, freed by the cleanup hook, or by the tick that it is called in if that has more to do. */
typedef struct redisPollEvents {
    redisAsyncContext *context;
    int reading, writing;
    int in_tick, deleted;
    double deadline; /* on redisPollGetNow's clock; 0 when there is none */
} redisPollEvents;

static inline double redisPollTimevalToDouble(struct timeval *tv) {
    return (double)tv->tv_sec + (double)tv->tv_usec / 1e6;
}

/* Seconds on a clock that nobody sets. Strict C99 without _POSIX_C_SOURCE hides the precise one; the other goes in steps of
 * a hundredth. */
static inline double redisPollGetNow(void) {
#ifdef CLOCK_MONOTONIC
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
#else
    struct tms processor;
    return (double)times(&processor) / (double)sysconf(_SC_CLK_TCK);
#endif
}

static inline void redisPollAddRead(void *data) { ((redisPollEvents *)data)->reading = 1; }
static inline void redisPollDelRead(void *data) { ((redisPollEvents *)data)->reading = 0; }
static inline void redisPollAddWrite(void *data) { ((redisPollEvents *)data)->writing = 1; }
static inline void redisPollDelWrite(void *data) { ((redisPollEvents *)data)->writing = 0; }

/* One-shot: redisAsyncHandleTimeout decides whether the time is up, and schedules again if it is not. */
static inline void redisPollScheduleTimer(void *data, struct timeval tv) {
    ((redisPollEvents *)data)->deadline = redisPollGetNow() + redisPollTimevalToDouble(&tv);
}

static inline void redisPollCleanup(void *data) {
    redisPollEvents *e = (redisPollEvents *)data;
    e->reading = e->writing = 0;
    e->deadline = 0;
    e->deleted = 1;
    if (!e->in_tick) hi_free(e);
}

/* Milliseconds to wait: `timeout` seconds (negative: for ever), but not beyond the deadline. Rounded up, so that a
 * deadline has passed when the wait is over. */
static inline int redisPollWait(const redisPollEvents *e, double timeout) {
    double ms = timeout * 1e3;
    if (e->deadline != 0) {
        double left = (e->deadline - redisPollGetNow()) * 1e3;
        if (left < 0) left = 0;
        if (timeout < 0 || left < ms) ms = left;
    }
    if (ms < 0) return -1;
    if (ms >= INT_MAX) return INT_MAX;
    return (int)ms + ((double)(int)ms < ms);
}

/* What there is to do after poll. */
static inline int redisPollReady(const redisPollEvents *e, short revents) {
    const short failed = POLLERR | POLLHUP | POLLNVAL;
    int ready = 0;
    if (e->reading && ((revents & POLLIN) || (!e->writing && (revents & failed)))) ready |= REDIS_POLL_HANDLED_READ;
    if (e->writing && (revents & (POLLOUT | failed))) ready |= REDIS_POLL_HANDLED_WRITE;
    if (e->deadline != 0 && redisPollGetNow() >= e->deadline) ready |= REDIS_POLL_HANDLED_TIMEOUT;
    return ready;
}

/* Whatever the context's callbacks do, nothing of `e` is touched afterwards. */
static inline void redisPollCall(redisPollEvents *e, int what) {
    if (what == REDIS_POLL_HANDLED_READ) {
        redisAsyncHandleRead(e->context);
    } else if (what == REDIS_POLL_HANDLED_WRITE) {
        redisAsyncHandleWrite(e->context);
    } else {
        e->deadline = 0;
        redisAsyncHandleTimeout(e->context);
    }
}

/* Does it, and returns what was done. Any call may free the context, which ends all interest. A call whose callbacks throw
 * does not return: `e` is for this function to free only while more is to be done. */
static inline int redisPollDispatch(redisPollEvents *e, short revents) {
    int ready = redisPollReady(e, revents), handled = 0;
    while (ready != 0) {
        /* Read first: what the server said before it closed the connection is still to be had. */
        int now = ready & -ready, last = ready == now;
        handled |= now;
        e->in_tick = !last;
        redisPollCall(e, now);
        if (last) break;
        e->in_tick = 0;
        if (e->deleted) {
            hi_free(e);
            break;
        }
        ready &= redisPollReady(e, revents) & ~now;
    }
    return handled;
}

/* Waits up to `timeout` seconds (0: not at all; negative: for ever) for something to do, and does it. Returns
 * REDIS_POLL_HANDLED_*, 0 when there was nothing to do, and a negative number when poll failed. A signal ends the wait. */
static inline int redisPollTick(redisAsyncContext *ac, double timeout) {
    redisPollEvents *e = (redisPollEvents *)ac->ev.data;
    struct pollfd pfd;
    int interest, ready;

    /* With REDIS_OPT_NOAUTOFREE a context outlives its cleanup, and `ev.data` is left pointing at what that freed. */
    if (e == NULL || ac->ev.cleanup == NULL) return 0;
    /* Within a callback of this context nothing can be done for it. */
    if (ac->c.flags & REDIS_IN_CALLBACK) return 0;
    interest = e->reading || e->writing;
    if (!interest && e->deadline == 0) return 0;

    memset(&pfd, 0, sizeof(pfd));
    pfd.fd = ac->c.fd;
    pfd.events = (short)((e->reading ? POLLIN : 0) | (e->writing ? POLLOUT : 0));
    ready = poll(&pfd, interest ? 1 : 0, redisPollWait(e, timeout));
    if (ready < 0 && errno != EINTR) return ready;
    return redisPollDispatch(e, ready > 0 ? pfd.revents : 0);
}

/* REDIS_ERR, and the context as it was, when it is attached already or memory is short. */
static inline int redisPollAttach(redisAsyncContext *ac) {
    redisPollEvents *e;
    if (ac->ev.data != NULL) return REDIS_ERR;
    e = (redisPollEvents *)hi_calloc(1, sizeof(*e));
    if (e == NULL) return REDIS_ERR;
    e->context = ac;

    ac->ev.addRead = redisPollAddRead;
    ac->ev.delRead = redisPollDelRead;
    ac->ev.addWrite = redisPollAddWrite;
    ac->ev.delWrite = redisPollDelWrite;
    ac->ev.scheduleTimer = redisPollScheduleTimer;
    ac->ev.cleanup = redisPollCleanup;
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

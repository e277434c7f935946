/* adapters/libevent.h: drives asynchronous contexts with libevent 2.
 *
 *     struct event_base *base = event_base_new();
 *     redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", 6379);
 *     redisLibeventAttach(ac, base);
 *     event_base_dispatch(base);
 *
 * Attach first, then set callbacks and issue commands. The context must end before its event_base is freed. */

#ifndef __HIREDIS_LIBEVENT_H__
#define __HIREDIS_LIBEVENT_H__

#if defined __cplusplus && defined __GNUC__
// The casts and the NULL of C are meant, in C++ too.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"
#endif

#include "../async.h"
#include "../hiredis.h"
#include "../sockcompat.h"
#include <event2/event.h>

/* Names of the C library's header, for programs that mention them. */
#define REDIS_LIBEVENT_DELETED 1
#define REDIS_LIBEVENT_ENTERED 2

/* Made by redisLibeventAttach, freed by the cleanup hook. */
typedef struct redisLibeventEvents {
    redisAsyncContext *context;
    /* One event per set of directions, by its EV_READ | EV_WRITE; at most one is added. Changing the set adds the new
     * event before it deletes the old one, so that libevent tells the kernel once, and of the difference only. */
    struct event *io[(EV_READ | EV_WRITE) + 1];
    struct event *timer;
    short interest;
    short write_next; /* both directions were ready, and reading had its turn */
} redisLibeventEvents;

static inline void redisLibeventFreeEvents(redisLibeventEvents *e) {
    short set;
    for (set = 0; set <= (EV_READ | EV_WRITE); set++)
        if (e->io[set] != NULL) event_free(e->io[set]);
    if (e->timer != NULL) event_free(e->timer);
}

/* One call into the library for each event, and the last act: the call may free all this, run the loop, or never return. What
 * else is ready the loop reports again; where both directions are, they take turns, and reading begins: what the server said
 * before it closed the connection is still to be had. */
static inline void redisLibeventHandleIo(evutil_socket_t fd, short ready, void *data) {
    redisLibeventEvents *e = (redisLibeventEvents *)data;
    (void)fd;
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
static inline void redisLibeventHandleTimer(evutil_socket_t fd, short ready, void *data) {
    redisLibeventEvents *e = (redisLibeventEvents *)data;
    (void)fd;
    (void)ready;
    redisAsyncHandleTimeout(e->context);
}

static inline void redisLibeventSetInterest(redisLibeventEvents *e, int interest) {
    struct event *before = e->io[e->interest], *after = e->io[interest];
    if (before == after) return;
    if (after != NULL) event_add(after, NULL);
    if (before != NULL) event_del(before);
    e->interest = (short)interest;
}

static inline void redisLibeventAddRead(void *data) {
    redisLibeventEvents *e = (redisLibeventEvents *)data;
    redisLibeventSetInterest(e, e->interest | EV_READ);
}

static inline void redisLibeventDelRead(void *data) {
    redisLibeventEvents *e = (redisLibeventEvents *)data;
    redisLibeventSetInterest(e, e->interest & ~EV_READ);
}

static inline void redisLibeventAddWrite(void *data) {
    redisLibeventEvents *e = (redisLibeventEvents *)data;
    redisLibeventSetInterest(e, e->interest | EV_WRITE);
}

static inline void redisLibeventDelWrite(void *data) {
    redisLibeventEvents *e = (redisLibeventEvents *)data;
    redisLibeventSetInterest(e, e->interest & ~EV_WRITE);
}

static inline void redisLibeventScheduleTimer(void *data, struct timeval tv) {
    event_add(((redisLibeventEvents *)data)->timer, &tv);
}

/* The descriptor is about to be closed, so the events go at once, even the one whose handler is running. */
static inline void redisLibeventCleanup(void *data) {
    redisLibeventEvents *e = (redisLibeventEvents *)data;
    redisLibeventFreeEvents(e);
    hi_free(e);
}

/* REDIS_ERR, and the context as it was, when it is attached already or memory is short. */
static inline int redisLibeventAttach(redisAsyncContext *ac, struct event_base *base) {
    static const short sets[] = {EV_READ, EV_WRITE, EV_READ | EV_WRITE};
    redisLibeventEvents *e;
    int i, complete;

    if (ac->ev.data != NULL) return REDIS_ERR;
    e = (redisLibeventEvents *)hi_calloc(1, sizeof(*e));
    if (e == NULL) return REDIS_ERR;
    e->context = ac;
    e->timer = event_new(base, -1, 0, redisLibeventHandleTimer, e);
    complete = e->timer != NULL;
    for (i = 0; i < 3; i++) {
        e->io[sets[i]] = event_new(base, ac->c.fd, (short)(sets[i] | EV_PERSIST), redisLibeventHandleIo, e);
        complete = complete && e->io[sets[i]] != NULL;
    }
    if (!complete) {
        redisLibeventFreeEvents(e);
        hi_free(e);
        return REDIS_ERR;
    }

    ac->ev.addRead = redisLibeventAddRead;
    ac->ev.delRead = redisLibeventDelRead;
    ac->ev.addWrite = redisLibeventAddWrite;
    ac->ev.delWrite = redisLibeventDelWrite;
    ac->ev.scheduleTimer = redisLibeventScheduleTimer;
    ac->ev.cleanup = redisLibeventCleanup;
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

/* adapters/libsdevent.h: drives asynchronous contexts with sd-event, systemd's event loop.
 *
 *     sd_event_default(&event);
 *     redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", 6379);
 *     redisLibsdeventAttach(ac, event);
 *     sd_event_loop(event);
 *
 * Attach first, then set callbacks and issue commands. The loop lives at least as long as the context. */

#ifndef HIREDIS_LIBSDEVENT_H
#define HIREDIS_LIBSDEVENT_H

#if defined __cplusplus && defined __GNUC__
// The casts and the NULL of C are meant, in C++ too.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"
#endif

#include "../async.h"
#include "../hiredis.h"
#include <stdint.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

/* Names of the C library's header, for programs that mention them. */
#define REDIS_LIBSDEVENT_DELETED 1
#define REDIS_LIBSDEVENT_ENTERED 2

/* CLOCK_MONOTONIC, the name of which strict C99 hides; sd-event knows no system but Linux. */
#define REDIS_LIBSDEVENT_CLOCK 1

/* Made by redisLibsdeventAttach, freed by the cleanup hook. */
typedef struct redisLibsdeventEvents {
    redisAsyncContext *context;
    sd_event_source *io; /* on where there is any interest */
    sd_event_source *timer;
    uint32_t interest;
    int write_next; /* both directions were ready, and reading had its turn */
} redisLibsdeventEvents;

/* Off before the reference goes: a source whose handler is running would otherwise be kept until that returns. */
static inline void redisLibsdeventFreeSource(sd_event_source *source) {
    if (source != NULL) sd_event_source_set_enabled(source, SD_EVENT_OFF);
    sd_event_source_unref(source);
}

/* One call into the library for each event, and the last act: the call may free all this, run the loop, or never return. What
 * else is ready the loop reports again; where both directions are, they take turns, and reading begins: what the server said
 * before it closed the connection is still to be had. */
static inline int redisLibsdeventHandleIo(sd_event_source *source, int fd, uint32_t ready, void *data) {
    redisLibsdeventEvents *e = (redisLibsdeventEvents *)data;
    (void)source;
    (void)fd;
    /* epoll reports these, too, whether asked for or not. */
    if (ready & (EPOLLERR | EPOLLHUP)) ready |= e->interest & EPOLLOUT ? EPOLLOUT : EPOLLIN;
    ready &= e->interest;
    if ((ready & EPOLLIN) && !((ready & EPOLLOUT) && e->write_next)) {
        e->write_next = (ready & EPOLLOUT) != 0;
        redisAsyncHandleRead(e->context);
    } else if (ready & EPOLLOUT) {
        e->write_next = 0;
        redisAsyncHandleWrite(e->context);
    }
    return 0;
}

/* One-shot: redisAsyncHandleTimeout decides whether the time is up, and schedules again if it is not. */
static inline int redisLibsdeventHandleTimer(sd_event_source *source, uint64_t usec, void *data) {
    redisLibsdeventEvents *e = (redisLibsdeventEvents *)data;
    (void)source;
    (void)usec;
    redisAsyncHandleTimeout(e->context);
    return 0;
}

/* A source that is on tells the kernel when its events change, one that is off when it is switched on. */
static inline void redisLibsdeventSetInterest(redisLibsdeventEvents *e, uint32_t interest) {
    if (interest == e->interest) return;
    if (interest != 0) sd_event_source_set_io_events(e->io, interest);
    sd_event_source_set_enabled(e->io, interest != 0 ? SD_EVENT_ON : SD_EVENT_OFF);
    e->interest = interest;
}

static inline void redisLibsdeventAddRead(void *data) {
    redisLibsdeventEvents *e = (redisLibsdeventEvents *)data;
    redisLibsdeventSetInterest(e, e->interest | EPOLLIN);
}

static inline void redisLibsdeventDelRead(void *data) {
    redisLibsdeventEvents *e = (redisLibsdeventEvents *)data;
    redisLibsdeventSetInterest(e, e->interest & ~(uint32_t)EPOLLIN);
}

static inline void redisLibsdeventAddWrite(void *data) {
    redisLibsdeventEvents *e = (redisLibsdeventEvents *)data;
    redisLibsdeventSetInterest(e, e->interest | EPOLLOUT);
}

static inline void redisLibsdeventDelWrite(void *data) {
    redisLibsdeventEvents *e = (redisLibsdeventEvents *)data;
    redisLibsdeventSetInterest(e, e->interest & ~(uint32_t)EPOLLOUT);
}

static inline void redisLibsdeventScheduleTimer(void *data, struct timeval tv) {
    redisLibsdeventEvents *e = (redisLibsdeventEvents *)data;
    uint64_t now = 0;
    sd_event_now(sd_event_source_get_event(e->timer), REDIS_LIBSDEVENT_CLOCK, &now);
    sd_event_source_set_time(e->timer, now + (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec);
    sd_event_source_set_enabled(e->timer, SD_EVENT_ONESHOT);
}

/* The descriptor is about to be closed, so the sources go at once, even the one whose handler is running. */
static inline void redisLibsdeventCleanup(void *data) {
    redisLibsdeventEvents *e = (redisLibsdeventEvents *)data;
    redisLibsdeventFreeSource(e->io);
    redisLibsdeventFreeSource(e->timer);
    hi_free(e);
}

/* REDIS_ERR, and the context as it was, when it is attached already, memory is short or sd-event refuses the socket. */
static inline int redisLibsdeventAttach(redisAsyncContext *ac, struct sd_event *event) {
    /* In microseconds; 0 would mean 250 milliseconds. */
    const uint64_t accuracy = 1;
    redisLibsdeventEvents *e;

    if (ac->ev.data != NULL) return REDIS_ERR;
    e = (redisLibsdeventEvents *)hi_calloc(1, sizeof(*e));
    if (e == NULL) return REDIS_ERR;
    e->context = ac;
    if (sd_event_add_io(event, &e->io, ac->c.fd, 0, redisLibsdeventHandleIo, e) < 0 ||
        sd_event_source_set_enabled(e->io, SD_EVENT_OFF) < 0 ||
        sd_event_add_time(event, &e->timer, REDIS_LIBSDEVENT_CLOCK, UINT64_MAX, accuracy, redisLibsdeventHandleTimer, e) < 0) {
        redisLibsdeventFreeSource(e->io);
        hi_free(e);
        return REDIS_ERR;
    }

    ac->ev.addRead = redisLibsdeventAddRead;
    ac->ev.delRead = redisLibsdeventDelRead;
    ac->ev.addWrite = redisLibsdeventAddWrite;
    ac->ev.delWrite = redisLibsdeventDelWrite;
    ac->ev.scheduleTimer = redisLibsdeventScheduleTimer;
    ac->ev.cleanup = redisLibsdeventCleanup;
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

/* The smallest ae: what adapters/ae.h uses of redis-server's event loop, with its rules, for want of a package. Handlers are
 * asked for again before each call, time events are freed by the loop after they have been deleted. */
#ifndef TESTS_LOOPS_AE_H
#define TESTS_LOOPS_AE_H

#include <poll.h>
#include <stdlib.h>
#include <time.h>

#define AE_OK 0
#define AE_ERR -1
#define AE_NONE 0
#define AE_READABLE 1
#define AE_WRITABLE 2
#define AE_NOMORE -1

struct aeEventLoop;
typedef void aeFileProc(struct aeEventLoop *loop, int fd, void *data, int mask);
typedef int aeTimeProc(struct aeEventLoop *loop, long long id, void *data);
typedef void aeEventFinalizerProc(struct aeEventLoop *loop, void *data);

typedef struct aeFileEvent {
    int mask;
    aeFileProc *read, *write;
    void *data;
} aeFileEvent;

typedef struct aeTimeEvent {
    long long id; /* -1: deleted, to be freed by the loop */
    long long when;
    aeTimeProc *proc;
    void *data;
    struct aeTimeEvent *next;
} aeTimeEvent;

typedef struct aeEventLoop {
    int setsize;
    long long next_id;
    aeFileEvent *events;
    aeTimeEvent *timers;
    int changes; /* what would have been told to the kernel */
    int depth;   /* loops within handlers: the outermost frees */
} aeEventLoop;

static inline long long aeNow(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline aeEventLoop *aeCreateEventLoop(int setsize) {
    aeEventLoop *loop = (aeEventLoop *)calloc(1, sizeof *loop);
    loop->setsize = setsize;
    loop->events = (aeFileEvent *)calloc((size_t)setsize, sizeof *loop->events);
    return loop;
}

static inline void aeDeleteEventLoop(aeEventLoop *loop) {
    aeTimeEvent *next;
    for (; loop->timers; loop->timers = next) {
        next = loop->timers->next;
        free(loop->timers);
    }
    free(loop->events);
    free(loop);
}

static inline int aeCreateFileEvent(aeEventLoop *loop, int fd, int mask, aeFileProc *proc, void *data) {
    aeFileEvent *event = &loop->events[fd];
    if (fd >= loop->setsize) return AE_ERR;
    event->mask |= mask;
    if (mask & AE_READABLE) event->read = proc;
    if (mask & AE_WRITABLE) event->write = proc;
    event->data = data;
    loop->changes++;
    return AE_OK;
}

static inline void aeDeleteFileEvent(aeEventLoop *loop, int fd, int mask) {
    if (fd >= loop->setsize || loop->events[fd].mask == AE_NONE) return;
    loop->events[fd].mask &= ~mask;
    loop->changes++;
}

static inline long long aeCreateTimeEvent(aeEventLoop *loop, long long ms, aeTimeProc *proc, void *data,
                                          aeEventFinalizerProc *finalizer) {
    aeTimeEvent *event = (aeTimeEvent *)malloc(sizeof *event);
    (void)finalizer;
    event->id = loop->next_id++;
    event->when = aeNow() + ms;
    event->proc = proc;
    event->data = data;
    event->next = loop->timers;
    loop->timers = event;
    return event->id;
}

static inline int aeDeleteTimeEvent(aeEventLoop *loop, long long id) {
    for (aeTimeEvent *event = loop->timers; event; event = event->next) {
        if (event->id != id) continue;
        event->id = -1;
        return AE_OK;
    }
    return AE_ERR;
}

static inline void aeProcessTimeEvents(aeEventLoop *loop) {
    const long long last = loop->next_id; /* those that are made meanwhile wait */
    aeTimeEvent **at = &loop->timers, *event;
    loop->depth++;
    for (event = loop->timers; event; event = event->next) {
        if (event->id == -1 || event->id >= last || event->when > aeNow()) continue;
        int again = event->proc(loop, event->id, event->data);
        if (again == AE_NOMORE) event->id = -1;
        else event->when = aeNow() + again;
    }
    if (--loop->depth > 0) return;
    while ((event = *at)) {
        if (event->id == -1) {
            *at = event->next;
            free(event);
        } else {
            at = &event->next;
        }
    }
}

/* One turn, which waits MS milliseconds at most. */
static inline void aeProcessEvents(aeEventLoop *loop, int ms) {
    struct pollfd *fds = (struct pollfd *)calloc((size_t)loop->setsize, sizeof *fds);
    int count = 0, i;
    for (i = 0; i < loop->setsize; i++) {
        const int mask = loop->events[i].mask;
        if (mask == AE_NONE) continue;
        fds[count].fd = i;
        fds[count++].events = (short)((mask & AE_READABLE ? POLLIN : 0) | (mask & AE_WRITABLE ? POLLOUT : 0));
    }
    for (aeTimeEvent *event = loop->timers; event; event = event->next) {
        const long long left = event->when - aeNow();
        if (event->id != -1 && left < ms) ms = left > 0 ? (int)left : 0;
    }
    if (poll(fds, (nfds_t)count, ms) < 0) count = 0;
    for (i = 0; i < count; i++) {
        aeFileEvent *event = &loop->events[fds[i].fd];
        const int failed = fds[i].revents & (POLLERR | POLLHUP);
        if ((event->mask & AE_READABLE) && (failed || (fds[i].revents & POLLIN))) event->read(loop, fds[i].fd, event->data, AE_READABLE);
        if ((event->mask & AE_WRITABLE) && (failed || (fds[i].revents & POLLOUT))) event->write(loop, fds[i].fd, event->data, AE_WRITABLE);
    }
    free(fds);
    aeProcessTimeEvents(loop);
}

#endif

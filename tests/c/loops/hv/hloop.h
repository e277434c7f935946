/* The smallest libhv: what adapters/libhv.h, ours and the C library's, use of it, with its rules, for want of a package. An
 * hio belongs to its descriptor as long as the loop lives, and closes it; what it has once reported it reports with every
 * event; a timer that has fired is freed. */
#ifndef TESTS_LOOPS_HV_HLOOP_H
#define TESTS_LOOPS_HV_HLOOP_H

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define HV_READ 1
#define HV_WRITE 4
#define HV_RDWR (HV_READ | HV_WRITE)

typedef struct hloop_s hloop_t;
typedef struct hio_s hio_t;
typedef struct htimer_s htimer_t;
typedef void (*hio_cb)(hio_t *io);
typedef void (*htimer_cb)(htimer_t *timer);

typedef struct hevent_s {
    hloop_t *loop;
    void *userdata;
} hevent_t;
#define hevent_loop(ev) (((hevent_t *)(ev))->loop)
#define hevent_set_userdata(ev, data) ((hevent_t *)(ev))->userdata = (void *)data
#define hevent_userdata(ev) (((hevent_t *)(ev))->userdata)

struct hio_s {
    hevent_t event;
    hio_cb cb;
    int fd, events, revents, open;
};

struct htimer_s {
    hevent_t event;
    htimer_cb cb;
    uint32_t repeat, timeout;
    uint64_t when;
    int deleted;
    htimer_t *next;
};

enum { HLOOP_FDS = 1024 };
struct hloop_s {
    hio_t *ios[HLOOP_FDS];
    htimer_t *timers;
    int changes; /* what would have been told to the kernel */
    int depth;   /* loops within callbacks: the outermost frees */
};

static inline uint64_t hloop_milliseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static inline hloop_t *hloop_new(int flags) {
    (void)flags;
    return (hloop_t *)calloc(1, sizeof(hloop_t));
}

static inline hio_t *hio_get(hloop_t *loop, int fd) {
    hio_t *io;
    if (fd >= HLOOP_FDS) return NULL;
    if (loop->ios[fd] == NULL) loop->ios[fd] = (hio_t *)calloc(1, sizeof(hio_t));
    io = loop->ios[fd];
    if (!io->open) {
        io->event.loop = loop;
        io->fd = fd;
        io->events = io->revents = 0;
        io->open = 1;
    }
    return io;
}

static inline int hio_add(hio_t *io, hio_cb cb, int events) {
    io->cb = cb;
    io->events |= events;
    io->event.loop->changes++;
    return 0;
}

static inline int hio_del(hio_t *io, int events) {
    if (!(io->events & events)) return -1;
    io->events &= ~events;
    io->event.loop->changes++;
    return 0;
}

static inline int hio_events(hio_t *io) { return io->events; }
static inline int hio_revents(hio_t *io) { return io->revents; }

static inline int hio_close(hio_t *io) {
    if (!io->open) return 0;
    io->open = 0;
    hio_del(io, HV_RDWR);
    return close(io->fd);
}

static inline htimer_t *htimer_add(hloop_t *loop, htimer_cb cb, uint32_t timeout, uint32_t repeat) {
    htimer_t *timer;
    if (timeout == 0) return NULL;
    timer = (htimer_t *)calloc(1, sizeof *timer);
    timer->event.loop = loop;
    timer->cb = cb;
    timer->repeat = repeat;
    timer->timeout = timeout;
    timer->when = hloop_milliseconds() + timeout;
    timer->next = loop->timers;
    loop->timers = timer;
    return timer;
}

/* Also from the timer's own callback, which brings it back. */
static inline void htimer_reset(htimer_t *timer, uint32_t timeout) {
    if (timeout > 0) timer->timeout = timeout;
    if (timer->repeat == 0) timer->repeat = 1;
    timer->when = hloop_milliseconds() + timer->timeout;
    timer->deleted = 0;
}

static inline void htimer_del(htimer_t *timer) { timer->deleted = 1; }

/* One turn, which waits MS milliseconds at most. */
static inline void hloop_process_events(hloop_t *loop, int ms) {
    struct pollfd fds[HLOOP_FDS];
    nfds_t count = 0;
    htimer_t **at, *timer;
    uint64_t now = hloop_milliseconds();
    for (int fd = 0; fd < HLOOP_FDS; fd++) {
        hio_t *io = loop->ios[fd];
        if (io == NULL || io->events == 0) continue;
        fds[count].fd = fd;
        fds[count++].events = (short)((io->events & HV_READ ? POLLIN : 0) | (io->events & HV_WRITE ? POLLOUT : 0));
    }
    for (timer = loop->timers; timer; timer = timer->next)
        if (!timer->deleted && timer->when < now + (uint64_t)ms) ms = timer->when > now ? (int)(timer->when - now) : 0;
    if (poll(fds, count, ms) < 0) count = 0;
    for (nfds_t i = 0; i < count; i++) {
        hio_t *io = loop->ios[fds[i].fd];
        if (fds[i].revents & (POLLIN | POLLHUP | POLLERR)) io->revents |= HV_READ;
        if (fds[i].revents & (POLLOUT | POLLHUP | POLLERR)) io->revents |= HV_WRITE;
        if (fds[i].revents && io->events) io->cb(io);
    }
    now = hloop_milliseconds();
    loop->depth++;
    for (timer = loop->timers; timer; timer = timer->next) {
        if (timer->deleted || timer->when > now) continue;
        if (--timer->repeat == 0) timer->deleted = 1;
        timer->when = now + timer->timeout;
        timer->cb(timer);
    }
    if (--loop->depth > 0) return;
    for (at = &loop->timers; (timer = *at);) {
        if (timer->deleted) {
            *at = timer->next;
            free(timer);
        } else {
            at = &timer->next;
        }
    }
}

static inline void hloop_free(hloop_t **loop) {
    for (int fd = 0; fd < HLOOP_FDS; fd++) {
        if ((*loop)->ios[fd]) hio_close((*loop)->ios[fd]);
        free((*loop)->ios[fd]);
    }
    free(*loop);
    *loop = NULL;
}

#endif

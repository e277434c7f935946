/* adapters/macosx.h: drives asynchronous contexts with a CFRunLoop of macOS.
 *
 *     redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", 6379);
 *     redisMacOSAttach(ac, CFRunLoopGetCurrent());
 *     CFRunLoopRun();
 *
 * Attach first, then set callbacks and issue commands. */

#ifndef __HIREDIS_MACOSX_H__
#define __HIREDIS_MACOSX_H__

#if defined __cplusplus && defined __GNUC__
// The casts and the NULL of C are meant, in C++ too.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"
#endif

#include "../async.h"
#include "../hiredis.h"
#include <CoreFoundation/CoreFoundation.h>

/* Made by redisMacOSAttach, freed by the cleanup hook: CoreFoundation has a callback for each direction, which touches nothing
 * after its call into the library. */
typedef struct RedisRunLoop {
    redisAsyncContext *context;
    CFSocketRef socket;
    CFRunLoopSourceRef source;
    CFRunLoopTimerRef timer; /* rests in the far future */
    CFOptionFlags interest;
} RedisRunLoop;

/* "Never", in seconds: a repeating timer stays valid when it has fired, and can be set again. */
#define REDIS_MACOSX_NEVER 1e10

static inline void redisMacOSHandleIo(CFSocketRef socket, CFSocketCallBackType ready, CFDataRef address,
                                      const void *bytes, void *data) {
    RedisRunLoop *e = (RedisRunLoop *)data;
    (void)socket;
    (void)address;
    (void)bytes;
    if (!(e->interest & ready)) return;
    if (ready == kCFSocketReadCallBack) redisAsyncHandleRead(e->context);
    else if (ready == kCFSocketWriteCallBack) redisAsyncHandleWrite(e->context);
}

/* One-shot: redisAsyncHandleTimeout decides whether the time is up, and schedules again if it is not. */
static inline void redisMacOSHandleTimer(CFRunLoopTimerRef timer, void *data) {
    RedisRunLoop *e = (RedisRunLoop *)data;
    (void)timer;
    redisAsyncHandleTimeout(e->context);
}

static inline void redisMacOSAdd(RedisRunLoop *e, CFOptionFlags direction) {
    if (!(e->interest & direction)) CFSocketEnableCallBacks(e->socket, direction);
    e->interest |= direction;
}

static inline void redisMacOSDel(RedisRunLoop *e, CFOptionFlags direction) {
    if (e->interest & direction) CFSocketDisableCallBacks(e->socket, direction);
    e->interest &= ~direction;
}

static inline void redisMacOSAddRead(void *data) { redisMacOSAdd((RedisRunLoop *)data, kCFSocketReadCallBack); }
static inline void redisMacOSDelRead(void *data) { redisMacOSDel((RedisRunLoop *)data, kCFSocketReadCallBack); }
static inline void redisMacOSAddWrite(void *data) { redisMacOSAdd((RedisRunLoop *)data, kCFSocketWriteCallBack); }
static inline void redisMacOSDelWrite(void *data) { redisMacOSDel((RedisRunLoop *)data, kCFSocketWriteCallBack); }

/* CoreFoundation takes a date, on the clock that is set, and makes an interval of it at once. */
static inline void redisMacOSScheduleTimer(void *data, struct timeval tv) {
    CFAbsoluteTime at = CFAbsoluteTimeGetCurrent() + (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
    CFRunLoopTimerSetNextFireDate(((RedisRunLoop *)data)->timer, at);
}

static inline void redisMacOSRelease(RedisRunLoop *e) {
    if (e->timer != NULL) {
        CFRunLoopTimerInvalidate(e->timer);
        CFRelease(e->timer);
    }
    if (e->source != NULL) {
        CFRunLoopSourceInvalidate(e->source);
        CFRelease(e->source);
    }
    if (e->socket != NULL) {
        CFSocketInvalidate(e->socket);
        CFRelease(e->socket);
    }
}

/* The descriptor is about to be closed, so the run loop forgets everything at once. */
static inline void redisMacOSCleanup(void *data) {
    RedisRunLoop *e = (RedisRunLoop *)data;
    redisMacOSRelease(e);
    hi_free(e);
}

/* 0 where CoreFoundation has no memory. */
static inline int redisMacOSOpen(RedisRunLoop *e) {
    const CFOptionFlags both = kCFSocketReadCallBack | kCFSocketWriteCallBack;
    CFSocketContext io = {0, e, NULL, NULL, NULL};
    CFRunLoopTimerContext timing = {0, e, NULL, NULL, NULL};

    e->socket = CFSocketCreateWithNative(NULL, e->context->c.fd, both, redisMacOSHandleIo, &io);
    if (e->socket == NULL) return 0;
    /* Both directions go on until they are disabled; the descriptor is the library's to close. */
    CFSocketSetSocketFlags(e->socket, kCFSocketAutomaticallyReenableReadCallBack | kCFSocketAutomaticallyReenableWriteCallBack);
    CFSocketDisableCallBacks(e->socket, both);
    e->source = CFSocketCreateRunLoopSource(NULL, e->socket, 0);
    e->timer = CFRunLoopTimerCreate(NULL, CFAbsoluteTimeGetCurrent() + REDIS_MACOSX_NEVER, REDIS_MACOSX_NEVER, 0, 0,
                                    redisMacOSHandleTimer, &timing);
    return e->source != NULL && e->timer != NULL;
}

/* REDIS_ERR, and the context as it was, when it is attached already or memory is short. */
static inline int redisMacOSAttach(redisAsyncContext *ac, CFRunLoopRef loop) {
    RedisRunLoop *e;

    if (ac->ev.data != NULL) return REDIS_ERR;
    e = (RedisRunLoop *)hi_calloc(1, sizeof(*e));
    if (e == NULL) return REDIS_ERR;
    e->context = ac;
    if (!redisMacOSOpen(e)) {
        redisMacOSRelease(e);
        hi_free(e);
        return REDIS_ERR;
    }
    CFRunLoopAddSource(loop, e->source, kCFRunLoopDefaultMode);
    CFRunLoopAddTimer(loop, e->timer, kCFRunLoopDefaultMode);

    ac->ev.addRead = redisMacOSAddRead;
    ac->ev.delRead = redisMacOSDelRead;
    ac->ev.addWrite = redisMacOSAddWrite;
    ac->ev.delWrite = redisMacOSDelWrite;
    ac->ev.scheduleTimer = redisMacOSScheduleTimer;
    ac->ev.cleanup = redisMacOSCleanup;
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

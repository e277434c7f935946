/* adapters/redismoduleapi.h: drives asynchronous contexts with the event loop of the redis-server that a module runs in.
 *
 *     if (redisModuleCompatibilityCheck() != REDIS_OK) return REDISMODULE_ERR;
 *     RedisModuleCtx *ctx = RedisModule_GetDetachedThreadSafeContext(module_ctx);
 *     redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", 6379);
 *     redisModuleAttach(ac, ctx);
 *
 * The module's context must outlive ours; that of a command or of RedisModule_OnLoad does not. Attach in the server's main
 * thread, then set callbacks and issue commands.
 *
 * redis-server has a hiredis of its own, and exports it: a module that is linked with libhiredis.so calls that one. Link it with
 * libhiredis.a and -Wl,--exclude-libs,ALL. */

#ifndef __HIREDIS_REDISMODULEAPI_H__
#define __HIREDIS_REDISMODULEAPI_H__

#if defined __cplusplus && defined __GNUC__
// The casts and the NULL of C are meant, in C++ too.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"
#endif

#include "redismodule.h"

#include "../async.h"
#include "../hiredis.h"

/* Made by redisModuleAttach, freed by the cleanup hook: the server has a handler for each direction, which touches nothing
 * after its call into the library, and asks before each whether it is still wanted. */
typedef struct redisModuleEvents {
    redisAsyncContext *context;
    RedisModuleCtx *module_ctx;
    int interest; /* REDISMODULE_EVENTLOOP_READABLE | WRITABLE */
    int timing;   /* `timer` is running */
    RedisModuleTimerID timer;
} redisModuleEvents;

static inline void redisModuleHandleRead(int fd, void *data, int ready) {
    (void)fd;
    (void)ready;
    redisAsyncHandleRead(((redisModuleEvents *)data)->context);
}

static inline void redisModuleHandleWrite(int fd, void *data, int ready) {
    (void)fd;
    (void)ready;
    redisAsyncHandleWrite(((redisModuleEvents *)data)->context);
}

/* One-shot: redisAsyncHandleTimeout decides whether the time is up, and schedules again if it is not. */
static inline void redisModuleHandleTimer(RedisModuleCtx *ctx, void *data) {
    redisModuleEvents *e = (redisModuleEvents *)data;
    (void)ctx;
    e->timing = 0;
    redisAsyncHandleTimeout(e->context);
}

static inline void redisModuleAdd(redisModuleEvents *e, int direction, RedisModuleEventLoopFunc handler) {
    if (e->interest & direction) return;
    if (RedisModule_EventLoopAdd(e->context->c.fd, direction, handler, e) == REDISMODULE_OK) e->interest |= direction;
}

static inline void redisModuleDel(redisModuleEvents *e, int directions) {
    directions &= e->interest;
    if (directions == 0) return;
    RedisModule_EventLoopDel(e->context->c.fd, directions);
    e->interest &= ~directions;
}

static inline void redisModuleAddRead(void *data) {
    redisModuleAdd((redisModuleEvents *)data, REDISMODULE_EVENTLOOP_READABLE, redisModuleHandleRead);
}

static inline void redisModuleDelRead(void *data) {
    redisModuleDel((redisModuleEvents *)data, REDISMODULE_EVENTLOOP_READABLE);
}

static inline void redisModuleAddWrite(void *data) {
    redisModuleAdd((redisModuleEvents *)data, REDISMODULE_EVENTLOOP_WRITABLE, redisModuleHandleWrite);
}

static inline void redisModuleDelWrite(void *data) {
    redisModuleDel((redisModuleEvents *)data, REDISMODULE_EVENTLOOP_WRITABLE);
}

static inline void redisModuleStopTimer(redisModuleEvents *e) {
    if (e->timing) RedisModule_StopTimer(e->module_ctx, e->timer, NULL);
    e->timing = 0;
}

/* In milliseconds, rounded up: a deadline must have passed when it is reported. */
static inline void redisModuleScheduleTimer(void *data, struct timeval tv) {
    redisModuleEvents *e = (redisModuleEvents *)data;
    mstime_t ms = (mstime_t)tv.tv_sec * 1000 + ((mstime_t)tv.tv_usec + 999) / 1000;
    redisModuleStopTimer(e);
    e->timer = RedisModule_CreateTimer(e->module_ctx, ms, redisModuleHandleTimer, e);
    e->timing = 1;
}

/* The descriptor is about to be closed. */
static inline void redisModuleCleanup(void *data) {
    redisModuleEvents *e = (redisModuleEvents *)data;
    redisModuleDel(e, REDISMODULE_EVENTLOOP_READABLE | REDISMODULE_EVENTLOOP_WRITABLE);
    redisModuleStopTimer(e);
    hi_free(e);
}

/* REDIS_ERR where the server is too old to lend its event loop: that came with Redis 7. */
static inline int redisModuleCompatibilityCheck(void) {
    int present = RedisModule_EventLoopAdd != NULL && RedisModule_EventLoopDel != NULL &&
                  RedisModule_CreateTimer != NULL && RedisModule_StopTimer != NULL;
    return present ? REDIS_OK : REDIS_ERR;
}

/* REDIS_ERR, and the context as it was, when it is attached already or memory is short. */
static inline int redisModuleAttach(redisAsyncContext *ac, RedisModuleCtx *module_ctx) {
    redisModuleEvents *e;

    if (ac->ev.data != NULL) return REDIS_ERR;
    e = (redisModuleEvents *)hi_calloc(1, sizeof(*e));
    if (e == NULL) return REDIS_ERR;
    e->context = ac;
    e->module_ctx = module_ctx;

    ac->ev.addRead = redisModuleAddRead;
    ac->ev.delRead = redisModuleDelRead;
    ac->ev.addWrite = redisModuleAddWrite;
    ac->ev.delWrite = redisModuleDelWrite;
    ac->ev.scheduleTimer = redisModuleScheduleTimer;
    ac->ev.cleanup = redisModuleCleanup;
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

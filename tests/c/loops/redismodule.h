/* What adapters/redismoduleapi.h and the module that tests it use of the interface that redis-server gives to modules. */
#ifndef TESTS_LOOPS_REDISMODULE_H
#define TESTS_LOOPS_REDISMODULE_H

#include <stddef.h>
#include <stdint.h>

#define REDISMODULE_OK 0
#define REDISMODULE_ERR 1
#define REDISMODULE_APIVER_1 1
#define REDISMODULE_EVENTLOOP_READABLE 1
#define REDISMODULE_EVENTLOOP_WRITABLE 2

typedef struct RedisModuleCtx RedisModuleCtx;
typedef struct RedisModuleString RedisModuleString;
typedef uint64_t RedisModuleTimerID;
typedef long long mstime_t;
typedef int (*RedisModuleCmdFunc)(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);
typedef void (*RedisModuleEventLoopFunc)(int fd, void *user_data, int mask);
typedef void (*RedisModuleTimerProc)(RedisModuleCtx *ctx, void *data);

#ifdef REDISMODULE_MAIN
#define REDISMODULE_API
#else
#define REDISMODULE_API extern
#endif

/* Each is found in the server by its name. */
#define REDISMODULE_FUNCTIONS(F)                                                                                          \
    F(int, SetModuleAttribs, (RedisModuleCtx *, const char *name, int version, int api))                                  \
    F(int, CreateCommand, (RedisModuleCtx *, const char *name, RedisModuleCmdFunc, const char *flags, int, int, int))      \
    F(RedisModuleCtx *, GetDetachedThreadSafeContext, (RedisModuleCtx *))                                                 \
    F(int, StringToLongLong, (const RedisModuleString *, long long *))                                                    \
    F(int, ReplyWithSimpleString, (RedisModuleCtx *, const char *))                                                       \
    F(int, EventLoopAdd, (int fd, int mask, RedisModuleEventLoopFunc, void *user_data))                                   \
    F(int, EventLoopDel, (int fd, int mask))                                                                              \
    F(RedisModuleTimerID, CreateTimer, (RedisModuleCtx *, mstime_t period, RedisModuleTimerProc, void *data))             \
    F(int, StopTimer, (RedisModuleCtx *, RedisModuleTimerID, void **data))

#define REDISMODULE_DECLARE(type, name, arguments) REDISMODULE_API type(*RedisModule_##name) arguments;
REDISMODULE_FUNCTIONS(REDISMODULE_DECLARE)

#ifdef REDISMODULE_MAIN
/* A context begins with the function that finds the others. */
static inline int RedisModule_Init(RedisModuleCtx *ctx, const char *name, int version, int api) {
    int (*find)(const char *, void *) = *(int (**)(const char *, void *))ctx;
#define REDISMODULE_FIND(type, name, arguments) find("RedisModule_" #name, (void *)&RedisModule_##name);
    REDISMODULE_FUNCTIONS(REDISMODULE_FIND)
    RedisModule_SetModuleAttribs(ctx, name, version, api);
    return REDISMODULE_OK;
}
#endif

#endif

/* A module: a redis-server that loads it plays the scenarios, on the loop that it lends to its modules, and ends. The names to
 * leave out are the module's arguments. */
#define REDISMODULE_MAIN
#include <hiredis/adapters/redismoduleapi.h>
#include <ucontext.h>

#include "scenarios.h"

static RedisModuleCtx *loop;

/* The server runs its loop itself. So the scenarios have a stack of their own, which they leave to wait for something to do. */
static ucontext_t server, player;
static char stack[1 << 20];

static char *left_out[64];
static int leaves_out;

static int loop_attach(redisAsyncContext *ac) { return redisModuleAttach(ac, loop); }
static void loop_ended(const redisAsyncContext *ac) { (void)ac; }
static void loop_once(void) { swapcontext(&player, &server); }

static void on_tick(RedisModuleCtx *ctx, void *data) {
    (void)ctx;
    (void)data;
    swapcontext(&server, &player);
    RedisModule_CreateTimer(loop, 2, on_tick, NULL);
}

static void play(void) {
    conformance(leaves_out, left_out);
    while (leaves_out > 0) free(left_out[--leaves_out]);
    RedisModule_FreeThreadSafeContext(loop);
    exit(0);
}

/* What the server is told is what it tells the kernel: it would not call our epoll_ctl. */
static int (*add)(int fd, int mask, RedisModuleEventLoopFunc handler, void *data);
static int (*del)(int fd, int mask);

static int counted_add(int fd, int mask, RedisModuleEventLoopFunc handler, void *data) {
    registrations++;
    return add(fd, mask, handler, data);
}

static int counted_del(int fd, int mask) {
    registrations++;
    return del(fd, mask);
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (RedisModule_Init(ctx, "conformance", 1, REDISMODULE_APIVER_1) != REDISMODULE_OK) return REDISMODULE_ERR;
    if (redisModuleCompatibilityCheck() != REDIS_OK) return REDISMODULE_ERR;
    while (leaves_out < argc) {
        left_out[leaves_out] = strdup(RedisModule_StringPtrLen(argv[leaves_out], NULL));
        leaves_out++;
    }
    add = RedisModule_EventLoopAdd;
    del = RedisModule_EventLoopDel;
    RedisModule_EventLoopAdd = counted_add;
    RedisModule_EventLoopDel = counted_del;

    getcontext(&player);
    player.uc_stack.ss_sp = stack;
    player.uc_stack.ss_size = sizeof stack;
    makecontext(&player, play, 0);
    loop = RedisModule_GetDetachedThreadSafeContext(ctx);
    RedisModule_CreateTimer(loop, 2, on_tick, NULL);
    return REDISMODULE_OK;
}

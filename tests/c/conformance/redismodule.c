/* A module that talks to a second redis-server from within the first, by adapters/redismoduleapi.h.
 *
 *   talk.start PORT SILENT   thousand commands and a free in a callback at PORT, a timeout at SILENT, which never answers
 *   talk.report              what came of it */
#define REDISMODULE_MAIN
#include <hiredis/adapters/redismoduleapi.h>
#include <stdio.h>
#include <string.h>

struct talk {
    int answered, failed, connected, disconnected, err, freed;
};
static struct talk many, cut, silent, refused;
static RedisModuleCtx *loop;

static void on_connect(const redisAsyncContext *ac, int status) {
    struct talk *t = (struct talk *)ac->data;
    t->connected = status;
    t->err = ac->err;
}

static void on_disconnect(const redisAsyncContext *ac, int status) {
    struct talk *t = (struct talk *)ac->data;
    t->disconnected = status;
    t->err = ac->err;
}

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata) {
    struct talk *t = (struct talk *)ac->data;
    (void)privdata;
    if (reply) t->answered++;
    else t->failed++;
}

static void on_reply_free(redisAsyncContext *ac, void *reply, void *privdata) {
    on_reply(ac, reply, privdata);
    redisAsyncFree(ac);
}

static void on_freed(void *privdata) { ((struct talk *)privdata)->freed = 1; }

static redisAsyncContext *open_talk(struct talk *t, long long port) {
    struct timeval tv = {0, 100000};
    redisOptions o = {0};
    redisAsyncContext *ac;
    memset(t, 0, sizeof *t);
    t->connected = t->disconnected = 99;
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", (int)port);
    REDIS_OPTIONS_SET_PRIVDATA(&o, t, on_freed);
    if (t == &silent) o.command_timeout = &tv;
    ac = redisAsyncConnectWithOptions(&o);
    if (ac == NULL || redisModuleAttach(ac, loop) != REDIS_OK || redisModuleAttach(ac, loop) != REDIS_ERR) return NULL;
    ac->data = t;
    redisAsyncSetConnectCallback(ac, on_connect);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
    return ac;
}

static int start(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    long long port = 0, silent_port = 0;
    redisAsyncContext *ac;
    if (argc != 3) return REDISMODULE_ERR;
    RedisModule_StringToLongLong(argv[1], &port);
    RedisModule_StringToLongLong(argv[2], &silent_port);

    if ((ac = open_talk(&many, port)) == NULL) return REDISMODULE_ERR;
    for (int i = 0; i < 1000; i++) redisAsyncCommand(ac, on_reply, NULL, "INCR module:counter");
    redisAsyncDisconnect(ac);
    if ((ac = open_talk(&cut, port)) == NULL) return REDISMODULE_ERR;
    redisAsyncCommand(ac, on_reply_free, NULL, "PING");
    redisAsyncCommand(ac, on_reply, NULL, "PING");
    if ((ac = open_talk(&silent, silent_port)) == NULL) return REDISMODULE_ERR;
    redisAsyncCommand(ac, on_reply, NULL, "PING");
    if ((ac = open_talk(&refused, 1)) == NULL) return REDISMODULE_ERR;
    redisAsyncCommand(ac, on_reply, NULL, "PING");
    return RedisModule_ReplyWithSimpleString(ctx, "started");
}

static int report(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    const struct talk *all[] = {&many, &cut, &silent, &refused};
    char text[256];
    size_t at = 0;
    (void)argv;
    (void)argc;
    for (int i = 0; i < 4; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%d/%d connected %d ended %d err %d%s", i ? ", " : "", all[i]->answered,
                               all[i]->failed, all[i]->connected, all[i]->disconnected, all[i]->err, all[i]->freed ? "" : " pending");
    return RedisModule_ReplyWithSimpleString(ctx, text);
}

__attribute__((visibility("default"))) int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    (void)argc;
    if (RedisModule_Init(ctx, "talk", 1, REDISMODULE_APIVER_1) != REDISMODULE_OK) return REDISMODULE_ERR;
    if (redisModuleCompatibilityCheck() != REDIS_OK) return REDISMODULE_ERR;
    loop = RedisModule_GetDetachedThreadSafeContext(ctx);
    if (RedisModule_CreateCommand(ctx, "talk.start", start, "", 0, 0, 0) != REDISMODULE_OK) return REDISMODULE_ERR;
    return RedisModule_CreateCommand(ctx, "talk.report", report, "", 0, 0, 0);
}

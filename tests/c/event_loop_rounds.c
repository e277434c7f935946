/* event_loop_rounds COUNT [unix]: so many requests, each after the reply to the one before. For counting system calls. */
#include "event_loop.h"

static long left;

static void on_reply_next(redisAsyncContext *ac, void *reply, void *privdata) {
    check(reply != NULL);
    if (--left > 0) redisAsyncCommand(ac, on_reply_next, privdata, "PING");
    else redisMioStop(loop);
}

int main(int argc, char **argv) {
    redisOptions o = {0};
    struct client c;
    check(argc > 1 && (left = atol(argv[1])) > 0);
    begin();
    if (argc > 2) REDIS_OPTIONS_SET_UNIX(&o, getenv("REDIS_SOCK"));
    else REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", redis_port());
    open_with(&c, &o);
    redisAsyncCommand(c.ac, on_reply_next, NULL, "PING");
    check(redisMioRun(loop) == REDIS_OK && left == 0);
    redisMioLoopFree(loop);
    return 0;
}

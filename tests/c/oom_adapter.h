/* A context on some loop without memory: attaching fails and leaves it as it was, or the loop drives it to whatever end it comes to. The
 * programs of conformance/ include this instead of their scenarios where ALLOCATIONS_FAIL is defined. */
#ifndef TESTS_OOM_ADAPTER_H
#define TESTS_OOM_ADAPTER_H

#include "oom.h"
#include <hiredis/async.h>
#include <signal.h>
#include <time.h>

/* What a loop's program gives, as adapter.h describes it, and what it takes from the scenarios. */
static int loop_attach(redisAsyncContext *c);
static void loop_once(void);
static void loop_ended(const redisAsyncContext *c);
#define check CHECK
UNUSED_OK static int registrations;

UNUSED_OK static void pause_ms(int ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL); }
UNUSED_OK static void outlives_its_adapter(void (*detach)(void)) {}

static redisAsyncContext *ac; /* NULL once freed */
static int answers, nulls;

static void on_freed(void *data) { ac = NULL; }
static void on_reply(redisAsyncContext *c, void *reply, void *privdata) { *(reply != NULL ? &answers : &nulls) += 1; }
static void on_connect(const redisAsyncContext *c, int status) { CHECK(status == REDIS_OK); }
static void on_disconnect(const redisAsyncContext *c, int status) {
    CHECK(status == REDIS_OK || (has_failed() && IS_OUT_OF_MEMORY(c)));
    loop_ended(c);
}

static void attach(void) {
    if (loop_attach(ac) == REDIS_OK) return;
    CHECK(has_failed() && ac->err == 0 && ac->ev.data == NULL && ac->ev.addRead == NULL && ac->ev.delRead == NULL);
    CHECK(ac->ev.addWrite == NULL && ac->ev.delWrite == NULL && ac->ev.cleanup == NULL && ac->ev.scheduleTimer == NULL);
    disarm();
    CHECK(loop_attach(ac) == REDIS_OK);
}

static void life(void) {
    int accepted = 0;
    time_t begun = time(NULL);
    answers = nulls = 0;
    ac = redisAsyncConnectUnix(getenv("REDIS_SOCK"));
    CHECK(ac != NULL && ac->err == 0);
    arm();
    attach();
    ac->data = ac;
    ac->dataCleanup = on_freed;
    int status = redisAsyncSetTimeout(ac, (struct timeval){10, 0});
    CHECK(status == REDIS_OK || (has_failed() && IS_OUT_OF_MEMORY(ac)));
    CHECK(redisAsyncSetConnectCallback(ac, on_connect) == REDIS_OK);
    CHECK(redisAsyncSetDisconnectCallback(ac, on_disconnect) == REDIS_OK);
    for (int i = 0; i < 3; i++)
        accepted += redisAsyncCommand(ac, on_reply, NULL, i == 1 ? "SUBSCRIBE channel" : "PING") == REDIS_OK;
    CHECK(accepted == 3 || (has_failed() && IS_OUT_OF_MEMORY(ac)));
    while (ac != NULL && ac->err == 0 && answers < accepted) {
        loop_once();
        CHECK(time(NULL) - begun < 20);
    }
    if (ac != NULL) redisAsyncFree(ac);
    CHECK(ac == NULL && answers + nulls >= accepted);
    disarm();
    CHECK(failures || answers == 3);
    /* Some loops let go of what has ended when they run next. */
    loop_once();
}

static void conformance(int unused, char **unused_too) {
    signal(SIGPIPE, SIG_IGN);
    each_failure("life", life);
}

#endif

/* The rest of the asynchronous API without memory, function by function: every way to connect, what transports call, and timeouts with
 * commands and subscriptions pending. */
#include "oom_async.h"
#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Connects, has one command answered, and ends. */
static void whole_life(redisAsyncContext *made) {
    count = more_echoes = 0;
    if (start_with(made)) {
        issue_echo("text", 0, 0);
        if (ac->err == 0)
            serve(all_called);
    }
    finish();
    check_each_called_once();
}

#define CONNECTS(name, call)    \
    static void name##_(void) { \
        arm();                  \
        whole_life(call);             \
    }

CONNECTS(redisAsyncConnect, redisAsyncConnect("127.0.0.1", port))
CONNECTS(redisAsyncConnectBind, redisAsyncConnectBind("127.0.0.1", port, "127.0.0.1"))
CONNECTS(redisAsyncConnectBindWithReuse, redisAsyncConnectBindWithReuse("127.0.0.1", port, "127.0.0.1"))
CONNECTS(redisAsyncConnectUnix, redisAsyncConnectUnix(path))

static void open_connected(void) {
    count = more_echoes = 0;
    CHECK(start_with(redisAsyncConnectUnix(path)));
    serve(is_connected);
    CHECK(ac != NULL && ac->err == 0);
}

static void on_connect_nc(redisAsyncContext *c, int status) { connects++; }
static void on_push(redisAsyncContext *c, void *reply) {}

static void callbacks(void) {
    redisAsyncContext *c = redisAsyncConnectUnix(path);
    CHECK(c != NULL && c->err == 0);
    connects = 0;
    arm();
    CHECK(redisAsyncSetConnectCallbackNC(c, on_connect_nc) == REDIS_OK);
    CHECK(redisAsyncSetPushCallback(c, on_push) == NULL);
    redisAsyncHandleWrite(c);
    CHECK(connects == 1);
    redisAsyncFree(c);
    disarm();
    CHECK(!failures);
}

static int by_list(redisAsyncContext *c, redisCallbackFn *fn, void *privdata, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    int status = redisvAsyncCommand(c, fn, privdata, format, ap);
    va_end(ap);
    return status;
}

/* Each step by hand, as transports do. */
static void step_by_step(void) {
    open_connected();
    arm();
    struct issued *i = note_issued("text");
    settle(i, by_list(ac, on_echo, i, "ECHO %s", "text"));
    if (i->status == REDIS_OK) {
        redisAsyncWrite(ac);
        struct pollfd f = {.fd = ac->c.fd, .events = POLLIN};
        CHECK(poll(&f, 1, 5000) == 1);
        redisAsyncRead(ac);
    }
    if (ac != NULL)
        redisProcessCallbacks(ac);
    if (ac != NULL && ac->err != 0)
        __redisAsyncDisconnect(ac);
    finish();
    check_each_called_once();
}

static void on_end(redisAsyncContext *c, void *reply, void *privdata) {
    struct issued *i = privdata;
    i->calls++;
    i->nulls += reply == NULL;
}

/* Time is up for commands and subscriptions that wait. Their callbacks issue more, which gets NULL, too, where it was accepted. */
static void on_timeout(redisAsyncContext *c, void *reply, void *privdata) {
    on_end(c, reply, privdata);
    struct issued *more = note_issued("more");
    more->status = redisAsyncCommand(c, on_end, more, "ECHO more");
}

static void timed_out(void) {
    struct timeval little = {0, 1};
    open_connected();
    disconnects = 0;
    redisAsyncContext *c = ac;
    c->onDisconnect = NULL;
    arm();
    if (redisAsyncSetTimeout(c, little) == REDIS_OK) {
        for (int n = 0; n < 3; n++) {
            struct issued *i = note_issued("waits");
            i->status = redisAsyncCommand(c, n == 0 ? on_timeout : on_end, i, n == 1 ? "SUBSCRIBE a b" : "ECHO waits");
            if (i->status != REDIS_OK)
                CHECK(has_failed() && IS_OUT_OF_MEMORY(c));
        }
        usleep(2000);
        redisAsyncHandleTimeout(c);
    } else {
        CHECK(has_failed() && IS_OUT_OF_MEMORY(c));
    }
    finish();
    for (int i = 0; i < count; i++)
        CHECK((issued[i].calls > 0) == (issued[i].status == REDIS_OK) && issued[i].calls == issued[i].nulls);
    CHECK(failures || (count == 4 && issued[1].calls == 2 && issued[3].calls == 1));
}

/* What a limit refuses is refused without memory, too, and leaves no trace. */
static void limits(void) {
    open_connected();
    arm();
    redisAsyncSetMaxPending(ac, 1);
    redisAsyncSetMaxSubscriptions(ac, 1);
    struct issued *i = note_issued("waits");
    i->status = redisAsyncCommand(ac, on_end, i, "ECHO waits");
    CHECK(i->status == REDIS_OK || (has_failed() && IS_OUT_OF_MEMORY(ac)));
    errno = 0;
    CHECK(redisAsyncCommand(ac, on_end, NULL, "SUBSCRIBE a b") == REDIS_ERR && (has_failed() || errno == ENOBUFS));
    if (i->status == REDIS_OK)
        CHECK(redisAsyncCommand(ac, on_end, NULL, "ECHO more") == REDIS_ERR && (has_failed() || errno == ENOBUFS));
    finish();
    CHECK(i->calls == (i->status == REDIS_OK) && i->calls == i->nulls);
}

/* What is issued when there is room again is accepted or refused as anywhere. */
static void on_drained(redisAsyncContext *c, void *privdata) {
    int *rounds = privdata;
    if (*rounds == 0) return;
    --*rounds;
    struct issued *more = note_issued("more");
    more->status = redisAsyncCommand(c, on_end, more, "ECHO more");
    CHECK(more->status == REDIS_OK || (has_failed() && IS_OUT_OF_MEMORY(c)));
}

static int all_called_once(void) {
    for (int i = 0; i < count; i++)
        if (issued[i].calls == 0 && issued[i].status == REDIS_OK) return 0;
    return 1;
}

static void drained(void) {
    int rounds = 3;
    open_connected();
    uint64_t before = redisAsyncBytesTaken(ac);
    arm();
    redisAsyncSetDrainCallback(ac, 1, on_drained, &rounds);
    struct issued *i = note_issued("first");
    i->status = redisAsyncCommand(ac, on_end, i, "ECHO first");
    if (i->status == REDIS_OK) {
        serve(all_called_once);
        if (ac != NULL) CHECK(redisAsyncBytesTaken(ac) > before);
    }
    finish();
    for (int k = 0; k < count; k++) CHECK(issued[k].calls == (issued[k].status == REDIS_OK));
    CHECK(failures || (rounds == 0 && count == 4));
}

/* A watch is made or not, and its descriptor stays the program's. */
static int woken;
static void on_watched(redisAsyncContext *c, void *privdata) {
    uint64_t wakes;
    CHECK(read(c->c.fd, &wakes, 8) == 8 && wakes == 1);
    woken++;
}

static void watched(void) {
    int fd = eventfd(1, EFD_NONBLOCK);
    woken = 0;
    arm();
    errno = 0;
    redisAsyncContext *c = redisAsyncWatchFd(fd, on_watched, NULL);
    CHECK((c == NULL) == (has_failed() != 0));
    CHECK(c != NULL || errno == ENOMEM);
    if (c != NULL) {
        redisAsyncHandleRead(c);
        CHECK(woken == 1 && redisAsyncCommand(c, on_end, NULL, "PING") == REDIS_ERR && errno == ENOTSUP);
        redisAsyncFree(c);
    }
    disarm();
    CHECK(close(fd) == 0);
}

enum { NAMES = 80 };
static int confirmed, left;

static void on_many(redisAsyncContext *c, void *r, void *privdata) {
    redisReply *reply = r;
    if (reply != NULL && strcmp(reply->element[0]->str, "subscribe") == 0)
        confirmed++;
    else
        left++;
}

static int are_confirmed(void) { return confirmed == NAMES; }
static int have_left(void) { return left == NAMES; }

/* A table that shrinks, or cannot. */
static void many_subscriptions(void) {
    char command[16 * NAMES] = "SUBSCRIBE";
    for (int i = 0; i < NAMES; i++)
        sprintf(command + strlen(command), " name:%d", i);
    confirmed = left = 0;
    open_connected();
    arm();
    int status = redisAsyncCommand(ac, on_many, NULL, command);
    CHECK(status == REDIS_OK || (has_failed() && IS_OUT_OF_MEMORY(ac)));
    if (status == REDIS_OK)
        serve(are_confirmed);
    if (ac != NULL && ac->err == 0 && redisAsyncCommand(ac, NULL, NULL, "UNSUBSCRIBE") == REDIS_OK)
        serve(have_left);
    finish();
    CHECK(left == (status == REDIS_OK ? NAMES : 0));
}

int main(void) {
    port = atoi(getenv("REDIS_PORT"));
    path = getenv("REDIS_SOCK");
    each_failure("redisAsyncConnect", redisAsyncConnect_);
    each_failure("redisAsyncConnectBind", redisAsyncConnectBind_);
    each_failure("redisAsyncConnectBindWithReuse", redisAsyncConnectBindWithReuse_);
    each_failure("redisAsyncConnectUnix", redisAsyncConnectUnix_);
    each_failure("callbacks", callbacks);
    each_failure("step by step", step_by_step);
    each_failure("timed out", timed_out);
    each_failure("limits", limits);
    each_failure("many subscriptions", many_subscriptions);
    each_failure("drained", drained);
    each_failure("watched", watched);
    return 0;
}

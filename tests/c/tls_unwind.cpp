/* Exceptions and longjmp out of callbacks, through both libraries. */
/* cc: -lhiredis_ssl */
#include "tls.h"

#include <csetjmp>
#include <poll.h>
#include <stdexcept>

static std::jmp_buf away;
static int jumps, reads, writes;
static bool gone;

/* A loop without state of its own, that may be left at any point. */
static void attach(redisAsyncContext *ac) {
    ac->ev.data = ac;
    ac->ev.addRead = [](void *) { reads = 1; };
    ac->ev.delRead = [](void *) { reads = 0; };
    ac->ev.addWrite = [](void *) { writes = 1; };
    ac->ev.delWrite = [](void *) { writes = 0; };
    ac->ev.cleanup = [](void *) { reads = writes = 0; };
    ac->dataCleanup = [](void *) { gone = true; };
}

static void tick(redisAsyncContext *ac) {
    struct pollfd f = {ac->c.fd, (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), 0};
    check(poll(&f, 1, 5000) > 0);
    if (f.revents & POLLIN) redisAsyncHandleRead(ac);
    if (!gone && writes && f.revents & POLLOUT) redisAsyncHandleWrite(ac);
}

static void throws(redisAsyncContext *, void *reply, void *) {
    check(reply != NULL);
    freeReplyObject(reply);
    throw std::runtime_error("out of a callback");
}

static void leaps(redisAsyncContext *, void *reply, void *) {
    check(reply != NULL);
    freeReplyObject(reply);
    jumps++;
    std::longjmp(away, 1);
}

static void disconnects(redisAsyncContext *ac, void *reply, void *) {
    check(reply != NULL);
    freeReplyObject(reply);
    redisAsyncDisconnect(ac);
}

int main() {
    redisSSLContext *tls = trusting("ca.pem", "localhost");
    redisOptions options = {};
    REDIS_OPTIONS_SET_TCP(&options, "127.0.0.1", port_of("TLS_PORT"));
    options.options = REDIS_OPT_NOAUTOFREEREPLIES; /* such a callback leaves its reply to itself */
    redisAsyncContext *ac = redisAsyncConnectWithOptions(&options);
    bool caught = false;
    check(redisInitiateSSLWithContext(&ac->c, tls) == REDIS_OK);
    attach(ac);
    check(redisAsyncCommand(ac, throws, NULL, "PING") == REDIS_OK);
    while (!caught) {
        try {
            tick(ac);
        } catch (const std::runtime_error &) {
            caught = true;
        }
    }
    ac->c.flags &= ~REDIS_IN_CALLBACK; /* as after the C library */
    check(redisAsyncCommand(ac, leaps, NULL, "PING") == REDIS_OK);
    if (setjmp(away) == 0)
        for (;;) tick(ac);
    check(jumps == 1);
    ac->c.flags &= ~REDIS_IN_CALLBACK;
    check(redisAsyncCommand(ac, disconnects, NULL, "PING") == REDIS_OK);
    while (!gone) tick(ac);
    redisFreeSSLContext(tls);
    return 0;
}

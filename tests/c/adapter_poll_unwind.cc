// poll.h with callbacks that throw: the context goes on, and ends, as if it had had no adapter.
#include <hiredis/adapters/poll.h>

#include <cstdio>
#include <cstdlib>

extern "C" {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include "peer.h"
#pragma GCC diagnostic pop
}

#define check(condition)                                                                   \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            std::exit(1);                                                                  \
        }                                                                                  \
    } while (0)

struct thrown {};

static int answered, failed;

static void on_reply(redisAsyncContext *, void *reply, void *) {
    if (reply) answered++;
    else failed++;
}
static void on_reply_throw(redisAsyncContext *ac, void *reply, void *) {
    on_reply(ac, reply, nullptr);
    if (reply) throw thrown{};
}
// Nothing can be done for a context within its own callback, and its timer stays.
static void on_reply_tick(redisAsyncContext *ac, void *reply, void *) {
    on_reply(ac, reply, nullptr);
    usleep(60000);
    for (int i = 0; i < 3 && reply; i++) check(redisPollTick(ac, 1) == 0);
}

// The adapter's block is freed with its context.
static void *events;
static void note_free(void *block) {
    if (block == events) events = nullptr;
    std::free(block);
}

static void end(redisAsyncContext *ac) {
    events = ac->ev.data;
    redisAsyncFree(ac);
    check(events == nullptr);
}

static redisAsyncContext *connected(peer *p) {
    peer_listen(p);
    redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", p->port);
    check(redisPollAttach(ac) == REDIS_OK);
    answered = failed = 0;
    return ac;
}

static void ask(peer *p, redisAsyncContext *ac, redisCallbackFn *fn) {
    redisAsyncCommand(ac, fn, nullptr, "PING");
    while (!(ac->c.flags & REDIS_CONNECTED) || sdslen(ac->c.obuf) > 0) check(redisPollTick(ac, 1) > 0);
    if (p->fd < 0) peer_accept(p);
    check(peer_swallow(p, 14) == 14);
}

// `busy`: when the callback throws, the tick has also to write, which waits.
static void goes_on_after_an_exception(bool busy, bool free_at_once) {
    peer p;
    redisAsyncContext *ac = connected(&p);
    ask(&p, ac, on_reply_throw);
    peer_say(&p, "+PONG\r\n");
    if (busy) redisAsyncCommand(ac, on_reply, nullptr, "PING");
    try {
        redisPollTick(ac, 1);
        check(false);
    } catch (const thrown &) {
    }
    check(answered == 1);
    ac->c.flags &= ~REDIS_IN_CALLBACK; // of the callback that never returned
    if (!free_at_once) {
        if (!busy) redisAsyncCommand(ac, on_reply, nullptr, "PING");
        check(redisPollTick(ac, 1) == REDIS_POLL_HANDLED_WRITE);
        check(peer_swallow(&p, 14) == 14);
        peer_say(&p, "+PONG\r\n");
        check(redisPollTick(ac, 1) == REDIS_POLL_HANDLED_READ && answered == 2);
    }
    end(ac);
    peer_end(&p);
}

static void ticks_within_a_callback() {
    peer p;
    redisAsyncContext *ac = connected(&p);
    redisAsyncSetTimeout(ac, timeval{0, 50000});
    ask(&p, ac, on_reply_tick);
    redisAsyncCommand(ac, on_reply, nullptr, "PING");
    peer_say(&p, "+PONG\r\n");
    while (failed == 0) check(redisPollTick(ac, 1) > 0); // the second is never answered
    check(answered == 1);
    peer_end(&p);
}

int main() {
    hiredisAllocFuncs noting = {std::malloc, std::calloc, std::realloc, strdup, note_free};
    hiredisSetAllocators(&noting);
    goes_on_after_an_exception(false, false);
    goes_on_after_an_exception(true, false);
    goes_on_after_an_exception(false, true);
    ticks_within_a_callback();
    std::puts("went on");
    return 0;
}

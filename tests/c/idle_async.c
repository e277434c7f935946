/* What an asynchronous connection keeps when a burst is over: a million commands without a reply, a hundred thousand
 * subscriptions. The whole heap counts, whoever has allocated. */
#include "event_loop.h"

#include <malloc.h>

enum { COMMANDS = 1000000, CHANNELS = 100000, PATTERNS = 3000, MAX_KEPT = 64 * 1024 };

static size_t heap(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static int confirmed, left;

static void on_message(redisAsyncContext *ac, void *r, void *privdata) {
    redisReply *reply = r;
    (void)ac, (void)privdata;
    if (reply == NULL) return;
    if (strstr(reply->element[0]->str, "unsubscribe")) left++;
    else confirmed++;
}

static void exchange(struct client *c, int commands) {
    c->answered = 0;
    for (int i = 0; i < commands; i++) check(redisAsyncCommand(c->ac, on_reply, NULL, "PING") == REDIS_OK);
    while (c->answered < commands) check(redisMioRunOnce(loop, 1000) >= 0);
}

static void subscribe(struct client *c, const char *command, const char *leave, int names) {
    confirmed = left = 0;
    for (int i = 0; i < names; i++) check(redisAsyncCommand(c->ac, on_message, NULL, "%s channel:%d", command, i) == REDIS_OK);
    while (confirmed < names) check(redisMioRunOnce(loop, 1000) >= 0);
    for (int i = 1; i < names; i++) check(redisAsyncCommand(c->ac, NULL, NULL, "%s channel:%d", leave, i) == REDIS_OK);
    while (left < names - 1) check(redisMioRunOnce(loop, 1000) >= 0);
}

int main(void) {
    struct client c;
    begin();
    open_redis(&c);
    exchange(&c, 100);
    size_t before = heap();
    exchange(&c, COMMANDS);
    exchange(&c, 1);
    printf("after %d commands at once: %zd bytes more\n", COMMANDS, (ssize_t)(heap() - before));
    check(heap() <= before + MAX_KEPT);
    static const char *const kinds[][2] = {{"SUBSCRIBE", "UNSUBSCRIBE"}, {"PSUBSCRIBE", "PUNSUBSCRIBE"}, {"SSUBSCRIBE", "SUNSUBSCRIBE"}};
    for (size_t kind = 0; kind < 3; kind++) {
        /* One name stays. The server looks through all patterns for each. */
        int names = kind == 1 ? PATTERNS : CHANNELS;
        subscribe(&c, kinds[kind][0], kinds[kind][1], names);
        printf("after %d of %s: %zd bytes more\n", names, kinds[kind][0], (ssize_t)(heap() - before));
        check(heap() <= before + MAX_KEPT);
    }
    redisAsyncFree(c.ac);
    redisMioLoopFree(loop);
    return 0;
}

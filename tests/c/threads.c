/* Sixteen threads, each with contexts of its own: blocking, on poll.h, on loops of the library's. Replies are freed by other threads
 * than those that received them, and contexts are handed over (docs/threads.md). To be run under helgrind: with `race` two threads use
 * one context, which it must find. */
#include "measure.h"

#include <hiredis/adapters/mio.h>
#include <hiredis/adapters/poll.h>
#include <pthread.h>
#include <unistd.h>

enum { GROUPS = 4, PER_GROUP = 4, PIPELINED = 8 };

static int rounds, port;

/* What goes from thread to thread. */
struct item {
    redisReply *reply;
    redisContext *context;
    struct item *next;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static struct item *items;
static int producers;

static void put(redisReply *reply, redisContext *context) {
    struct item *item = malloc(sizeof *item);
    pthread_mutex_lock(&mutex);
    *item = (struct item){reply, context, items};
    items = item;
    pthread_cond_signal(&filled);
    pthread_mutex_unlock(&mutex);
}

/* NULL when nothing will come any more. */
static struct item *take(void) {
    pthread_mutex_lock(&mutex);
    while (items == NULL && producers > 0) pthread_cond_wait(&filled, &mutex);
    struct item *item = items;
    if (item) items = item->next;
    pthread_mutex_unlock(&mutex);
    return item;
}

static void produced(void) {
    pthread_mutex_lock(&mutex);
    producers--;
    pthread_cond_broadcast(&filled);
    pthread_mutex_unlock(&mutex);
}

static redisContext *connect_blocking(long number) {
    redisContext *c = number % 2 ? redisConnect("127.0.0.1", port) : redisConnectUnix(getenv("REDIS_SOCK"));
    CHECK(c != NULL && c->err == 0);
    return c;
}

static void *consume(void *unused) {
    for (struct item *item; (item = take()) != NULL; free(item)) {
        if (item->reply) CHECK(item->reply->type != REDIS_REPLY_ERROR);
        freeReplyObject(item->reply);
        if (item->context) freeReplyObject(redisCommand(item->context, "PING"));
        redisFree(item->context);
    }
    return unused;
}

static void *block(void *number) {
    long own = (long)number;
    redisContext *c = connect_blocking(own);
    for (int round = 0; round < rounds; round++) {
        redisReply *reply;
        for (int i = 0; i < PIPELINED; i++) CHECK(redisAppendCommand(c, "RPUSH list:%ld %d:%s", own, i, "some more text") == REDIS_OK);
        CHECK(redisAppendCommand(c, "LRANGE list:%ld 0 20", own) == REDIS_OK);
        for (int i = 0; i <= PIPELINED; i++) {
            CHECK(redisGetReply(c, (void **)&reply) == REDIS_OK);
            put(reply, NULL);
        }
        if (round % 8 == 7) {
            put(NULL, c);
            c = connect_blocking(own + round);
        }
    }
    redisFree(c);
    produced();
    return NULL;
}

/* Issues the next command, until enough are answered; keeps no reply. */
struct client {
    int left, gone;
};

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata) {
    struct client *client = privdata;
    if (reply == NULL) return;
    put(reply, NULL);
    if (--client->left > 0) redisAsyncCommand(ac, on_reply, client, "ECHO %d", client->left);
    else redisAsyncDisconnect(ac);
}

static void on_gone(const redisAsyncContext *ac, int status) {
    CHECK(status == REDIS_OK);
    ((struct client *)ac->data)->gone = 1;
}

static redisOptions options_for(const char *host) {
    redisOptions options = {0};
    REDIS_OPTIONS_SET_TCP(&options, host, port);
    options.options = REDIS_OPT_NOAUTOFREEREPLIES;
    return options;
}

static void begin(redisAsyncContext *ac, struct client *client) {
    *client = (struct client){rounds, 0};
    ac->data = client;
    CHECK(redisAsyncSetDisconnectCallback(ac, on_gone) == REDIS_OK);
    CHECK(redisAsyncCommand(ac, on_reply, client, "PING") == REDIS_OK);
}

static void *poll_context(void *unused) {
    struct client client;
    redisOptions options = options_for("127.0.0.1");
    redisAsyncContext *ac = redisAsyncConnectWithOptions(&options);
    CHECK(ac != NULL && redisPollAttach(ac) == REDIS_OK);
    begin(ac, &client);
    while (!client.gone) redisPollTick(ac, 1);
    produced();
    return unused;
}

static void stop(void *loop) { redisMioStop(loop); }

static void stop_soon(void *loop) {
    struct timeval soon = {0, 1000};
    CHECK(redisMioTimerAdd(loop, soon, stop, loop) != 0);
}

static void *post(void *loop) {
    CHECK(redisMioPost(loop, stop_soon, loop) == REDIS_OK);
    return NULL;
}

/* Two contexts, whose host a thread looks up, and letters from a third thread. */
static void *run_loop(void *unused) {
    struct client clients[2];
    pthread_t poster;
    redisOptions options = options_for("localhost");
    options.options |= REDIS_OPT_PREFER_IPV4;
    redisMioLoop *loop = redisMioLoopCreate();
    CHECK(loop != NULL);
    for (int i = 0; i < 2; i++) begin(redisMioConnect(loop, &options), &clients[i]);
    CHECK(pthread_create(&poster, NULL, post, loop) == 0);
    CHECK(redisMioRun(loop) == REDIS_OK);
    pthread_join(poster, NULL);
    while (!clients[0].gone || !clients[1].gone) CHECK(redisMioRunOnce(loop, 1000) >= 0);
    redisMioLoopFree(loop);
    produced();
    return unused;
}

static void *append(void *c) {
    for (int i = 0; i < 20; i++) CHECK(redisAppendCommand(c, "PING") == REDIS_OK);
    return NULL;
}

static void in_threads(int count, void *(*const run[])(void *), int kinds, void *argument) {
    pthread_t threads[GROUPS * PER_GROUP];
    for (long i = 0; i < count; i++) {
        void *own = argument ? argument : (void *)i;
        CHECK(pthread_create(&threads[i], NULL, run[i % kinds], own) == 0);
    }
    for (int i = 0; i < count; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(int argc, char **argv) {
    static void *(*const all[GROUPS])(void *) = {consume, block, poll_context, run_loop};
    static void *(*const same[1])(void *) = {append};
    CHECK(argc == 2);
    port = atoi(getenv("REDIS_PORT"));
    if (strcmp(argv[1], "race") == 0) {
        redisContext *c = connect_blocking(1);
        c->obuf = sdsMakeRoomFor(c->obuf, 4096); /* the threads only write at the same place */
        in_threads(2, same, 1, c);
        redisFree(c);
        return 0;
    }
    rounds = atoi(argv[1]);
    producers = (GROUPS - 1) * PER_GROUP;
    in_threads(GROUPS * PER_GROUP, all, GROUPS, NULL);
    CHECK(items == NULL);
    puts("every thread is done");
    return 0;
}

/* A long life, by the number of commands: pipelines, reconnects, subscriptions, long replies, pushes and timeouts, again and again on a
 * real server. The resident memory after the warm-up may grow by a hundredth. (docs/limits.md) */
#include "event_loop.h"

#include <malloc.h>

enum { CLIENTS = 8, BLOCKING = 4, WINDOW = 250, ROUND = 10000, ASYNC_SHARE = 7000, CHANNELS = 50, LONG = 1 << 20, ELEMENTS = 4000 /* more than the library keeps blocks of */, WARM_UP = 40, SAMPLES = 50 };

struct worker {
    struct client client;
    int left;
};

static struct worker workers[CLIENTS];
static redisContext *blocking[BLOCKING];
static long commands;
static struct {
    long reconnects, subscriptions, messages, long_replies, pushes, timeouts;
} done;

static redisContext *connect_blocking(int number) {
    redisContext *c = number % 2 ? redisConnect("127.0.0.1", redis_port()) : redisConnectUnix(getenv("REDIS_SOCK"));
    check(c && c->err == 0);
    return c;
}

static void work(redisAsyncContext *ac, void *reply, void *privdata);

/* One of the ways to issue a command. */
static void issue(struct worker *w) {
    static const char ping[] = "*1\r\n$4\r\nPING\r\n";
    static const char *const incr[] = {"INCRBY", "counter", "7"};
    redisAsyncContext *ac = w->client.ac;
    int number = w->left--, status;
    if (number % 8 == 0) status = redisAsyncFormattedCommand(ac, work, w, ping, sizeof ping - 1);
    else if (number % 8 == 1) status = redisAsyncCommandArgv(ac, work, w, 3, (const char **)incr, NULL);
    else if (number % 8 < 4) status = redisAsyncCommand(ac, work, w, "SET key:%d %b", number % 100, "0123456789abcdef", (size_t)(number % 17));
    else status = redisAsyncCommand(ac, work, w, "GET key:%d", number % 100);
    check(status == REDIS_OK);
}

static void work(redisAsyncContext *ac, void *reply, void *privdata) {
    struct worker *w = privdata;
    on_reply(ac, reply, NULL);
    if (reply && w->left > 0) issue(w);
}

static void asynchronous_pipelines(void) {
    for (int i = 0; i < CLIENTS; i++) {
        struct worker *w = &workers[i];
        w->left = ASYNC_SHARE / CLIENTS;
        w->client.answered = 0;
        for (int j = 0; j < WINDOW; j++) issue(w);
    }
    for (int i = 0; i < CLIENTS; i++) loop_until(workers[i].client.answered == ASYNC_SHARE / CLIENTS);
    commands += ASYNC_SHARE / CLIENTS * CLIENTS;
}

static void blocking_pipelines(void) {
    int share = (ROUND - ASYNC_SHARE) / BLOCKING;
    for (int i = 0; i < BLOCKING; i++) {
        void *reply;
        for (int j = 0; j < share; j++) check(redisAppendCommand(blocking[i], j % 2 ? "GET key:%d" : "APPEND tail %d", j % 100) == REDIS_OK);
        for (int j = 0; j < share; j++) {
            check(redisGetReply(blocking[i], &reply) == REDIS_OK);
            freeReplyObject(reply);
        }
        freeReplyObject(redisCommand(blocking[i], "DEL tail"));
    }
    commands += share * BLOCKING;
}

/* The connection goes in one of the ways there are, and comes anew. */
static void reconnect(int round) {
    redisContext **c = &blocking[round % BLOCKING];
    if (round / BLOCKING % 2) {
        check(redisReconnect(*c) == REDIS_OK);
    } else {
        redisFree(*c);
        *c = connect_blocking(round % 3);
    }
    struct worker *w = &workers[round % CLIENTS];
    int way = round / CLIENTS % 3;
    if (way == 0) redisAsyncDisconnect(w->client.ac);
    else if (way == 1) redisAsyncFree(w->client.ac);
    else check(redisAsyncCommand(w->client.ac, on_reply, NULL, "QUIT") == REDIS_OK);
    loop_until(w->client.ac == NULL);
    open_redis(&w->client);
    loop_until(w->client.connected == REDIS_OK);
    done.reconnects += 2;
}

static int confirmed, left;

static void on_message(redisAsyncContext *ac, void *r, void *privdata) {
    redisReply *reply = r;
    (void)ac, (void)privdata;
    if (reply == NULL) return;
    const char *kind = reply->element[0]->str;
    if (strstr(kind, "unsubscribe")) left++;
    else if (strstr(kind, "subscribe")) confirmed++;
    else done.messages++;
}

static void subscriptions(int round) {
    struct client *c = &workers[round % CLIENTS].client;
    long before = done.messages;
    confirmed = left = 0;
    for (int i = 0; i < CHANNELS; i++) check(redisAsyncCommand(c->ac, on_message, NULL, "SUBSCRIBE channel:%d:%d", round % 1000, i) == REDIS_OK);
    check(redisAsyncCommand(c->ac, on_message, NULL, "PSUBSCRIBE channel:*:1 nothing:*") == REDIS_OK);
    check(redisAsyncCommand(c->ac, on_message, NULL, "SSUBSCRIBE shard:%d", round % 1000) == REDIS_OK);
    loop_until(confirmed == CHANNELS + 3);
    for (int i = 0; i < CHANNELS; i++) freeReplyObject(redisCommand(blocking[0], "PUBLISH channel:%d:%d text", round % 1000, i));
    loop_until(done.messages == before + CHANNELS + 1);
    check(redisAsyncCommand(c->ac, NULL, NULL, "UNSUBSCRIBE") == REDIS_OK);
    check(redisAsyncCommand(c->ac, NULL, NULL, "PUNSUBSCRIBE") == REDIS_OK);
    check(redisAsyncCommand(c->ac, NULL, NULL, "SUNSUBSCRIBE") == REDIS_OK);
    loop_until(left == CHANNELS + 3);
    done.subscriptions += CHANNELS + 3;
}

static void long_replies(int round) {
    struct client *c = &workers[round % CLIENTS].client;
    redisReply *reply = redisCommand(blocking[round % BLOCKING], "GET long");
    check(reply && reply->len == LONG);
    freeReplyObject(reply);
    c->answered = 0;
    check(redisAsyncCommand(c->ac, on_reply, NULL, "GET long") == REDIS_OK);
    check(redisAsyncCommand(c->ac, on_reply, NULL, "LRANGE list 0 -1") == REDIS_OK);
    loop_until(c->answered == 2);
    done.long_replies += 3;
}

static void on_push(redisAsyncContext *ac, void *reply) {
    (void)ac;
    check(((redisReply *)reply)->type == REDIS_REPLY_PUSH);
    done.pushes++;
}

static void pushes(void) {
    struct client c;
    long before = done.pushes;
    open_redis(&c);
    redisAsyncSetPushCallback(c.ac, on_push);
    check(redisAsyncCommand(c.ac, on_reply, NULL, "HELLO 3") == REDIS_OK);
    check(redisAsyncCommand(c.ac, on_reply, NULL, "CLIENT TRACKING ON") == REDIS_OK);
    check(redisAsyncCommand(c.ac, on_reply, NULL, "GET tracked") == REDIS_OK);
    loop_until(c.answered == 3);
    freeReplyObject(redisCommand(blocking[0], "SET tracked x"));
    loop_until(done.pushes == before + 1);
    redisAsyncDisconnect(c.ac);
    loop_until(c.ac == NULL);
}

static void timeout(void) {
    struct client c;
    open_redis(&c);
    check(redisAsyncSetTimeout(c.ac, in_ms(20)) == REDIS_OK);
    check(redisAsyncCommand(c.ac, on_reply, NULL, "BLPOP nothing 0") == REDIS_OK);
    loop_until(c.ac == NULL);
    /* A loaded machine may be too late with the connect already. */
    check(c.failed == 1 && c.err == REDIS_ERR_TIMEOUT);
    done.timeouts++;
}

static void play(int round) {
    asynchronous_pipelines();
    blocking_pipelines();
    reconnect(round);
    if (round % 4 == 0) subscriptions(round);
    if (round % 4 == 1) long_replies(round);
    if (round % 4 == 2) pushes();
    if (round % 32 == 3) timeout();
}

/* What malloc keeps for itself, some blocks of each small size, it keeps from now on: else it takes hours to come together. */
static void fill_caches(void) {
    enum { SIZES = 64, KEPT = 7 };
    void *blocks[SIZES][KEPT];
    for (int size = 0; size < SIZES; size++)
        for (int i = 0; i < KEPT; i++) check((blocks[size][i] = malloc(24 + 16 * (size_t)size)) != NULL);
    for (int size = 0; size < SIZES; size++)
        for (int i = 0; i < KEPT; i++) free(blocks[size][i]);
}

static void set_up(void) {
    char *value = calloc(1, LONG);
    fill_caches();
    begin();
    for (int i = 0; i < BLOCKING; i++) blocking[i] = connect_blocking(i);
    freeReplyObject(redisCommand(blocking[0], "SET long %b", value, (size_t)LONG));
    for (int i = 0; i < ELEMENTS; i++) freeReplyObject(redisCommand(blocking[0], "RPUSH list element:%d", i));
    free(value);
    for (int i = 0; i < CLIENTS; i++) open_redis(&workers[i].client);
    for (int i = 0; i < CLIENTS; i++) loop_until(workers[i].client.connected == REDIS_OK);
}

/* KiB. */
static long resident(void) {
    long size, pages;
    FILE *f = fopen("/proc/self/statm", "r");
    check(f && fscanf(f, "%ld %ld", &size, &pages) == 2);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(int argc, char **argv) {
    check(argc == 2);
    long total = atol(argv[1]), rounds = total / ROUND, tenth = rounds / 10, warm = tenth > WARM_UP ? tenth : WARM_UP;
    long begun = 0, ended = 0, most = 0;
    check(rounds >= 2 * warm);
    /* Otherwise what malloc keeps depends on the sizes that it has seen. */
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    set_up();
    for (long round = 0; round < rounds; round++) {
        play((int)round);
        long now = resident();
        if (round >= warm && now > most) most = now;
        if (round >= warm && round < warm + tenth) begun += now;
        if (round >= rounds - tenth) ended += now;
        if ((round + 1) % (rounds / SAMPLES) == 0) {
            printf("%9ld commands: %ld KiB%s\n", commands, now, round < warm ? " (warm-up)" : "");
            fflush(stdout);
        }
    }
    printf("%ld reconnects, %ld subscriptions, %ld messages, %ld long replies, %ld pushes, %ld timeouts\n", done.reconnects,
           done.subscriptions, done.messages, done.long_replies, done.pushes, done.timeouts);
    double first = (double)begun / (double)tenth, last = (double)ended / (double)tenth;
    printf("resident memory: %.0f KiB in the tenth after the warm-up, %.0f KiB in the last (growth %.2f%%), %ld KiB at most\n", first, last,
           100 * (last - first) / first, most);
    check(last <= first * 1.01);
    for (int i = 0; i < BLOCKING; i++) redisFree(blocking[i]);
    redisMioLoopFree(loop);
    return 0;
}

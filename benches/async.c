/* Asynchronous work on one event loop, which loops/NAME.c is:
 *
 *   async WORK ENDPOINT [-c CONNECTIONS] [-n IN-FLIGHT] [-o COUNT] [-m MIB] [-t: with a command timeout]
 *
 *   get       GET of 16 bytes, the next one issued by the callback of the last
 *   lrange    LRANGE of 1,000 elements, likewise
 *   messages  one subscription, COUNT messages received
 *   queue     MIB as SETs of 1 KiB each, all queued before the first is written
 *   idle      heap bytes of a context: made, attached, and connected */
#include <hiredis/async.h>
#include <malloc.h>

#include "bench.h"
#include "loops/loop.h"

static long connections = 1, in_flight = 1, count = 100000, mib = 16;
static int with_timeout;
static long connected, issued, answered, wanted;
static redisAsyncContext **contexts;

static void on_connect(const redisAsyncContext *ac, int status) {
    CHECK(status == REDIS_OK && ac->err == 0);
    if (++connected == connections) loop_stop();
}

static redisAsyncContext *make(const char *at) {
    struct timeval patience = {5, 0};
    redisOptions options = {0};
    if (at[0] == '/') REDIS_OPTIONS_SET_UNIX(&options, at);
    else REDIS_OPTIONS_SET_TCP(&options, "127.0.0.1", atoi(at));
    if (with_timeout) options.command_timeout = &patience;
    redisAsyncContext *ac = redisAsyncConnectWithOptions(&options);
    CHECK(ac != NULL && ac->err == 0);
    return ac;
}

static void attach(redisAsyncContext *ac) {
    CHECK(loop_attach(ac) == REDIS_OK);
    CHECK(redisAsyncSetConnectCallback(ac, on_connect) == REDIS_OK);
}

static void connect_all(const char *at) {
    for (long i = 0; i < connections; i++) attach(contexts[i] = make(at));
    loop_run();
}

/* One more has arrived: whether another is to be issued. */
static int another(void) {
    if (++answered == wanted) loop_stop();
    return issued < wanted;
}

static void issue_get(redisAsyncContext *ac);

static void on_get(redisAsyncContext *ac, void *answer, void *privdata) {
    redisReply *reply = answer;
    (void)privdata;
    CHECK(reply != NULL && reply->type == REDIS_REPLY_STRING && reply->len == strlen(VALUE));
    if (another()) issue_get(ac);
}

static void issue_get(redisAsyncContext *ac) {
    issued++;
    CHECK(redisAsyncCommand(ac, on_get, NULL, "GET %s", "bench:key") == REDIS_OK);
}

static void issue_lrange(redisAsyncContext *ac);

static void on_lrange(redisAsyncContext *ac, void *answer, void *privdata) {
    redisReply *reply = answer;
    (void)privdata;
    CHECK(reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1000);
    CHECK(reply->element[999]->len == strlen(VALUE));
    if (another()) issue_lrange(ac);
}

static void issue_lrange(redisAsyncContext *ac) {
    issued++;
    CHECK(redisAsyncCommand(ac, on_lrange, NULL, "LRANGE bench:list 0 %d", 999) == REDIS_OK);
}

static void keep_in_flight(void (*issue)(redisAsyncContext *), long many) {
    issued = answered = 0;
    wanted = many;
    for (long i = 0; i < in_flight; i++)
        for (long k = 0; k < connections && issued < wanted; k++) issue(contexts[k]);
    loop_run();
    CHECK(answered == wanted);
}

static void request_and_reply(void (*issue)(redisAsyncContext *)) {
    keep_in_flight(issue, count / 10); /* to warm up */
    start();
    keep_in_flight(issue, count);
    stop((double)count);
}

static void on_message(redisAsyncContext *ac, void *answer, void *privdata) {
    redisReply *reply = answer;
    (void)ac, (void)privdata;
    CHECK(reply != NULL && reply->elements == 3);
    if (reply->element[2]->type == REDIS_REPLY_INTEGER) return; /* the confirmation */
    CHECK(reply->element[2]->len == strlen(VALUE));
    another();
}

static void messages(void) {
    wanted = count;
    start();
    CHECK(redisAsyncCommand(contexts[0], on_message, NULL, "SUBSCRIBE bench:news") == REDIS_OK);
    loop_run();
    stop((double)count);
}

static void on_set(redisAsyncContext *ac, void *answer, void *privdata) {
    redisReply *reply = answer;
    (void)ac, (void)privdata;
    CHECK(reply != NULL && reply->type == REDIS_REPLY_STATUS);
    another();
}

static void queue(void) {
    static char value[SET_VALUE_LEN];
    memset(value, 'x', sizeof(value));
    wanted = mib << 10;
    start();
    for (long i = 0; i < wanted; i++)
        CHECK(redisAsyncCommand(contexts[0], on_set, NULL, "SET bench:set %b", value, sizeof(value)) == REDIS_OK);
    CHECK(sdslen(contexts[0]->c.obuf) == (size_t)mib << 20);
    loop_run();
    stop((double)wanted);
}

/* Of this process altogether, the loop's share included. */
static double heap(void) {
    struct mallinfo2 m = mallinfo2();
    return (double)(m.uordblks + m.hblkhd);
}

static void idle(const char *at) {
    double before = heap();
    for (long i = 0; i < connections; i++) contexts[i] = make(at);
    printf("made_bytes %.1f", (heap() - before) / (double)connections);
    for (long i = 0; i < connections; i++) attach(contexts[i]);
    printf(" attached_bytes %.1f", (heap() - before) / (double)connections);
    loop_run();
    printf(" connected_bytes %.1f", (heap() - before) / (double)connections);
}

int main(int argc, char **argv) {
    CHECK(argc >= 3);
    const char *work = argv[1], *at = argv[2];
    for (int option; (option = getopt(argc - 2, argv + 2, "c:n:o:m:t")) != -1;) {
        if (option == 'c') connections = atol(optarg);
        else if (option == 'n') in_flight = atol(optarg);
        else if (option == 'o') count = atol(optarg);
        else if (option == 'm') mib = atol(optarg);
        else if (option == 't') with_timeout = 1;
        else return 2;
    }
    contexts = calloc((size_t)connections, sizeof(*contexts));
    loop_begin();
    if (strcmp(work, "idle") == 0) {
        idle(at);
    } else {
        connect_all(at);
        if (strcmp(work, "get") == 0) request_and_reply(issue_get);
        else if (strcmp(work, "lrange") == 0) request_and_reply(issue_lrange);
        else if (strcmp(work, "messages") == 0) messages();
        else if (strcmp(work, "queue") == 0) queue();
        else CHECK(!"a known work");
    }
    printf("\n");
    return 0;
}

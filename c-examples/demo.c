/* A tour of the asynchronous API, on the library's own event loop, adapters/mio.h.
 *
 *     cc demo.c $(pkg-config --cflags --libs hiredis) -o demo
 *     ./demo                      talks to redis://127.0.0.1:6379
 *     REDIS_URL=... ./demo        redis://[[user]:password@]host[:port][/database] or unix:///path/to/socket
 *
 * Commands are issued and answered later: each step queues its commands with callbacks, then turns the loop until all of
 * them have been called. Keys live under a prefix of their own and are deleted at the end. */
#include <hiredis/adapters/mio.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PIPELINE 50000 /* SETs, and as many GETs */
#define KEYS 1000      /* that they are spread over */

struct connection {
    redisAsyncContext *ac; /* NULL once disconnected: the library has freed it */
    int ready, clean;
};

static char where[300]; /* the server, without credentials */
static char prefix[64];
static redisMioLoop *loop;
static struct connection commands, messages;
static long pending; /* commands whose callback has not been called */

static void die(const char *what, const char *why) {
    fprintf(stderr, "%s%s: %s\n", what, where, why);
    exit(1);
}

static void no_redis(const char *why) {
    fprintf(stderr, "There is no Redis at %s: %s (start redis-server, or set REDIS_URL)\n", where, why);
    exit(1);
}

static void row(const char *name, const char *did, const char *result) { printf("  %-12s %-26s %s\n", name, did, result); }

/* 1234567 as "1,234,567". */
static const char *grouped(double number) {
    static char text[4][32];
    static int turn;
    char digits[32], *out = text[turn++ % 4];
    int len = snprintf(digits, sizeof digits, "%.0f", number), at = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Connections: open, turn the loop, close. */

static void on_connect(const redisAsyncContext *ac, int status) {
    struct connection *c = ac->data;
    if (status != REDIS_OK) no_redis(ac->errstr);
    c->ready = 1;
}

static void on_disconnect(const redisAsyncContext *ac, int status) {
    struct connection *c = ac->data;
    if (status != REDIS_OK) die("Lost the connection to ", ac->errstr);
    c->clean = 1;
    c->ac = NULL;
}

static void turn(void) {
    if (redisMioRunOnce(loop, -1) < 0) die("Cannot wait for ", strerror(errno));
}

static void finish_pending(void) {
    while (pending > 0) turn();
}

static void open_connection(struct connection *c, redisOptions *options) {
    c->ac = redisMioConnect(loop, options);
    if (c->ac == NULL) die("Cannot connect to ", "out of memory");
    c->ac->data = c;
    redisAsyncSetConnectCallback(c->ac, on_connect);
    redisAsyncSetDisconnectCallback(c->ac, on_disconnect);
    while (!c->ready) turn();
}

/* Commands. */

typedef void(answer_fn)(const redisReply *reply, void *data);

struct question {
    answer_fn *answer;
    void *data;
};

/* The reply belongs to the library and ends with this call. NULL means that there will be none: then the disconnect
 * callback says why. */
static void on_reply(redisAsyncContext *ac, void *reply, void *privdata) {
    struct question question = *(struct question *)privdata;
    redisReply *r = reply;
    (void)ac;
    free(privdata);
    pending--;
    if (r == NULL) return;
    if (r->type == REDIS_REPLY_ERROR) die("A command was refused by ", r->str);
    if (question.answer) question.answer(r, question.data);
}

static void ask(struct connection *c, answer_fn *answer, void *data, const char *format, ...) {
    struct question *question = malloc(sizeof *question);
    va_list arguments;
    if (question == NULL) die("Cannot use ", "out of memory");
    question->answer = answer;
    question->data = data;
    va_start(arguments, format);
    if (redisvAsyncCommand(c->ac, on_reply, question, format, arguments) != REDIS_OK)
        die("Cannot use ", c->ac->err ? c->ac->errstr : "out of memory");
    va_end(arguments);
    pending++;
}

/* Appends a reply to `data`, a text of 256 bytes: strings as they are, elements one after the other. */
static void as_text(const redisReply *reply, void *data) {
    char *text = data;
    size_t used = strlen(text), room = 256 - used;
    const char *gap = used ? " " : "";
    if (reply->type == REDIS_REPLY_INTEGER) snprintf(text + used, room, "%s%lld", gap, reply->integer);
    else if (reply->type == REDIS_REPLY_NIL) snprintf(text + used, room, "%s(nil)", gap);
    else if (reply->str) snprintf(text + used, room, "%s%s", gap, reply->str);
    for (size_t i = 0; i < reply->elements; i++) as_text(reply->element[i], text);
}

static void add_integer(const redisReply *reply, void *data) { *(long long *)data += reply->integer; }

/* The steps. */

static void server_version(const redisReply *reply, void *data) {
    const char *at = reply->str ? strstr(reply->str, "redis_version:") : NULL;
    if (at) sscanf(at, "redis_version:%31s", (char *)data);
}

static void greet(double connected_in) {
    char took[64], version[32] = "";
    ask(&commands, server_version, version, "INFO server");
    finish_pending();
    printf("\nhiredis %d.%d.%d and Redis %s at %s\n\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH, version, where);
    snprintf(took, sizeof took, "%.1f ms", connected_in * 1e3);
    row("connect", "without blocking", took);
}

/* Replies come in the order of the commands, so the n-th GET must give n. */
static void count_if_next(const redisReply *reply, void *data) {
    long *count = data;
    *count += reply->type == REDIS_REPLY_STRING && strtol(reply->str, NULL, 10) == *count;
}

static void pipeline(void) {
    char did[64], result[160];
    long right = 0;
    double begun = seconds(), took;
    for (int i = 0; i < PIPELINE; i++) {
        ask(&commands, NULL, NULL, "SET %s%d %d", prefix, i % KEYS, i);
        ask(&commands, count_if_next, &right, "GET %s%d", prefix, i % KEYS);
    }
    finish_pending();
    took = seconds() - begun;
    if (right != PIPELINE) die("Wrong values from ", "a GET did not return what was SET");
    snprintf(did, sizeof did, "%s SET, %s GET", grouped(PIPELINE), grouped(PIPELINE));
    snprintf(result, sizeof result, "%.3f s, %s commands per second", took, grouped(2 * PIPELINE / took));
    row("pipeline", did, result);
}

static void list_hash_and_set(void) {
    char list[256] = "", hash[256] = "", set[256] = "";
    ask(&commands, NULL, NULL, "RPUSH %slist apple banana cherry", prefix);
    ask(&commands, as_text, list, "LRANGE %slist 0 -1", prefix);
    ask(&commands, NULL, NULL, "HSET %shash name %s year %d", prefix, "Ada Lovelace", 1815);
    ask(&commands, as_text, hash, "HGETALL %shash", prefix);
    ask(&commands, NULL, NULL, "SADD %sset red green blue red", prefix);
    ask(&commands, as_text, set, "SMEMBERS %sset", prefix);
    finish_pending();
    row("list", "RPUSH, LRANGE", list);
    row("hash", "HSET, HGETALL", hash);
    row("set", "SADD, SMEMBERS", set);
}

static void on_time(void *over) { *(int *)over = 1; }

static void expiry(void) {
    char result[128], before[256] = "", after[256] = "";
    int over = 0;
    ask(&commands, NULL, NULL, "SET %sfleeting here PX 50", prefix);
    ask(&commands, as_text, before, "GET %sfleeting", prefix);
    finish_pending();
    redisMioTimerAdd(loop, (struct timeval){0, 80000}, on_time, &over);
    while (!over) turn();
    ask(&commands, as_text, after, "GET %sfleeting", prefix);
    finish_pending();
    snprintf(result, sizeof result, "%.40s, 80 ms later %.40s", before, after);
    row("expiry", "SET PX 50, GET, GET", result);
}

static void transaction(void) {
    char results[256] = "";
    ask(&commands, NULL, NULL, "MULTI");
    ask(&commands, NULL, NULL, "INCRBY %scounter 40", prefix);
    ask(&commands, NULL, NULL, "INCRBY %scounter 2", prefix);
    ask(&commands, as_text, results, "EXEC");
    finish_pending();
    row("transaction", "MULTI, INCRBY twice, EXEC", results);
}

/* Called once per message: a subscription's callback stays until the channel is left. */
static void on_message(redisAsyncContext *ac, void *reply, void *privdata) {
    redisReply *r = reply;
    char *text = privdata;
    if (r == NULL) return;
    if (r->type == REDIS_REPLY_ERROR) die("A command was refused by ", r->str);
    if (strcmp(r->element[0]->str, "subscribe") == 0) {
        ask(&commands, NULL, NULL, "PUBLISH %schannel one", prefix);
        ask(&commands, NULL, NULL, "PUBLISH %schannel two", prefix);
        ask(&commands, NULL, NULL, "PUBLISH %schannel three", prefix);
    } else if (strcmp(r->element[0]->str, "message") == 0) {
        as_text(r->element[2], text);
        if (strcmp(r->element[2]->str, "three") == 0) redisAsyncCommand(ac, NULL, NULL, "UNSUBSCRIBE %schannel", prefix);
    } else {
        redisAsyncDisconnect(ac);
    }
}

static void publish_and_subscribe(void) {
    char received[256] = "";
    redisAsyncCommand(messages.ac, on_message, received, "SUBSCRIBE %schannel", prefix);
    while (messages.ac) turn();
    finish_pending();
    row("pub/sub", "SUBSCRIBE, PUBLISH thrice", received);
}

static void clean_up(void) {
    static const char *const others[] = {"list", "hash", "set", "counter"};
    char result[64];
    long long deleted = 0;
    for (int i = 0; i < KEYS; i++) ask(&commands, add_integer, &deleted, "DEL %s%d", prefix, i);
    for (int i = 0; i < 4; i++) ask(&commands, add_integer, &deleted, "DEL %s%s", prefix, others[i]);
    finish_pending();
    snprintf(result, sizeof result, "%s keys", grouped((double)deleted));
    row("clean up", "DEL", result);
    redisAsyncDisconnect(commands.ac);
    while (commands.ac) turn();
    row("disconnect", "both connections", commands.clean && messages.clean ? "clean" : "not clean");
    printf("\n");
}

/* The parts of a URL; pointers into a copy of it. */
struct address {
    redisOptions options;
    const char *user, *password;
    int database;
};

static void parse_tcp(struct address *address, char *at) {
    char *mark = strrchr(at, '@');
    if (mark) {
        *mark = 0;
        address->user = at;
        if ((at = strchr(at, ':'))) *at++ = 0;
        address->password = at;
        at = mark + 1;
    }
    if ((mark = strchr(at, '/'))) {
        *mark = 0;
        address->database = atoi(mark + 1);
    }
    mark = *at == '[' ? strchr(at, ']') : at; /* an IPv6 address has colons of its own */
    if (mark && *at == '[') {
        at++;
        *mark++ = 0;
    }
    mark = mark ? strchr(mark, ':') : NULL;
    if (mark) *mark = 0;
    REDIS_OPTIONS_SET_TCP(&address->options, *at ? at : "127.0.0.1", mark ? atoi(mark + 1) : 6379);
    snprintf(where, sizeof where, "%s:%d", address->options.endpoint.tcp.ip, address->options.endpoint.tcp.port);
}

static void parse_url(struct address *address, char *url) {
    if (strncmp(url, "redis://", 8) == 0) {
        parse_tcp(address, url + 8);
    } else if (strncmp(url, "unix:", 5) == 0) {
        REDIS_OPTIONS_SET_UNIX(&address->options, url + (strncmp(url + 5, "//", 2) == 0 ? 7 : 5));
        snprintf(where, sizeof where, "%s", address->options.endpoint.unix_socket);
    } else {
        die("Cannot use REDIS_URL", "it must begin with redis:// or unix://");
    }
}

/* Whatever comes later waits behind these in the pipeline. */
static void introduce(struct connection *c, const struct address *address) {
    if (address->password && *address->user) ask(c, NULL, NULL, "AUTH %s %s", address->user, address->password);
    else if (address->password) ask(c, NULL, NULL, "AUTH %s", address->password);
    if (address->database) ask(c, NULL, NULL, "SELECT %d", address->database);
}

int main(void) {
    struct timeval connect_timeout = {5, 0}, command_timeout = {10, 0};
    struct address address = {0};
    const char *url = getenv("REDIS_URL");
    char *copy = strdup(url && *url ? url : "redis://127.0.0.1:6379");
    double begun;

    if (copy == NULL) die("Cannot begin", "out of memory");
    parse_url(&address, copy);
    address.options.connect_timeout = &connect_timeout;
    address.options.command_timeout = &command_timeout;
    snprintf(prefix, sizeof prefix, "hiredis-demo:%ld-%ld:", (long)getpid(), (long)time(NULL));

    loop = redisMioLoopCreate();
    if (loop == NULL) die("Cannot begin", "out of memory");
    begun = seconds();
    open_connection(&commands, &address.options);
    begun = seconds() - begun;
    introduce(&commands, &address);
    greet(begun);
    pipeline();
    list_hash_and_set();
    expiry();
    transaction();
    open_connection(&messages, &address.options);
    introduce(&messages, &address);
    publish_and_subscribe();
    clean_up();
    redisMioLoopFree(loop);
    free(copy);
    return 0;
}

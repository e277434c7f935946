/* Conversations with a real redis-server, recorded through a proxy: what was issued, every byte of both halves, and where in
 * them the commands and the replies end. */
#ifndef TESTS_CONVERSATIONS_H
#define TESTS_CONVERSATIONS_H

#include <hiredis/async.h>

#include "proxy.h"

#define check(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "%s:%d: %s, %s: not true: %s\n", __FILE__, __LINE__, told_conversation, told_point, #condition); \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

static char told_conversation[64], told_point[64]; /* what is being tried */

/* A command and how many replies, messages and pushes it brings the connection. Marked by '@': another connection issues it;
 * by '-': the server will not answer. */
struct turn {
    const char *command;
    int brings;
};

enum { TURNS = 40, ITEMS = 80 };

struct conversation {
    const char *name;
    struct turn turns[TURNS];
    /* recorded */
    char *bytes[2];
    size_t len[2];
    redisReply *items[ITEMS]; /* of the server's half */
    size_t ends[ITEMS];       /* where each is complete */
    int count;
};

static struct conversation conversations[] = {
    {.name = "replies", .turns = {
        {"PING", 1}, {"DEL k l h", 1}, {"SET k value", 1}, {"GET k", 1}, {"GET nothing", 1}, {"INCR n", 1}, {"RPUSH l a b c", 1},
        {"LRANGE l 0 -1", 1}, {"LPUSH k x", 1}, {"NONSENSE", 1}, {"EVAL return{1,{2,'a',false,{}},''} 0", 1}, {"SET k %b", 1},
        {"HSET h f v g w", 1}, {"HGETALL h", 1}, {"ECHO last", 1}}},
    {.name = "resp3", .turns = {
        {"HELLO 3", 1}, {"DEBUG PROTOCOL string", 1}, {"DEBUG PROTOCOL integer", 1}, {"DEBUG PROTOCOL double", 1},
        {"DEBUG PROTOCOL null", 1}, {"DEBUG PROTOCOL array", 1}, {"DEBUG PROTOCOL set", 1}, {"DEBUG PROTOCOL map", 1},
        {"DEBUG PROTOCOL attrib", 2}, {"DEBUG PROTOCOL push", 2}, {"DEBUG PROTOCOL verbatim", 1}, {"DEBUG PROTOCOL true", 1},
        {"DEBUG PROTOCOL false", 1}, {"DEBUG PROTOCOL bignum", 1}, {"NONSENSE", 1}, {"ECHO last", 1}}},
    {.name = "large", .turns = {
        {"PING", 1}, {"EVAL return(string.rep('0123456789',1024)) 0", 1}, {"ECHO last", 1}}},
    {.name = "large command", .turns = {
        {"PING", 1}, {"SET k %b", 1}, {"STRLEN k", 1}}},
    {.name = "transactions", .turns = {
        {"DEL k", 1}, {"MULTI", 1}, {"SET k 1", 1}, {"INCR k", 1}, {"GET k", 1}, {"LPUSH k x", 1}, {"EXEC", 1},
        {"WATCH k", 1}, {"@SET k 5", 0}, {"MULTI", 1}, {"GET k", 1}, {"EXEC", 1}, {"MULTI", 1}, {"DISCARD", 1}, {"GET k", 1}}},
    {.name = "pubsub", .turns = {
        {"PING", 1}, {"SUBSCRIBE a b", 2}, {"@PUBLISH a one", 1}, {"PSUBSCRIBE p*", 1}, {"@PUBLISH b two", 1}, {"PING", 1},
        {"@PUBLISH pq three", 1}, {"SSUBSCRIBE s", 1}, {"@SPUBLISH s four", 1}, {"UNSUBSCRIBE b", 1}, {"@PUBLISH a five", 1},
        {"SUNSUBSCRIBE s", 1}, {"PUNSUBSCRIBE p*", 1}, {"UNSUBSCRIBE a", 1}, {"GET nothing", 1}, {"ECHO last", 1}}},
    {.name = "pubsub resp3", .turns = {
        {"HELLO 3", 1}, {"SUBSCRIBE a b", 2}, {"@PUBLISH a one", 1}, {"GET nothing", 1}, {"PSUBSCRIBE p*", 1},
        {"@PUBLISH pq two", 1}, {"SSUBSCRIBE s", 1}, {"@SPUBLISH s three", 1}, {"INCR n", 1}, {"UNSUBSCRIBE b", 1},
        {"@PUBLISH a four", 1}, {"ECHO last", 1}, {"@PUBLISH a five", 1}, {"@SPUBLISH s six", 1}}},
    {.name = "tracking", .turns = {
        {"HELLO 3", 1}, {"CLIENT TRACKING ON", 1}, {"GET k", 1}, {"@SET k 1", 1}, {"GET k", 1}, {"@SET k 2", 1}, {"GET k", 1},
        {"CLIENT TRACKING OFF", 1}, {"ECHO last", 1}}},
    {.name = "client reply", .turns = {
        {"PING", 1}, {"-CLIENT REPLY SKIP", 0}, {"-ECHO skipped", 0}, {"ECHO one", 1}, {"-CLIENT REPLY OFF", 0}, {"-ECHO off", 0},
        {"-INCR n", 0}, {"CLIENT REPLY ON", 1}, {"ECHO last", 1}}},
};
enum { CONVERSATIONS = sizeof conversations / sizeof *conversations };

/* What %b stands for; only one command of each conversation has it. */
static char value[10000];
static size_t value_len(const struct conversation *v) { return strcmp(v->name, "large command") ? 100 : sizeof value; }

static inline int is_issued(const struct turn *t) { return *t->command != '@'; }
static inline int is_silent(const struct turn *t) { return *t->command == '-'; }
static inline const char *command_of(const struct turn *t) { return t->command + (is_silent(t) || !is_issued(t)); }

static redisContext *connect_blocking(int local, const char *path, int port) {
    redisOptions o = {0};
    redisContext *c;
    if (local) REDIS_OPTIONS_SET_UNIX(&o, path);
    else REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", port);
    o.options = REDIS_OPT_NO_PUSH_AUTOFREE;
    c = redisConnectWithOptions(&o);
    check(c && c->err == 0);
    return c;
}

static int same_reply(const redisReply *a, const redisReply *b) {
    int same = a->type == b->type && a->integer == b->integer && a->len == b->len && a->elements == b->elements &&
               memcmp(a->vtype, b->vtype, sizeof a->vtype) == 0 && memcmp(&a->dval, &b->dval, sizeof a->dval) == 0 && !a->str == !b->str;
    if (same && a->str) same = memcmp(a->str, b->str, a->len + 1) == 0;
    for (size_t i = 0; same && i < a->elements; i++) same = same_reply(a->element[i], b->element[i]);
    return same;
}

/* Finds where the items end by handing the reader one byte after the other. */
static void find_items(struct conversation *v) {
    redisReader *reader = redisReaderCreate();
    v->count = 0;
    for (size_t i = 0; i < v->len[TO_CLIENT]; i++) {
        void *item = NULL;
        check(redisReaderFeed(reader, v->bytes[TO_CLIENT] + i, 1) == REDIS_OK && redisReaderGetReply(reader, &item) == REDIS_OK);
        if (item == NULL) continue;
        check(v->count < ITEMS);
        v->items[v->count] = item;
        v->ends[v->count++] = i + 1;
    }
    redisReaderFree(reader);
    check(v->count > 0 && v->ends[v->count - 1] == v->len[TO_CLIENT]);
}

static void record(struct conversation *v, int local) {
    struct proxy proxy;
    redisContext *c, *other = connect_blocking(local, getenv("REDIS_SOCK"), atoi(getenv("REDIS_PORT")));
    redisReply *heard[ITEMS];
    int count = 0;
    snprintf(told_conversation, sizeof told_conversation, "%s", v->name);
    memset(value, 'v', sizeof value);
    proxy_begin(&proxy, local, 0);
    c = connect_blocking(local, proxy.peer.path, proxy.peer.port);
    for (const struct turn *t = v->turns; t->command; t++) {
        if (is_issued(t)) check(redisAppendCommand(c, command_of(t), value, value_len(v)) == REDIS_OK);
        else freeReplyObject(redisCommand(other, command_of(t)));
        for (int done = 0; !done;) check(redisBufferWrite(c, &done) == REDIS_OK);
        for (int i = 0; i < t->brings; i++) check(redisGetReply(c, (void **)&heard[count++]) == REDIS_OK);
    }
    redisFree(c);
    redisFree(other);
    proxy_end(&proxy);
    for (int d = 0; d < 2; d++) {
        v->bytes[d] = proxy.kept[d].bytes;
        v->len[d] = proxy.kept[d].len;
    }
    find_items(v);
    check(v->count == count);
    for (int i = 0; i < count; i++) {
        check(same_reply(heard[i], v->items[i]));
        freeReplyObject(heard[i]);
    }
}

static void forget(struct conversation *v) {
    for (int i = 0; i < v->count; i++) freeReplyObject(v->items[i]);
    free(v->bytes[0]);
    free(v->bytes[1]);
}

/* How many items are complete in the first LEN bytes of the server's half. */
static int items_in(const struct conversation *v, size_t len) {
    int n = 0;
    while (n < v->count && v->ends[n] <= len) n++;
    return n;
}

/* How much of its half the server has said when it knows the first LEN bytes of the client's. */
static size_t said_to(const struct conversation *v, size_t len) {
    size_t at = 0;
    int items = 0;
    for (const struct turn *t = v->turns; t->command; t++) {
        if (is_issued(t)) {
            char *wire;
            int n = redisFormatCommand(&wire, command_of(t), value, value_len(v));
            check(n > 0 && at + (size_t)n <= v->len[TO_SERVER] && memcmp(wire, v->bytes[TO_SERVER] + at, (size_t)n) == 0);
            redisFreeCommand(wire);
            at += (size_t)n;
            if (at > len) break;
        }
        items += t->brings;
    }
    return items ? v->ends[items - 1] : 0;
}

#endif

/* Reading and formatting: the library without a connection. */
#include <hiredis/hiredis.h>
#include <hiredis/sds.h>
#include <pthread.h>

#include "collect.h"

static char *input;
static size_t input_len, input_room;

static void add(const char *text, size_t len) {
    if (input_len + len > input_room) {
        input_room = 2 * (input_len + len);
        input = realloc(input, input_room);
        CHECK(input != NULL);
    }
    memcpy(input + input_len, text, len);
    input_len += len;
}

static void add_times(const char *text, size_t count) {
    for (size_t len = strlen(text); count > 0; count--) add(text, len);
}

/* Inputs. */

static void make_text(const struct work *w) { add_times(w->text, 1); }

/* An aggregate of `number` times the text, which begins with its head. */
static void make_aggregate(const struct work *w) {
    char head[32];
    snprintf(head, sizeof(head), "%c%zu\r\n", w->text[0], w->number);
    add_times(head, 1);
    add_times(w->text + 1, w->number);
}

static void make_nested(const struct work *w) {
    (void)w;
    add_times("*100\r\n", 1);
    for (int i = 0; i < 100; i++) {
        add_times("*2\r\n$15\r\n1700000000000-0\r\n*10\r\n", 1);
        add_times("$8\r\nfield-xx\r\n", 10);
    }
}

static void make_deep(const struct work *w) {
    add_times("*1\r\n", w->number);
    add_times(":1\r\n", 1);
}

/* One line of `number` digits. */
static void make_line(const struct work *w) {
    add_times(w->text, 1);
    add_times("1", w->number);
    add_times("\r\n", 1);
}

static void make_bulk(const struct work *w) {
    char head[32];
    snprintf(head, sizeof(head), "$%zu\r\n", w->number);
    add_times(head, 1);
    add_times("x", w->number);
    add_times("\r\n", 1);
}

/* Reading: the whole input is one reply, which is freed. */

static void read_one(redisReader *reader, size_t piece) {
    void *reply = NULL;
    for (size_t at = 0, left; at < input_len; at += left < piece ? left : piece) {
        left = input_len - at;
        CHECK(redisReaderFeed(reader, input + at, left < piece ? left : piece) == REDIS_OK);
        CHECK(redisReaderGetReply(reader, &reply) == REDIS_OK);
    }
    CHECK(reply != NULL);
    if (reader->fn && reader->fn->freeObject) reader->fn->freeObject(reply);
}

static void parse_in(size_t piece, redisReplyObjectFunctions *table, long count) {
    redisReader *reader = table ? redisReaderCreateWithFunctions(table) : redisReaderCreate();
    for (long i = 0; i < count / 4 + 1; i++) read_one(reader, piece); /* to warm up */
    begin();
    for (long i = 0; i < count; i++) read_one(reader, piece);
    end();
    redisReaderFree(reader);
}

static void parse(const struct work *w, long count) { (void)w, parse_in(16384, NULL, count); }
static void parse_bytewise(const struct work *w, long count) { (void)w, parse_in(1, NULL, count); }
static void parse_whole(const struct work *w, long count) { (void)w, parse_in(input_len, NULL, count); }

/* As language bindings do, whose functions make objects of their own; these make nothing. */
static void *made(void) {
    static int object;
    return &object;
}
static void *make_string(const redisReadTask *task, char *text, size_t len) { return (void)task, (void)text, (void)len, made(); }
static void *make_array(const redisReadTask *task, size_t len) { return (void)task, (void)len, made(); }
static void free_nothing(void *object) { (void)object; }

static void parse_with_table(const struct work *w, long count) {
    redisReplyObjectFunctions table = {.createString = make_string, .createArray = make_array, .freeObject = free_nothing};
    (void)w;
    parse_in(16384, &table, count);
}

/* Not the library's defaults, though they do the same. */
static void *own_malloc(size_t size) { return malloc(size); }
static void *own_calloc(size_t n, size_t size) { return calloc(n, size); }
static void *own_realloc(void *p, size_t size) { return realloc(p, size); }
static char *own_strdup(const char *s) { return strdup(s); }
static void own_free(void *p) { free(p); }

static void parse_with_allocators(const struct work *w, long count) {
    hiredisAllocFuncs table = {own_malloc, own_calloc, own_realloc, own_strdup, own_free};
    hiredisSetAllocators(&table);
    parse(w, count);
}

/* Replies are kept until the end, so that none can be made of an old one; `count` of them. */
static void parse_and_keep(const struct work *w, long count) {
    void **replies = calloc((size_t)count, sizeof(*replies));
    redisReader *reader = redisReaderCreate();
    (void)w;
    begin();
    for (long i = 0; i < count; i++) {
        CHECK(redisReaderFeed(reader, input, input_len) == REDIS_OK);
        CHECK(redisReaderGetReply(reader, &replies[i]) == REDIS_OK && replies[i] != NULL);
    }
    for (long i = 0; i < count; i++) freeReplyObject(replies[i]);
    end();
    redisReaderFree(reader);
    free(replies);
}

/* Kept, and freed in any order, again and again. The first rounds are not counted: where in them glibc's heap comes to its end,
 * what is free is merged there, and the rounds that follow find it in order. Whose rounds these are, the strings' length decides. */
static void parse_and_shuffle(const struct work *w, long count) {
    enum { FIRST_ROUNDS = 10 };
    void **replies = calloc((size_t)w->count, sizeof(*replies));
    redisReader *reader = redisReaderCreate();
    unsigned random = 1;
    for (long done = -FIRST_ROUNDS * w->count; done < count; done += w->count) {
        if (done == 0) begin();
        for (long i = 0; i < w->count; i++) {
            CHECK(redisReaderFeed(reader, input, input_len) == REDIS_OK);
            CHECK(redisReaderGetReply(reader, &replies[i]) == REDIS_OK && replies[i] != NULL);
        }
        for (long i = 0; i < w->count; i++) {
            random = random * 1664525 + 1013904223;
            long j = i + (long)(random % (unsigned)(w->count - i));
            void *reply = replies[j];
            replies[j] = replies[i];
            freeReplyObject(reply);
        }
    }
    end();
    redisReaderFree(reader);
    free(replies);
}

static void *free_elsewhere(void *reply) {
    freeReplyObject(reply);
    return NULL;
}

/* Each reply is freed by a thread that ends then. */
static void parse_for_threads(const struct work *w, long count) {
    redisReader *reader = redisReaderCreate();
    (void)w;
    begin();
    for (long i = 0; i < count; i++) {
        pthread_t thread;
        void *reply;
        CHECK(redisReaderFeed(reader, input, input_len) == REDIS_OK);
        CHECK(redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL);
        CHECK(pthread_create(&thread, NULL, free_elsewhere, reply) == 0 && pthread_join(thread, NULL) == 0);
    }
    end();
    redisReaderFree(reader);
}

/* A reader for each reply. */
static void parse_once(const struct work *w, long count) {
    (void)w;
    begin();
    for (long i = 0; i < count; i++) {
        redisReader *reader = redisReaderCreate();
        read_one(reader, input_len);
        redisReaderFree(reader);
    }
    end();
}

/* Formatting. */

static void format(const struct work *w, long count) {
    (void)w;
    begin();
    for (long i = 0; i < count; i++) {
        char *command;
        CHECK(redisFormatCommand(&command, "SET %s %b", "key:000000001", VALUE, strlen(VALUE)) == 56);
        redisFreeCommand(command);
    }
    end();
}

static void format_numbers(const struct work *w, long count) {
    (void)w;
    begin();
    for (long i = 0; i < count; i++) {
        char *command;
        CHECK(redisFormatCommand(&command, "ZADD scores:%d %f member:%lld", 17, 3.25, 123456789LL) > 0);
        redisFreeCommand(command);
    }
    end();
}

static void format_large(const struct work *w, long count) {
    char *value = calloc(1, w->number);
    begin();
    for (long i = 0; i < count; i++) {
        char *command;
        CHECK(redisFormatCommand(&command, "SET %s %b", "key:000000001", value, w->number) > (int)w->number);
        redisFreeCommand(command);
    }
    end();
    free(value);
}

static void format_argv(const struct work *w, long count) {
    const char *argv[1000] = {"SET"};
    size_t lengths[1000] = {3};
    for (size_t i = 1; i < w->number; i++) {
        argv[i] = i % 2 ? "key:000000001" : VALUE;
        lengths[i] = strlen(argv[i]);
    }
    begin();
    for (long i = 0; i < count; i++) {
        char *command;
        CHECK(redisFormatCommandArgv(&command, (int)w->number, argv, lengths) > 0);
        redisFreeCommand(command);
    }
    end();
}

/* Dynamic strings. */

static void cat_format(const struct work *w, long count) {
    (void)w;
    begin();
    for (long i = 0; i < count; i++) sdsfree(sdscatfmt(sdsempty(), "%i %s %u", 7, "abc", 8u));
    end();
}

static void cat_printf(const struct work *w, long count) {
    (void)w;
    begin();
    for (long i = 0; i < count; i++) sdsfree(sdscatprintf(sdsempty(), "%d %s", 7, "abc"));
    end();
}

static void split(const struct work *w, long count) {
    int parts;
    (void)w;
    begin();
    for (long i = 0; i < count; i++) {
        sds *all = sdssplitlen("a,b,c,d,e,f,g,h", 15, ",", 1, &parts);
        CHECK(parts == 8);
        sdsfreesplitres(all, parts);
    }
    end();
}

static void split_arguments(const struct work *w, long count) {
    int parts;
    (void)w;
    begin();
    for (long i = 0; i < count; i++) {
        sds *all = sdssplitargs("set foo \"bar baz\" 'x'", &parts);
        CHECK(parts == 4);
        sdsfreesplitres(all, parts);
    }
    end();
}

static const struct work works[] = {
    {"array-1000", 20, parse, make_aggregate, "*" GET_REPLY, 1000},
    {"nested-100", 20, parse, make_nested, NULL, 0},
    {"map-500", 20, parse, make_aggregate, "%$8\r\nmember-x\r\n,3.14159\r\n", 500},
    {"bulk-5", 2000, parse, make_text, "$5\r\nhello\r\n", 0},
    {"status", 2000, parse, make_text, "+OK\r\n", 0},
    {"integer", 2000, parse, make_text, ":12345\r\n", 0},
    {"table-array-1000", 20, parse_with_table, make_aggregate, "*" GET_REPLY, 1000},
    {"format", 2000, format, NULL, NULL, 0},
    {"format-argv", 2000, format_argv, NULL, NULL, 3},
    {"bulk-1MiB", 5, parse, make_bulk, NULL, 1 << 20},

    {"bytewise", 5, parse_bytewise, make_aggregate, "*" GET_REPLY, 1000},
    {"bytewise-bulk", 20, parse_bytewise, make_bulk, NULL, 4096},
    {"table-bulk-5", 2000, parse_with_table, make_text, "$5\r\nhello\r\n", 0},
    {"table-bulk-70000", 100, parse_with_table, make_bulk, NULL, 70000},
    {"table-bulk-100000", 100, parse_with_table, make_bulk, NULL, 100000},
    {"table-bulk-400000", 20, parse_with_table, make_bulk, NULL, 400000},
    {"deep-8", 2000, parse, make_deep, NULL, 8},
    {"deep-1000", 20, parse, make_deep, NULL, 1000},
    {"error", 2000, parse, make_text, "-ERR unknown command 'nonsense', with args beginning with: \r\n", 0},
    {"nil", 2000, parse, make_text, "$-1\r\n", 0},
    {"bool", 2000, parse, make_text, "#t\r\n", 0},
    {"double", 2000, parse, make_text, ",3.141592653589793\r\n", 0},
    {"verbatim", 2000, parse, make_text, "=15\r\ntxt:Some string\r\n", 0},
    {"empty-array", 2000, parse, make_text, "*0\r\n", 0},
    {"bulk-300", 2000, parse, make_bulk, NULL, 300},
    {"bulk-1KiB", 2000, parse, make_bulk, NULL, 1024},
    {"bulk-16KiB", 200, parse, make_bulk, NULL, 16384},
    {"long-line-1KiB", 2000, parse, make_line, "+", 1024},
    {"long-line-1MiB", 5, parse_whole, make_line, "+", 1 << 20},
    {"integer-19", 2000, parse, make_text, ":1700000000123456789\r\n", 0},
    {"integer-negative", 2000, parse, make_text, ":-12345\r\n", 0},
    {"bignum-40", 2000, parse, make_line, "(", 40},
    {"bignum-10000", 100, parse, make_line, "(", 10000},
    {"integers-10", 2000, parse, make_aggregate, "*:12345\r\n", 10},
    {"array-10", 2000, parse, make_aggregate, "*" GET_REPLY, 10},
    {"array-100", 200, parse, make_aggregate, "*" GET_REPLY, 100},
    {"array-10000", 2, parse, make_aggregate, "*" GET_REPLY, 10000},
    {"array-100000", 1, parse, make_aggregate, "*" GET_REPLY, 100000},
    {"array-1000000", 8, parse, make_aggregate, "*" GET_REPLY, 1000000},
    {"integers-1000000", 8, parse, make_aggregate, "*:12345\r\n", 1000000},
    {"array-1000000-whole", 8, parse_whole, make_aggregate, "*" GET_REPLY, 1000000},
    {"kept", 100000, parse_and_keep, make_text, GET_REPLY, 0},
    {"kept-shuffled", 50000, parse_and_shuffle, make_bulk, NULL, 300},
    {"kept-arrays", 1000, parse_and_keep, make_aggregate, "*" GET_REPLY, 100},
    {"threads", 500, parse_for_threads, make_aggregate, "*" GET_REPLY, 100},
    {"reader-each", 2000, parse_once, make_text, GET_REPLY, 0},
    {"allocators-array-1000", 20, parse_with_allocators, make_aggregate, "*" GET_REPLY, 1000},
    {"allocators-bulk-5", 2000, parse_with_allocators, make_text, "$5\r\nhello\r\n", 0},
    {"format-numbers", 2000, format_numbers, NULL, NULL, 0},
    {"format-1MiB", 5, format_large, NULL, NULL, 1 << 20},
    {"format-argv-1000", 20, format_argv, NULL, NULL, 1000},
    {"sdscatfmt", 2000, cat_format, NULL, NULL, 0},
    {"sdscatprintf", 2000, cat_printf, NULL, NULL, 0},
    {"sdssplitlen", 1000, split, NULL, NULL, 0},
    {"sdssplitargs", 1000, split_arguments, NULL, NULL, 0},
};

int main(int argc, char **argv) { return run_works(works, sizeof(works) / sizeof(*works), argc, argv); }

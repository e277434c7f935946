/* The reader without memory: a clear error that stays, replies before it intact, nothing leaked. */
#include "oom.h"
#include <pthread.h>

/* A number that depends on everything in a reply. */
static unsigned long digest(const redisReply *r) {
    unsigned long sum = (unsigned long)r->type * 31 + (unsigned long)r->integer;
    if (r->str != NULL) {
        CHECK(r->str[r->len] == 0);
        for (size_t i = 0; i < r->len; i++)
            sum = sum * 31 + (unsigned char)r->str[i];
    }
    for (size_t i = 0; i < r->elements; i++)
        sum = sum * 31 + digest(r->element[i]);
    return sum;
}

static char *wire;
static size_t wire_len;

static void put(const char *bytes, size_t len) {
    wire = realloc(wire, wire_len + len);
    memcpy(wire + wire_len, bytes, len);
    wire_len += len;
}

static void puts_wire(const char *text) {
    put(text, strlen(text));
}

static void put_string(char type, size_t len) {
    char *payload = malloc(len), head[32];
    for (size_t i = 0; i < len; i++)
        payload[i] = (char)('a' + i % 23);
    if (type == '=')
        memcpy(payload, "txt:", 4);
    if (type == '+')
        put("+", 1);
    else
        put(head, (size_t)sprintf(head, "%c%zu\r\n", type, len));
    put(payload, len);
    put("\r\n", 2);
    free(payload);
}

enum { MOST_REPLIES = 64 };
static unsigned long expected[MOST_REPLIES];
static int replies_expected;
static size_t piece;
static int own_table;

static void *create_integer(const redisReadTask *task, long long value);
static redisReplyObjectFunctions table;
static void *(*default_integer)(const redisReadTask *, long long);

static void *create_integer(const redisReadTask *task, long long value) {
    return default_integer(task, value);
}

static int take_replies(redisReader *r, int count) {
    for (;;) {
        void *reply = &reply;
        int status = redisReaderGetReply(r, &reply);
        if (status != REDIS_OK) {
            CHECK(has_failed() && reply == NULL && IS_OUT_OF_MEMORY(r));
            CHECK(redisReaderGetReply(r, &reply) == REDIS_ERR && reply == NULL);
            CHECK(redisReaderFeed(r, "+OK\r\n", 5) == REDIS_ERR && IS_OUT_OF_MEMORY(r));
            return -1;
        }
        if (reply == NULL)
            return count;
        if (nth == 0)
            expected[count] = digest(reply);
        else
            CHECK(count < replies_expected && expected[count] == digest(reply));
        count++;
        freeReplyObject(reply);
    }
}

static void read_all(void) {
    arm();
    redisReader *r = redisReaderCreate();
    CHECK(r != NULL || has_failed());
    if (r != NULL && own_table) {
        table = *r->fn;
        default_integer = table.createInteger;
        table.createInteger = create_integer;
        r->fn = &table;
    }
    int count = 0;
    for (size_t at = 0; r != NULL && at < wire_len && count >= 0; at += piece) {
        size_t len = wire_len - at < piece ? wire_len - at : piece;
        if (redisReaderFeed(r, wire + at, len) != REDIS_OK) {
            CHECK(has_failed() && IS_OUT_OF_MEMORY(r));
            count = -1;
        } else {
            count = take_replies(r, count);
        }
    }
    if (nth == 0)
        replies_expected = count;
    else if (!has_failed())
        CHECK(count == replies_expected);
    redisReaderFree(r);
    disarm();
}

static void each_way(const char *name, size_t small, size_t large) {
    for (int i = 0; i < 4; i++) {
        char title[64];
        piece = i % 2 ? large : small;
        own_table = i / 2;
        snprintf(title, sizeof(title), "%s in pieces of %zu%s", name, piece, own_table ? ", own table" : "");
        nth = 0;
        read_all();
        CHECK(replies_expected > 0);
        each_failure(title, read_all);
    }
    wire_len = 0;
}

static void partial_reply(void) {
    arm();
    redisReader *r = redisReaderCreate();
    if (r != NULL) {
        void *reply = NULL;
        redisReaderFeed(r, wire, wire_len);
        redisReaderGetReply(r, &reply);
        CHECK(reply == NULL && (r->err == 0 || IS_OUT_OF_MEMORY(r)));
        redisReaderFree(r);
    }
    disarm();
}

static void *read_and_end(void *unused) {
    read_all();
    return unused;
}

/* What a thread needs once it cannot have either. */
static void in_a_new_thread(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, read_and_end, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

int main(void) {
    puts_wire("+OK\r\n-ERR no\r\n:12\r\n$5\r\nhello\r\n$0\r\n\r\n$-1\r\n*-1\r\n_\r\n#t\r\n,1.5\r\n(123456789012345678901234567890\r\n");
    puts_wire("=8\r\ntxt:text\r\n*0\r\n%1\r\n+k\r\n:1\r\n~2\r\n:1\r\n,2\r\n>2\r\n+p\r\n+q\r\n|1\r\n+a\r\n+b\r\n");
    piece = wire_len;
    read_all();
    each_failure("in a new thread", in_a_new_thread);
    each_way("every type", 3, 100000);

    for (int i = 0; i < 24; i++)
        puts_wire("*2\r\n%1\r\n$3\r\nkey\r\n");
    puts_wire(":1\r\n");
    for (int i = 0; i < 24; i++)
        puts_wire("+after\r\n");
    each_way("nested", 11, 100000);

    puts_wire("*300\r\n");
    for (int i = 0; i < 300; i++)
        puts_wire(i % 3 ? ":7\r\n" : "$3\r\nabc\r\n");
    puts_wire("%100\r\n");
    for (int i = 0; i < 200; i++)
        puts_wire("+x\r\n");
    each_way("growing vectors", 64, 1000);

    put_string('$', 300000);
    put_string('=', 150000);
    put_string('+', 100000);
    puts_wire("*2\r\n");
    put_string('$', 100000);
    puts_wire(":1\r\n");
    each_way("long strings", 4096, 70000);

    puts_wire("*3\r\n$3\r\nabc\r\n*2\r\n:1\r\n$200000\r\nxyz");
    each_failure("partial reply", partial_reply);
    free(wire);
    return 0;
}

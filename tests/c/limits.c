/* What a program allows a connection to hold (docs/limits.md): input and output, on readers and blocking contexts. */
#include "measure.h"

#include "cases.h"
#include "peer.h"

enum { LIMIT = 1000 };

static void *count_string(const redisReadTask *task, char *text, size_t len) { return (void *)1; }
static void *count_array(const redisReadTask *task, size_t elements) { return (void *)1; }
static void *count_integer(const redisReadTask *task, long long value) { return (void *)1; }
static void *count_double(const redisReadTask *task, double value, char *text, size_t len) { return (void *)1; }
static void *count_nil(const redisReadTask *task) { return (void *)1; }
static void *count_bool(const redisReadTask *task, int value) { return (void *)1; }
static void count_free(void *object) { (void)object; }

static redisReplyObjectFunctions counting = {count_string, count_array, count_integer, count_double, count_nil, count_bool, count_free};

/* Feeds `wire` in pieces of `step` bytes; how many replies came of it. */
static int feed(redisReader *r, const char *wire, size_t len, size_t step) {
    int replies = 0;
    for (size_t at = 0; at < len; at += step) {
        void *reply = NULL;
        if (redisReaderFeed(r, wire + at, len - at < step ? len - at : step) != REDIS_OK) return replies;
        while (redisReaderGetReply(r, &reply) == REDIS_OK && reply != NULL) {
            replies++;
            if (r->fn != &counting) freeReplyObject(reply);
        }
        if (r->err) return replies;
    }
    return replies;
}

static size_t string(char *wire, size_t len) {
    size_t at = (size_t)sprintf(wire, "$%zu\r\n", len);
    memset(wire + at, 'x', len);
    memcpy(wire + at + len, "\r\n", 3);
    return at + len + 2;
}

/* The longest string that takes `size` bytes with its header. */
static size_t string_of(char *wire, size_t size) {
    size_t len = size - 5;
    while (snprintf(NULL, 0, "$%zu\r\n\r\n", len) + len > size) len--;
    size_t taken = string(wire, len);
    check(taken == size);
    return taken;
}

static void reader_takes(redisReplyObjectFunctions *fn, size_t limit, const char *wire, size_t len, size_t step, int wanted) {
    redisReader *r = fn ? redisReaderCreateWithFunctions(fn) : redisReaderCreate();
    redisReaderSetMaxInput(r, limit);
    int replies = feed(r, wire, len, step);
    check(replies == wanted);
    check(r->err == (wanted ? 0 : REDIS_ERR_OOM));
    same(r->errstr, wanted ? "" : "Input limit reached");
    redisReaderFree(r);
}

/* To the byte, whatever a reply is made of, and in however small pieces it comes. */
static void replies_up_to_the_limit(void) {
    static char wire[200000];
    redisReplyObjectFunctions *tables[] = {NULL, &counting};
    for (int t = 0; t < 2; t++) {
        for (size_t step = 1; step <= 7; step += 3) {
            size_t over = step > 1 ? 10 : 1; /* a last piece brings more than one byte */
            size_t len = string_of(wire, LIMIT);
            reader_takes(tables[t], LIMIT, wire, len, step, 1);
            reader_takes(tables[t], LIMIT - over, wire, len, step, 0);
            len = (size_t)sprintf(wire, "+%0*d\r\n", LIMIT - 3, 7);
            reader_takes(tables[t], LIMIT, wire, len, step, 1);
            reader_takes(tables[t], LIMIT - over, wire, len, step, 0);
            len = (size_t)sprintf(wire, "*%d\r\n", 300);
            for (int i = 0; i < 300; i++) len += (size_t)sprintf(wire + len, ":%d\r\n", i % 10);
            reader_takes(tables[t], len, wire, len, step, 1);
            reader_takes(tables[t], len - over, wire, len, step, 0);
            len = (size_t)sprintf(wire, "*2\r\n*1\r\n");
            len += string(wire + len, 40000);
            len += string(wire + len, 70000);
            reader_takes(tables[t], len, wire, len, step, 1);
            reader_takes(tables[t], len - over, wire, len, step, 0);
        }
    }
}

static void many_small_replies_pass(void) {
    static const char two[] = "*2\r\n:1\r\n$5\r\nhello\r\n+OK\r\n";
    redisReader *r = redisReaderCreate();
    redisReaderSetMaxInput(r, 64);
    for (int i = 0; i < 10000; i++) check(feed(r, two, strlen(two), 1 + (size_t)i % 24) == 2);
    check(r->err == 0);
    redisReaderFree(r);
}

/* The header alone is enough. */
static void announced_strings_are_refused(void) {
    redisReader *r = redisReaderCreate();
    size_t before = held;
    redisReaderSetMaxInput(r, LIMIT);
    check(feed(r, "*2\r\n:1\r\n$1000000\r\n", 18, 18) == 0);
    check(r->err == REDIS_ERR_OOM);
    check(held <= before);
    check(redisReaderFeed(r, "x", 1) == REDIS_ERR);
    redisReaderFree(r);
}

/* An aggregate whose elements come one by one: the buffer stays empty, the reply grows. */
static void trickling_arrays_are_bounded(void) {
    redisReader *r = redisReaderCreate();
    size_t before = held, fed = 0;
    redisReaderSetMaxInput(r, 100000);
    check(feed(r, "*4000000000\r\n", 13, 13) == 0);
    peak = held;
    for (; r->err == 0; fed += 4) feed(r, ":1\r\n", 4, 4);
    check(fed > 100000 - 20 && fed <= 100000);
    check(peak - before < 100000 * 40);
    check(held <= before);
    redisReaderFree(r);
}

static void limits_change_in_the_middle(void) {
    static char wire[4000];
    size_t len = string_of(wire, 4 * LIMIT - 100);
    redisReader *r = redisReaderCreate();
    check(feed(r, wire, len / 2, 7) == 0 && r->err == 0);
    redisReaderSetMaxInput(r, LIMIT);
    redisReaderSetMaxInput(r, 0);
    check(feed(r, wire + len / 2, len - len / 2, 7) == 1);
    check(feed(r, "*2\r\n:1\r\n", 8, 8) == 0);
    redisReaderSetMaxInput(r, 12);
    check(feed(r, ":1\r\n", 4, 1) == 1);
    check(feed(r, "*2\r\n:1\r\n", 8, 1) == 0);
    redisReaderSetMaxInput(r, 11);
    check(feed(r, ":1\r\n", 4, 1) == 0 && r->err == REDIS_ERR_OOM);
    redisReaderFree(r);
}

/* Nobody takes the replies. */
static void feeding_ends(void) {
    char chunk[100];
    size_t fed = 0;
    redisReader *r = redisReaderCreate();
    memset(chunk, 'x', sizeof chunk);
    redisReaderSetMaxInput(r, 10000);
    while (fed < 1000000 && redisReaderFeed(r, chunk, sizeof chunk) == REDIS_OK) fed += sizeof chunk;
    check(fed >= 10000 && fed <= 40000);
    same(r->errstr, "Input limit reached");
    redisReaderFree(r);
}

static redisContext *connected(struct peer *p) {
    peer_listen(p);
    redisContext *c = redisConnect("127.0.0.1", p->port);
    check(c != NULL && c->err == 0);
    peer_accept(p);
    return c;
}

static size_t reply_size;

static void send_two(struct peer *p) {
    static char wire[400000];
    size_t len = string_of(wire, reply_size);
    peer_send(p, wire, len);
    peer_say(p, "+OK\r\n");
}

/* However much one read brings: a reply that is too long never is complete. */
static void contexts_receive_up_to_the_limit(void) {
    for (size_t size = 50; size <= 320000; size *= 20) {
        for (size_t over = 0; over < 2; over++) {
            struct peer p;
            void *reply = NULL;
            redisContext *c = connected(&p);
            redisReaderSetMaxInput(c->reader, size);
            reply_size = size + over;
            peer_start(&p, send_two);
            int status = redisGetReply(c, &reply);
            check(status == (over ? REDIS_ERR : REDIS_OK));
            if (over) {
                check(c->err == REDIS_ERR_OOM);
                same(c->errstr, "Input limit reached");
            } else {
                freeReplyObject(reply);
                check(redisGetReply(c, &reply) == REDIS_OK);
                freeReplyObject(reply);
            }
            peer_join(&p);
            redisFree(c);
            peer_end(&p);
        }
    }
}

static void is_refused(redisContext *c, int status) {
    check(status == REDIS_ERR);
    check(errno == ENOBUFS);
    check(c->err == REDIS_ERR_OOM);
    same(c->errstr, "Output limit reached");
    errno = 0;
}

static const char PING[] = "*1\r\n$4\r\nPING\r\n";
enum { PING_LEN = sizeof PING - 1 };

/* Every way to append, up to the last byte. */
static void output_up_to_the_limit(void) {
    struct peer p;
    const char *argv[] = {"PING"};
    redisContext *c = connected(&p);
    redisSetMaxOutput(c, 10 * PING_LEN);
    for (int i = 0; i < 10; i++) {
        if (i % 3 == 0) check(redisAppendCommand(c, "PING") == REDIS_OK);
        else if (i % 3 == 1) check(redisAppendCommandArgv(c, 1, argv, NULL) == REDIS_OK);
        else check(redisAppendFormattedCommand(c, PING, PING_LEN) == REDIS_OK);
    }
    char before[10 * PING_LEN + 1];
    strcpy(before, c->obuf);
    is_refused(c, redisAppendCommand(c, "PING"));
    is_refused(c, redisAppendCommand(c, "%s", "PING"));
    is_refused(c, redisAppendCommand(c, "%d", 5));
    is_refused(c, redisAppendCommandArgv(c, 1, argv, NULL));
    is_refused(c, redisAppendFormattedCommand(c, PING, PING_LEN));
    check(sdslen(c->obuf) == 10 * PING_LEN);
    same(c->obuf, before);
    /* What was accepted is sent, and makes room. */
    for (int i = 0; i < 10; i++) peer_say(&p, "+PONG\r\n");
    for (int i = 0; i < 10; i++) {
        void *reply = NULL;
        check(redisGetReply(c, &reply) == REDIS_OK && reply != NULL);
        freeReplyObject(reply);
    }
    check(peer_swallow(&p, 10 * PING_LEN) == 10 * PING_LEN);
    check(redisAppendCommand(c, "PING") == REDIS_OK);
    redisFree(c);
    peer_end(&p);
}

/* Whatever the limit, and however the buffer has grown: what fits is taken, and nothing else. */
static void every_limit(void) {
    const char *formats[] = {"PING", "SET %s x", "%s", "LPUSH a %s %s"};
    char text[64];
    struct peer p;
    redisContext *c = connected(&p);
    for (size_t limit = 1; limit < 300; limit += getenv("UNDER_VALGRIND") ? 7 : 1) {
        redisSetMaxOutput(c, limit);
        sdsfree(c->obuf);
        c->obuf = sdsempty();
        for (unsigned i = 0; i < 40; i++) {
            const char *format = formats[(limit + i) % 4];
            char *command;
            snprintf(text, sizeof text, "%0*zu", (int)(limit * 7 + i * 11) % 60, limit);
            int len = redisFormatCommand(&command, format, text, text);
            int fits = sdslen(c->obuf) + (size_t)len <= limit;
            if (i % 3 == 0) check((redisAppendFormattedCommand(c, command, (size_t)len) == REDIS_OK) == fits);
            else check((redisAppendCommand(c, format, text, text) == REDIS_OK) == fits);
            check(sdslen(c->obuf) <= limit && c->obuf[sdslen(c->obuf)] == 0);
            redisFreeCommand(command);
        }
    }
    redisFree(c);
    peer_end(&p);
}

/* A command that is too long costs nothing, and the connection is as good as before. */
static void long_commands_are_refused(void) {
    enum { LONG = 32 << 20 };
    struct peer p;
    redisContext *c = connected(&p);
    char *value = malloc(LONG + 1);
    memset(value, 'x', LONG);
    value[LONG] = 0;
    redisSetMaxOutput(c, 100000);
    peak = held;
    size_t before = held;
    check(redisCommand(c, "SET k %s", value) == NULL);
    is_refused(c, REDIS_ERR);
    check(redisCommand(c, "SET %s %b", "k", value, (size_t)LONG) == NULL);
    is_refused(c, REDIS_ERR);
    check(redisCommand(c, "SET k %0*s", value) == NULL && c->err == REDIS_ERR_OTHER);
    check(peak - before < 300000);
    peer_say(&p, "+PONG\r\n");
    redisReply *reply = redisCommand(c, "PING");
    check(reply != NULL && c->err == 0);
    freeReplyObject(reply);
    free(value);
    redisFree(c);
    peer_end(&p);
}

/* A program with a loop of its own writes what was accepted, although a command was refused. */
static void non_blocking_output_drains(void) {
    struct peer p;
    int done = 0;
    peer_listen(&p);
    redisContext *c = redisConnectNonBlock("127.0.0.1", p.port);
    peer_accept(&p);
    redisSetMaxOutput(c, PING_LEN);
    check(redisAppendCommand(c, "PING") == REDIS_OK);
    is_refused(c, redisAppendCommand(c, "PING"));
    check(redisBufferWrite(c, &done) == REDIS_OK && done);
    check(c->err == 0 && c->errstr[0] == 0);
    check(redisAppendCommand(c, "PING") == REDIS_OK);
    is_refused(c, redisAppendCommand(c, "PING"));
    check(redisBufferRead(c) == REDIS_OK);
    /* Other errors stay. */
    check(redisAppendCommand(c, "%n", (void *)0) == REDIS_ERR && c->err == REDIS_ERR_OTHER);
    check(redisBufferWrite(c, &done) == REDIS_ERR);
    redisFree(c);
    peer_end(&p);
}

static void limits_survive_a_reconnect(void) {
    struct peer p;
    redisContext *c = connected(&p);
    redisSetMaxOutput(c, 20);
    redisReaderSetMaxInput(c->reader, 50);
    check(redisReconnect(c) == REDIS_OK);
    peer_accept(&p);
    check(redisAppendCommand(c, "PING") == REDIS_OK);
    is_refused(c, redisAppendCommand(c, "PING"));
    peer_say(&p, "$51\r\n");
    void *reply;
    check(redisGetReply(c, &reply) == REDIS_ERR);
    same(c->errstr, "Input limit reached");
    redisFree(c);
    peer_end(&p);
}

static void unlimited_by_default(void) {
    struct peer p;
    redisContext *c = connected(&p);
    for (int i = 0; i < 100000; i++) check(redisAppendCommand(c, "PING") == REDIS_OK);
    check(sdslen(c->obuf) == 100000 * PING_LEN);
    redisFree(c);
    peer_end(&p);
}

int main(int argc, char **argv) {
    static const struct test_case cases[] = {
        CASE(replies_up_to_the_limit),          CASE(many_small_replies_pass),   CASE(announced_strings_are_refused),
        CASE(trickling_arrays_are_bounded),     CASE(limits_change_in_the_middle), CASE(feeding_ends),
        CASE(contexts_receive_up_to_the_limit), CASE(output_up_to_the_limit),    CASE(every_limit), CASE(long_commands_are_refused),
        CASE(non_blocking_output_drains),       CASE(limits_survive_a_reconnect), CASE(unlimited_by_default),
    };
    int failed = run_cases(cases, sizeof cases / sizeof *cases, argc, argv);
    /* Once more, with allocators that the library does not know: the short ways to replies are closed. */
    measure_memory();
    failed |= run_cases(cases, sizeof cases / sizeof *cases, argc, argv);
    CHECK(held == 0);
    return failed;
}

/* Hostile input to the reader: what each row is refused with, what an announcement costs that is never fulfilled, and what every
 * cut of the input comes to. `docs/hostile.md` says which row stands where. */
#include "announced.h"
#include "hostile_inputs.h"
#include "measure.h"
#include <sys/socket.h>
#include <unistd.h>

/* Feeds a copy in a block of its own size, so that memcheck sees a read past it. */
static void feed(redisReader *r, const char *bytes, size_t len) {
    char *copy = malloc(len);
    memcpy(copy, bytes, len);
    CHECK(redisReaderFeed(r, copy, len) == REDIS_OK);
    free(copy);
}

static void refuse(redisReader *r, const char *errstr) {
    void *reply = r;
    for (int again = 0; again < 2; again++) {
        CHECK(redisReaderGetReply(r, &reply) == REDIS_ERR && reply == NULL && r->err == REDIS_ERR_PROTOCOL);
        if (strcmp(r->errstr, errstr) != 0) {
            fprintf(stderr, "\"%s\" instead of \"%s\"\n", r->errstr, errstr);
            exit(1);
        }
        CHECK(redisReaderFeed(r, "+OK\r\n", 5) == REDIS_ERR);
    }
    redisReaderFree(r);
}

static void waits(redisReader *r) {
    void *reply = r;
    CHECK(redisReaderGetReply(r, &reply) == REDIS_OK && reply == NULL && r->err == 0);
}

/* At the root and as an element, whole and byte by byte, by our own table and by a copy of it. */
static void broken_values(void) {
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        Input in = refused[i].input;
        for (int way = 0; way < 8; way++) {
            redisReader *r = redisReaderCreate();
            redisReplyObjectFunctions copy = *r->fn;
            if (way & 1)
                r->fn = &copy;
            if (way & 2)
                feed(r, "*3\r\n+first\r\n", 12);
            for (size_t at = 0; (way & 4) && at + 1 < in.len; at++) {
                feed(r, in.bytes + at, 1);
                if (in.bytes[0] == '$' || in.bytes[0] == '=' || at + 2 < in.len)
                    redisReaderGetReply(r, NULL);
                if (r->err != 0)
                    break;
            }
            if (r->err == 0)
                feed(r, way & 4 ? in.bytes + in.len - 1 : in.bytes, way & 4 ? 1 : in.len);
            refuse(r, refused[i].errstr);
        }
    }
}

static void long_double(void) {
    char wire[400] = ",";
    for (int digits = 325; digits <= 326; digits++) {
        memset(wire + 1, '0', (size_t)digits);
        strcpy(wire + 1 + digits, "\r\n");
        redisReader *r = redisReaderCreate();
        feed(r, wire, strlen(wire));
        if (digits == 326) {
            refuse(r, "Double value is too large");
            continue;
        }
        void *reply = NULL;
        CHECK(redisReaderGetReply(r, &reply) == REDIS_OK && ((redisReply *)reply)->len == 325);
        freeReplyObject(reply);
        redisReaderFree(r);
    }
}

static void nesting(void) {
    for (int levels = 1024; levels <= 1025; levels++) {
        redisReader *r = redisReaderCreate();
        for (int i = 0; i < levels; i++)
            feed(r, "*1\r\n", 4);
        if (levels == 1024) {
            waits(r);
            redisReaderFree(r);
        } else {
            refuse(r, "Max nesting depth exceeded");
        }
    }
}

/* A command where a reply is due, cut off behind its last type byte: waited for, however it arrives. */
static void every_split(void) {
    static const char wire[] = "*3\r\n$3\r\nSET\r\n$5\r\nhello\r\n$", rest[] = "2\r\nOK\r\n";
    enum { LEN = sizeof(wire) - 1 };
    for (size_t first = 0; first <= LEN; first++) {
        for (size_t second = first; second <= LEN; second++) {
            redisReader *r = redisReaderCreate();
            size_t cuts[] = {0, first, second, LEN};
            for (int piece = 0; piece < 3; piece++) {
                feed(r, wire + cuts[piece], cuts[piece + 1] - cuts[piece]);
                waits(r);
            }
            void *out = NULL;
            feed(r, rest, sizeof(rest) - 1);
            CHECK(redisReaderGetReply(r, &out) == REDIS_OK && out != NULL);
            redisReply *reply = out;
            CHECK(reply->elements == 3 && strcmp(reply->element[1]->str, "hello") == 0 && strcmp(reply->element[2]->str, "OK") == 0);
            freeReplyObject(reply);
            redisReaderFree(r);
        }
    }
    redisReader *r = redisReaderCreate();
    for (size_t at = 0; at < LEN; at++) {
        feed(r, wire + at, 1);
        waits(r);
    }
    redisReaderFree(r);
}

/* The payload in pieces of this size, as a socket would deliver them, or header and payload in one feed. */
enum { AT_ONCE = 0 };

static void announcements(size_t total, size_t piece) {
    for (size_t i = 0; i < sizeof(announced) / sizeof(*announced); i++) {
        const char *header = announced[i].header;
        size_t unit = strlen(announced[i].unit), times = total / unit, before = held;
        char *payload = repeated(announced[i].unit, times, header);
        redisReader *r = redisReaderCreate();
        size_t at = piece == AT_ONCE ? 0 : strlen(header), len = strlen(header) + times * unit;
        peak = held;
        CHECK(redisReaderFeed(r, payload, at) == REDIS_OK);
        waits(r);
        CHECK(peak - before < 4096 + 128 * 4);
        for (size_t next; at < len; at = next) {
            next = piece != AT_ONCE && piece < len - at ? at + piece : len;
            CHECK(redisReaderFeed(r, payload + at, next - at) == REDIS_OK);
            waits(r);
        }
        if (peak - before > allowed(len, times * announced[i].elements)) {
            fprintf(stderr, "%.24s and %zu bytes in pieces of %zu: %zu bytes held, %zu allowed\n", header, len, piece, peak - before,
                    allowed(len, times * announced[i].elements));
            exit(1);
        }
        redisReaderFree(r);
        free(payload);
        CHECK(held == before);
    }
}

/* Each level of nesting announces all it may: one after the other, and all at once before elements that seem to bear them out. */
static void nested_announcements(size_t payload) {
    static const char header[] = "*4294967295\r\n";
    enum { LEVELS = 1024, HEADER = sizeof(header) - 1 };
    char *integers = repeated(":1\r\n", payload / 4, "");
    for (int at_once = 0; at_once < 2; at_once++) {
        redisReader *r = redisReaderCreate();
        size_t before = held, len = HEADER * LEVELS, elements = LEVELS;
        peak = held;
        for (int level = 0; level < LEVELS; level++) {
            CHECK(redisReaderFeed(r, header, HEADER) == REDIS_OK);
            if (!at_once)
                waits(r);
        }
        if (at_once) {
            CHECK(redisReaderFeed(r, integers, payload) == REDIS_OK);
            len += payload;
            elements += payload / 4;
        }
        waits(r);
        CHECK(peak - before < allowed(len, elements));
        redisReaderFree(r);
    }
    free(integers);
}

/* The same through a connection, whose reads bring their own room. */
static void connection_announcements(void) {
    static const char *const trickles[] = {"$68719476736\r\n", "*4294967295\r\n", "=68719476736\r\n", "+"};
    for (size_t i = 0; i < sizeof(trickles) / sizeof(*trickles); i++) {
        int fds[2];
        void *reply = NULL;
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
        redisContext *c = redisConnectFd(fds[0]);
        size_t before = held;
        peak = held;
        CHECK(write(fds[1], trickles[i], strlen(trickles[i])) > 0);
        CHECK(redisBufferRead(c) == REDIS_OK && redisGetReplyFromReader(c, &reply) == REDIS_OK && reply == NULL);
        for (int n = 0; n < 100; n++) {
            CHECK(write(fds[1], ":1\r\n" + (i == 3), 1) == 1);
            CHECK(i == 1 ? write(fds[1], "1\r\n", 3) == 3 : 1);
            CHECK(redisBufferRead(c) == REDIS_OK && redisGetReplyFromReader(c, &reply) == REDIS_OK && reply == NULL);
        }
        if (peak - before > allowed(500, 101)) {
            fprintf(stderr, "%.16s: %zu bytes held for a trickle\n", trickles[i], peak - before);
            exit(1);
        }
        redisFree(c);
        close(fds[1]);
    }
}

/* Quadratic work would take hours. */
static const double MOST_SECONDS = 30;

static void much_at_once(const char *unit, size_t times) {
    double begun = processor_seconds();
    size_t len = strlen(unit) * times;
    char *all = repeated(unit, times, "");
    redisReader *r = redisReaderCreate();
    CHECK(redisReaderFeed(r, all, len) == REDIS_OK);
    free(all);
    for (size_t i = 0; i < times; i++) {
        void *reply = NULL;
        CHECK(redisReaderGetReply(r, &reply) == REDIS_OK && reply != NULL);
        freeReplyObject(reply);
    }
    waits(r);
    redisReaderFree(r);
    CHECK(processor_seconds() - begun < MOST_SECONDS);
}

static void one_long_line(size_t len) {
    double begun = processor_seconds();
    char piece[1024];
    redisReader *r = redisReaderCreate();
    memset(piece, 'x', sizeof piece);
    feed(r, "+", 1);
    for (size_t at = 0; at < len; at += sizeof piece) {
        CHECK(redisReaderFeed(r, piece, sizeof piece) == REDIS_OK);
        waits(r);
    }
    void *reply = NULL;
    feed(r, "\r\n", 2);
    CHECK(redisReaderGetReply(r, &reply) == REDIS_OK && ((redisReply *)reply)->len == len);
    freeReplyObject(reply);
    redisReaderFree(r);
    CHECK(processor_seconds() - begun < MOST_SECONDS);
}

int main(void) {
    measure_memory();
    int slow = getenv("UNDER_VALGRIND") || getenv("HIREDIS_ASAN");
    broken_values();
    long_double();
    nesting();
    every_split();
    announcements(slow ? 1 << 16 : 4 << 20, 16384);
    announcements(slow ? 1 << 12 : 1 << 18, 1);
    announcements(slow ? 1 << 16 : 4 << 20, AT_ONCE);
    nested_announcements(slow ? 1 << 16 : 4 << 20);
    connection_announcements();
    char bulk[1200];
    sprintf(bulk, "$1100\r\n%01100d\r\n", 0);
    much_at_once("+OK\r\n", slow ? 10000 : (16 << 20) / 5);
    much_at_once("+OK\r\n", slow ? 10000 : (64 << 20) / 5);
    much_at_once(bulk, slow ? 200 : 20000);
    one_long_line(slow ? 1 << 18 : 64 << 20);
    CHECK(held == 0);
    hiredisResetAllocators();
    return 0;
}

/* Hostile input to the reader, as far as the C library survives it: not what it allocates gigabytes for at once, nor nesting that
 * overflows its stack when it is freed. */
#include "../c/hostile_inputs.h"
#include "reply.h"

static void verdict(redisReader *r) {
    void *reply = NULL;
    int rc = redisReaderGetReply(r, &reply);
    printf(" rc %d err %d", rc, r->err);
    text(r->errstr);
    printf("%s", reply != NULL ? " a reply" : "");
    end();
    freeReplyObject(reply);
    redisReaderFree(r);
}

static redisReader *fed(const char *bytes, size_t len) {
    redisReader *r = redisReaderCreate();
    redisReaderFeed(r, bytes, len);
    return r;
}

/* Alone, and behind a whole element. */
static void refused_inputs(void) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        Input in = refused[i].input;
        printf("refused");
        bytes(in.bytes, in.len);
        printf(":");
        verdict(fed(in.bytes, in.len));
        redisReader *r = fed("*3\r\n+first\r\n", 12);
        redisReaderFeed(r, in.bytes, in.len);
        printf("element");
        bytes(in.bytes, in.len);
        printf(":");
        verdict(r);
    }
}

static void waiting(void) {
    static const char *const headers[] = {"$2147483648", "$4294967296", "$68719476736", "$9223372036854775807", "=68719476736"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        redisReader *r = fed(headers[i], strlen(headers[i]));
        redisReaderFeed(r, "\r\ntxt:", 6);
        for (int n = 0; n < 1000; n++) {
            redisReaderFeed(r, "x", 1);
            if (redisReaderGetReply(r, NULL) != REDIS_OK) break;
        }
        say("waiting.%s", headers[i]);
        verdict(r);
    }
}

static void impossible_sizes(void) {
    static const char *const headers[] = {"*2305843009213693953", "%4611686018427387904", "*9223372036854775807", "~2305843009213693953"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        redisReader *r = redisReaderCreate();
        r->maxelements = 0;
        redisReaderFeed(r, headers[i], strlen(headers[i]));
        redisReaderFeed(r, "\r\n", 2);
        say("without_limit.%s", headers[i]);
        verdict(r);
    }
}

static void nesting(void) {
    for (int levels = 1024; levels <= 1025; levels++) {
        redisReader *r = redisReaderCreate();
        for (int i = 0; i < levels; i++) redisReaderFeed(r, "*1\r\n", 4);
        say("nesting.%d", levels);
        verdict(r);
    }
}

static void long_doubles(void) {
    for (int digits = 325; digits <= 326; digits++) {
        char wire[400] = ",";
        memset(wire + 1, '0', (size_t)digits);
        strcpy(wire + 1 + digits, "\r\n");
        say("double.%d", digits);
        verdict(fed(wire, strlen(wire)));
    }
}

/* A command where a reply is due, cut off behind its last type byte, in three pieces. */
static void cut_command(void) {
    static const char wire[] = "*3\r\n$3\r\nSET\r\n$5\r\nhello\r\n$";
    enum { LEN = sizeof wire - 1 };
    int waits = 0;
    for (size_t first = 0; first <= LEN; first++)
        for (size_t second = first; second <= LEN; second++) {
            size_t cuts[] = {0, first, second, LEN};
            redisReader *r = redisReaderCreate();
            void *reply = NULL;
            for (int piece = 0; piece < 3; piece++) {
                redisReaderFeed(r, wire + cuts[piece], cuts[piece + 1] - cuts[piece]);
                if (redisReaderGetReply(r, &reply) == REDIS_OK && reply == NULL) waits++;
            }
            redisReaderFeed(r, "2\r\nOK\r\n", 7);
            if (redisReaderGetReply(r, &reply) == REDIS_OK && reply != NULL) waits += 1000;
            freeReplyObject(reply);
            redisReaderFree(r);
        }
    fact(waits, "cut_command");
}

int main(void) {
    refused_inputs();
    waiting();
    impossible_sizes();
    nesting();
    long_doubles();
    cut_command();
    return 0;
}

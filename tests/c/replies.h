/* Replies for programs that take them apart: made from wire text, filled with a pattern that shows when two blocks overlap. */
#ifndef REPLIES_H
#define REPLIES_H

#include "measure.h"

enum { LONGEST = 900 };

/* Byte `at` of a text of `len` bytes: neighbours, and texts of other lengths, differ. */
static inline char pattern(size_t len, size_t at) {
    return (char)('a' + (len * 7 + at) % 26);
}

static inline void fill(char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        text[i] = pattern(len, i);
    text[len] = '\0';
}

static inline int is_filled(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (text[i] != pattern(len, i))
            return 0;
    return text[len] == '\0';
}

/* The only reply in `wire`. */
static inline redisReply *parse_bytes(const char *wire, size_t len) {
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    CHECK(reader != NULL);
    CHECK(redisReaderFeed(reader, wire, len) == REDIS_OK && redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL);
    redisReaderFree(reader);
    return reply;
}

__attribute__((unused)) static redisReply *parse(const char *wire) {
    return parse_bytes(wire, strlen(wire));
}

/* A bulk string or, with another marker, a line. */
static inline size_t write_text(char *wire, char marker, size_t len) {
    size_t at = 0;
    if (marker == '$')
        at = (size_t)sprintf(wire, "$%zu\r\n", len);
    else
        wire[at++] = marker;
    fill(wire + at, len);
    memcpy(wire + at + len, "\r\n", 2);
    return at + len + 2;
}

/* An array of a bulk string, a status and an array of integers, all of a size that follows from `size`. */
static inline redisReply *sample(size_t size) {
    static _Thread_local char wire[3 * LONGEST + 64];
    size_t at = (size_t)sprintf(wire, "*3\r\n");
    at += write_text(wire + at, '$', size);
    at += write_text(wire + at, '+', size / 3);
    at += (size_t)sprintf(wire + at, "*%zu\r\n", size % 70);
    for (size_t i = 0; i < size % 70; i++)
        at += (size_t)sprintf(wire + at, ":%zu\r\n", i);
    return parse_bytes(wire, at);
}

static inline void check_sample(const redisReply *r, size_t size) {
    CHECK(r->type == REDIS_REPLY_ARRAY && r->elements == 3);
    CHECK(r->element[0]->type == REDIS_REPLY_STRING && r->element[0]->len == size && is_filled(r->element[0]->str, size));
    CHECK(r->element[1]->type == REDIS_REPLY_STATUS && r->element[1]->len == size / 3 && is_filled(r->element[1]->str, size / 3));
    CHECK(r->element[2]->type == REDIS_REPLY_ARRAY && r->element[2]->elements == size % 70);
    for (size_t i = 0; i < size % 70; i++)
        CHECK(r->element[2]->element[i]->type == REDIS_REPLY_INTEGER && r->element[2]->element[i]->integer == (long long)i);
}

/* Many replies of all small sizes alive at once, checked and freed out of order: blocks that were filed under a size they do not
 * have, or handed out twice, spoil one another. */
__attribute__((unused)) static void churn(void) {
    enum { COUNT = 640 };
    static _Thread_local redisReply *all[COUNT];
    size_t step = getenv("UNDER_VALGRIND") ? 13 : 1;
    for (size_t i = 0; i < COUNT; i += step)
        all[i] = sample(i);
    for (size_t i = 0; i < COUNT; i += step)
        check_sample(all[i], i);
    for (size_t odd = 0; odd < 2; odd++)
        for (size_t i = odd * step; i < COUNT; i += 2 * step)
            freeReplyObject(all[i]);
}

#endif

/* Time per byte does not grow with the input: contract section 11.13. Prints `KIND nanoseconds-per-byte
 * nanoseconds-per-byte` for 4 and 64 MiB. */
#include "measure.h"

enum { MIB = 1 << 20 };

/* All of it in one feed, reply after reply. */
static double one_feed(const char *unit, size_t unit_len, size_t bytes) {
    size_t count = bytes / unit_len;
    char *wire = malloc(count * unit_len);
    for (size_t i = 0; i < count; i++)
        memcpy(wire + i * unit_len, unit, unit_len);
    redisReader *r = redisReaderCreate();
    double start = processor_seconds();
    CHECK(redisReaderFeed(r, wire, count * unit_len) == REDIS_OK);
    for (size_t i = 0; i < count; i++) {
        void *reply = NULL;
        CHECK(redisReaderGetReply(r, &reply) == REDIS_OK && reply != NULL);
        freeReplyObject(reply);
    }
    double seconds = processor_seconds() - start;
    redisReaderFree(r);
    free(wire);
    return seconds / (double)bytes;
}

static double statuses(size_t bytes) {
    return one_feed("+OK\r\n", 5, bytes);
}

static double bulks(size_t bytes) {
    static char unit[1200];
    int head = sprintf(unit, "$1100\r\n");
    memset(unit + head, 'x', 1100);
    memcpy(unit + head + 1100, "\r\n", 2);
    return one_feed(unit, (size_t)head + 1102, bytes);
}

/* One line that does not end, 1 KiB at a time. */
static double long_line(size_t bytes) {
    char piece[1024];
    memset(piece, 'x', sizeof(piece));
    redisReader *r = redisReaderCreate();
    double start = processor_seconds();
    void *reply = NULL;
    CHECK(redisReaderFeed(r, "+", 1) == REDIS_OK);
    for (size_t at = 0; at < bytes; at += sizeof(piece)) {
        CHECK(redisReaderFeed(r, piece, sizeof(piece)) == REDIS_OK);
        CHECK(redisReaderGetReply(r, &reply) == REDIS_OK && reply == NULL);
    }
    CHECK(redisReaderFeed(r, "\r\n", 2) == REDIS_OK);
    CHECK(redisReaderGetReply(r, &reply) == REDIS_OK && reply != NULL);
    double seconds = processor_seconds() - start;
    CHECK(((redisReply *)reply)->len == bytes);
    freeReplyObject(reply);
    redisReaderFree(r);
    return seconds / (double)bytes;
}

/* One string, 16 KiB at a time. */
static double long_bulk(size_t bytes) {
    static char piece[16384];
    memset(piece, 'x', sizeof(piece));
    char head[32];
    redisReader *r = redisReaderCreate();
    double start = processor_seconds();
    void *reply = NULL;
    CHECK(redisReaderFeed(r, head, (size_t)sprintf(head, "$%zu\r\n", bytes)) == REDIS_OK);
    for (size_t at = 0; at < bytes; at += sizeof(piece)) {
        CHECK(redisReaderFeed(r, piece, sizeof(piece)) == REDIS_OK);
        CHECK(redisReaderGetReply(r, &reply) == REDIS_OK && reply == NULL);
    }
    CHECK(redisReaderFeed(r, "\r\n", 2) == REDIS_OK);
    CHECK(redisReaderGetReply(r, &reply) == REDIS_OK && reply != NULL);
    double seconds = processor_seconds() - start;
    freeReplyObject(reply);
    redisReaderFree(r);
    return seconds / (double)bytes;
}

static double best(double (*measure)(size_t), size_t bytes) {
    double least = measure(bytes);
    for (int i = 0; i < 2; i++) {
        double again = measure(bytes);
        if (again < least)
            least = again;
    }
    return least;
}

static void compare(const char *kind, double (*measure)(size_t)) {
    best(measure, MIB);
    double small = best(measure, 4 * MIB), large = best(measure, 64 * MIB);
    printf("%s %.3f %.3f\n", kind, small * 1e9, large * 1e9);
}

int main(void) {
    compare("statuses", statuses);
    compare("bulks", bulks);
    compare("long_line", long_line);
    compare("long_bulk", long_bulk);
    return 0;
}

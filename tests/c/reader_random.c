/* Valid streams with bytes changed, cut and repeated, and random bytes: any verdict will do, but it is the same however the bytes
 * arrive, and it comes without an error that memcheck sees. Contract section 2. Takes a seed and a number of streams. */
#include "measure.h"
#include <stdint.h>

static uint64_t seed = 1;

static uint32_t next(uint32_t below) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 20) % below;
}

static const char *const parts[] = {
    "+OK\r\n", "-ERR x\r\n", ":12\r\n", ":-9\r\n", "$5\r\nhello\r\n", "$0\r\n\r\n", "$-1\r\n", "_\r\n", "#t\r\n", "#f\r\n", ",1.5\r\n",
    ",-inf\r\n", "(123\r\n", "=7\r\ntxt:abc\r\n", "*2\r\n", "*1\r\n", "*0\r\n", "%1\r\n", "~2\r\n", ">1\r\n", "|1\r\n", "*3\r\n", "*-1\r\n",
};

enum { MAX = 400 };

static size_t stream(char *wire) {
    size_t len = 0;
    for (uint32_t n = 1 + next(12); n > 0 && len < MAX - 40; n--) {
        const char *part = parts[next(sizeof(parts) / sizeof(*parts))];
        memcpy(wire + len, part, strlen(part));
        len += strlen(part);
    }
    for (uint32_t n = next(4); n > 0; n--) {
        size_t at = next((uint32_t)len), piece = next((uint32_t)(len - at)) + 1;
        switch (next(5)) {
        case 0:
            wire[at] = (char)next(256);
            break;
        case 1:
            wire[at] = "\r\n*$:+-0123456789?"[next(18)];
            break;
        case 2:
            memmove(wire + at, wire + at + 1, len - at - 1);
            len -= len > 1;
            break;
        case 3:
            len -= len > piece ? piece / 4 : 0;
            break;
        default:
            if (len + piece < MAX) {
                memmove(wire + at + piece, wire + at, len - at);
                len += piece;
            }
        }
    }
    return len;
}

/* Everything about a reply that a program can see, as one number. */
static uint64_t digest(uint64_t sum, const redisReply *r) {
    uint64_t bits;
    memcpy(&bits, &r->dval, sizeof(bits));
    uint64_t facts[] = {(uint64_t)r->type, (uint64_t)r->integer, bits, r->len, r->elements, r->vtype[0]};
    for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
        sum = (sum ^ facts[i]) * 0x100000001b3u;
    for (size_t i = 0; r->str != NULL && i <= r->len; i++)
        sum = (sum ^ (unsigned char)r->str[i]) * 0x100000001b3u;
    for (size_t i = 0; i < r->elements; i++)
        sum = digest(sum, r->element[i]);
    return sum;
}

typedef struct {
    int replies, err;
    uint64_t sum;
    char errstr[128];
} Verdict;

/* Pieces of at most this many bytes, each in a block of its own size. */
static Verdict verdict(const char *wire, size_t len, uint32_t most) {
    Verdict v = {0, 0, 14695981039346656037u, ""};
    redisReader *r = redisReaderCreate();
    for (size_t at = 0; at < len;) {
        size_t piece = most == 0 ? len : 1 + next(most);
        if (piece > len - at)
            piece = len - at;
        char *copy = malloc(piece);
        memcpy(copy, wire + at, piece);
        redisReaderFeed(r, copy, piece);
        free(copy);
        at += piece;
        void *reply;
        while (redisReaderGetReply(r, &reply) == REDIS_OK && reply != NULL) {
            v.replies++;
            v.sum = digest(v.sum, reply);
            freeReplyObject(reply);
        }
    }
    v.err = r->err;
    strcpy(v.errstr, r->errstr);
    redisReaderFree(r);
    return v;
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    seed = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15u | 1;
    long count = atol(argv[2]), failed = 0, replied = 0;
    for (long n = 0; n < count; n++) {
        char wire[MAX];
        size_t len = n % 10 == 0 ? 1 + next(60) : stream(wire);
        if (n % 10 == 0)
            for (size_t i = 0; i < len; i++)
                wire[i] = (char)next(256);
        Verdict whole = verdict(wire, len, 0);
        static const uint32_t sizes[] = {1, 2, 5, 17};
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
            Verdict split = verdict(wire, len, sizes[i]);
            if (split.replies == whole.replies && split.err == whole.err && split.sum == whole.sum &&
                strcmp(split.errstr, whole.errstr) == 0)
                continue;
            fprintf(stderr, "stream %ld: %d replies, \"%s\" whole; %d replies, \"%s\" in pieces of %u\n", n, whole.replies, whole.errstr,
                    split.replies, split.errstr, sizes[i]);
            return 1;
        }
        failed += whole.err != 0;
        replied += whole.replies;
    }
    /* Both kinds must have been there. */
    CHECK(failed > count / 10 && replied > count / 2);
    return 0;
}

/* Contract section 2: the verdict does not depend on how the bytes arrive: every cut in two, byte by byte, and in threes. */
#include "reply.h"

static const struct {
    const char *key, *wire;
    size_t len;
} streams[] = {
#define IN(key, wire) {key, wire, sizeof(wire) - 1}
    IN("status", "+OK\r\n"),
    IN("error", "-ERR bad\r\n"),
    IN("integer", ":-9223372036854775808\r\n"),
    IN("bulk", "$5\r\nhello\r\n"),
    IN("bulk.crlf", "$4\r\n\r\n\r\n\r\n"),
    IN("bulk.empty", "$0\r\n\r\n"),
    IN("bulk.nil", "$-1\r\n"),
    IN("command", "*3\r\n$3\r\nSET\r\n$5\r\nhello\r\n$5\r\nworld\r\n"),
    IN("nested", "*2\r\n*2\r\n:1\r\n*1\r\n+a\r\n*0\r\n"),
    IN("deep", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"),
    IN("map", "%2\r\n+a\r\n:1\r\n$1\r\nb\r\n#t\r\n"),
    IN("set.push", ">2\r\n+message\r\n~2\r\n_\r\n#f\r\n"),
    IN("double", ",1.5e-3\r\n,inf\r\n,-nan\r\n"),
    IN("bignum.verb", "(-123\r\n=8\r\ntxt:abcd\r\n"),
    IN("pipeline", "+a\r\n:1\r\n$1\r\nb\r\n*1\r\n_\r\n-c\r\n"),
    IN("attr", "|1\r\n+a\r\n+b\r\n+OK\r\n"),
    IN("bad.type", "+OK\r\n?x\r\n"),
    IN("bad.integer", "*2\r\n:1\r\n:1x\r\n"),
    IN("bad.status", "+a\nb\r\n"),
    IN("bad.status.cr", "+a\rb\r\n"),
    IN("bad.bulk.length", "$1x\r\nabc\r\n"),
    IN("bad.bulk.negative", "*1\r\n$-2\r\n"),
    IN("bad.verb", "=4\r\nabcd\r\n"),
    IN("bad.verb.short", "=3\r\nabc\r\n"),
    IN("bad.count", "*1\r\n%x\r\n"),
    IN("bad.bool", "*1\r\n#x\r\n"),
    IN("bad.nil", "_x\r\n"),
    IN("bad.double", ",1.x\r\n"),
    IN("bad.bignum", "(1x\r\n"),
    IN("unfinished", "*3\r\n:1\r\n$4\r\nab"),
};

/* One reply in one line, appended to what was said before. */
static void render(char *out, size_t size, const redisReply *r) {
    size_t at = strlen(out);
    snprintf(out + at, size - at, " %d", r->type);
    at = strlen(out);
    if (r->str != NULL)
        for (size_t i = 0; i < r->len && at + 4 < size; i++, at = strlen(out))
            snprintf(out + at, size - at, i ? "%02x" : "/%02x", (unsigned char)r->str[i]);
    if (r->integer != 0)
        snprintf(out + at, size - at, "/%lld", r->integer);
    if (r->element != NULL) {
        strncat(out, "[", size - strlen(out) - 1);
        for (size_t i = 0; i < r->elements; i++)
            render(out, size, r->element[i]);
        strncat(out, "]", size - strlen(out) - 1);
    }
}

static void drain(redisReader *r, char *out, size_t size) {
    void *reply;
    while (redisReaderGetReply(r, &reply) == REDIS_OK && reply != NULL) {
        render(out, size, reply);
        freeReplyObject(reply);
    }
}

/* Feeds pieces that end at each of the given cuts. */
static void verdict(char *out, size_t size, const char *wire, size_t len, const size_t *cuts, size_t ncuts) {
    redisReader *r = redisReaderCreate();
    size_t from = 0;
    out[0] = '\0';
    for (size_t i = 0; i <= ncuts; i++) {
        size_t to = i < ncuts ? cuts[i] : len;
        /* A copy of its own, so that memcheck sees a read beyond the piece. */
        char *piece = malloc(to - from + 1);
        memcpy(piece, wire + from, to - from);
        redisReaderFeed(r, piece, to - from);
        free(piece);
        drain(r, out, size);
        from = to;
    }
    size_t at = strlen(out);
    snprintf(out + at, size - at, " err=%d %s rest=%zu", r->err, r->errstr, r->len - r->pos);
    redisReaderFree(r);
}

int main(void) {
    char whole[2048], cut[2048];
    for (size_t i = 0; i < sizeof(streams) / sizeof(*streams); i++) {
        const char *wire = streams[i].wire;
        size_t len = streams[i].len, all[256];
        verdict(whole, sizeof(whole), wire, len, NULL, 0);
        say("%s.whole", streams[i].key);
        printf("%s", whole);
        end();
        for (size_t at = 1; at < len; at++) {
            verdict(cut, sizeof(cut), wire, len, &at, 1);
            say("%s.cut.%zu", streams[i].key, at);
            printf(" %s", strcmp(whole, cut) == 0 ? "same" : cut);
            end();
        }
        for (size_t at = 0; at + 1 < len; at++)
            all[at] = at + 1;
        verdict(cut, sizeof(cut), wire, len, all, len - 1);
        fact(strcmp(whole, cut) == 0, "%s.bytewise.same", streams[i].key);
        int different = 0;
        for (size_t a = 1; a + 1 < len; a++)
            for (size_t b = a + 1; b < len; b += 1 + 2 * (size_t)under_valgrind()) {
                size_t two[] = {a, b};
                verdict(cut, sizeof(cut), wire, len, two, 2);
                different += strcmp(whole, cut) != 0;
            }
        fact(different, "%s.threes.different", streams[i].key);
    }
    return 0;
}

/* Contract section 2: every error, its text, and what is left of the reader afterwards. */
#include "reply.h"

static const struct {
    const char *key, *wire;
    size_t len;
} inputs[] = {
#define IN(key, wire) {key, wire, sizeof(wire) - 1}
    IN("integer.empty", ":\r\n"),
    IN("integer.plus", ":+1\r\n"),
    IN("integer.zeros", ":00\r\n"),
    IN("integer.leading.zero", ":01\r\n"),
    IN("integer.minus.zero", ":-0\r\n"),
    IN("integer.minus", ":-\r\n"),
    IN("integer.space", ": 1\r\n"),
    IN("integer.space.after", ":1 \r\n"),
    IN("integer.hex", ":0x1\r\n"),
    IN("integer.letters", ":abc\r\n"),
    IN("integer.over", ":9223372036854775808\r\n"),
    IN("integer.under", ":-9223372036854775809\r\n"),
    IN("integer.long", ":11111111111111111111111111111\r\n"),
    IN("integer.nul", ":1\0\r\n"),
    IN("nil.text", "_x\r\n"),
    IN("nil.space", "_ \r\n"),
    IN("bool.empty", "#\r\n"),
    IN("bool.x", "#x\r\n"),
    IN("bool.true", "#true\r\n"),
    IN("bool.nul.nul", "#\0\0\r\n"),
    IN("bool.1", "#1\r\n"),
    IN("bignum.plus", "(+1\r\n"),
    IN("bignum.letter", "(12a\r\n"),
    IN("bignum.minus.inside", "(1-2\r\n"),
    IN("bignum.minus.minus", "(--2\r\n"),
    IN("bignum.point", "(1.5\r\n"),
    IN("bignum.space", "(1 \r\n"),
    IN("status.lf", "+a\nb\r\n"),
    IN("status.cr", "+a\rb\r\n"),
    IN("status.cr.cr", "+a\r\r\n"),
    IN("error.lf", "-a\nb\r\n"),
    IN("error.cr", "-a\rb\r\n"),
    IN("bulk.length.empty", "$\r\n"),
    IN("bulk.length.letters", "$abc\r\n"),
    IN("bulk.length.plus", "$+1\r\n"),
    IN("bulk.length.zeros", "$05\r\nhello\r\n"),
    IN("bulk.length.over", "$9223372036854775808\r\n"),
    IN("bulk.length.space", "$5 \r\nhello\r\n"),
    IN("bulk.length.-2", "$-2\r\n"),
    IN("bulk.length.min", "$-9223372036854775808\r\n"),
    IN("bulk.stream", "$?\r\n"),
    IN("verb.length.letters", "=x\r\n"),
    IN("verb.length.-2", "=-2\r\n"),
    IN("verb.too.short", "=3\r\nabc\r\n"),
    IN("verb.zero", "=0\r\n\r\n"),
    IN("verb.no.colon", "=4\r\nabcd\r\n"),
    IN("verb.colon.late", "=6\r\nabcd:e\r\n"),
    IN("array.empty.count", "*\r\n"),
    IN("array.letters", "*x\r\n"),
    IN("array.plus", "*+1\r\n"),
    IN("array.zeros", "*01\r\n"),
    IN("array.-2", "*-2\r\n"),
    IN("array.min", "*-9223372036854775808\r\n"),
    IN("array.over", "*9223372036854775808\r\n"),
    IN("array.max", "*9223372036854775807\r\n"),
    IN("array.default.limit", "*4294967296\r\n"),
    IN("array.stream", "*?\r\n"),
    IN("map.letters", "%x\r\n"),
    IN("map.-2", "%-2\r\n"),
    IN("map.default.limit", "%4294967296\r\n"),
    IN("map.max", "%9223372036854775807\r\n"),
    IN("set.-2", "~-2\r\n"),
    IN("set.letters", "~x\r\n"),
    IN("set.default.limit", "~4294967296\r\n"),
    IN("push.-2", ">-2\r\n"),
    IN("push.letters", ">x\r\n"),
    IN("push.default.limit", ">4294967296\r\n"),
    IN("attr.-2", "|-2\r\n"),
    IN("attr.letters", "|x\r\n"),
    IN("bulk.error", "!5\r\nhello\r\n"),
    IN("end.type", ".\r\n"),
    IN("inside.array", "*2\r\n:1\r\n?\r\n"),
    IN("inside.array.integer", "*2\r\n+x\r\n:x\r\n"),
    IN("inside.nested", "*2\r\n*1\r\n$1\r\na\r\n*2\r\n:1\r\n_x\r\n"),
    IN("inside.map.value", "%1\r\n+k\r\n#x\r\n"),
    IN("inside.count", "*1\r\n*-5\r\n"),
    IN("after.reply", "+OK\r\n?"),
    IN("after.two.replies", "+OK\r\n:1\r\n:x\r\n:2\r\n"),
    IN("only.cr", "\r\n"),
};

static void sticky(const char *key, const char *wire, size_t len) {
    redisReader *r = redisReaderCreate();
    fact(redisReaderFeed(r, wire, len), "%s.feed", key);
    replies(key, r);
    fact(redisReaderFeed(r, "+OK\r\n", 5), "%s.feed.again", key);
    fact(redisReaderFeed(r, NULL, 0), "%s.feed.nothing", key);
    void *reply = r;
    fact(redisReaderGetReply(r, &reply), "%s.reply.again", key);
    fact(reply == NULL, "%s.reply.again.null", key);
    freeReplyObject(reply);
    fact(redisReaderGetReply(r, NULL), "%s.reply.no.target", key);
    redisReaderFree(r);
}

static void every_type_byte(void) {
    for (int c = 0; c < 256; c++) {
        char wire[] = {(char)c, '1', '\r', '\n'};
        char key[32];
        snprintf(key, sizeof(key), "byte.%02x", c);
        redisReader *r = redisReaderCreate();
        redisReaderFeed(r, wire, sizeof(wire));
        void *reply = NULL;
        fact(redisReaderGetReply(r, &reply), "%s.rc", key);
        freeReplyObject(reply);
        state(key, r);
        redisReaderFree(r);
    }
}

int main(void) {
    for (size_t i = 0; i < sizeof(inputs) / sizeof(*inputs); i++)
        sticky(inputs[i].key, inputs[i].wire, inputs[i].len);
    every_type_byte();
    return 0;
}

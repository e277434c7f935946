/* redisGetReply and the command functions against a scripted peer: errors, buffered replies, pushes, append family,
 * and what each leaves in the context (contract section 4, I/O). */
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/time.h>

#include "../c/hooks.h"

void __redisSetError(redisContext *c, int type, const char *str);

static struct peer p;
static void *const untouched = (void *)&p;

static redisContext *connected(int options) {
    redisOptions o = {0};
    redisContext *c;
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    o.options = options;
    c = redisConnectWithOptions(&o);
    peer_accept(&p);
    return c;
}

static void context(const char *name, redisContext *c) {
    note(name, "err %d '%s' flags 0x%x fd %s obuf %zu buffered %zu", c->err, c->errstr, c->flags, fd_is_open(c->fd) ? "open" : "closed",
         sdslen(c->obuf), c->reader->buf ? c->reader->len - c->reader->pos : 0);
}

/* One redisGetReply into a target that tells whether it was written. */
static int get(const char *name, redisContext *c) {
    void *reply = untouched;
    int rc = redisGetReply(c, &reply);
    note(name, "%d %s", rc, reply == untouched ? "untouched" : reply_text(reply));
    if (reply != untouched) freeReplyObject(reply);
    return rc;
}

static void replies(void) {
    static const struct {
        const char *name, *bytes;
    } answers[] = {
        {"status", "+OK\r\n"},
        {"error", "-ERR x\r\n"},
        {"integer", ":42\r\n"},
        {"bulk", "$5\r\nhello\r\n"},
        {"empty", "$0\r\n\r\n"},
        {"nil", "$-1\r\n"},
        {"nil3", "_\r\n"},
        {"array", "*3\r\n:1\r\n$1\r\na\r\n*1\r\n+x\r\n"},
        {"array_empty", "*0\r\n"},
        {"array_nil", "*-1\r\n"},
        {"map", "%1\r\n+k\r\n:1\r\n"},
        {"set", "~2\r\n:1\r\n:2\r\n"},
        {"double", ",3.25\r\n"},
        {"bool", "#t\r\n"},
        {"bignum", "(12345678901234567890\r\n"},
        {"verbatim", "=7\r\ntxt:abc\r\n"},
    };
    char name[64];
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        for (int style = 0; style < 4; style++) {
            const char *argv[] = {"CMD", "a\0b"};
            size_t lens[] = {3, 3};
            static const char *const styles[] = {"command", "argv", "append", "formatted"};
            redisContext *c = connected(0);
            void *r = NULL;
            begin("reply.%s.%s", answers[i].name, styles[style]);
            peer_say(&p, answers[i].bytes);
            if (style == 0) r = redisCommand(c, "CMD %s %d %b", "x y", 7, "a\0b", (size_t)3);
            if (style == 1) r = redisCommandArgv(c, 2, argv, lens);
            if (style == 2) {
                redisAppendCommand(c, "CMD %s", "x");
                redisGetReply(c, &r);
            }
            if (style == 3) {
                redisAppendFormattedCommand(c, "PING\r\n", 6);
                redisGetReply(c, &r);
            }
            note("reply", "%s", reply_text(r));
            note("heard", "%s", peer_heard(&p, 1000));
            snprintf(name, sizeof name, "context");
            context(name, c);
            freeReplyObject(r);
            redisFree(c);
        }
}

static void ended(const char *name, const char *bytes, void (*how)(struct peer *), int options) {
    redisContext *c = connected(options);
    begin("ended.%s", name);
    redisAppendCommand(c, "PING");
    redisAppendCommand(c, "PING");
    if (options & REDIS_OPT_NONBLOCK) {
        int done;
        redisBufferWrite(c, &done);
    } else {
        int done;
        redisBufferWrite(c, &done);
        note("done", "%d", done);
    }
    peer_heard(&p, 1000);
    if (bytes) peer_say(&p, bytes);
    if (how) how(&p);
    if (options & REDIS_OPT_NONBLOCK) {
        peer_ready(c->fd, POLLIN, 1000);
        note("buffer_read", "%d", redisBufferRead(c));
    }
    get("first", c);
    context("after_first", c);
    get("second", c);
    context("after_second", c);
    get("third", c);
    {
        void *r = redisCommand(c, "PING");
        note("command_later", "%s", reply_text(r));
        freeReplyObject(r);
    }
    note("append_later", "%d", redisAppendCommand(c, "PING"));
    note("buffer_read_later", "%d", redisBufferRead(c));
    {
        int done = 7;
        note("buffer_write_later", "%d", redisBufferWrite(c, &done));
        note("done_later", "%d", done);
    }
    context("end", c);
    peer_close(&p);
    redisFree(c);
}

static void errors(void) {
    static const struct {
        const char *name;
        int options;
    } modes[] = {{"block", 0}, {"nonblock", REDIS_OPT_NONBLOCK}};
    for (int m = 0; m < 2; m++) {
        char name[64];
#define ENDED(n, bytes, how) (snprintf(name, sizeof name, "%s.%s", n, modes[m].name), ended(name, bytes, how, modes[m].options))
        ENDED("eof", NULL, peer_close);
        ENDED("reset", NULL, peer_reset);
        ENDED("one_then_eof", "+1\r\n", peer_half_close);
        ENDED("two_then_eof", "+1\r\n+2\r\n", peer_half_close);
        ENDED("half_then_eof", "+1\r\n$5\r\nhe", peer_half_close);
        ENDED("three_then_eof", "+1\r\n+2\r\n+3\r\n+4\r\n", peer_half_close);
        ENDED("protocol", "@boo\r\n", peer_half_close);
        ENDED("one_then_protocol", "+1\r\n!\r\n", peer_half_close);
        ENDED("bad_integer", ":x\r\n", peer_half_close);
        ENDED("bad_bulk", "$x\r\n", peer_half_close);
        ENDED("range_bulk", "$-2\r\n", peer_half_close);
        ENDED("bad_array", "*x\r\n", peer_half_close);
        ENDED("range_array", "*-2\r\n", peer_half_close);
        ENDED("nested_bad", "*2\r\n+a\r\n:x\r\n", peer_half_close);
    }
}

static void timeouts(void) {
    struct timeval tv = {0, 30000}, never = {0, 0};
    redisContext *c = connected(0);
    begin("timeout");
    note("set", "%d", redisSetTimeout(c, tv));
    note("command", "%s", reply_text(redisCommand(c, "PING")));
    note("errno", "%s", strerror(errno));
    context("context", c);
    peer_say(&p, "+late\r\n");
    get("late", c);
    redisFree(c);

    c = connected(0);
    begin("timeout_half");
    redisSetTimeout(c, tv);
    peer_say(&p, "$5\r\nhe");
    note("command", "%s", reply_text(redisCommand(c, "PING")));
    context("context", c);
    redisFree(c);

    c = connected(0);
    begin("timeout_buffer_read");
    redisSetTimeout(c, tv);
    note("read", "%d", redisBufferRead(c));
    context("context", c);
    redisFree(c);

    c = connected(0);
    begin("timeout_write");
    redisSetTimeout(c, tv);
    {
        static char value[30000000];
        void *r = redisCommand(c, "SET k %b", value, sizeof value);
        note("command", "%s", reply_text(r));
        note("errno", "%s", strerror(errno));
        note("err", "%d '%s'", c->err, c->errstr);
        note("left", "%d", sdslen(c->obuf) > 0 && sdslen(c->obuf) < sizeof value);
    }
    redisFree(c);

    c = connected(0);
    begin("timeout_removed");
    redisSetTimeout(c, tv);
    note("remove", "%d", redisSetTimeout(c, never));
    note("stored", "%ld.%06ld", (long)c->command_timeout->tv_sec, (long)c->command_timeout->tv_usec);
    redisFree(c);

    c = connected(REDIS_OPT_NONBLOCK);
    begin("timeout_nonblock");
    note("set", "%d", redisSetTimeout(c, tv));
    note("stored", "%d", c->command_timeout != NULL);
    context("context", c);
    redisFree(c);
}

static int pushes_seen;
static void count_push(void *privdata, void *reply) {
    pushes_seen++;
    note(pushes_seen == 1 ? "push1" : pushes_seen == 2 ? "push2" : "push3", "%s privdata %s", reply_text(reply), (const char *)privdata);
    freeReplyObject(reply);
}

static void pushes(void) {
    static const struct {
        const char *name;
        int options, callback;
    } modes[] = {{"default", 0, 0},
                 {"no_autofree", REDIS_OPT_NO_PUSH_AUTOFREE, 0},
                 {"own", 0, 1},
                 {"own_no_autofree", REDIS_OPT_NO_PUSH_AUTOFREE, 1},
                 {"removed", 0, 2}};
    for (size_t m = 0; m < sizeof modes / sizeof *modes; m++) {
        redisContext *c = connected(modes[m].options);
        char mark[] = "mark";
        void *r;
        begin("push.%s", modes[m].name);
        pushes_seen = 0;
        c->privdata = mark;
        note("callback_before", "%d", c->push_cb != NULL);
        if (modes[m].callback) {
            redisPushFn *old = redisSetPushCallback(c, modes[m].callback == 1 ? count_push : NULL);
            note("old_set", "%d", old != NULL);
        }
        peer_say(&p, ">2\r\n+invalidate\r\n*1\r\n+k\r\n+PONG\r\n>1\r\n:1\r\n>0\r\n+PONG2\r\n");
        r = redisCommand(c, "PING");
        note("first", "%s", reply_text(r));
        freeReplyObject(r);
        r = redisCommand(c, "PING");
        note("second", "%s", reply_text(r));
        freeReplyObject(r);
        note("seen", "%d", pushes_seen);
        if (modes[m].callback == 2 || modes[m].options) {
            peer_say(&p, "+E\r\n+F\r\n");
            get("third", c);
            get("fourth", c);
        }
        context("context", c);
        note("same_again", "%d", redisSetPushCallback(c, count_push) != NULL);
        note("is_ours", "%d", redisSetPushCallback(c, NULL) == count_push);
        peer_say(&p, ">1\r\n+in-band\r\n");
        get("in_band", c);
        {
            void *direct = untouched;
            redisSetPushCallback(c, count_push);
            redisReaderFeed(c->reader, ">1\r\n+direct\r\n", 13);
            note("from_reader", "%d", redisGetReplyFromReader(c, &direct));
            note("from_reader_reply", "%s", reply_text(direct));
            freeReplyObject(direct);
        }
        redisFree(c);
    }
}

static void null_targets(void) {
    redisContext *c = connected(0);
    begin("null_target");
    peer_say(&p, "+1\r\n*2\r\n+a\r\n+b\r\n+3\r\n");
    redisAppendCommand(c, "A");
    note("first", "%d", redisGetReply(c, NULL));
    note("second", "%d", redisGetReply(c, NULL));
    get("third", c);
    {
        void *r = untouched;
        note("from_reader", "%d", redisGetReplyFromReader(c, &r));
        note("from_reader_target", "%s", r == untouched ? "untouched" : reply_text(r));
        redisReaderFeed(c->reader, "@", 1);
        r = untouched;
        note("from_reader_error", "%d", redisGetReplyFromReader(c, &r));
        note("from_reader_error_target", "%s", r == untouched ? "untouched" : reply_text(r));
        context("context", c);
    }
    redisFree(c);
}

static void nonblocking(void) {
    redisContext *c = connected(REDIS_OPT_NONBLOCK);
    int done = 9;
    begin("nonblock");
    note("command", "%s", reply_text(redisCommand(c, "PING")));
    context("context", c);
    get("get", c);
    note("write", "%d", redisBufferWrite(c, &done));
    note("done", "%d", done);
    note("write_empty", "%d", redisBufferWrite(c, NULL));
    note("heard", "%s", peer_heard(&p, 1000));
    note("read_nothing", "%d", redisBufferRead(c));
    peer_say(&p, "+PO");
    peer_ready(c->fd, POLLIN, 1000);
    note("read_half", "%d", redisBufferRead(c));
    get("half", c);
    peer_say(&p, "NG\r\n");
    peer_ready(c->fd, POLLIN, 1000);
    note("read_rest", "%d", redisBufferRead(c));
    get("whole", c);
    get("none", c);
    context("end", c);
    redisFree(c);
}

static void appends(void) {
    redisContext *c = connected(0);
    const char *argv[] = {"SET", "key", ""};
    size_t lens[] = {3, 3, 0};
    begin("append");
    note("command", "%d", redisAppendCommand(c, "PING"));
    note("command_args", "%d", redisAppendCommand(c, "SET %s %b", "k", "v\0w", (size_t)3));
    note("argv", "%d", redisAppendCommandArgv(c, 3, argv, lens));
    note("argv_null_lengths", "%d", redisAppendCommandArgv(c, 2, argv, NULL));
    note("formatted", "%d", redisAppendFormattedCommand(c, "anything", 8));
    note("formatted_empty", "%d", redisAppendFormattedCommand(c, "", 0));
    note("obuf", "%zu", sdslen(c->obuf));
    peer_say(&p, "+1\r\n");
    get("reply", c);
    note("heard", "%s", peer_heard(&p, 1000));
    context("context", c);
    redisFree(c);
}

/* A format that is not one: the error text, what is appended, and what it does to the connection. */
static void bad_formats(void) {
    static const char *const formats[] = {"SET %", "SET %hf", "SET %llf", "SET %1$d", "SET %z", "SET %w8d", "%n", "SET %5b"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        redisContext *c = connected(0);
        void *r;
        begin("bad_format.%zu", i);
        note("format", "%s", formats[i]);
        if (i > 0) {
            note("append", "%d", redisAppendCommand(c, formats[i], 1, 2));
            note("err", "%d '%s'", c->err, c->errstr);
            note("obuf", "%zu", sdslen(c->obuf));
            peer_say(&p, "+PONG\r\n");
            r = redisCommand(c, "PING");
            note("command_after", "%s", reply_text(r));
            freeReplyObject(r);
            note("err_after", "%d '%s'", c->err, c->errstr);
        }
        redisFree(c);
    }
}

static void set_error(void) {
    redisContext *c = connected(0);
    char longer[200];
    begin("set_error");
    __redisSetError(c, REDIS_ERR_OTHER, "text");
    note("other", "%d '%s'", c->err, c->errstr);
    __redisSetError(c, REDIS_ERR_EOF, "");
    note("empty", "%d '%s'", c->err, c->errstr);
    errno = ENOENT;
    __redisSetError(c, REDIS_ERR_IO, NULL);
    note("errno", "%d '%s'", c->err, c->errstr);
    memset(longer, 'e', sizeof longer);
    longer[199] = 0;
    __redisSetError(c, 77, longer);
    note("long", "%d %zu", c->err, strlen(c->errstr));
    longer[127] = 0;
    __redisSetError(c, 77, longer);
    note("exact", "%d %zu", c->err, strlen(c->errstr));
    c->err = 0;
    peer_say(&p, "+PONG\r\n");
    {
        void *r = redisCommand(c, "PING");
        note("cleared_by_program", "%s", reply_text(r));
        freeReplyObject(r);
    }
    redisFree(c);
}

/* Values larger than any buffer, in both directions at once. */
static void echo_large(struct peer *peer) {
    peer_swallow(peer, 20000000 + 34);
    peer_say(peer, "$20000000\r\n");
    for (int i = 0; i < 20; i++) {
        static char part[1000000];
        memset(part, 'a' + i, sizeof part);
        peer_send(peer, part, sizeof part);
    }
    peer_say(peer, "\r\n");
}
static void large(void) {
    redisContext *c = connected(0);
    static char value[20000000];
    redisReply *r;
    begin("large");
    memset(value, 'v', sizeof value);
    peer_start(&p, echo_large);
    r = redisCommand(c, "SET big %b", value, sizeof value - 1);
    peer_join(&p);
    note("type", "%d", r ? r->type : -1);
    note("len", "%zu", r ? r->len : 0);
    note("ends", "%c%c%d", r->str[0], r->str[r->len - 1], r->str[r->len]);
    context("context", c);
    freeReplyObject(r);
    redisFree(c);
}

int main(void) {
    begin("start");
    peer_listen_backlog(&p, 1000);
    replies();
    errors();
    timeouts();
    pushes();
    null_targets();
    nonblocking();
    appends();
    bad_formats();
    set_error();
    large();
    peer_end(&p);
    return 0;
}

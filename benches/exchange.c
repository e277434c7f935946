/* Commands and replies over a socket whose other end is this program's too: what the client does is counted, and neither the
 * peer nor the loop, whose part the program plays. */
#include <hiredis/async.h>

#include "collect.h"

static int peer;

/* All in one piece: the kernel keeps few small ones. */
static void peer_sends(const char *text, size_t count) {
    static char room[1 << 17];
    size_t len = strlen(text);
    CHECK(len * count <= sizeof(room));
    for (size_t i = 0; i < count; i++) memcpy(room + i * len, text, len);
    CHECK(send(peer, room, len * count, 0) == (ssize_t)(len * count));
}

static void peer_receives(size_t len) {
    static char room[1 << 20];
    CHECK(recv(peer, room, len, MSG_WAITALL) == (ssize_t)len);
}

static void sync_get(const struct work *w, long count) {
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    redisContext *c = redisConnectFd(ends[0]);
    CHECK(c != NULL && c->err == 0);
    peer = ends[1];
    (void)w;
    for (long i = 0; i < count; i++) {
        peer_sends(GET_REPLY, 1);
        begin();
        redisReply *reply = redisCommand(c, "GET %s", "bench:key");
        CHECK(reply != NULL && reply->len == strlen(VALUE));
        freeReplyObject(reply);
        end();
        peer_receives(strlen(GET_COMMAND));
    }
    redisFree(c);
}

/* The hooks of a loop that always has the socket ready. */
static int writing;
static void add_write(void *data) { (void)data, writing = 1; }
static void del_write(void *data) { (void)data, writing = 0; }
static void add_read(void *data) { (void)data; }

static redisAsyncContext *open_async(void) {
    char dir[] = "/tmp/hiredis-bench-XXXXXX", path[64];
    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/sock", dir);
    struct endpoint here = endpoint(path);
    int listener = open_socket(&here);
    CHECK(bind(listener, &here.at.any, here.len) == 0 && listen(listener, 1) == 0);
    redisAsyncContext *ac = redisAsyncConnectUnix(path);
    CHECK(ac != NULL && ac->err == 0);
    ac->ev.data = ac;
    ac->ev.addRead = add_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    redisAsyncHandleWrite(ac);
    CHECK(ac->c.flags & REDIS_CONNECTED);
    peer = accept(listener, NULL, NULL);
    CHECK(peer >= 0);
    unlink(path);
    rmdir(dir);
    close(listener);
    return ac;
}

static long answered;

static void on_message(redisAsyncContext *ac, void *answer, void *privdata) {
    redisReply *reply = answer;
    (void)ac, (void)privdata;
    if (reply == NULL) return; /* the context is being freed */
    CHECK(reply->elements == 3);
    answered++;
}

/* Messages that arrive `number` at a time. */
static void messages(const struct work *w, long count) {
    redisAsyncContext *ac = open_async();
    CHECK(redisAsyncCommand(ac, on_message, NULL, "SUBSCRIBE bench:news") == REDIS_OK);
    redisAsyncHandleWrite(ac);
    peer_sends(SUBSCRIBE_REPLY, 1);
    redisAsyncHandleRead(ac);
    CHECK(answered == 1);
    answered = 0;
    for (long i = 1; i <= count / (long)w->number; i++) {
        peer_sends(MESSAGE, w->number);
        begin();
        while (answered < i * (long)w->number) redisAsyncHandleRead(ac);
        end();
    }
    CHECK(answered == count);
    redisAsyncFree(ac);
}

/* The command that is answered is followed by the next one. */
static void on_get(redisAsyncContext *ac, void *answer, void *privdata) {
    redisReply *reply = answer;
    (void)privdata;
    if (reply == NULL) return; /* the context is being freed */
    CHECK(reply->type == REDIS_REPLY_STRING && reply->len == strlen(VALUE));
    answered++;
    CHECK(redisAsyncCommand(ac, on_get, NULL, "GET %s", "bench:key") == REDIS_OK);
}

/* `number` are in flight, and answered together. */
static void async_get(const struct work *w, long count) {
    redisAsyncContext *ac = open_async();
    long many = (long)w->number;
    for (long i = 0; i < many; i++) CHECK(redisAsyncCommand(ac, on_get, NULL, "GET %s", "bench:key") == REDIS_OK);
    while (writing) redisAsyncHandleWrite(ac);
    for (long i = 1; i <= count / many; i++) {
        peer_receives(w->number * strlen(GET_COMMAND));
        peer_sends(GET_REPLY, w->number);
        begin();
        while (answered < i * many) redisAsyncHandleRead(ac);
        while (writing) redisAsyncHandleWrite(ac);
        end();
    }
    CHECK(answered == count);
    redisAsyncFree(ac);
}

/* The same with commands that redisFormatCommand has formatted, of `text`. */
static char *formatted;
static size_t formatted_len;

static void on_formatted(redisAsyncContext *ac, void *answer, void *privdata) {
    (void)privdata;
    if (answer == NULL) return; /* the context is being freed */
    answered++;
    CHECK(redisAsyncFormattedCommand(ac, on_formatted, NULL, formatted, formatted_len) == REDIS_OK);
}

static void async_formatted(const struct work *w, long count) {
    redisAsyncContext *ac = open_async();
    long many = (long)w->number;
    int len = redisFormatCommand(&formatted, w->text);
    CHECK(len > 0);
    formatted_len = (size_t)len;
    for (long i = 0; i < many; i++) CHECK(redisAsyncFormattedCommand(ac, on_formatted, NULL, formatted, formatted_len) == REDIS_OK);
    while (writing) redisAsyncHandleWrite(ac);
    for (long i = 1; i <= count / many; i++) {
        peer_receives(w->number * formatted_len);
        peer_sends("+OK\r\n", w->number);
        begin();
        while (answered < i * many) redisAsyncHandleRead(ac);
        while (writing) redisAsyncHandleWrite(ac);
        end();
    }
    CHECK(answered == count);
    redisAsyncFree(ac);
    redisFreeCommand(formatted);
}

#define MSET "MSET key:000001 value:000001 key:000002 value:000002 key:000003 value:000003 key:000004 value:000004 key:000005 value:000005"

/* A message on each of `number` channels in turn. */
static void many_channels(const struct work *w, long count) {
    redisAsyncContext *ac = open_async();
    char text[128];
    for (size_t i = 0; i < w->number; i++) {
        CHECK(redisAsyncCommand(ac, on_message, NULL, "SUBSCRIBE channel:%06d", (int)i) == REDIS_OK);
        redisAsyncHandleWrite(ac);
        peer_receives(strlen("*2\r\n$9\r\nSUBSCRIBE\r\n$14\r\nchannel:000000\r\n"));
        snprintf(text, sizeof(text), "*3\r\n$9\r\nsubscribe\r\n$14\r\nchannel:%06zu\r\n:%zu\r\n", i, i + 1);
        peer_sends(text, 1);
        redisAsyncHandleRead(ac);
    }
    CHECK(answered == (long)w->number);
    for (long i = 0; i < count; i++) {
        size_t channel = (size_t)i * 7919 % w->number;
        snprintf(text, sizeof(text), "*3\r\n$7\r\nmessage\r\n$14\r\nchannel:%06zu\r\n$5\r\nhello\r\n", channel);
        peer_sends(text, 1);
        begin();
        redisAsyncHandleRead(ac);
        end();
    }
    CHECK(answered == (long)w->number + count);
    redisAsyncFree(ac);
}

static const struct work works[] = {
    {"sync-get", 1000, sync_get, NULL, NULL, 0},
    {"messages", 5000, messages, NULL, NULL, 200},
    {"messages-1", 1000, messages, NULL, NULL, 1},
    {"async-get-1", 1000, async_get, NULL, NULL, 1},
    {"async-get-50", 5000, async_get, NULL, NULL, 50},
    {"async-get-1000", 10000, async_get, NULL, NULL, 1000},
    {"formatted-get", 5000, async_formatted, NULL, "GET bench:key", 50},
    {"formatted-set", 5000, async_formatted, NULL, "SET bench:key 0123456789abcdef", 50},
    {"formatted-mset", 5000, async_formatted, NULL, MSET, 50},
    {"channels-10000", 2000, many_channels, NULL, NULL, 10000},
};

int main(int argc, char **argv) { return run_works(works, sizeof(works) / sizeof(*works), argc, argv); }

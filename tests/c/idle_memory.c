/* What a connection keeps when it is idle: next to nothing, whatever it has received before (docs/reader.md). */
#include "measure.h"
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_KEPT = 4096 };

static int peer;
static const char *sent;
static size_t sent_len;

static void *send_all(void *unused) {
    for (size_t at = 0; at < sent_len;) {
        ssize_t n = write(peer, sent + at, sent_len - at);
        CHECK(n > 0);
        at += (size_t)n;
    }
    return unused;
}

/* Receives `replies` replies of what is sent, frees them, and looks what is left. */
static void receive(redisContext *c, const char *what, const char *text, size_t len, int replies) {
    pthread_t sender;
    sent = text;
    sent_len = len;
    CHECK(pthread_create(&sender, NULL, send_all, NULL) == 0);
    for (int i = 0; i < replies; i++) {
        void *reply;
        CHECK(redisGetReply(c, &reply) == REDIS_OK);
        freeReplyObject(reply);
    }
    CHECK(pthread_join(sender, NULL) == 0);
    printf("%s: %zu\n", what, sdsalloc(c->reader->buf) + sdsalloc(c->obuf));
    CHECK(sdsalloc(c->reader->buf) + sdsalloc(c->obuf) <= MAX_KEPT);
}

static char *repeat(const char *head, const char *item, size_t times, size_t *len) {
    size_t head_len = strlen(head), item_len = strlen(item);
    char *text = malloc(head_len + times * item_len);
    CHECK(text != NULL);
    memcpy(text, head, head_len);
    for (size_t i = 0; i < times; i++) memcpy(text + head_len + i * item_len, item, item_len);
    *len = head_len + times * item_len;
    return text;
}

int main(void) {
    int ends[2];
    size_t len;
    measure_memory();
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    peer = ends[0];
    redisContext *c = redisConnectFd(ends[1]);
    CHECK(c != NULL && c->err == 0);
    receive(c, "status", "+OK\r\n", 5, 1);
    size_t before = held;
    for (size_t mib = 1; mib <= 4; mib *= 4) {
        char head[32];
        char *string = repeat("", "x", (mib << 20) + 32, &len);
        len = (size_t)snprintf(head, sizeof(head), "$%zu\r\n", mib << 20);
        memcpy(string, head, len);
        len += mib << 20;
        memcpy(string + len, "\r\n", 2);
        receive(c, "string", string, len + 2, 1);
        receive(c, "status", "+OK\r\n", 5, 1);
        free(string);
        snprintf(head, sizeof(head), "*%zu\r\n", mib * 50000);
        char *array = repeat(head, "$16\r\n0123456789abcdef\r\n", mib * 50000, &len);
        receive(c, "array", array, len, 1);
        receive(c, "status", "+OK\r\n", 5, 1);
        free(array);
        char *statuses = repeat("", "+OK\r\n", mib * 200000, &len);
        receive(c, "statuses", statuses, len, (int)mib * 200000);
        receive(c, "status", "+OK\r\n", 5, 1);
        free(statuses);
        CHECK(held <= before + MAX_KEPT);
    }
    redisFree(c);
    close(peer);
    CHECK(held == 0);
    return 0;
}

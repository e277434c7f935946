/* What an announcement costs of which little or nothing arrives: bytes held at most, of every malloc in the process, while the peer has sent
 * nothing more, 1 KiB or 1 MiB of what it announced. By a reader, a connection, and asynchronously: with a command pending, and subscribed.
 * Prints for each way and each size the row that comes nearest to what is allowed. */
/* cc: -D_GNU_SOURCE -fno-builtin */
#include "failing_malloc.h"

#include "announced.h"
#include "hooks.h"

enum { ROWS = sizeof announced / sizeof *announced, PIECE = 16384 };

#define CHECK(condition)                                                                                            \
    do {                                                                                                            \
        if (!(condition)) {                                                                                         \
            fprintf(stderr, "%s:%d: %s, row %zu: not so: %s\n", __FILE__, __LINE__, way, row, #condition);             \
            exit(1);                                                                                                \
        }                                                                                                           \
    } while (0)

static const char *way;
static size_t row;

/* One end of what is fed; the other is the way's. */
static redisReader *reader;
static redisContext *context;
static int peer_fd;
static struct session s;
static struct peer p;
static struct expect pending = {"pending", NULL};

static void reader_opens(void) { reader = redisReaderCreate(); }
static void reader_takes(const char *bytes, size_t len) {
    void *reply = NULL;
    CHECK(redisReaderFeed(reader, bytes, len) == REDIS_OK);
    CHECK(redisReaderGetReply(reader, &reply) == REDIS_OK && reply == NULL && reader->err == 0);
}
static void reader_ends(void) { redisReaderFree(reader); }

static void context_opens(void) {
    int fds[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    context = redisConnectFd(fds[0]);
    peer_fd = fds[1];
}
static void context_takes(const char *bytes, size_t len) {
    void *reply = NULL;
    CHECK(write(peer_fd, bytes, len) == (ssize_t)len);
    while (peer_ready(context->fd, POLLIN, 0))
        CHECK(redisBufferRead(context) == REDIS_OK && redisGetReplyFromReader(context, &reply) == REDIS_OK && reply == NULL);
}
static void context_ends(void) {
    redisFree(context);
    close(peer_fd);
}

static void async_opens(const char *command, const char *answer) {
    session_connected(&s, &p, 0);
    CHECK(ask(&s, &pending, command) == REDIS_OK);
    drive_flush(&s);
    peer_heard(&p, 1000);
    if (answer == NULL) return;
    peer_say(&p, answer);
    drive_read(&s);
    CHECK(s.ac->c.flags & REDIS_SUBSCRIBED);
}
static void pending_opens(void) { async_opens("PING", NULL); }
static void subscribing_opens(void) { async_opens("SUBSCRIBE ch", NULL); }
static void subscribed_opens(void) { async_opens("SUBSCRIBE ch", "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n"); }
static void subscribed3_opens(void) { async_opens("SUBSCRIBE ch", ">3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n"); }
static void async_takes(const char *bytes, size_t len) {
    peer_send(&p, bytes, len);
    CHECK(peer_ready(s.ac->c.fd, POLLIN, 5000));
    while (peer_ready(s.ac->c.fd, POLLIN, 0)) {
        redisAsyncHandleRead(s.ac);
        CHECK(s.ac != NULL && s.ac->err == 0);
    }
}
static void async_ends(void) {
    redisAsyncFree(s.ac);
    peer_end(&p);
}

static const struct {
    const char *name;
    void (*opens)(void), (*takes)(const char *bytes, size_t len), (*ends)(void);
} ways[] = {
    {"reader", reader_opens, reader_takes, reader_ends},
    {"connection", context_opens, context_takes, context_ends},
    {"asynchronous, PING pending", pending_opens, async_takes, async_ends},
    {"asynchronous, SUBSCRIBE pending", subscribing_opens, async_takes, async_ends},
    {"asynchronous, subscribed", subscribed_opens, async_takes, async_ends},
    {"asynchronous, subscribed, RESP3", subscribed3_opens, async_takes, async_ends},
};

static char *wire; /* the header, and as many units as fit into the payload */
static size_t wire_len, wire_elements;

/* What was held at most beyond what an open connection holds, in bytes. */
static size_t measured(size_t w) {
    way = ways[w].name;
    ways[w].opens();
    size_t before = malloc_held;
    malloc_peak = before;
    for (size_t at = 0; at < wire_len;) {
        size_t piece = at == 0 ? strlen(announced[row].header) : wire_len - at < PIECE ? wire_len - at : PIECE;
        ways[w].takes(wire + at, piece);
        at += piece;
    }
    size_t most = malloc_peak - before;
    ways[w].ends();
    return most;
}

static void size_of(size_t w, size_t payload) {
    double nearest = 0;
    size_t nearest_row = 0, nearest_bytes = 0;
    for (row = 0; row < ROWS; row++) {
        size_t times = payload / strlen(announced[row].unit);
        wire = repeated(announced[row].unit, times, announced[row].header);
        wire_len = strlen(announced[row].header) + times * strlen(announced[row].unit);
        wire_elements = times * announced[row].elements + strlen(announced[row].header) / 4;
        size_t most = measured(w), limit = allowed(wire_len, wire_elements);
        if (most > limit) fprintf(stderr, "%zu bytes held, %zu allowed\n", most, limit);
        CHECK(most <= limit);
        if ((double)most / (double)limit > nearest) {
            nearest = (double)most / (double)limit;
            nearest_row = row;
            nearest_bytes = most;
        }
        free(wire);
    }
    printf("%s, %zu bytes of payload: at most %.2f of what is allowed, %zu bytes held for ", ways[w].name, payload, nearest, nearest_bytes);
    for (const char *at = announced[nearest_row].header; *at; at++)
        if (*at != '\n') putchar(*at == '\r' ? ' ' : *at);
    printf("and %s\n", payload == 0 ? "nothing" : announced[nearest_row].elements > 0 ? "elements" : "bytes");
}

int main(void) {
    static const size_t payloads[] = {0, 1 << 10, 1 << 20};
    static char buffer[BUFSIZ];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    signal(SIGPIPE, SIG_IGN);
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
        for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) size_of(w, payloads[i]);
    return 0;
}

/* Work whose cost per byte must not grow with its size: `linear WORK MIB` does it once, checks the outcome and prints the
 * nanoseconds of processor time per byte; `linear` lists the works. MIB may be a fraction. One binary runs on either library. */
#include "../tests/c/measure.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static double began;

static void start(void) {
    began = processor_seconds();
}

static void stop(size_t bytes) {
    printf("%.3f\n", (processor_seconds() - began) * 1e9 / (double)bytes);
}

static void *next_reply(redisReader *r) {
    void *reply = NULL;
    CHECK(redisReaderGetReply(r, &reply) == REDIS_OK);
    return reply;
}

/* All of it in one feed, reply after reply. */
static void one_feed(const char *unit, size_t unit_len, size_t bytes) {
    size_t count = bytes / unit_len;
    char *wire = malloc(count * unit_len);
    for (size_t i = 0; i < count; i++)
        memcpy(wire + i * unit_len, unit, unit_len);
    redisReader *r = redisReaderCreate();
    start();
    CHECK(redisReaderFeed(r, wire, count * unit_len) == REDIS_OK);
    for (size_t i = 0; i < count; i++) {
        void *reply = next_reply(r);
        CHECK(reply != NULL);
        freeReplyObject(reply);
    }
    stop(bytes);
    CHECK(next_reply(r) == NULL);
    redisReaderFree(r);
    free(wire);
}

static void statuses(size_t bytes) {
    one_feed("+OK\r\n", 5, bytes);
}

static void bulks(size_t bytes) {
    static char unit[1200];
    int head = sprintf(unit, "$1100\r\n");
    memset(unit + head, 'x', 1100);
    memcpy(unit + head + 1100, "\r\n", 2);
    one_feed(unit, (size_t)head + 1102, bytes);
}

/* One reply, fed in pieces. */
static void one_reply(const char *head, size_t bytes, size_t piece_len) {
    static char piece[16384];
    memset(piece, 'x', sizeof(piece));
    redisReader *r = redisReaderCreate();
    start();
    CHECK(redisReaderFeed(r, head, strlen(head)) == REDIS_OK);
    for (size_t at = 0; at < bytes; at += piece_len) {
        CHECK(redisReaderFeed(r, piece, piece_len) == REDIS_OK);
        CHECK(next_reply(r) == NULL);
    }
    CHECK(redisReaderFeed(r, "\r\n", 2) == REDIS_OK);
    redisReply *reply = next_reply(r);
    CHECK(reply != NULL && reply->len == bytes);
    freeReplyObject(reply);
    stop(bytes);
    redisReaderFree(r);
}

static void long_line(size_t bytes) {
    one_reply("+", bytes, 1024);
}

/* As a read of the C library's delivers it. */
static void long_line_read(size_t bytes) {
    one_reply("+", bytes, 16384);
}

static void long_bulk(size_t bytes) {
    char head[32];
    snprintf(head, sizeof(head), "$%zu\r\n", bytes);
    one_reply(head, bytes, 16384);
}

/* Pipelined output: SETs of 1 KiB each, sent while the peer reads 4 KiB at a time through a small socket buffer, so that
 * nearly every write is a partial one. */
enum { COMMAND = 1024, HEAD = 42, VALUE = COMMAND - HEAD - 2, SOCKET_BUFFER = 16384 };

static void command(size_t n, char *into) {
    int head = sprintf(into, "*3\r\n$3\r\nSET\r\n$16\r\nkey:%012zu\r\n$%d\r\n", n, VALUE);
    CHECK(head == HEAD);
    memset(into + HEAD, 'a' + (int)(n % 26), VALUE);
    memcpy(into + HEAD + VALUE, "\r\n", 2);
}

static void receive(int fd, char *into, size_t len) {
    while (len > 0) {
        ssize_t n = read(fd, into, len < 4096 ? len : 4096);
        CHECK(n > 0);
        into += n;
        len -= (size_t)n;
    }
}

static const char *program; /* as it was called; /proc/self/exe is valgrind's below valgrind */

/* The peer, a process of its own program: whoever counts our instructions does not count its. */
static int receive_commands(int fd, size_t count) {
    char expected[COMMAND + 1], got[4 * COMMAND];
    for (size_t i = 0; i < count; i++) {
        if (i % 4 == 0)
            receive(fd, got, (count - i < 4 ? count - i : 4) * COMMAND);
        command(i, expected);
        CHECK(memcmp(got + i % 4 * COMMAND, expected, COMMAND) == 0);
    }
    CHECK(read(fd, got, 1) == 0);
    return 0;
}

static pid_t start_peer(int ours, int theirs, size_t count) {
    char fd[16], number[32];
    snprintf(fd, sizeof(fd), "%d", theirs);
    snprintf(number, sizeof(number), "%zu", count);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(ours);
        execl(program, program, "peer", fd, number, (char *)NULL);
        _exit(1);
    }
    close(theirs);
    return pid;
}

static void output(size_t bytes) {
    static char value[VALUE];
    int ends[2], size = SOCKET_BUFFER, status, done = 0;
    size_t count = bytes / COMMAND;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == 0);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    pid_t peer = start_peer(ends[0], ends[1], count);
    redisOptions options = {.type = REDIS_CONN_USERFD, .options = REDIS_OPT_NONBLOCK, .endpoint.fd = ends[0]};
    redisContext *c = redisConnectWithOptions(&options);
    CHECK(c != NULL && c->err == 0);
    start();
    for (size_t i = 0; i < count; i++) {
        memset(value, 'a' + (int)(i % 26), VALUE);
        CHECK(redisAppendCommand(c, "SET key:%012llu %b", (unsigned long long)i, value, (size_t)VALUE) == REDIS_OK);
    }
    CHECK(sdslen(c->obuf) == count * COMMAND);
    while (!done) {
        struct pollfd f = {.fd = c->fd, .events = POLLOUT};
        CHECK(poll(&f, 1, 10000) == 1);
        CHECK(redisBufferWrite(c, &done) == REDIS_OK);
    }
    stop(bytes);
    redisFree(c);
    CHECK(waitpid(peer, &status, 0) == peer && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const struct {
    const char *name;
    void (*work)(size_t bytes);
} works[] = {{"statuses", statuses},   {"bulks", bulks},   {"long-line", long_line}, {"long-line-read", long_line_read},
             {"long-bulk", long_bulk}, {"output", output}};

int main(int argc, char **argv) {
    program = argv[0];
    if (argc == 4 && strcmp(argv[1], "peer") == 0)
        return receive_commands(atoi(argv[2]), (size_t)atol(argv[3]));
    for (size_t i = 0; i < sizeof(works) / sizeof(*works); i++) {
        if (argc == 1)
            puts(works[i].name);
        if (argc == 3 && strcmp(works[i].name, argv[1]) == 0) {
            works[i].work((size_t)(atof(argv[2]) * (1 << 20)));
            return 0;
        }
    }
    return argc != 1;
}

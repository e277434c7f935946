/* What synchronous contexts do beyond the C library that tests compare with: nesting limits, attributes, one deadline for
 * all addresses, empty commands. */
#include <netdb.h>
#include <time.h>

#include "cases.h"
#include "hooks.h"

static struct peer p;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static redisContext *connected(void) {
    redisContext *c;
    peer_listen(&p);
    c = redisConnect("127.0.0.1", p.port);
    check(c->err == 0);
    peer_accept(&p);
    return c;
}
static void close_all(redisContext *c) {
    redisFree(c);
    peer_end(&p);
}

/* The library calls these; while nothing is set they do what libc's do. */
static int recv_errno, send_errno, send_leaves_one;
ssize_t recv(int fd, void *place, size_t room, int flags) {
    if (recv_errno == 0) return recvfrom(fd, place, room, flags, NULL, NULL);
    errno = recv_errno;
    return -1;
}
ssize_t send(int fd, const void *bytes, size_t len, int flags) {
    if (send_errno == 0) return sendto(fd, bytes, len - (size_t)send_leaves_one, flags, NULL, 0);
    errno = send_errno;
    return -1;
}

/* Every name resolves to these three. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    static const char *const several[] = {"127.0.0.2", "127.0.0.3", "127.0.0.4"};
    static struct addrinfo info[3];
    static struct sockaddr_in address[3];
    (void)hints;
    for (int i = 0; i < 3; i++) {
        address[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(service))};
        inet_pton(AF_INET, node && node[0] == '1' ? node : several[i], &address[i].sin_addr);
        info[i] = (struct addrinfo){.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_addrlen = sizeof address[i]};
        info[i].ai_addr = (struct sockaddr *)&address[i];
        info[i].ai_next = i < 2 && node && node[0] != '1' ? &info[i + 1] : NULL;
    }
    *result = info;
    return 0;
}
void freeaddrinfo(struct addrinfo *list) { (void)list; }

/* Listens on ADDRESS:PORT with a backlog that is full. */
static int unanswering(const char *address, int *port, int *fill) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, address, &a.sin_addr);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 0) || getsockname(fd, (struct sockaddr *)&a, &len)) peer_die("listen");
    *port = ntohs(a.sin_port);
    for (int i = 0; i < 4; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fill[i], (struct sockaddr *)&a, sizeof a);
    }
    return fd;
}

static void one_deadline_for_all_addresses(void) {
    struct timeval tv = {0, 300000};
    int port = 0, fill[12], fds[3];
    double start;
    redisContext *c;
    fds[0] = unanswering("127.0.0.2", &port, fill);
    fds[1] = unanswering("127.0.0.3", &port, fill + 4);
    fds[2] = unanswering("127.0.0.4", &port, fill + 8);
    start = now();
    c = redisConnectWithTimeout("several.example", port, tv);
    check(c->err == REDIS_ERR_IO);
    same(c->errstr, "Connection timed out");
    check(now() - start >= 0.29);
    check(now() - start < 0.6);
    redisFree(c);
    for (int i = 0; i < 12; i++) close(fill[i]);
    for (int i = 0; i < 3; i++) close(fds[i]);
}

static void nesting_is_limited(void) {
    redisContext *c = connected();
    for (int i = 0; i < 1024; i++) peer_say(&p, "*1\r\n");
    peer_say(&p, ":1\r\n");
    redisAppendCommand(c, "PING");
    {
        redisReply *r = NULL;
        check(redisGetReply(c, (void **)&r) == REDIS_OK && r);
        freeReplyObject(r);
    }
    for (int i = 0; i < 1025; i++) peer_say(&p, "*1\r\n");
    check(redisGetReply(c, NULL) == REDIS_ERR);
    check(c->err == REDIS_ERR_PROTOCOL);
    same(c->errstr, "Max nesting depth exceeded");
    close_all(c);
    c = connected();
    c->reader->maxdepth = 2;
    peer_say(&p, "*1\r\n*1\r\n*1\r\n:1\r\n");
    check(redisCommand(c, "PING") == NULL);
    same(c->errstr, "Max nesting depth exceeded");
    close_all(c);
}

static void attributes_are_in_band(void) {
    redisContext *c = connected();
    redisReply *r;
    peer_say(&p, "|1\r\n$1\r\na\r\n$1\r\nb\r\n+PONG\r\n");
    r = redisCommand(c, "PING");
    check(r && r->type == REDIS_REPLY_ATTR && r->elements == 2);
    freeReplyObject(r);
    check(redisGetReply(c, (void **)&r) == REDIS_OK);
    same(r->str, "PONG");
    freeReplyObject(r);
    close_all(c);
}

/* Nothing answers an empty command: whoever waited for that would wait forever. */
static void empty_commands_do_not_hang(void) {
    const char *argv[] = {"X"};
    redisContext *c = connected();
    redisReply *r;
    struct timeval tv = {1, 0};
    double start = now();
    redisSetTimeout(c, tv);
    check(redisCommandArgv(c, -1, argv, NULL) == NULL);
    check(redisCommandArgv(c, 0, argv, NULL) == NULL);
    check(redisCommand(c, "") == NULL);
    check(redisCommand(c, "   ") == NULL);
    check(now() - start < 0.5);
    peer_say(&p, "+PONG\r\n");
    r = redisCommand(c, "PING");
    check(r != NULL);
    freeReplyObject(r);
    close_all(c);
}

/* What becomes of each errno of recv and send, as contract section 4 says; 0: it is tried again. */
static void errors_of_the_socket(void) {
    static const struct {
        int number, blocking, when_reading, when_writing;
        const char *text;
    } rows[] = {
        {EINTR, 1, 0, 0, ""},
        {EINTR, 0, 0, 0, ""},
        {EAGAIN, 1, REDIS_ERR_IO, REDIS_ERR_IO, "Resource temporarily unavailable"},
        {EAGAIN, 0, 0, 0, ""},
        {ETIMEDOUT, 1, REDIS_ERR_TIMEOUT, REDIS_ERR_IO, "recv timeout"},
        {ETIMEDOUT, 0, REDIS_ERR_IO, REDIS_ERR_IO, "Connection timed out"},
        {ECONNRESET, 1, REDIS_ERR_IO, REDIS_ERR_IO, "Connection reset by peer"},
        {ECONNRESET, 0, REDIS_ERR_IO, REDIS_ERR_IO, "Connection reset by peer"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int writing = 0; writing < 2; writing++) {
            redisContext *c = connected();
            int done, wanted = writing ? rows[i].when_writing : rows[i].when_reading;
            if (!rows[i].blocking) c->flags &= ~REDIS_BLOCK;
            check(redisAppendCommand(c, "PING") == REDIS_OK);
            *(writing ? &send_errno : &recv_errno) = rows[i].number;
            check((writing ? redisBufferWrite(c, &done) : redisBufferRead(c)) == (wanted ? REDIS_ERR : REDIS_OK));
            if (wanted) check(errno == rows[i].number);
            recv_errno = send_errno = 0;
            check(c->err == wanted);
            if (wanted == rows[i].when_reading) same(c->errstr, rows[i].text);
            close_all(c);
        }
    }
}

static void one_byte_is_left(void) {
    redisContext *c = connected();
    int done = 1;
    check(redisAppendCommand(c, "PING") == REDIS_OK);
    send_leaves_one = 1;
    check(redisBufferWrite(c, &done) == REDIS_OK && !done && sdslen(c->obuf) == 1);
    send_leaves_one = 0;
    check(redisBufferWrite(c, &done) == REDIS_OK && done && sdslen(c->obuf) == 0);
    same(peer_heard(&p, 1000), "*1 $4 PING");
    close_all(c);
}

/* A context that does not block sends and reads when the program says so. */
static void no_reply_is_waited_for_without_blocking(void) {
    void *reply = &reply;
    peer_listen(&p);
    redisContext *c = redisConnectNonBlock("127.0.0.1", p.port);
    peer_accept(&p);
    check(redisAppendCommand(c, "PING") == REDIS_OK);
    peer_say(&p, "+PONG\r\n");
    check(redisGetReply(c, &reply) == REDIS_OK && reply == NULL);
    check(sdslen(c->obuf) > 0 && c->reader->len == 0 && c->err == 0);
    close_all(c);
}

static const struct test_case cases[] = {
    CASE(one_deadline_for_all_addresses),
    CASE(nesting_is_limited),
    CASE(attributes_are_in_band),
    CASE(empty_commands_do_not_hang),
    CASE(errors_of_the_socket),
    CASE(one_byte_is_left),
    CASE(no_reply_is_waited_for_without_blocking),
};

int main(int argc, char **argv) {
    return run_cases(cases, sizeof cases / sizeof *cases, argc, argv);
}

/* Every kind of error that a blocking context can have, and then a program whose `errno` is of something else: whatever it calls next, no
 * command gets another's reply, and the context stays as it is. One line for each error and kind of connection. */
/* cc: -lhiredis_ssl -lssl -lcrypto -lpthread -D_GNU_SOURCE */
#include "tls_peer.h"

#include <netinet/tcp.h>
#include <semaphore.h>

void __redisSetError(redisContext *c, int type, const char *text);
/* The C library has none. */
#pragma weak redisReaderSetMaxInput
#pragma weak redisSetMaxOutput

enum over { TCP, UNIX, TLS, TRANSPORTS };
static const char *const transports[] = {"tcp", "unix", "tls"};
static const int foreign[] = {0, EPIPE, ECONNRESET, EAGAIN, EINTR, ETIMEDOUT, EINPROGRESS, 9999};
enum { FOREIGN = sizeof foreign / sizeof *foreign, HUGE = 8 << 20 };

/* The server: what it says at once, what it says after the error, and how it goes on. */
struct kind {
    const char *name, *at_once;
    enum { SAYS_LATER, CLOSES, RESETS, HEARS_LATER } then;
    const char *later;
    void (*provoke)(redisContext *c);
    int ours_alone;
};

static const struct kind *kind;
static enum over over;
static struct peer p;
static SSL_CTX *server;
static redisSSLContext *tls;
static sem_t failed, said;

static void server_script(struct peer *peer) {
    static char waste[65536];
    char ping[14];
    SSL *ssl = NULL;
    if (over == TLS) check((ssl = server_accept(peer, server)) != NULL);
    else peer_accept(peer);
    if (kind->then != HEARS_LATER) check(ssl ? server_hears_ping(ssl) : peer_read(peer, ping, 14) == 14);
    if (kind->at_once && ssl) server_says(ssl, kind->at_once);
    if (kind->at_once && !ssl) peer_say(peer, kind->at_once);
    if (kind->then == CLOSES) peer_close(peer);
    if (kind->then == RESETS) peer_reset(peer);
    if (peer->fd < 0) sem_post(&said);
    sem_wait(&failed);
    while (kind->then == HEARS_LATER && peer_ready(peer->fd, POLLIN, 50) && peer_swallow_present(peer)) {}
    if (kind->later && ssl) server_says(ssl, kind->later);
    if (kind->later && !ssl) peer_say(peer, kind->later);
    if (peer->fd >= 0) sem_post(&said);
    while (peer->fd >= 0 && peer_ready(peer->fd, POLLIN, 20000) && recv(peer->fd, waste, sizeof waste, 0) > 0) {}
    SSL_free(ssl);
    ERR_clear_error();
}

/* Allocators that fail for large blocks. */
static int scarce;
static void *scarce_malloc(size_t size) { return scarce && size > 1000 ? NULL : malloc(size); }
static void *scarce_calloc(size_t n, size_t size) { return scarce && n * size > 1000 ? NULL : calloc(n, size); }
static void *scarce_realloc(void *block, size_t size) { return scarce && size > 1000 ? NULL : realloc(block, size); }
static hiredisAllocFuncs scarcity = {scarce_malloc, scarce_calloc, scarce_realloc, strdup, free};

/* What makes the context fail, after its PING has been sent. */
static void wait_for_reply(redisContext *c) { check(redisGetReply(c, NULL) == REDIS_ERR); }
static void without_memory(redisContext *c) {
    scarce = 1;
    wait_for_reply(c);
    scarce = 0;
}
static void with_limit(redisContext *c) {
    redisReaderSetMaxInput(c->reader, 64);
    wait_for_reply(c);
}
static void write_twice(redisContext *c) {
    int ended = 0;
    sem_wait(&said);
    sem_post(&said);
    for (int i = 0; i < 100 && !ended; i++) {
        usleep(5000);
        redisAppendCommand(c, "PING");
        ended = redisBufferWrite(c, NULL) != REDIS_OK;
    }
    check(ended);
}
static void write_much(redisContext *c) {
    char *much = calloc(1, HUGE);
    check(redisCommand(c, "SET x %b", much, (size_t)HUGE) == NULL);
    free(much);
}
static void of_the_program(redisContext *c) { __redisSetError(c, REDIS_ERR_IO, "the program's"); }
static void of_errno(redisContext *c) {
    errno = EPIPE;
    __redisSetError(c, REDIS_ERR_IO, NULL);
}
static void half_close(redisContext *c) {
    shutdown(c->fd, SHUT_WR);
    redisAppendCommand(c, "PING");
    wait_for_reply(c);
}

#define LATE "$4\r\nlate\r\n"
static char large[20000 + 16]; /* a string, as it is sent */
static const struct kind kinds[] = {
    {"timeout", NULL, SAYS_LATER, LATE, wait_for_reply, 0},
    {"timeout within a reply", "$8\r\nhalf", SAYS_LATER, "late\r\n", wait_for_reply, 0},
    {"timeout in a write", NULL, HEARS_LATER, LATE, write_much, 0},
    {"end", NULL, CLOSES, NULL, wait_for_reply, 0},
    {"end within a reply", "$8\r\nhalf", CLOSES, NULL, wait_for_reply, 0},
    {"reset", NULL, RESETS, NULL, wait_for_reply, 0},
    {"end, found by a write", NULL, CLOSES, NULL, write_twice, 0},
    {"end behind a reply, found by a write", LATE, CLOSES, NULL, write_twice, 0},
    {"nothing to be sent any more", NULL, SAYS_LATER, LATE, half_close, 0},
    {"no protocol", "?\r\n" LATE, SAYS_LATER, LATE, wait_for_reply, 0},
    {"a bad number", ":x\r\n" LATE, SAYS_LATER, LATE, wait_for_reply, 0},
    {"too many elements", "*99999999999\r\n" LATE, SAYS_LATER, LATE, wait_for_reply, 0},
    {"no memory", large, SAYS_LATER, LATE, without_memory, 0},
    {"beyond the input limit", large, SAYS_LATER, LATE, with_limit, 1},
    {"the program's own", NULL, SAYS_LATER, LATE, of_the_program, 0},
    {"the program's, of errno", NULL, SAYS_LATER, LATE, of_errno, 0},
};

static redisContext *connected(void) {
    redisContext *c = over == UNIX ? redisConnectUnix(p.path) : redisConnect("127.0.0.1", p.port);
    int done = 0;
    check(c && c->err == 0);
    if (over == TLS) check(redisInitiateSSLWithContext(c, tls) == REDIS_OK);
    check(redisSetTimeout(c, in_ms(strstr(kind->name, "timeout") ? 50 : 20000)) == REDIS_OK);
    if (kind->then == HEARS_LATER) return c;
    check(redisAppendCommand(c, "PING") == REDIS_OK);
    while (!done) check(redisBufferWrite(c, &done) == REDIS_OK);
    return c;
}

static const char *told(const void *reply) { return reply == NULL ? "NULL" : ((const redisReply *)reply)->str; }

/* Everything that a program may call next. Whatever has arrived stays where it is: nothing of it is for these commands. */
static void calls(redisContext *c, int number, char *line, size_t room) {
    const char *argv[] = {"GET", "b"};
    int rcs[6] = {0}, done = 7;
    void *reply[3] = {NULL, NULL, NULL}, *r;
    errno = number;
    reply[0] = redisCommand(c, "GET b");
    errno = number;
    reply[1] = redisCommandArgv(c, 2, argv, NULL);
    errno = number;
    rcs[0] = redisAppendCommand(c, "GET b");
    errno = number;
    rcs[1] = redisGetReply(c, &reply[2]);
    errno = number;
    rcs[2] = redisBufferRead(c);
    errno = number;
    rcs[3] = redisBufferWrite(c, &done);
    errno = number;
    rcs[4] = redisGetReplyFromReader(c, &r);
    if (rcs[4] == REDIS_OK && r != NULL) rcs[4] = 99;
    errno = number;
    rcs[5] = redisGetReply(c, &reply[2]);
    snprintf(line, room, "command %s, %s; append %d; get %d %s, %d; read %d; write %d; reader %d; err %d %s", told(reply[0]), told(reply[1]), rcs[0],
        rcs[1], told(reply[2]), rcs[5], rcs[2], rcs[3], rcs[4], c->err, over == TLS ? "" : c->errstr);
}

static void fail_and_go_on(char lines[FOREIGN][512]) {
    for (int i = 0; i < FOREIGN; i++) {
        redisContext *c;
        int err;
        char errstr[128];
        sem_init(&failed, 0, 0);
        sem_init(&said, 0, 0);
        if (over == UNIX) peer_listen_unix(&p, "stale-errno", 8);
        else peer_listen(&p);
        peer_start(&p, server_script);
        c = connected();
        kind->provoke(c);
        check(c->err != 0);
        err = c->err;
        memcpy(errstr, c->errstr, sizeof errstr);
        sem_post(&failed);
        sem_wait(&said);
        usleep(2000);
        calls(c, foreign[i], lines[i], sizeof lines[i]);
        check(c->err == err && strcmp(c->errstr, errstr) == 0);
        redisFree(c);
        peer_join(&p);
        peer_end(&p);
    }
}

/* A command that was refused before anything of it was sent leaves the connection as it was. */
static void refused(void) {
    for (int limit = 0; limit < 2; limit++)
        for (int i = 0; i < FOREIGN; i++) {
            redisContext *c;
            peer_listen(&p);
            c = redisConnect("127.0.0.1", p.port);
            peer_accept(&p);
            if (limit) redisSetMaxOutput(c, 40);
            check(redisAppendCommand(c, limit ? "SET 0123456789012345678901234567890123456789 x" : "GET %y") == REDIS_ERR || c->err != 0);
            peer_say(&p, "$3\r\nown\r\n");
            errno = foreign[i];
            redisReply *reply = redisCommand(c, "GET b");
            check(reply && strcmp(reply->str, "own") == 0 && c->err == 0);
            check(strcmp(peer_heard(&p, 1000), "*2 $3 GET $1 b") == 0);
            freeReplyObject(reply);
            redisFree(c);
            peer_end(&p);
        }
}

int main(void) {
    static char lines[FOREIGN][512];
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    check(hiredisSetAllocators(&scarcity).mallocFn != NULL);
    tls = trusting("ca.pem", NULL);
    server = server_context(0);
    snprintf(large, sizeof large, "$20000\r\n%020000d\r\n", 0);
    for (int i = 0; i < (int)(sizeof kinds / sizeof *kinds); i++)
        for (int j = 0; j < TRANSPORTS; j++) {
            kind = &kinds[i];
            over = (enum over)j;
            if (kind->ours_alone && over_the_c_core()) continue;
            fail_and_go_on(lines);
            printf("%s over %s: %s\n", kind->name, transports[j], lines[0]);
            for (int k = 1; k < FOREIGN; k++)
                if (strcmp(lines[k], lines[0]) != 0) printf("%s over %s, errno %d: %s\n", kind->name, transports[j], foreign[k], lines[k]);
        }
    if (!over_the_c_core()) refused();
    SSL_CTX_free(server);
    redisFreeSSLContext(tls);
    hiredisResetAllocators();
    return 0;
}

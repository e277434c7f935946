/* What a server has said before it ends the connection reaches the program, however it ends it, and whether that is found by reading or
 * by writing: blocking, and on three loops. */
/* cc: -lhiredis_ssl -lssl -lcrypto -lpthread -levent -D_GNU_SOURCE */
#include "tls_peer.h"

#include <hiredis/adapters/libevent.h>
#include <hiredis/adapters/mio.h>
#include <linux/sockios.h>
#include <semaphore.h>
#include <sys/ioctl.h>

/* The C core has no such loop. */
#pragma weak redisMioLoopCreate
#pragma weak redisMioLoopFree
#pragma weak redisMioAttach
#pragma weak redisMioRunOnce

enum end { GOODBYE, CLOSE, RESET, ALERT, ENDS };
enum { BY_HAND, LIBEVENT, MIO, LOOPS };
enum { RECORD = 16384, LARGEST = 16 * RECORD + 2 };

static redisSSLContext *tls;
static SSL_CTX *server;
static struct peer p;
static sem_t asked, over, client_done;
static enum end how;
static int size; /* of the encoded reply */

/* A string of which the encoded reply is `size` bytes. */
static int payload(void) {
    char head[16];
    int len = size;
    while (snprintf(head, sizeof head, "$%d\r\n", len) + len + 2 > size) len--;
    check(snprintf(head, sizeof head, "$%d\r\n", len) + len + 2 == size);
    return len;
}

/* Everything is on its way, which is short: a reset would keep back what is not. */
static void until_sent(int fd) {
    int left = 1;
    for (int i = 0; i < 10000 && ioctl(fd, SIOCOUTQNSD, &left) == 0 && left > 0; i++) usleep(1000);
    check(left == 0);
}

static void answers_and_ends(struct peer *peer) {
    static char reply[LARGEST + 1];
    SSL *ssl = server_accept(peer, server);
    char byte;
    int head;
    check(ssl != NULL && server_hears_ping(ssl));
    sem_wait(&asked);
    head = snprintf(reply, sizeof reply, "$%d\r\n", payload());
    memset(reply + head, 'x', (size_t)payload());
    memcpy(reply + size - 2, "\r\n", 2);
    check(SSL_write(ssl, reply, size) == size);
    if (how == GOODBYE) SSL_shutdown(ssl);
    if (how == ALERT) check(SSL_read(ssl, &byte, 1) <= 0); /* OpenSSL tells the client why */
    if (how == RESET) {
        until_sent(peer->fd);
        peer_reset(peer);
    } else {
        peer_close(peer);
    }
    SSL_free(ssl);
    ERR_clear_error();
    sem_post(&over);
}

static void begin(enum end end, int reply) {
    how = end;
    size = reply;
    sem_init(&asked, 0, 0);
    sem_init(&over, 0, 0);
    peer_listen(&p);
    peer_start(&p, answers_and_ends);
}

static void end(void) {
    peer_join(&p);
    peer_end(&p);
    sem_destroy(&over);
}

/* The client does nothing until the server has ended, for as long as `ms` at most: its socket may not hold the reply. */
static void hold_up(int ms) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += ms / 1000, t.tv_nsec += ms % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000L) t.tv_sec++, t.tv_nsec -= 1000000000L;
    while (sem_timedwait(&over, &t) != 0 && errno == EINTR) {}
}

static void make_room(int fd) {
    int room = 1 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
}

/* The command is sent: what the server has to say comes from here on, an alert if something that is no TLS follows. */
static void have_answered(int fd) {
    static const char nothing[] = "\x17\x03\x03\x00\x20" "0123456789abcdef0123456789abcdef";
    if (how == ALERT) check(send(fd, nothing, 37, MSG_NOSIGNAL) == 37);
    sem_post(&asked);
}

/* What the program is told behind the reply. */
static void as_it_ended(int err, const char *text, int writing) {
    int right = err == REDIS_ERR_EOF && strcmp(text, "Server closed the connection") == 0;
    if (how == RESET) right = err == REDIS_ERR_IO && strcmp(text, "Connection reset by peer") == 0;
    if (writing && how != ALERT) right = err == REDIS_ERR_IO && (how == RESET || strcmp(text, "Broken pipe") == 0);
    if (how == ALERT) right = err == REDIS_ERR_IO && strstr(text, "SSL_read failed: ") == text && strstr(text, "alert bad record mac");
    if (!right) fprintf(stderr, "end %d, %d bytes, writing %d: err %d %s\n", (int)how, size, writing, err, text);
    check(right);
}

static void took(redisContext *c, redisReply *reply) {
    if (reply == NULL) fprintf(stderr, "end %d, %d bytes: err %d %s\n", (int)how, size, c->err, c->errstr);
    check(reply != NULL && reply->len == (size_t)payload() && c->err == 0);
    freeReplyObject(reply);
}

/* Blocking. */

static void block(enum end e, int reply, int held) {
    redisReply *r = NULL;
    int done = 0;
    begin(e, reply);
    redisContext *c = client_of(&p, tls);
    make_room(c->fd);
    check(redisAppendCommand(c, "PING") == REDIS_OK);
    while (!done) check(redisBufferWrite(c, &done) == REDIS_OK);
    have_answered(c->fd);
    if (held) hold_up(20);
    redisGetReply(c, (void **)&r);
    took(c, r);
    check(redisGetReply(c, NULL) == REDIS_ERR);
    as_it_ended(c->err, c->errstr, 0);
    redisFree(c);
    end();
}

/* The program has more to send before it takes the reply. Over the C core the write's failure is all that it learns. */
static void block_in_write(enum end e, int reply) {
    redisReply *r = NULL;
    int done = 0;
    begin(e, reply);
    redisContext *c = client_of(&p, tls);
    make_room(c->fd);
    check(redisAppendCommand(c, "PING") == REDIS_OK);
    while (!done) check(redisBufferWrite(c, &done) == REDIS_OK);
    have_answered(c->fd);
    hold_up(20000);
    send(c->fd, "", 1, MSG_NOSIGNAL); /* so that the next one finds that nobody is there */
    usleep(20000);
    check(redisAppendCommand(c, "PING") == REDIS_OK);
    redisGetReply(c, (void **)&r);
    if (over_the_c_core()) {
        check(r == NULL && c->err == REDIS_ERR_IO);
    } else {
        took(c, r);
        for (int i = 0; i < 2; i++) {
            check(redisGetReply(c, NULL) == REDIS_ERR);
            as_it_ended(c->err, c->errstr, 1);
        }
    }
    redisFree(c);
    end();
}

/* Asynchronous. */

static int loop;
static struct event_base *base;
static redisMioLoop *mio;
static struct watched w;

static void open_client(void) {
    redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", p.port);
    if (loop == BY_HAND) {
        watch(&w, ac, tls);
    } else {
        memset(&w, 0, sizeof w);
        check(ac->err == 0 && redisInitiateSSLWithContext(&ac->c, tls) == REDIS_OK);
        check((loop == MIO ? redisMioAttach(ac, mio) : redisLibeventAttach(ac, base)) == REDIS_OK);
        w.ac = ac;
        ac->data = &w, ac->dataCleanup = watched_gone;
        redisAsyncSetDisconnectCallback(ac, watched_disconnected);
    }
    make_room(ac->c.fd);
}

static void turn(void) {
    if (loop == BY_HAND) watch_once(&w, 100);
    if (loop == LIBEVENT) event_base_loop(base, EVLOOP_ONCE);
    if (loop == MIO) check(redisMioRunOnce(mio, 100) >= 0);
}

#define turn_until(condition)               \
    do {                                    \
        double begun_ = seconds();          \
        while (!(condition)) {              \
            check(seconds() - begun_ < 30); \
            turn();                         \
        }                                   \
    } while (0)

static void issue(void) { check(redisAsyncCommand(w.ac, watched_reply, &w, "PING") == REDIS_OK); }

static void open_and_send(void) {
    open_client();
    issue();
    turn_until(w.ac->c.flags & REDIS_CONNECTED && sdslen(w.ac->c.obuf) == 0);
    have_answered(w.ac->c.fd);
}

static void ended(int commands, int writing) {
    turn_until(w.ac == NULL);
    if (w.answered != 1) fprintf(stderr, "end %d, %d bytes, loop %d, writing %d: err %d %s\n", (int)how, size, loop, writing, w.err, w.errstr);
    check(w.answered == 1 && w.failed == commands - 1 && w.bytes == (size_t)payload() && w.disconnected == 2);
    as_it_ended(w.err, w.errstr, writing);
    end();
}

static void asynchronous(enum end e, int reply, int held) {
    begin(e, reply);
    open_and_send();
    if (held) hold_up(20);
    ended(1, 0);
}

/* The socket is writable, and the loop says so before it says that it is readable. */
static void asynchronous_in_write(enum end e, int reply) {
    begin(e, reply);
    open_and_send();
    hold_up(20000);
    send(w.ac->c.fd, "", 1, MSG_NOSIGNAL);
    usleep(20000);
    issue();
    issue();
    redisAsyncHandleWrite(w.ac);
    ended(3, 1);
}

static void answers_and_stays(struct peer *peer) {
    SSL *ssl = server_accept(peer, server);
    check(ssl != NULL && server_hears_ping(ssl));
    sem_wait(&asked);
    server_says(ssl, "+PONG\r\n");
    sem_post(&over);
    sem_wait(&client_done);
    SSL_free(ssl);
    ERR_clear_error();
}

/* A write can fail although the peer is there. Its replies are not the last ones, and nobody waits for the others. */
static void nobody_has_gone(void) {
    sem_init(&asked, 0, 0);
    sem_init(&over, 0, 0);
    sem_init(&client_done, 0, 0);
    peer_listen(&p);
    peer_start(&p, answers_and_stays);
    how = CLOSE;
    open_and_send();
    hold_up(20000);
    shutdown(w.ac->c.fd, SHUT_WR);
    issue();
    redisAsyncHandleWrite(w.ac);
    check(w.ac == NULL && w.answered == 0 && w.failed == 2 && w.disconnected == 2);
    check(w.err == REDIS_ERR_IO && strcmp(w.errstr, "Broken pipe") == 0);
    sem_post(&client_done);
    end();
}

static void each(void (*one)(enum end, int, int), int held) {
    for (int k = 1; k <= 16; k = k == 2 ? 16 : k + 1)
        for (int off = under_valgrind() ? 0 : -2; off <= (under_valgrind() ? 0 : 2); off++)
            for (int e = 0; e < ENDS; e++) one((enum end)e, k * RECORD + off, held);
}

static void each_in_write(void (*one)(enum end, int)) {
    const int sizes[] = {15, RECORD, 4 * RECORD};
    for (int i = 0; i < 3; i++)
        for (int e = 0; e < ENDS; e++) one((enum end)e, sizes[i]);
}

static void versions(int version) {
    server = server_context(version);
    for (int held = 0; held < 2; held++) each(block, held);
    each_in_write(block_in_write);
    for (loop = BY_HAND; loop < (over_the_c_core() ? MIO : LOOPS); loop++) {
        for (int held = 0; held < 2; held++) each(asynchronous, held);
        each_in_write(asynchronous_in_write);
        nobody_has_gone();
    }
    SSL_CTX_free(server);
}

int main(void) {
    tls = trusting("ca.pem", NULL);
    base = event_base_new();
    if (!over_the_c_core()) mio = redisMioLoopCreate();
    versions(TLS1_3_VERSION);
    if (!under_valgrind()) versions(TLS1_2_VERSION);
    if (mio) redisMioLoopFree(mio);
    event_base_free(base);
    redisFreeSSLContext(tls);
    return 0;
}

/* TLS to a redis-server through a proxy that cuts: into single bytes, into small buffers, or off after so many bytes. */
/* cc: -lhiredis_ssl -lssl -lcrypto -lpthread -D_GNU_SOURCE */
#include "tls_peer.h"

static redisSSLContext *tls;
static struct peer p;
static int piece;      /* bytes forwarded at once */
static long cut_after; /* bytes of the server's, then the connection ends; -1: never */
static int buffers;    /* size of every socket buffer, 0 for the system's */

static void shrink(int fd) {
    if (!buffers) return;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffers, sizeof buffers);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffers, sizeof buffers);
}

static int upstream(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port_of("TLS_PORT"))};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    shrink(fd);
    inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
    check(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static int forward(int from, int to, int most) {
    char bytes[65536];
    ssize_t n = recv(from, bytes, (size_t)most, 0);
    for (ssize_t at = 0, sent; at < n; at += sent)
        if ((sent = send(to, bytes + at, (size_t)(n - at), MSG_NOSIGNAL)) <= 0) return -1;
    return (int)n;
}

static void proxy(struct peer *peer) {
    long seen = 0;
    int on = 1, server, most = piece;
    peer_accept(peer);
    shrink(peer->fd);
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    server = upstream();
    for (;;) {
        struct pollfd f[2] = {{.fd = peer->fd, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        if (seen == cut_after) break;
        poll(f, 2, -1);
        if (f[0].revents && forward(peer->fd, server, piece) <= 0) break;
        if (cut_after >= 0 && cut_after - seen < piece) most = (int)(cut_after - seen);
        if (f[1].revents) {
            int n = forward(server, peer->fd, most);
            if (n <= 0) break;
            seen += n;
        }
    }
    close(server);
    peer_swallow_present(peer);
    peer_close(peer);
}

static void begin(int size, long cut) {
    piece = size;
    cut_after = cut;
    peer_listen(&p);
    peer_start(&p, proxy);
}

static void end(void) {
    peer_join(&p);
    peer_end(&p);
}

static char *value_of(int len) {
    char *value = malloc((size_t)len);
    for (int i = 0; i < len; i++) value[i] = (char)(i * 13 + (i >> 8));
    return value;
}

static void both_ways(redisContext *c, int len) {
    char *value = value_of(len);
    redisReply *reply = redisCommand(c, "SET cut %b", value, (size_t)len);
    check(reply != NULL && reply->type == REDIS_REPLY_STATUS);
    freeReplyObject(reply);
    reply = redisCommand(c, "GET cut");
    check(reply != NULL && reply->len == (size_t)len && memcmp(reply->str, value, (size_t)len) == 0);
    freeReplyObject(reply);
    free(value);
}

static void both_ways_asynchronously(int len) {
    struct watched w;
    char *value = value_of(len);
    watch(&w, redisAsyncConnect("127.0.0.1", p.port), tls);
    shrink(w.ac->c.fd);
    check(redisAsyncCommand(w.ac, watched_reply, &w, "SET cut %b", value, (size_t)len) == REDIS_OK);
    for (int i = 0; i < 3; i++) check(redisAsyncCommand(w.ac, watched_reply, &w, "GET cut") == REDIS_OK);
    watch_until(&w, w.answered == 4);
    check(w.bytes == 2 + 3 * (size_t)len);
    redisAsyncDisconnect(w.ac);
    check(w.ac == NULL && w.disconnected == 1);
    free(value);
}

static void single_bytes(void) {
    int len = under_valgrind() ? 2000 : 40000;
    redisContext *c;
    begin(1, -1);
    c = client_of(&p, tls);
    both_ways(c, len);
    redisFree(c);
    end();
    begin(1, -1);
    both_ways_asynchronously(len);
    end();
}

/* Pieces of any size, values of any size. */
static unsigned seed;
static int below(int limit) { return (int)(rand_r(&seed) % (unsigned)limit); }

static void random_pieces(void) {
    int rounds = under_valgrind() ? 2 : 10;
    for (int round = 0; round < rounds; round++) {
        struct watched w;
        size_t bytes = 0;
        int asked = 0, rest = 40;
        begin(20 + below(round % 2 ? 30000 : 500), -1);
        watch(&w, redisAsyncConnect("127.0.0.1", p.port), tls);
        while (rest > 0 || w.answered < asked) {
            while (rest > 0 && below(3)) {
                int len = below(below(2) ? 50 : 40000);
                char *value = value_of(len);
                check(redisAsyncCommand(w.ac, watched_reply, &w, "ECHO %b", value, (size_t)len) == REDIS_OK);
                free(value);
                bytes += (size_t)len;
                asked++, rest--;
            }
            if (w.answered < asked) check(watch_once(&w, 20000));
        }
        check(w.answered == asked && w.bytes == bytes && w.failed == 0);
        redisAsyncDisconnect(w.ac);
        check(w.ac == NULL && w.disconnected == 1);
        end();
    }
}

static void smallest_buffers(void) {
    int len = 20000; /* more than a record; the kernel is slow with such buffers */
    redisContext *c;
    buffers = 1; /* the kernel takes its minimum */
    begin(700, -1);
    c = redisConnect("127.0.0.1", p.port);
    shrink(c->fd);
    check(redisInitiateSSLWithContext(c, tls) == REDIS_OK);
    both_ways(c, len);
    redisFree(c);
    end();
    begin(700, -1);
    both_ways_asynchronously(len);
    end();
    buffers = 0;
}

/* Cut off after every so many bytes, blocking and asynchronously: an error with a text, and nothing left. The server's part of the
 * handshake is around a thousand bytes. */
static void cut_off(void) {
    int cuts[] = {0, 1, 4, 5, 6, 60, 120, 127, 128, 133, 200, 500, 700, 800, 900};
    for (unsigned i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        struct watched w;
        redisContext *c;
        begin(65536, cuts[i]);
        c = redisConnect("127.0.0.1", p.port);
        check(redisInitiateSSLWithContext(c, tls) == REDIS_ERR && c->err == REDIS_ERR_IO);
        check(strcmp(c->errstr, "SSL_connect failed: unexpected eof while reading") == 0 ||
              strcmp(c->errstr, "SSL_connect failed: Connection reset by peer") == 0);
        redisFree(c);
        end();
        begin(65536, cuts[i]);
        if (watch_if_possible(&w, redisAsyncConnect("127.0.0.1", p.port), tls)) {
            check(redisAsyncCommand(w.ac, watched_reply, &w, "PING") == REDIS_OK);
            watch_until(&w, w.disconnected);
            check(w.failed == 1 && w.disconnected == 2);
        }
        check(w.err == REDIS_ERR_IO && strncmp(w.errstr, "SSL_connect failed: ", 20) == 0);
        end();
    }
}

/* While there is nothing to do, nothing is reported. */
static void idle(void) {
    struct watched w;
    begin(65536, -1);
    watch(&w, redisAsyncConnect("127.0.0.1", p.port), tls);
    check(redisAsyncCommand(w.ac, watched_reply, &w, "PING") == REDIS_OK);
    watch_until(&w, w.answered == 1);
    printf("connected and asked in %ld events\n", w.events);
    check(w.events < 12);
    check(watch_once(&w, 50) == 0 && w.read == 1 && w.write == 0);
    redisAsyncFree(w.ac);
    end();
}

int main(void) {
    tls = trusting("ca.pem", "localhost");
    run(single_bytes);
    run(random_pieces);
    run(smallest_buffers);
    run(cut_off);
    run(idle);
    redisFreeSSLContext(tls);
    return 0;
}

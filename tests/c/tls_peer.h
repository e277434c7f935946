/* A TLS server played by the test, in a thread: it does what no redis-server would. And a loop of the smallest kind, which counts. */
#ifndef TESTS_TLS_PEER_H
#define TESTS_TLS_PEER_H

#include "peer.h"
#include "tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <time.h>

#define run(scenario)              \
    do {                           \
        scenario();                \
        printf("%s\n", #scenario); \
        fflush(stdout);            \
    } while (0)

static inline int under_valgrind(void) { return getenv("UNDER_VALGRIND") != NULL; }

/* Whose asynchronous contexts TLS cannot tell from others. */
static inline int over_the_c_core(void) { return getenv("C_CORE") != NULL; }

static inline double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline struct timeval in_ms(int ms) { return (struct timeval){ms / 1000, ms % 1000 * 1000}; }

/* What the server is made of, for one version of TLS or (0) all. */
static inline SSL_CTX *server_context(int version) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    check(SSL_CTX_use_certificate_chain_file(context, file("server.pem")) == 1);
    check(SSL_CTX_use_PrivateKey_file(context, file("server.key"), SSL_FILETYPE_PEM) == 1);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"test", 4);
    SSL_CTX_set_options(context, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
    return context;
}

/* Accepts one connection; NULL where the handshake fails. */
static inline SSL *server_accept(struct peer *p, SSL_CTX *context) {
    SSL *ssl = SSL_new(context);
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL); /* of the server's thread; the client's must not need it */
    peer_accept(p);
    SSL_set_fd(ssl, p->fd);
    if (SSL_accept(ssl) == 1) return ssl;
    SSL_free(ssl);
    return NULL;
}

/* Reads until a request ends: each of the requests here ends with its only "\r\nPING\r\n", or is of `len` bytes. */
static inline int server_hears_ping(SSL *ssl) {
    char bytes[256];
    size_t at = 0;
    while (at < 14) {
        int n = SSL_read(ssl, bytes + at, (int)(sizeof bytes - at));
        if (n <= 0) return 0;
        at += (size_t)n;
    }
    return at == 14 && memcmp(bytes, "*1\r\n$4\r\nPING\r\n", 14) == 0;
}

static inline void server_says(SSL *ssl, const char *text) {
    int len = (int)strlen(text);
    check(SSL_write(ssl, text, len) == len);
}

static inline redisContext *client_of(struct peer *p, redisSSLContext *tls) {
    redisContext *c = redisConnect("127.0.0.1", p->port);
    check(c != NULL && c->err == 0);
    if (redisInitiateSSLWithContext(c, tls) != REDIS_OK) fprintf(stderr, "%s\n", c->errstr);
    check(c->err == 0 && c->privctx != NULL);
    return c;
}

static inline void ping(redisContext *c) {
    redisReply *reply = redisCommand(c, "PING");
    if (reply == NULL) fprintf(stderr, "%s\n", c->errstr);
    check(reply != NULL && strcmp(reply->str, "PONG") == 0);
    freeReplyObject(reply);
}

/* An asynchronous context on a loop that only polls, and counts what it reports. */
struct watched {
    redisAsyncContext *ac; /* NULL once it is freed */
    int read, write;       /* what is watched */
    long events;
    int answered, failed, disconnected, err;
    size_t bytes;
    char errstr[128];
};

static inline void watched_add_read(void *w) { ((struct watched *)w)->read = 1; }
static inline void watched_del_read(void *w) { ((struct watched *)w)->read = 0; }
static inline void watched_add_write(void *w) { ((struct watched *)w)->write = 1; }
static inline void watched_del_write(void *w) { ((struct watched *)w)->write = 0; }
static inline void watched_cleanup(void *w) { ((struct watched *)w)->read = ((struct watched *)w)->write = 0; }
static inline void watched_gone(void *w) { ((struct watched *)w)->ac = NULL; }

static inline void watched_disconnected(const redisAsyncContext *ac, int status) {
    struct watched *w = ac->data;
    w->disconnected = status == REDIS_OK ? 1 : 2;
    w->err = ac->err;
    snprintf(w->errstr, sizeof w->errstr, "%s", ac->errstr);
}

static inline void watched_reply(redisAsyncContext *ac, void *r, void *privdata) {
    struct watched *w = privdata;
    redisReply *reply = r;
    if (reply == NULL) {
        w->failed++;
        w->err = ac->err;
        snprintf(w->errstr, sizeof w->errstr, "%s", ac->errstr);
        return;
    }
    w->answered++;
    w->bytes += reply->len;
}

/* A context for which TLS was initiated. */
static inline void watch_initiated(struct watched *w, redisAsyncContext *ac) {
    memset(w, 0, sizeof *w);
    w->ac = ac;
    ac->data = w, ac->dataCleanup = watched_gone;
    ac->ev.data = w;
    ac->ev.addRead = watched_add_read, ac->ev.delRead = watched_del_read;
    ac->ev.addWrite = watched_add_write, ac->ev.delWrite = watched_del_write;
    ac->ev.cleanup = watched_cleanup;
    redisAsyncSetDisconnectCallback(ac, watched_disconnected);
}

/* Returns 0, and frees the context, if the handshake has failed within the call. */
static inline int watch_if_possible(struct watched *w, redisAsyncContext *ac, redisSSLContext *tls) {
    memset(w, 0, sizeof *w);
    check(ac->err == 0);
    if (redisInitiateSSLWithContext(&ac->c, tls) != REDIS_OK) {
        check(over_the_c_core() || (ac->err == ac->c.err && ac->errstr == ac->c.errstr));
        w->err = ac->c.err;
        snprintf(w->errstr, sizeof w->errstr, "%s", ac->c.errstr);
        redisAsyncFree(ac);
        return 0;
    }
    watch_initiated(w, ac);
    return 1;
}

static inline void watch(struct watched *w, redisAsyncContext *ac, redisSSLContext *tls) {
    check(watch_if_possible(w, ac, tls));
}

/* One wait, of up to `ms`; whether anything was reported. */
static inline int watch_once(struct watched *w, int ms) {
    struct pollfd f = {.fd = w->ac->c.fd, .events = (short)((w->read ? POLLIN : 0) | (w->write ? POLLOUT : 0))};
    int n;
    do n = poll(&f, 1, ms);
    while (n < 0 && errno == EINTR);
    if (n <= 0) return 0;
    w->events++;
    if (w->read && f.revents & (POLLIN | POLLHUP | POLLERR)) redisAsyncHandleRead(w->ac);
    if (w->ac && w->write && f.revents & (POLLOUT | POLLHUP | POLLERR)) redisAsyncHandleWrite(w->ac);
    return 1;
}

#define watch_until(w, condition)                                                                                 \
    do {                                                                                                          \
        double begun_ = seconds();                                                                                \
        while (!(condition)) {                                                                                    \
            if (seconds() - begun_ > 30) {                                                                        \
                fprintf(stderr, "%s:%d: never: %s (err %d %s)\n", __FILE__, __LINE__, #condition, (w)->err, (w)->errstr); \
                exit(1);                                                                                          \
            }                                                                                                     \
            watch_once(w, 100);                                                                                   \
        }                                                                                                         \
    } while (0)

#endif

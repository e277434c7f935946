/* A handshake that the program drives itself: what redisSSLHandshake says is what is waited for. */
/* cc: -lhiredis_ssl -lssl -lcrypto -lpthread -D_GNU_SOURCE */
#include "tls_peer.h"

enum { LARGE = 300000 };

static redisSSLContext *tls;
static SSL_CTX *server;
static struct peer p;
static int version;

static redisContext *initiated(redisSSLContext *context) {
    redisContext *c = redisConnectNonBlock("127.0.0.1", p.port);
    check(c != NULL && c->err == 0);
    int status = redisInitiateSSLWithContext(c, context);
    check((status == REDIS_OK) == (c->err == 0)); /* a server that is quick may have ended it already */
    return c;
}

static void waits(redisContext *c, short events) {
    struct pollfd f = {.fd = c->fd, .events = events};
    check(poll(&f, 1, 10000) == 1);
}

/* Drives the handshake as the documentation says. Nothing else is waited for, and none of the calls waits itself. */
static redisSSLHandshakeState driven(redisContext *c) {
    for (;;) {
        redisSSLHandshakeState state = redisSSLHandshake(c);
        switch (state) {
        case REDIS_SSL_HANDSHAKE_WANTS_READ: waits(c, POLLIN); break;
        case REDIS_SSL_HANDSHAKE_WANTS_WRITE: waits(c, POLLOUT); break;
        default: return state;
        }
    }
}

static void answers_pings(struct peer *peer) {
    SSL *ssl = server_accept(peer, server);
    while (ssl != NULL && server_hears_ping(ssl)) server_says(ssl, "+PONG\r\n");
    SSL_free(ssl);
    ERR_clear_error();
}

static void begin(void (*script)(struct peer *)) {
    peer_listen(&p);
    peer_start(&p, script);
}

static void end(redisContext *c) {
    redisFree(c);
    peer_join(&p);
    peer_end(&p);
}

/* The next reply of a context that does not block. */
static redisReply *awaited(redisContext *c) {
    void *reply = NULL;
    for (int done = 0; !done;) {
        check(redisBufferWrite(c, &done) == REDIS_OK);
        if (!done) waits(c, POLLOUT);
    }
    while (redisGetReplyFromReader(c, &reply) == REDIS_OK && reply == NULL) {
        waits(c, POLLIN);
        check(redisBufferRead(c) == REDIS_OK);
    }
    return reply;
}

static void done(void) {
    begin(answers_pings);
    redisContext *c = initiated(tls);
    check(driven(c) == REDIS_SSL_HANDSHAKE_DONE);
    check(redisSSLHandshake(c) == REDIS_SSL_HANDSHAKE_DONE);
    redisAppendCommand(c, "PING");
    redisReply *reply = awaited(c);
    check(strcmp(reply->str, "PONG") == 0);
    freeReplyObject(reply);
    end(c);
}

/* Says nothing until the client has said that it waits. */
static int silent_until;
static void is_silent_first(struct peer *peer) {
    while (!__atomic_load_n(&silent_until, __ATOMIC_SEQ_CST)) usleep(1000);
    answers_pings(peer);
}

/* The call does not wait, not for a server that is silent either. */
static void silent_server(void) {
    __atomic_store_n(&silent_until, 0, __ATOMIC_SEQ_CST);
    begin(is_silent_first);
    redisContext *c = initiated(tls);
    while (redisSSLHandshake(c) == REDIS_SSL_HANDSHAKE_WANTS_WRITE) waits(c, POLLOUT);
    for (int i = 0; i < 3; i++) check(redisSSLHandshake(c) == REDIS_SSL_HANDSHAKE_WANTS_READ);
    struct pollfd f = {.fd = c->fd, .events = POLLIN};
    check(poll(&f, 1, 0) == 0 && c->err == 0);
    __atomic_store_n(&silent_until, 1, __ATOMIC_SEQ_CST);
    check(driven(c) == REDIS_SSL_HANDSHAKE_DONE);
    end(c);
}

/* As long as the connect is in progress, that is waited for. */
static void connecting(void) {
    int fds[8], n = peer_listen_full(&p, fds);
    redisContext *c = initiated(tls);
    for (int i = 0; i < 3; i++) check(redisSSLHandshake(c) == REDIS_SSL_HANDSHAKE_WANTS_WRITE && c->err == 0);
    redisFree(c);
    while (n > 0) close(fds[--n]);
    peer_end(&p);
}

static void fails(redisContext *c, int err, const char *text) {
    for (int i = 0; i < 3; i++) {
        check(driven(c) == REDIS_SSL_HANDSHAKE_FAILED);
        if (strcmp(c->errstr, text) != 0) fprintf(stderr, "%s\n", c->errstr);
        check(c->err == err && strcmp(c->errstr, text) == 0);
    }
}

static void refused(void) {
    peer_refuse(&p);
    redisContext *c = redisConnectNonBlock("127.0.0.1", p.port);
    if (c->err == 0) {
        check(redisInitiateSSLWithContext(c, tls) == REDIS_OK);
        fails(c, REDIS_ERR_IO, "SSL_connect failed: Connection refused");
    }
    redisFree(c);
    peer_end(&p);
}

static void not_who_is_meant(void) {
    begin(answers_pings);
    redisContext *c = redisConnectNonBlock("127.0.0.1", p.port);
    check(redisInitiateSSLWithName(c, tls, NULL, "elsewhere.test") == REDIS_OK || c->err != 0);
    fails(c, REDIS_ERR_IO, "SSL_connect failed: certificate verify failed: hostname mismatch");
    end(c);
}

static void closes(struct peer *peer) {
    peer_accept(peer);
    peer_heard(peer, 5000);
    peer_close(peer);
}

static void ended_by_the_server(void) {
    begin(closes);
    redisContext *c = initiated(tls);
    fails(c, REDIS_ERR_IO, "SSL_connect failed: unexpected eof while reading");
    end(c);
}

static void without_tls(void) {
    begin(answers_pings);
    check(redisSSLHandshake(NULL) == REDIS_SSL_HANDSHAKE_FAILED);
    redisContext *c = redisConnect("127.0.0.1", p.port);
    check(redisSSLHandshake(c) == REDIS_SSL_HANDSHAKE_FAILED && c->err == REDIS_ERR_OTHER);
    check(strcmp(c->errstr, "TLS has not been initiated on this connection") == 0);
    end(c);
}

static void blocking(void) {
    begin(answers_pings);
    redisContext *c = client_of(&p, tls);
    check(redisSSLHandshake(c) == REDIS_SSL_HANDSHAKE_DONE);
    ping(c);
    end(c);
}

/* A context in a loop is asked, but not driven. */
static void asynchronous(void) {
    struct watched w;
    if (over_the_c_core()) return; /* which does not tell such contexts */
    begin(answers_pings);
    watch(&w, redisAsyncConnect("127.0.0.1", p.port), tls);
    check(redisAsyncCommand(w.ac, watched_reply, &w, "PING") == REDIS_OK);
    usleep(20000);
    for (int i = 0; i < 3; i++) check(redisSSLHandshake(&w.ac->c) == REDIS_SSL_HANDSHAKE_WANTS_WRITE);
    watch_until(&w, w.answered == 1);
    check(redisSSLHandshake(&w.ac->c) == REDIS_SSL_HANDSHAKE_DONE);
    redisAsyncDisconnect(w.ac);
    peer_join(&p);
    peer_end(&p);
}

/* Records of every size, so that the room of a read ends anywhere in them. */
static void answers_at_length(struct peer *peer) {
    SSL *ssl = server_accept(peer, server);
    static char bytes[LARGE];
    while (ssl != NULL && server_hears_ping(ssl)) {
        int head = snprintf(bytes, sizeof bytes, "$%d\r\n", LARGE - 20);
        memset(bytes + head, 'v', LARGE - 20);
        memcpy(bytes + head + LARGE - 20, "\r\n", 2);
        for (int at = 0, all = head + LARGE - 18, size = 1; at < all; size = (size * 3 + 1) % 16384 + 1) {
            int n = SSL_write(ssl, bytes + at, size < all - at ? size : all - at);
            if (n <= 0) break;
            at += n;
        }
    }
    SSL_free(ssl);
    ERR_clear_error();
}

/* What OpenSSL holds is not seen by who waits for the socket: each read takes all of it. */
static void large_replies(void) {
    begin(answers_at_length);
    redisContext *c = initiated(tls);
    check(driven(c) == REDIS_SSL_HANDSHAKE_DONE);
    for (int i = 0; i < 20; i++) {
        redisAppendCommand(c, "PING");
        redisReply *reply = awaited(c);
        check(reply->len == LARGE - 20);
        freeReplyObject(reply);
    }
    end(c);
}

/* Two replies, of which the first is one record of the longest, and fills the room of a read. */
static void answers_twice(struct peer *peer) {
    SSL *ssl = server_accept(peer, server);
    static char bytes[16384];
    check(ssl != NULL && server_hears_ping(ssl));
    int head = snprintf(bytes, sizeof bytes, "$%d\r\n", 16384 - 10);
    memset(bytes + head, 'v', sizeof bytes - (size_t)head);
    memcpy(bytes + sizeof bytes - 2, "\r\n", 2);
    check(SSL_write(ssl, bytes, sizeof bytes) == sizeof bytes);
    server_says(ssl, "+PONG\r\n");
    while (server_hears_ping(ssl)) {}
    SSL_free(ssl);
}

static void behind_a_long_record(void) {
    int sent = 0;
    begin(answers_twice);
    redisContext *c = initiated(tls);
    check(driven(c) == REDIS_SSL_HANDSHAKE_DONE);
    redisAppendCommand(c, "PING");
    check(redisBufferWrite(c, &sent) == REDIS_OK && sent);
    usleep(100000);
    redisReply *reply = awaited(c);
    check(reply->len == 16384 - 10);
    freeReplyObject(reply);
    reply = awaited(c);
    check(strcmp(reply->str, "PONG") == 0);
    freeReplyObject(reply);
    end(c);
}

int main(void) {
    int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
    for (int i = 0; i < 2; i++) {
        version = versions[i];
        tls = trusting("ca.pem", "localhost");
        server = server_context(version);
        run(done);
        run(silent_server);
        run(connecting);
        run(refused);
        run(not_who_is_meant);
        run(ended_by_the_server);
        run(without_tls);
        run(blocking);
        run(asynchronous);
        run(large_replies);
        run(behind_a_long_record);
        SSL_CTX_free(server);
        redisFreeSSLContext(tls);
    }
    return 0;
}

/* Sessions: taken up by later connections, and never where something has changed. */
/* cc: -lhiredis_ssl -lssl -lcrypto -lpthread -D_GNU_SOURCE */
#include "tls_peer.h"

static redisSSLContext *tls;
static SSL_CTX *server;
static struct peer p;
static int version, reused[6], refused[6], connections;

/* Serves so many connections, one after the other, and notes which took a session up. */
static void serves(struct peer *peer) {
    for (int i = 0; i < connections; i++) {
        SSL *ssl = server_accept(peer, server);
        check(ssl != NULL && (version == 0 || SSL_version(ssl) == version));
        while (server_hears_ping(ssl)) server_says(ssl, "+PONG\r\n");
        reused[i] = SSL_session_reused(ssl);
        SSL_free(ssl);
        ERR_clear_error();
    }
}

static void begin(int count) {
    connections = count;
    peer_listen(&p);
    peer_start(&p, serves);
}

static void end(void) {
    peer_join(&p);
    peer_end(&p);
}

static void once(redisSSLContext *context) {
    redisContext *c = client_of(&p, context);
    ping(c);
    redisFree(c);
}

static void later_connections(void) {
    begin(3);
    once(tls);
    once(tls);
    once(tls);
    end();
    check(!reused[0] && reused[1] && reused[2]);
}

static void reconnect(void) {
    redisContext *c;
    begin(3);
    c = client_of(&p, tls);
    ping(c);
    for (int i = 0; i < 2; i++) {
        check(redisReconnect(c) == REDIS_OK);
        check(redisInitiateSSLWithContext(c, tls) == REDIS_OK);
        ping(c);
    }
    redisFree(c);
    end();
    check(reused[1] && reused[2]);
}

static void asynchronously(void) {
    begin(2);
    for (int i = 0; i < 2; i++) {
        struct watched w;
        watch(&w, redisAsyncConnect("127.0.0.1", p.port), tls);
        check(redisAsyncCommand(w.ac, watched_reply, &w, "PING") == REDIS_OK);
        watch_until(&w, w.answered == 1);
        redisAsyncDisconnect(w.ac);
    }
    end();
    check(reused[1]);
}

/* A server with new keys, as after a restart: a whole handshake, without an error. */
static void restarted_server(void) {
    begin(1);
    once(tls);
    end();
    SSL_CTX_free(server);
    server = server_context(version);
    begin(2);
    once(tls);
    once(tls);
    end();
    check(!reused[0] && reused[1]);
}

/* What was agreed upon with any server does not hold for one of a certain name. */
static void another_name(void) {
    begin(2);
    once(tls);
    check(redisSSLContextSetVerifyName(tls, "localhost") == REDIS_SSL_CTX_NONE);
    once(tls);
    end();
    check(!reused[1]);
}

/* Nor what a connection that began earlier agrees upon later: in TLS 1.3 the session comes behind the handshake. */
static void another_name_meanwhile(void) {
    redisSSLContext *context = trusting("ca.pem", NULL);
    redisContext *c;
    begin(3);
    c = client_of(&p, context);
    check(redisSSLContextSetVerifyName(context, "localhost") == REDIS_SSL_CTX_NONE);
    ping(c);
    redisFree(c);
    once(context);
    once(context);
    end();
    check(!reused[1] && reused[2]);
    redisFreeSSLContext(context);
}

static void accepts_some(struct peer *peer) {
    for (int i = 0; i < connections; i++) {
        SSL *ssl = server_accept(peer, server);
        refused[i] = ssl == NULL;
        if (ssl != NULL)
            while (server_hears_ping(ssl)) server_says(ssl, "+PONG\r\n");
        SSL_free(ssl);
        ERR_clear_error();
        peer_close(peer);
    }
}

/* A server that asks for certificates and has no session id context (redis#7270) refuses whoever offers a session: once, whatever
 * servers there were before. */
static void server_without_a_context(int others_before) {
    redisSSLContextError error;
    redisSSLContext *context =
        redisCreateSSLContext(file("ca.pem"), NULL, file("client.pem"), file("client.key"), NULL, &error);
    SSL_CTX *before = server;
    int failures = 0;
    check(context != NULL);
    if (others_before) {
        begin(2);
        once(context);
        once(context);
        end();
        check(reused[1]);
    }
    server = server_context(version);
    SSL_CTX_set_session_id_context(server, NULL, 0);
    check(SSL_CTX_load_verify_locations(server, file("ca.pem"), NULL) == 1);
    SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    connections = 6;
    peer_listen(&p);
    peer_start(&p, accepts_some);
    for (int i = 0; i < connections; i++) {
        redisContext *c = redisConnect("127.0.0.1", p.port);
        if (redisInitiateSSLWithContext(c, context) == REDIS_OK)
            ping(c);
        else {
            check(strstr(c->errstr, "alert internal error"));
            failures++;
        }
        redisFree(c);
    }
    end();
    check(failures == 1 && refused[1] + refused[0] + refused[2] == 1);
    SSL_CTX_free(server);
    server = before;
    redisFreeSSLContext(context);
}

static void server_without_a_context_from_the_start(void) { server_without_a_context(0); }
static void server_without_a_context_later(void) { server_without_a_context(1); }

static void ends_one_handshake(struct peer *peer) {
    char hello[64];
    for (int i = 0; i < connections; i++) {
        if (i == 1) {
            peer_accept(peer);
            peer_read(peer, hello, sizeof hello);
            peer_swallow_present(peer);
            peer_close(peer);
            continue;
        }
        SSL *ssl = server_accept(peer, server);
        check(ssl != NULL);
        while (server_hears_ping(ssl)) server_says(ssl, "+PONG\r\n");
        reused[i] = SSL_session_reused(ssl);
        SSL_free(ssl);
        peer_close(peer);
    }
}

/* One handshake that breaks off says nothing about sessions. */
static void one_failure(void) {
    redisSSLContext *context = trusting("ca.pem", NULL);
    connections = 5;
    peer_listen(&p);
    peer_start(&p, ends_one_handshake);
    for (int i = 0; i < connections; i++) {
        redisContext *c = redisConnect("127.0.0.1", p.port);
        check((redisInitiateSSLWithContext(c, context) == REDIS_OK) == (i != 1));
        if (i != 1) ping(c);
        redisFree(c);
    }
    end();
    check(!reused[0] && !reused[2] && reused[3] && reused[4]);
    redisFreeSSLContext(context);
}

/* A context that has been freed serves on behind its connections. */
static void freed_before_its_connections(void) {
    redisSSLContext *context = trusting("ca.pem", NULL);
    redisContext *c;
    begin(1);
    c = client_of(&p, context);
    redisFreeSSLContext(context);
    ping(c);
    ping(c);
    redisFree(c);
    end();
}

int main(void) {
    int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
    for (int i = 0; i < 2; i++) {
        version = versions[i];
        printf("TLS %s\n", i ? "1.2" : "1.3");
        tls = trusting("ca.pem", "localhost");
        server = server_context(version);
        run(later_connections);
        run(reconnect);
        run(asynchronously);
        run(restarted_server);
        run(another_name);
        run(another_name_meanwhile);
        run(server_without_a_context_from_the_start);
        run(server_without_a_context_later);
        run(one_failure);
        run(freed_before_its_connections);
        SSL_CTX_free(server);
        redisFreeSSLContext(tls);
    }
    return 0;
}

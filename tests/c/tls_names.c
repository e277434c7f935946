/* One TLS context for several hosts: each connection has names of its own, and takes up the sessions of these alone. */
/* cc: -lhiredis_ssl -lssl -lcrypto -lpthread -D_GNU_SOURCE */
#include "tls_peer.h"

#ifndef HIREDIS_RS
#error "the header does not say whose it is"
#endif

enum { MOST = 8, KEPT = 256 };

static redisSSLContext *tls;
static SSL_CTX *server;
static struct peer p;
static int version, connections, reused[MOST];
static char told[MOST][64]; /* the names that the server was told */

static const char refusal[] = "Failed to set the expected peer certificate name for verification";
static const char mismatch[] = "SSL_connect failed: certificate verify failed: hostname mismatch";

/* Serves so many connections, one after the other, and notes which took a session up. */
static void serves(struct peer *peer) {
    for (int i = 0; i < connections; i++) {
        SSL *ssl = server_accept(peer, server);
        reused[i] = ssl != NULL && SSL_session_reused(ssl);
        const char *name = ssl ? SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) : NULL;
        snprintf(told[i], sizeof told[i], "%s", name ? name : "");
        while (ssl != NULL && server_hears_ping(ssl)) server_says(ssl, "+PONG\r\n");
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

/* A connection under these names, to be freed; accepted, or refused with this text. */
static redisContext *named(const char *server_name, const char *verify_name, const char *error) {
    redisContext *c = redisConnect("127.0.0.1", p.port);
    int status = redisInitiateSSLWithName(c, tls, server_name, verify_name);
    if (error == NULL && status != REDIS_OK) fprintf(stderr, "%s\n", c->errstr);
    check(status == (error == NULL ? REDIS_OK : REDIS_ERR) && strcmp(c->errstr, error ? error : "") == 0);
    return c;
}

static void once(const char *server_name, const char *verify_name) {
    redisContext *c = named(server_name, verify_name, NULL);
    ping(c);
    redisFree(c);
}

static void refused(const char *server_name, const char *verify_name, const char *error) {
    redisFree(named(server_name, verify_name, error));
}

static void each_name_has_its_sessions(void) {
    begin(6);
    for (int i = 0; i < 2; i++) {
        once("a.example.test", "a.example.test");
        once("a.example.test", "b.example.test");
        once("b.example.test", "a.example.test");
    }
    end();
    for (int i = 0; i < 6; i++) check(reused[i] == (i >= 3));
    check(strcmp(told[1], "a.example.test") == 0 && strcmp(told[2], "b.example.test") == 0);
}

/* Whoever was accepted without a name, or under another, is not accepted under one by a session. */
static void no_session_replaces_a_verification(void) {
    begin(6);
    once(NULL, NULL);
    refused(NULL, "elsewhere.test", mismatch);
    once(NULL, "127.0.0.1");
    refused(NULL, "elsewhere.test", mismatch);
    refused(NULL, "127.0.0.2", "SSL_connect failed: certificate verify failed: IP address mismatch");
    once(NULL, NULL);
    end();
    for (int i = 0; i < 5; i++) check(!reused[i]);
    check(reused[5]);
}

/* NULL is the context's own name; a name of the connection's counts instead of it, an address instead of a host and the reverse. */
static void names_of_the_context(void) {
    check(redisSSLContextSetVerifyName(tls, "elsewhere.test") == REDIS_SSL_CTX_NONE);
    begin(5);
    refused(NULL, NULL, mismatch);
    refused("localhost", NULL, mismatch);
    once(NULL, "localhost");
    once("127.0.0.1", "127.0.0.1");
    check(redisSSLContextSetVerifyName(tls, "127.0.0.1") == REDIS_SSL_CTX_NONE);
    once(NULL, "localhost");
    end();
    check(strcmp(told[2], "context.example.test") == 0 && strcmp(told[3], "") == 0);
    check(!reused[4]); /* a new name of the context's has all sessions forgotten */
}

/* Nor does what a connection that began before the change is told of later. */
static void another_name_meanwhile(void) {
    begin(3);
    redisContext *c = named("localhost", NULL, NULL);
    check(redisSSLContextSetVerifyName(tls, "localhost") == REDIS_SSL_CTX_NONE);
    ping(c);
    redisFree(c);
    once("localhost", NULL);
    once("localhost", NULL);
    end();
    check(!reused[1] && reused[2]);
}

/* Names that cannot be used leave a plain connection, and nothing behind. */
static void bad_names(void) {
    char longest[256 + 1];
    memset(longest, 'n', sizeof longest);
    longest[256] = 0;
    peer_listen(&p);
    refused(NULL, "", refusal);
    refused(NULL, ".example.test", refusal);
    refused("", NULL, "Failed to set server_name/SNI");
    refused(longest, NULL, "Failed to set server_name/SNI");
    redisContext *c = named(NULL, "", refusal);
    check(c->err == REDIS_ERR_OTHER && c->privctx == NULL);
    check(redisInitiateSSLWithName(NULL, tls, "a", "a") == REDIS_ERR);
    c->err = 0;
    check(redisInitiateSSLWithName(c, NULL, "a", "a") == REDIS_ERR && c->err == 0);
    redisFree(c);
    peer_end(&p);

    redisSSLOptions options = {.cacert_filename = file("ca.pem"), .verify_mode = REDIS_SSL_VERIFY_NONE};
    redisSSLContext *checked = tls;
    begin(1);
    tls = redisCreateSSLContextWithOptions(&options, NULL);
    check(redisSSLContextSetVerifyName(checked, NULL) == REDIS_SSL_CTX_VERIFY_NAME_FAILED);
    redisContext *plain = redisConnect("127.0.0.1", p.port);
    check(redisInitiateSSLWithName(plain, tls, NULL, "localhost") == REDIS_ERR); /* verifies nothing */
    check(strcmp(plain->errstr, refusal) == 0);
    check(redisInitiateSSLWithName(plain, checked, NULL, "localhost") == REDIS_ERR); /* was named badly */
    plain->err = 0;
    check(redisInitiateSSLWithName(plain, tls, "localhost", NULL) == REDIS_OK);
    check(redisInitiateSSLWithName(plain, tls, "localhost", NULL) == REDIS_ERR && plain->err == 0);
    ping(plain);
    redisFree(plain);
    end();
    redisFreeSSLContext(tls);
    tls = checked;
}

static void asynchronously(void) {
    static const char *const names[] = {"a.example.test", "b.example.test", "a.example.test"};
    begin(3);
    for (int i = 0; i < 3; i++) {
        struct watched w;
        redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", p.port);
        check(redisInitiateSSLWithName(&ac->c, tls, names[i], names[i]) == REDIS_OK);
        watch_initiated(&w, ac);
        check(redisAsyncCommand(w.ac, watched_reply, &w, "PING") == REDIS_OK);
        watch_until(&w, w.answered == 1);
        redisAsyncDisconnect(w.ac);
    }
    end();
    check(!reused[1] && reused[2] && strcmp(told[1], names[1]) == 0);
}

/* So many other names: a handshake that nobody answers is enough for one to be remembered. */
static void meet(int others) {
    for (int i = 0; i < others; i++) {
        int ends[2];
        char name[32];
        snprintf(name, sizeof name, "n%d.example.test", i);
        check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        redisContext *c = redisConnectFd(ends[0]);
        c->flags &= ~REDIS_BLOCK;
        check(redisInitiateSSLWithName(c, tls, name, NULL) == REDIS_OK);
        redisFree(c);
        close(ends[1]);
    }
}

static int takes_a_session_up(void) {
    begin(1);
    once("first.example.test", NULL);
    end();
    return reused[0];
}

/* The sessions of the names that were used last are kept, of no more. */
static void many_names(void) {
    check(!takes_a_session_up());
    meet(KEPT - 1);
    check(takes_a_session_up());
    meet(KEPT - 1);
    check(takes_a_session_up());
    meet(KEPT);
    check(!takes_a_session_up());
}

/* A context that has been freed, and a name that has been forgotten, serve on behind their connections. */
static void freed_before_its_connections(void) {
    redisSSLContext *others = tls;
    tls = trusting("ca.pem", NULL);
    begin(1);
    redisContext *c = named("localhost", "localhost", NULL);
    meet(KEPT);
    redisFreeSSLContext(tls);
    ping(c);
    ping(c);
    redisFree(c);
    end();
    tls = others;
}

int main(void) {
    int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
    void (*const scenarios[])(void) = {
        each_name_has_its_sessions, no_session_replaces_a_verification, names_of_the_context, another_name_meanwhile,
        bad_names, asynchronously, many_names, freed_before_its_connections,
    };
    for (int i = 0; i < 2; i++) {
        version = versions[i];
        server = server_context(version);
        for (size_t j = 0; j < sizeof scenarios / sizeof *scenarios; j++) {
            tls = trusting("ca.pem", "context.example.test");
            scenarios[j]();
            redisFreeSSLContext(tls);
            printf("TLS 1.%d: scenario %zu\n", 3 - i, j + 1);
            fflush(stdout);
        }
        SSL_CTX_free(server);
    }
    return 0;
}

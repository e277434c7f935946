/* The TLS library without memory, and the core beneath it: a context is made or the reason told, a connection is encrypted or says why not,
 * and TLS can be initiated anew after redisReconnect. With "tls" only what the TLS library itself does fails: so it runs on the C library's
 * core, too, whose own failures are not ours. */
/* cc: -lhiredis_ssl -lssl -lcrypto */
#include <hiredis/adapters/poll.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/ssl.h>
#include <poll.h>

#include "oom.h"

static char authority[512];
static int port;

static redisSSLContext *created(void) {
    redisSSLContext *tls = redisCreateSSLContext(authority, NULL, NULL, NULL, "localhost", NULL);
    CHECK(tls != NULL);
    return tls;
}

static redisContext *connected(void) {
    redisContext *c = redisConnect("127.0.0.1", port);
    CHECK(c != NULL && c->err == 0);
    return c;
}

static void check_ping(redisContext *c) {
    redisReply *reply = redisCommand(c, "PING");
    CHECK(reply != NULL && strcmp(reply->str, "PONG") == 0);
    freeReplyObject(reply);
}

static int says_why(redisSSLContextError error) {
    const char *text = redisSSLContextGetError(error);
#ifdef FAILING_MALLOC
    /* libc has opened no file for OpenSSL, or OpenSSL found no room for what is in it. */
    if (error == REDIS_SSL_CTX_CA_CERT_LOAD_FAILED) return strcmp(text, "Failed to load CA Certificate or CA Path") == 0;
    if (error == REDIS_SSL_CTX_VERIFY_NAME_FAILED) return openssl_fails;
#endif
    return error == REDIS_SSL_CTX_CREATE_FAILED && strcmp(text, "Failed to create OpenSSL SSL_CTX") == 0;
}

/* Where OpenSSL has no memory, its own words are passed on. */
static int is_told(const redisContext *c) {
#ifdef FAILING_MALLOC
    if (openssl_fails && c->err != REDIS_ERR_OOM) {
        if (getenv("SHOW")) fprintf(stderr, "%s %ld: %d %s\n", scenario, nth, c->err, c->errstr);
        return c->err != 0 && c->errstr[0] != 0;
    }
#endif
    return IS_OUT_OF_MEMORY(c);
}

/* What a context is made of; what of it failed is told. */
static void create(void) {
    redisSSLContextError error = REDIS_SSL_CTX_NONE;
    redisSSLOptions options = {.cacert_filename = authority, .server_name = "localhost", .verify_mode = REDIS_SSL_VERIFY_PEER};
    arm();
    CHECK(redisInitOpenSSL() == REDIS_OK);
    redisSSLContext *tls = redisCreateSSLContextWithOptions(&options, &error);
    CHECK((tls != NULL) == (error == REDIS_SSL_CTX_NONE));
    CHECK(tls != NULL || (has_failed() && says_why(error)));
    if (tls != NULL)
        error = redisSSLContextSetVerifyName(tls, "localhost");
    CHECK(error == REDIS_SSL_CTX_NONE || (has_failed() && says_why(error)));
    redisFreeSSLContext(tls);
    disarm();
}

static void create_simply(void) {
    redisSSLContextError error = REDIS_SSL_CTX_NONE;
    arm();
    redisSSLContext *tls = redisCreateSSLContext(authority, NULL, NULL, NULL, "localhost", &error);
    CHECK(tls != NULL || (has_failed() && says_why(error)));
    redisFreeSSLContext(tls);
    disarm();
}

/* A connection stays a plain one where TLS cannot be initiated, and becomes an encrypted one after redisReconnect. */
static void settle_initiated(redisContext *c, redisSSLContext *tls, int status) {
    disarm();
    if (status == REDIS_OK) {
        check_ping(c);
    } else {
        CHECK(failures && is_told(c) && c->privctx == NULL);
#ifdef FAILING_MALLOC
        if (openssl_fails) { /* A certificate that OpenSSL could not look at once stays invalid. */
            redisFreeSSLContext(tls);
            tls = created();
        }
#endif
        CHECK(redisReconnect(c) == REDIS_OK && redisInitiateSSLWithContext(c, tls) == REDIS_OK);
        check_ping(c);
    }
    redisFree(c);
    redisFreeSSLContext(tls);
}

static void initiate(void) {
    redisSSLContext *tls = created();
    redisContext *c = connected();
    arm();
    settle_initiated(c, tls, redisInitiateSSLWithContext(c, tls));
}

static void initiate_named(void) {
    redisSSLContext *tls = created();
    redisContext *c = connected();
    arm();
    settle_initiated(c, tls, redisInitiateSSLWithName(c, tls, "localhost", "127.0.0.1"));
}

/* Driven by the program; the session of an earlier connection of that name is taken up. */
static void handshake(void) {
    redisSSLContext *tls = created();
    redisContext *before = connected(), *c = redisConnectNonBlock("127.0.0.1", port);
    struct pollfd f = {.fd = c->fd, .events = POLLOUT};
    redisSSLHandshakeState state = REDIS_SSL_HANDSHAKE_FAILED;
    CHECK(redisInitiateSSLWithName(before, tls, "localhost", "localhost") == REDIS_OK);
    check_ping(before);
    CHECK(poll(&f, 1, 5000) == 1);
    arm();
    if (redisInitiateSSLWithName(c, tls, "localhost", "localhost") == REDIS_OK)
        while ((state = redisSSLHandshake(c)) > REDIS_SSL_HANDSHAKE_DONE) {
            f.events = state == REDIS_SSL_HANDSHAKE_WANTS_READ ? POLLIN : POLLOUT;
            CHECK(poll(&f, 1, 5000) == 1);
        }
    CHECK(state == REDIS_SSL_HANDSHAKE_DONE || (state == REDIS_SSL_HANDSHAKE_FAILED && has_failed() && is_told(c)));
    disarm();
    redisFree(before);
    redisFree(c);
    redisFreeSSLContext(tls);
}

/* The program's own SSL stays its own where it was not taken. */
static void initiate_own(void) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    redisContext *c = connected();
    arm();
    int status = redisInitiateSSL(c, ssl);
    disarm();
    if (status != REDIS_OK)
        SSL_free(ssl);
    else
        check_ping(c);
    CHECK(status == REDIS_OK || (failures && is_told(c)));
    redisFree(c);
    SSL_CTX_free(ctx);
}

static void reconnect(void) {
    redisSSLContext *tls = created();
    redisContext *c = connected();
    CHECK(redisInitiateSSLWithContext(c, tls) == REDIS_OK);
    check_ping(c);
    CHECK(redisReconnect(c) == REDIS_OK);
    arm();
    settle_initiated(c, tls, redisInitiateSSLWithContext(c, tls));
}

/* From here on the core's allocations fail, too. */

static void whole_life(void) {
    redisSSLContext *tls = created();
    redisContext *c = connected();
    int status;
    CHECK(redisInitiateSSLWithContext(c, tls) == REDIS_OK);
    arm();
    redisReply *reply = redisCommand(c, "ECHO %s", "text");
    CHECK(reply != NULL ? strcmp(reply->str, "text") == 0 : has_failed() && is_told(c));
    freeReplyObject(reply);
    status = redisReconnect(c);
    CHECK(status == REDIS_OK || (has_failed() && is_told(c)));
    if (status == REDIS_OK) {
        settle_initiated(c, tls, redisInitiateSSLWithContext(c, tls));
        return;
    }
    redisFree(c);
    redisFreeSSLContext(tls);
    disarm();
}

static redisAsyncContext *ac; /* NULL once freed */
static int answers, nulls;
static void on_freed(void *data) { ac = NULL; }
static void on_reply(redisAsyncContext *c, void *reply, void *privdata) { *(reply != NULL ? &answers : &nulls) += 1; }
static void on_disconnect(const redisAsyncContext *c, int status) {
    CHECK(status == REDIS_OK || (has_failed() && is_told(&c->c)));
}

static void asynchronous(void) {
    redisSSLContext *tls = created();
    int accepted = 0;
    answers = nulls = 0;
    ac = redisAsyncConnect("127.0.0.1", port);
    CHECK(ac != NULL && ac->err == 0 && redisPollAttach(ac) == REDIS_OK);
    ac->dataCleanup = on_freed;
    CHECK(redisAsyncSetDisconnectCallback(ac, on_disconnect) == REDIS_OK);
    arm();
    if (redisInitiateSSLWithContext(&ac->c, tls) == REDIS_OK) {
        for (int i = 0; i < 3; i++)
            accepted += redisAsyncCommand(ac, on_reply, NULL, i == 1 ? "SUBSCRIBE channel" : "PING") == REDIS_OK;
        CHECK(accepted == 3 || (has_failed() && is_told(&ac->c)));
        while (ac != NULL && answers < accepted && (ac->err == 0 || answers + nulls < accepted))
            if (redisPollTick(ac, 5) == 0) break;
    } else {
        CHECK(has_failed() && is_told(&ac->c));
    }
    if (ac != NULL) redisAsyncFree(ac);
    disarm();
    CHECK(ac == NULL && answers + nulls >= accepted && (failures || answers == 3));
    redisFreeSSLContext(tls);
}

int main(int argc, char **argv) {
    snprintf(authority, sizeof authority, "%s/ca.pem", getenv("TLS_DIR"));
    port = atoi(getenv("TLS_PORT"));
    /* What OpenSSL makes once for the whole process. */
    redisContext *c = connected();
    redisSSLContext *tls = created();
    CHECK(redisInitiateSSLWithContext(c, tls) == REDIS_OK);
    check_ping(c);
    redisFree(c);
    redisFreeSSLContext(tls);

    each_failure("create", create);
    each_failure("create simply", create_simply);
    each_failure("initiate", initiate);
    each_failure("initiate with names", initiate_named);
    each_failure("handshake", handshake);
    each_failure("initiate with an SSL", initiate_own);
    each_failure("initiate after reconnect", reconnect);
    if (argc > 1) return 0;
    each_failure("whole life", whole_life);
    each_failure("asynchronous", asynchronous);
#ifdef FAILING_MALLOC
    openssl_fails = 1;
    most_in_a_row = 50;
    each_failure("create, and OpenSSL fails", create);
    each_failure("initiate, and OpenSSL fails", initiate);
    each_failure("initiate with names, and OpenSSL fails", initiate_named);
    each_failure("handshake, and OpenSSL fails", handshake);
    each_failure("initiate with an SSL, and OpenSSL fails", initiate_own);
    each_failure("whole life, and OpenSSL fails", whole_life);
    each_failure("asynchronous, and OpenSSL fails", asynchronous);
#endif
    return 0;
}

/* The C library's TLS half over our core: it takes seven symbols from the process, and reaches into contexts by their
 * layout. TLS_PORT and TLS_CA are in the environment. */
/* cc: -lhiredis_ssl */
#include <hiredis/adapters/poll.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define check(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

enum { LARGE = 3 << 20, ROUNDS = 300 };

static int port, answered, disconnected = -2;
static redisSSLContext *tls;

static void expect(redisContext *c, const char *text) {
    redisReply *reply = redisCommand(c, "ECHO %s", text);
    check(reply != NULL && strcmp(reply->str, text) == 0);
    freeReplyObject(reply);
}

static void blocking(void) {
    redisContext *c = redisConnect("127.0.0.1", port);
    char *large = malloc(LARGE);
    redisReply *reply;
    check(c != NULL && c->err == 0);
    check(redisInitiateSSLWithContext(c, tls) == REDIS_OK);
    expect(c, "hello");
    memset(large, 'x', LARGE);
    reply = redisCommand(c, "SET tls %b", large, (size_t)LARGE);
    check(reply != NULL && reply->type == REDIS_REPLY_STATUS);
    freeReplyObject(reply);
    reply = redisCommand(c, "GET tls");
    check(reply != NULL && reply->len == LARGE && memcmp(reply->str, large, LARGE) == 0);
    freeReplyObject(reply);
    free(large);
    check(redisReconnect(c) == REDIS_OK);
    check(redisInitiateSSLWithContext(c, tls) == REDIS_OK);
    expect(c, "again");
    redisFree(c);
}

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata) {
    check(reply != NULL && ((redisReply *)reply)->integer == ++answered);
    if (answered < ROUNDS)
        check(redisAsyncCommand(ac, on_reply, privdata, "INCR rounds") == REDIS_OK);
    else
        redisAsyncDisconnect(ac);
}

static void on_disconnect(const redisAsyncContext *ac, int status) {
    (void)ac;
    disconnected = status;
}

static void asynchronous(void) {
    redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", port);
    check(redisInitiateSSLWithContext(&ac->c, tls) == REDIS_OK);
    check(redisPollAttach(ac) == REDIS_OK);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
    check(redisAsyncCommand(ac, on_reply, NULL, "INCR rounds") == REDIS_OK);
    for (int i = 0; i < 10000 && disconnected == -2; i++) redisPollTick(ac, 0.1);
    check(answered == ROUNDS && disconnected == REDIS_OK);
}

/* A server without TLS waits for the end of what it takes for a command. */
static void plaintext_peer(void) {
    struct timeval patience = {0, 200000};
    redisContext *c = redisConnect("127.0.0.1", atoi(getenv("REDIS_PORT")));
    check(redisSetTimeout(c, patience) == REDIS_OK);
    check(redisInitiateSSLWithContext(c, tls) == REDIS_ERR);
    check(c->err == REDIS_ERR_IO && strncmp(c->errstr, "SSL_connect failed: ", 20) == 0);
    redisFree(c);
}

int main(void) {
    redisSSLContextError error = REDIS_SSL_CTX_NONE;
    port = atoi(getenv("TLS_PORT"));
    redisInitOpenSSL();
    tls = redisCreateSSLContext(getenv("TLS_CA"), NULL, NULL, NULL, "localhost", &error);
    check(tls != NULL);
    blocking();
    asynchronous();
    plaintext_peer();
    redisFreeSSLContext(tls);
    return 0;
}

/* The scenarios that both TLS libraries master, over both cores. The libraries are those of the process; the headers the C library's or
 * ours. TLS_PORT is a redis-server with TLS, REDIS_PORT one without. */
/* cc: -lhiredis_ssl -levent */
#include "tls.h"

#include <hiredis/adapters/libevent.h>
#include <hiredis/adapters/poll.h>
#include <signal.h>

enum { ROUNDS = 300 };

static int port, answered, disconnected = -2, large_size;
static redisSSLContext *tls;
static char *large;

static redisContext *connected(void) {
    redisContext *c = redisConnect("127.0.0.1", port);
    check(c != NULL && c->err == 0);
    check(redisInitiateSSLWithContext(c, tls) == REDIS_OK);
    return c;
}

static void set_and_get(redisContext *c) {
    redisReply *reply = redisCommand(c, "SET tls %b", large, (size_t)large_size);
    check(reply != NULL && reply->type == REDIS_REPLY_STATUS);
    freeReplyObject(reply);
    reply = redisCommand(c, "GET tls");
    check(reply != NULL && reply->len == (size_t)large_size && memcmp(reply->str, large, (size_t)large_size) == 0);
    freeReplyObject(reply);
}

static void blocking(void) {
    redisContext *c = connected();
    echo(c, "hello");
    set_and_get(c);
    for (int i = 0; i < 1000; i++) check(redisAppendCommand(c, "ECHO %d", i) == REDIS_OK);
    for (int i = 0; i < 1000; i++) {
        redisReply *reply;
        check(redisGetReply(c, (void **)&reply) == REDIS_OK && atoi(reply->str) == i);
        freeReplyObject(reply);
    }
    check(redisInitiateSSLWithContext(c, tls) == REDIS_ERR && c->err == 0);
    check(redisReconnect(c) == REDIS_OK);
    check(redisInitiateSSLWithContext(c, tls) == REDIS_OK);
    echo(c, "again");
    redisFree(c);
}

static void killed(void) {
    redisContext *c = connected(), *killer = connected();
    redisReply *id = redisCommand(c, "CLIENT ID"), *kill = redisCommand(killer, "CLIENT KILL ID %lld", id->integer);
    check(kill->integer == 1);
    check(redisCommand(c, "PING") == NULL && c->err == REDIS_ERR_EOF && strcmp(c->errstr, "Server closed the connection") == 0);
    freeReplyObject(id);
    freeReplyObject(kill);
    redisFree(c);
    redisFree(killer);
}

static void on_disconnect(const redisAsyncContext *ac, int status) {
    (void)ac;
    disconnected = status;
}

static void on_large(redisAsyncContext *ac, void *r, void *privdata) {
    redisReply *reply = r;
    (void)privdata;
    check(reply != NULL && reply->len == (size_t)large_size && memcmp(reply->str, large, (size_t)large_size) == 0);
    redisAsyncDisconnect(ac);
}

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata) {
    check(reply != NULL && ((redisReply *)reply)->integer == ++answered);
    if (answered < ROUNDS)
        check(redisAsyncCommand(ac, on_reply, privdata, "INCR rounds") == REDIS_OK);
    else {
        check(redisAsyncCommand(ac, NULL, NULL, "SET large %b", large, (size_t)large_size) == REDIS_OK);
        check(redisAsyncCommand(ac, on_large, NULL, "GET large") == REDIS_OK);
    }
}

/* The same over the two loops that every version of the library has an adapter for. */
static void asynchronous(struct event_base *base) {
    redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", port);
    answered = 0, disconnected = -2;
    check(redisInitiateSSLWithContext(&ac->c, tls) == REDIS_OK);
    check((base ? redisLibeventAttach(ac, base) : redisPollAttach(ac)) == REDIS_OK);
    check(redisAsyncSetDisconnectCallback(ac, on_disconnect) == REDIS_OK);
    check(redisAsyncSetTimeout(ac, (struct timeval){60, 0}) == REDIS_OK);
    check(redisAsyncCommand(ac, NULL, NULL, "DEL rounds") == REDIS_OK);
    check(redisAsyncCommand(ac, on_reply, NULL, "INCR rounds") == REDIS_OK);
    if (base) event_base_dispatch(base);
    while (!base && disconnected == -2) redisPollTick(ac, 1);
    check(answered == ROUNDS && disconnected == REDIS_OK);
}

/* What an untrusted certificate does to an asynchronous context, and that it is freed. */
static void on_null(redisAsyncContext *ac, void *reply, void *privdata) {
    check(reply == NULL && ac->err == REDIS_ERR_IO); /* with a text of any kind, in the C library */
    ++*(int *)privdata;
}

static void untrusted(void) {
    redisSSLContext *other = trusting("other-ca.pem", NULL);
    redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", port);
    redisContext *c = redisConnect("127.0.0.1", port);
    int failed = 0;
    check(redisInitiateSSLWithContext(c, other) == REDIS_ERR && c->err == REDIS_ERR_IO);
    check(strncmp(c->errstr, "SSL_connect failed: certificate verify failed", 45) == 0);
    redisFree(c);
    disconnected = -2;
    if (redisInitiateSSLWithContext(&ac->c, other) == REDIS_OK) {
        check(redisPollAttach(ac) == REDIS_OK);
        check(redisAsyncSetDisconnectCallback(ac, on_disconnect) == REDIS_OK);
        check(redisAsyncCommand(ac, on_null, &failed, "PING") == REDIS_OK);
        while (disconnected == -2) redisPollTick(ac, 1);
        check(disconnected == REDIS_ERR && failed == 1);
    } else { /* The server has answered within the call. */
        check(strncmp(ac->c.errstr, "SSL_connect failed: certificate verify failed", 45) == 0);
        redisAsyncFree(ac);
    }
    redisFreeSSLContext(other);
}

/* A server without TLS waits for the end of what it takes for a command. */
static void plaintext_peer(void) {
    struct timeval patience = {0, 200000};
    redisContext *c = redisConnect("127.0.0.1", port_of("REDIS_PORT"));
    check(redisSetTimeout(c, patience) == REDIS_OK);
    check(redisInitiateSSLWithContext(c, tls) == REDIS_ERR);
    check(c->err == REDIS_ERR_IO && strncmp(c->errstr, "SSL_connect failed: ", 20) == 0);
    redisFree(c);
}

int main(void) {
    struct event_base *base = event_base_new();
    /* The C library's TLS sends as if SIGPIPE did not exist. */
    signal(SIGPIPE, SIG_IGN);
    port = port_of("TLS_PORT");
    large_size = getenv("UNDER_VALGRIND") ? 1 << 20 : 64 << 20;
    large = malloc((size_t)large_size);
    for (int i = 0; i < large_size; i++) large[i] = (char)(i * 7 + (i >> 12));
    check(redisInitOpenSSL() == REDIS_OK);
    tls = trusting("ca.pem", "localhost");
    blocking();
    killed();
    asynchronous(NULL);
    asynchronous(base);
    untrusted();
    plaintext_peer();
    redisFreeSSLContext(tls);
    event_base_free(base);
    free(large);
    return 0;
}

/* TLS without an event loop: a program that waits for its sockets itself, by poll(2). Connects, does the handshake, sends a command and
 * reads the reply, and never waits anywhere else.
 *
 *     cc tls_poll.c $(pkg-config --cflags --libs hiredis_ssl) -o tls_poll
 *     ./tls_poll redis.example.org 6380 ca.pem
 */
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef HIREDIS_RS
#error "The C library has no redisSSLHandshake."
#endif

enum { PATIENCE = 2000 }; /* ms; for each wait, and for the program to decide */

static int wait_for(redisContext *c, short events) {
    struct pollfd socket = {c->fd, events, 0};
    return poll(&socket, 1, PATIENCE) == 1;
}

/* Whether the handshake is done. */
static int shake_hands(redisContext *c) {
    for (;;) {
        switch (redisSSLHandshake(c)) {
        case REDIS_SSL_HANDSHAKE_DONE: return 1;
        case REDIS_SSL_HANDSHAKE_FAILED: return 0;
        case REDIS_SSL_HANDSHAKE_WANTS_READ:
            if (!wait_for(c, POLLIN)) return 0;
            break;
        case REDIS_SSL_HANDSHAKE_WANTS_WRITE:
            if (!wait_for(c, POLLOUT)) return 0;
            break;
        }
    }
}

/* Sends what is waiting, and takes the next reply; NULL after an error or too long a wait. */
static redisReply *converse(redisContext *c) {
    void *reply = NULL;
    int sent = 0;
    while (redisBufferWrite(c, &sent) == REDIS_OK && !sent)
        if (!wait_for(c, POLLOUT)) return NULL;
    while (c->err == 0 && redisGetReplyFromReader(c, &reply) == REDIS_OK && reply == NULL)
        if (!wait_for(c, POLLIN) || redisBufferRead(c) != REDIS_OK) return NULL;
    return reply;
}

int main(int argc, char **argv) {
    const char *host = argc > 1 ? argv[1] : "localhost", *authority = argc > 3 ? argv[3] : "ca.pem";
    int port = argc > 2 ? atoi(argv[2]) : 6380, status = 1;
    redisSSLContextError error = REDIS_SSL_CTX_NONE;
    redisSSLContext *tls = redisCreateSSLContext(authority, NULL, NULL, NULL, NULL, &error);
    redisContext *c = redisConnectNonBlock(host, port);
    redisReply *reply = NULL;

    if (tls == NULL) {
        fprintf(stderr, "TLS cannot be used: %s\n", redisSSLContextGetError(error));
    } else if (c == NULL || c->err || redisInitiateSSLWithName(c, tls, host, host) != REDIS_OK || !shake_hands(c)) {
        fprintf(stderr, "Not this one: %s\n", c == NULL ? "out of memory" : c->err ? c->errstr : "too slow");
    } else if (redisAppendCommand(c, "PING") != REDIS_OK || (reply = converse(c)) == NULL) {
        fprintf(stderr, "No answer: %s\n", c->err ? c->errstr : "too slow");
    } else {
        printf("PING: %s\n", reply->str);
        status = 0;
    }
    freeReplyObject(reply);
    redisFree(c);
    redisFreeSSLContext(tls);
    return status;
}

/* Commands over TLS, to the server that we mean and no other.
 *
 *     cc tls.c $(pkg-config --cflags --libs hiredis_ssl) -o tls
 *     ./tls redis.example.org 6380 ca.pem
 */
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <stdio.h>
#include <stdlib.h>

static redisSSLContext *trust_only(const char *authority, const char *host) {
    redisSSLContextError error = REDIS_SSL_CTX_NONE;
    redisSSLContext *tls = redisCreateSSLContext(authority, NULL, NULL, NULL, host, &error);
    /* A certificate that is valid may still be somebody else's. */
    if (tls == NULL || (error = redisSSLContextSetVerifyName(tls, host)) != REDIS_SSL_CTX_NONE) {
        fprintf(stderr, "TLS cannot be used: %s\n", redisSSLContextGetError(error));
        exit(1);
    }
    return tls;
}

int main(int argc, char **argv) {
    const char *host = argc > 1 ? argv[1] : "localhost", *authority = argc > 3 ? argv[3] : "ca.pem";
    int port = argc > 2 ? atoi(argv[2]) : 6380;
    struct timeval patience = {2, 0}; /* for the connect, and for the handshake */
    redisSSLContext *tls = trust_only(authority, host);
    redisContext *c = redisConnectWithTimeout(host, port, patience);
    redisReply *reply;
    int times;

    /* The second connection takes up the session of the first, which is much less work. */
    for (times = 0; times < 2; times++) {
        if (c == NULL || c->err || (times > 0 && redisReconnect(c) != REDIS_OK)) {
            fprintf(stderr, "There is no Redis at %s: %s\n", host, c ? c->errstr : "out of memory");
            return 1;
        }
        if (redisInitiateSSLWithContext(c, tls) != REDIS_OK || (reply = redisCommand(c, "PING")) == NULL) {
            fprintf(stderr, "Not this one: %s\n", c->errstr);
            return 1;
        }
        printf("PING: %s\n", reply->str);
        freeReplyObject(reply);
    }
    redisFree(c);
    redisFreeSSLContext(tls);
    return 0;
}

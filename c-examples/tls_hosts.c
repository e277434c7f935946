/* One TLS context for several hosts: each connection says whom it means, and takes up the sessions of that host alone.
 *
 *     cc tls_hosts.c $(pkg-config --cflags --libs hiredis_ssl) -o tls_hosts
 *     ./tls_hosts ca.pem 6380 redis.example.org
 */
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef HIREDIS_RS
#error "The C library has no redisInitiateSSLWithName."
#endif

static int ping(redisSSLContext *tls, const char *host, int port) {
    struct timeval patience = {2, 0}; /* for the connect, and for the handshake */
    redisContext *c = redisConnectWithTimeout(host, port, patience);
    redisReply *reply = NULL;
    int ok = 0;

    if (c == NULL || c->err)
        fprintf(stderr, "There is no Redis at %s: %s\n", host, c ? c->errstr : "out of memory");
    else if (redisInitiateSSLWithName(c, tls, host, host) != REDIS_OK || (reply = redisCommand(c, "PING")) == NULL)
        fprintf(stderr, "Not %s: %s\n", host, c->errstr);
    else
        ok = printf("%s: %s\n", host, reply->str) > 0;
    freeReplyObject(reply);
    redisFree(c);
    return ok;
}

int main(int argc, char **argv) {
    redisSSLContextError error = REDIS_SSL_CTX_NONE;
    redisSSLContext *tls;
    int i, ok = 1;

    if (argc < 4) return fprintf(stderr, "usage: tls_hosts CA_FILE PORT HOST...\n"), 1;
    tls = redisCreateSSLContext(argv[1], NULL, NULL, NULL, NULL, &error);
    if (tls == NULL) return fprintf(stderr, "TLS cannot be used: %s\n", redisSSLContextGetError(error)), 1;
    for (i = 3; i < argc; i++) ok &= ping(tls, argv[i], atoi(argv[2]));
    redisFreeSSLContext(tls);
    return !ok;
}

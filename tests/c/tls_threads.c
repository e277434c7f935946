/* One TLS context for many threads: handshakes, sessions, names and traffic at once. */
/* cc: -lhiredis_ssl -lpthread */
#include "tls.h"

#include <pthread.h>

static redisSSLContext *tls;

/* Names come and go: what one thread has just put into the list, another throws out. */
static int initiated(redisContext *c, int i) {
    char name[32];
    if (i % 2) return redisInitiateSSLWithContext(c, tls);
    for (int j = 0; i % 4 == 0 && j < 100; j++) {
        snprintf(name, sizeof name, "n%d.example.test", j * 7 + i);
        redisContext *other = redisConnectFd(-1); /* it is never connected */
        other->flags &= ~REDIS_BLOCK;
        check(redisInitiateSSLWithName(other, tls, name, NULL) == REDIS_OK);
        redisFree(other);
    }
    return redisInitiateSSLWithName(c, tls, i % 3 ? "localhost" : NULL, "127.0.0.1");
}

static void *connects(void *rounds) {
    for (int i = 0; i < *(int *)rounds; i++) {
        char text[16];
        redisContext *c = redisConnect("127.0.0.1", port_of("TLS_PORT"));
        check(c != NULL && c->err == 0);
        check(initiated(c, i) == REDIS_OK);
        snprintf(text, sizeof text, "%d", i);
        for (int j = 0; j < 3; j++) echo(c, text);
        redisFree(c);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[8];
    int rounds = getenv("UNDER_VALGRIND") ? 3 : 40;
    tls = trusting("ca.pem", "localhost");
    check(redisSSLContextSetVerifyName(tls, "localhost") == REDIS_SSL_CTX_NONE);
    for (int i = 0; i < 8; i++) check(pthread_create(&threads[i], NULL, connects, &rounds) == 0);
    for (int i = 0; i < 8; i++) check(pthread_join(threads[i], NULL) == 0);
    redisFreeSSLContext(tls);
    return 0;
}

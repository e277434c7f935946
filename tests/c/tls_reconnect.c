/* After redisReconnect(), before TLS is initiated anew: an error, over either core, and then a connection again. Over the C core TLS's
 * table stays in place, without its state. */
/* cc: -lhiredis_ssl */
#include "tls.h"

#include <signal.h>

int main(void) {
    redisSSLContext *tls = trusting("ca.pem", "localhost");
    redisContext *c = redisConnect("127.0.0.1", port_of("TLS_PORT"));
    struct timeval patience = {0, 300000};
    signal(SIGPIPE, SIG_IGN); /* the core's own sending is as it is */
    check(redisInitiateSSLWithContext(c, tls) == REDIS_OK);
    echo(c, "before");
    check(redisReconnect(c) == REDIS_OK);
    check(redisSetTimeout(c, patience) == REDIS_OK);
    check(redisCommand(c, "PING") == NULL && c->err != 0);
    printf("%d %s\n", c->err, c->errstr);
    check(redisReconnect(c) == REDIS_OK);
    check(redisInitiateSSLWithContext(c, tls) == REDIS_OK);
    echo(c, "after");
    redisFree(c);

    /* Closed by the core itself in between. */
    c = redisConnect("127.0.0.1", port_of("TLS_PORT"));
    check(redisInitiateSSLWithContext(c, tls) == REDIS_OK);
    redisFreeSSLContext(tls);
    echo(c, "alone");
    redisFree(c);
    return 0;
}

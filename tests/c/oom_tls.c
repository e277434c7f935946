/* Every allocation of the TLS library, and of the core beneath it, fails once. */
/* cc: -lhiredis_ssl */
#include <hiredis/hiredis_ssl.h>

#include "oom.h"

static const char *authority;

static void connection(void) {
    redisSSLContextError error = REDIS_SSL_CTX_NONE;
    redisSSLContext *tls;
    redisContext *c = NULL;
    arm();
    tls = redisCreateSSLContext(authority, NULL, NULL, NULL, "localhost", &error);
    CHECK((tls != NULL) == (error == REDIS_SSL_CTX_NONE));
    CHECK(tls != NULL || (has_failed() && error == REDIS_SSL_CTX_CREATE_FAILED));
    if (tls) c = redisConnect("127.0.0.1", atoi(getenv("TLS_PORT")));
    if (c && c->err == 0) {
        if (redisInitiateSSLWithContext(c, tls) == REDIS_OK) {
            redisReply *reply = redisCommand(c, "PING");
            CHECK(reply != NULL || IS_OUT_OF_MEMORY(c));
            freeReplyObject(reply);
        } else
            CHECK(IS_OUT_OF_MEMORY(c));
    }
    disarm();
    redisFree(c);
    redisFreeSSLContext(tls);
}

int main(void) {
    static char path[512];
    snprintf(path, sizeof path, "%s/ca.pem", getenv("TLS_DIR"));
    authority = path;
    each_failure("connection", connection);
    return 0;
}

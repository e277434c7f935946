/* What the programs about TLS share. Paths of certificates are below TLS_DIR; the ports are in the environment. */
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define check(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

/* A file below TLS_DIR, in one of a few buffers; NULL stays NULL. */
static inline const char *file(const char *name) {
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    if (name == NULL) return NULL;
    snprintf(path, sizeof(paths[0]), "%s/%s", getenv("TLS_DIR"), name);
    return path;
}

static inline int port_of(const char *variable) { return atoi(getenv(variable)); }

static inline redisSSLContext *trusting(const char *authority, const char *server_name) {
    redisSSLContextError error = REDIS_SSL_CTX_NONE;
    redisSSLContext *tls = redisCreateSSLContext(file(authority), NULL, NULL, NULL, server_name, &error);
    if (tls == NULL) fprintf(stderr, "%s\n", redisSSLContextGetError(error));
    check(tls != NULL);
    return tls;
}

/* Sends a command that is answered by what it says. */
static inline void echo(redisContext *c, const char *text) {
    redisReply *reply = (redisReply *)redisCommand(c, "ECHO %s", text);
    if (reply == NULL) fprintf(stderr, "%s\n", c->errstr);
    check(reply != NULL && reply->type == REDIS_REPLY_STRING && strcmp(reply->str, text) == 0);
    freeReplyObject(reply);
}

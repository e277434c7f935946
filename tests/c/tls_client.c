/* Connects once, as the arguments say (port, ca, capath, cert, key, sni, name, verify, each with "=" and a value), and tells how far
 * it came: one line. */
/* cc: -lhiredis_ssl */
#include "tls.h"

static const char *argument(int argc, char **argv, const char *key) {
    size_t len = strlen(key);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], key, len) == 0 && argv[i][len] == '=') return argv[i] + len + 1;
    return NULL;
}

int main(int argc, char **argv) {
    const char *name = argument(argc, argv, "name"), *verify = argument(argc, argv, "verify");
    redisSSLContextError error = REDIS_SSL_CTX_NONE;
    redisSSLOptions options = {0};
    redisSSLContext *tls;
    redisContext *c;
    redisReply *reply;
    options.cacert_filename = file(argument(argc, argv, "ca"));
    options.capath = file(argument(argc, argv, "capath"));
    options.cert_filename = file(argument(argc, argv, "cert"));
    options.private_key_filename = file(argument(argc, argv, "key"));
    options.server_name = argument(argc, argv, "sni");
    options.verify_mode = verify ? atoi(verify) : REDIS_SSL_VERIFY_PEER;
    tls = redisCreateSSLContextWithOptions(&options, &error);
    if (tls == NULL) return printf("create: %d %s\n", error, redisSSLContextGetError(error)), 0;
#ifdef HIREDIS_RS
    if (name && (error = redisSSLContextSetVerifyName(tls, name)) != REDIS_SSL_CTX_NONE)
        printf("name: %d %s; ", error, redisSSLContextGetError(error));
#else
    check(name == NULL);
#endif
    c = redisConnect("127.0.0.1", atoi(argument(argc, argv, "port")));
    check(c != NULL && c->err == 0);
    if (redisInitiateSSLWithContext(c, tls) != REDIS_OK)
        printf("initiate: %d %s\n", c->err, c->errstr);
    else if ((reply = redisCommand(c, "PING")) == NULL)
        printf("ping: %d %s\n", c->err, c->errstr);
    else {
        printf("ok: %s\n", reply->str);
        freeReplyObject(reply);
    }
    redisFree(c);
    redisFreeSSLContext(tls);
    return 0;
}

/* As a user's first program with TLS: makes a TLS context, has it refuse a name, and formats one command and prints its length. */
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <stdio.h>

int main(void) {
    redisSSLContextError error = REDIS_SSL_CTX_NONE;
    redisSSLContext *tls = redisCreateSSLContext(NULL, NULL, NULL, NULL, NULL, &error);
    char *command;
    int len;
    if (tls == NULL || redisSSLContextSetVerifyName(tls, "") != REDIS_SSL_CTX_VERIFY_NAME_FAILED) return 1;
    redisFreeSSLContext(tls);
    len = redisFormatCommand(&command, "SET %s %b", "key", "value", (size_t)5);
    printf("%d\n", len);
    redisFreeCommand(command);
    return 0;
}

/* What libhiredis exports and no installed header declares; transports and wrapping libraries import it (contract section 0). */
#ifndef TESTS_INTERNALS_H
#define TESTS_INTERNALS_H

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

int __redisAppendCommand(redisContext *c, const char *cmd, size_t len);
void __redisAsyncDisconnect(redisAsyncContext *ac);
void __redisSetError(redisContext *c, int type, const char *str);
int redisCheckConnectDone(redisContext *c, int *completed);
int redisCheckSocketError(redisContext *c);
int redisContextConnectBindTcp(redisContext *c, const char *addr, int port, const struct timeval *timeout,
                               const char *source_addr);
int redisContextConnectTcp(redisContext *c, const char *addr, int port, const struct timeval *timeout);
int redisContextConnectUnix(redisContext *c, const char *path, const struct timeval *timeout);
int redisContextSetTcpUserTimeout(redisContext *c, unsigned int timeout);
int redisContextSetTimeout(redisContext *c, const struct timeval tv);
int redisContextUpdateCommandTimeout(redisContext *c, const struct timeval *timeout);
int redisContextUpdateConnectTimeout(redisContext *c, const struct timeval *timeout);
int redisKeepAlive(redisContext *c, int interval);
void redisNetClose(redisContext *c);
ssize_t redisNetRead(redisContext *c, char *buf, size_t bufcap);
ssize_t redisNetWrite(redisContext *c);
void redisProcessCallbacks(redisAsyncContext *ac);
int redisSetTcpNoDelay(redisContext *c);
int hex_digit_to_int(char c);
int sdsll2str(char *s, long long value);
int sdsull2str(char *s, unsigned long long value);

#endif

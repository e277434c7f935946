/* The same for TLS: a context's table is the exported one, which a program may have a copy of in itself, and may write to. */
/* cc: -lhiredis_ssl */
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* In no header; programs declare it themselves. */
#ifdef __cplusplus
extern "C"
#else
extern
#endif
redisContextFuncs redisContextSSLFuncs;

static int differ;
#define SAME(member, other) \
  if ((member) != (other)) differ++, printf("%s is not %s\n", #member, #other)

/* TLS's member is there, and not that of plain sockets. */
#define OTHER(member) \
  if (redisContextSSLFuncs.member == NULL || redisContextSSLFuncs.member == plain->member) differ++, printf("%s is not TLS's\n", #member)

static int writes;
static ssize_t own_write(redisContext *c) {
  (void)c;
  writes++;
  return 0;
}

int main(void) {
  redisSSLContext *tls = redisCreateSSLContext(NULL, NULL, NULL, NULL, NULL, NULL);
  int ends[2];
  if (tls == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) return 1;
  redisContext *c = redisConnectFd(ends[0]);
  const redisContextFuncs *plain = c->funcs;
  c->flags &= ~REDIS_BLOCK;
  SAME(redisInitiateSSLWithContext(c, tls), REDIS_OK);
  SAME(c->funcs, &redisContextSSLFuncs);
  OTHER(close);
  OTHER(free_privctx);
  OTHER(async_read);
  OTHER(async_write);
  OTHER(read);
  OTHER(write);
  redisContextSSLFuncs.write = own_write;
  int done = 0;
  redisAppendCommand(c, "PING");
  SAME(redisBufferWrite(c, &done), REDIS_OK);
  SAME(writes, 1);
#ifdef HIREDIS_RS
  SAME(redisSSLHandshake(c), REDIS_SSL_HANDSHAKE_WANTS_READ);
#endif
  redisFree(c);
  close(ends[1]);
  redisFreeSSLContext(tls);
  return differ;
}

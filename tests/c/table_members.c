/* What programs compare: the members of the default tables are the exported functions, wherever those have their address. */
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>

/* In no header; programs declare them themselves. */
#ifdef __cplusplus
extern "C" {
#endif
ssize_t redisNetRead(redisContext *c, char *buf, size_t bufcap);
ssize_t redisNetWrite(redisContext *c);
void redisNetClose(redisContext *c);
void redisAsyncRead(redisAsyncContext *ac);
void redisAsyncWrite(redisAsyncContext *ac);
#ifdef __cplusplus
}
#endif

static int differ;
#define SAME(member, function) \
  if ((member) != (function)) differ++, printf("%s is not %s\n", #member, #function)

int main(void) {
  redisContext *c = redisConnectFd(0);
  SAME(c->funcs->close, redisNetClose);
  SAME(c->funcs->free_privctx, NULL);
  SAME(c->funcs->async_read, redisAsyncRead);
  SAME(c->funcs->async_write, redisAsyncWrite);
  SAME(c->funcs->read, redisNetRead);
  SAME(c->funcs->write, redisNetWrite);
  SAME(c->reader->fn->freeObject, freeReplyObject);
  c->fd = REDIS_INVALID_FD;
  redisFree(c);
  return differ;
}

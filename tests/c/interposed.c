/* Every function that the library exports has a namesake in this program, made by tests/interposition.rs, which counts its calls. Does a
 * bit of everything by the library's functions; none of their calls may end here. */
/* cc: -rdynamic -ldl */
#define _GNU_SOURCE
#include <hiredis/adapters/mio.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <assert.h>
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int taken_over;
extern const char *taken_over_last;

static void *library;
#define CALL(name) ((__typeof__(&name))dlsym(library, #name))

static int done;

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata) {
  assert(reply && ((redisReply *)reply)->type == *(int *)privdata);
  CALL(redisAsyncDisconnect)(ac);
}

static void on_disconnect(const redisAsyncContext *ac, int status) {
  (void)ac;
  assert(status == REDIS_OK);
  done = 1;
}

static void blocking(const char *host, int port) {
  redisContext *c = CALL(redisConnect)(host, port);
  assert(c && !c->err);
  struct timeval patience = {5, 0};
  assert(CALL(redisSetTimeout)(c, patience) == REDIS_OK);
  assert(CALL(redisEnableKeepAlive)(c) == REDIS_OK);
  for (int again = 0; again < 2; again++) {
    CALL(freeReplyObject)(CALL(redisCommand)(c, "SET %s %b", "interposed", "v", (size_t)1));
    CALL(redisAppendCommand)(c, "MGET %s %s", "interposed", "no such key");
    redisReply *reply = NULL;
    assert(CALL(redisGetReply)(c, (void **)&reply) == REDIS_OK && reply->elements == 2 && reply->element[0]->str[0] == 'v');
    CALL(freeReplyObject)(reply);
    const char *words[] = {"DEL", "interposed"};
    reply = CALL(redisCommandArgv)(c, 2, words, NULL);
    assert(reply && reply->integer == 1);
    CALL(freeReplyObject)(reply);
    if (!again) assert(CALL(redisReconnect)(c) == REDIS_OK);
  }
  CALL(redisFree)(c);
}

static void asynchronous(const char *host, int port) {
  redisAsyncContext *ac = CALL(redisAsyncConnect)(host, port);
  assert(ac && !ac->err);
  int type = REDIS_REPLY_STATUS;
  CALL(redisAsyncSetDisconnectCallback)(ac, on_disconnect);
  CALL(redisAsyncCommand)(ac, on_reply, &type, "PING");
  for (done = 0; !done;) {
    struct pollfd fd = {ac->c.fd, POLLIN | POLLOUT, 0};
    assert(poll(&fd, 1, 5000) == 1);
    if (fd.revents & POLLOUT) CALL(redisAsyncHandleWrite)(ac);
    if (!done && fd.revents & POLLIN) CALL(redisAsyncHandleRead)(ac);
  }
  redisMioLoop *loop = CALL(redisMioLoopCreate)();
  redisOptions options = {0};
  REDIS_OPTIONS_SET_TCP(&options, host, port);
  ac = CALL(redisMioConnect)(loop, &options);
  type = REDIS_REPLY_ARRAY;
  CALL(redisAsyncSetDisconnectCallback)(ac, on_disconnect);
  CALL(redisAsyncCommand)(ac, on_reply, &type, "CONFIG GET maxmemory");
  CALL(redisMioRun)(loop);
  assert(done);
  CALL(redisMioLoopFree)(loop);
}

/* A reply of which a part is there is freed by the table's function. */
static void unfinished(void) {
  redisReader *reader = CALL(redisReaderCreate)();
  redisReplyObjectFunctions functions = *reader->fn;
  for (int copied = 0; copied < 2; copied++) {
    if (copied) reader->fn = &functions;
    CALL(redisReaderFeed)(reader, "*2\r\n$1\r\na\r\n", 11);
    void *reply = NULL;
    assert(CALL(redisReaderGetReply)(reader, &reply) == REDIS_OK && reply == NULL);
    if (copied) break;
    CALL(redisReaderFeed)(reader, "+b\r\n", 4);
    assert(CALL(redisReaderGetReply)(reader, &reply) == REDIS_OK && reply != NULL);
    CALL(freeReplyObject)(reply);
  }
  CALL(redisReaderFree)(reader);
}

static void strings(void) {
  sds s = CALL(sdscatprintf)(CALL(sdsempty)(), "%d-%s", 1, "two");
  s = CALL(sdscatfmt)(s, "-%i-%s", 3, "four");
  s = CALL(sdscatrepr)(s, "\n", 1);
  assert(strcmp(s, "1-two-3-four\"\\n\"") == 0);
  int count = 0;
  sds *parts = CALL(sdssplitlen)(s, 12, "-", 1, &count);
  assert(count == 4);
  CALL(sdsfree)(CALL(sdsjoinsds)(parts, count, "+", 1));
  CALL(sdsfreesplitres)(parts, count);
  CALL(sdsfree)(s);
  char *command = NULL;
  assert(CALL(redisFormatCommand)(&command, "SET %s %lld", "k", 5LL) == 27);
  CALL(redisFreeCommand)(command);
}

int main(int argc, char **argv) {
  assert(argc == 2);
  library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
  if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
  blocking("127.0.0.1", atoi(getenv("REDIS_PORT")));
  asynchronous("127.0.0.1", atoi(getenv("REDIS_PORT")));
  unfinished();
  strings();
  if (taken_over) printf("%d calls taken over, %s the last\n", taken_over, taken_over_last);
  return taken_over != 0;
}

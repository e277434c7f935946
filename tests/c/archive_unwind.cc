// With the static library in a program that holds its unwinder, too: exceptions pass through the library, and no second unwinder is loaded.
#include <hiredis/adapters/mio.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <cassert>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>

static void task(void *) { throw std::runtime_error("task"); }
static void *string(const redisReadTask *, char *, size_t) { throw std::runtime_error("string"); }
static void replied(redisAsyncContext *, void *, void *) { throw std::runtime_error("reply"); }

template <class Call> static void throws(const char *expected, Call call) {
  try {
    call();
  } catch (const std::exception &error) {
    assert(std::string(error.what()) == expected);
    return;
  }
  assert(!"nothing was thrown");
}

int main() {
  redisMioLoop *loop = redisMioLoopCreate();
  assert(redisMioPost(loop, task, nullptr) == REDIS_OK);
  throws("task", [&] { (void)redisMioRunOnce(loop, 1000); });
  redisReader *reader = redisReaderCreate();
  redisReplyObjectFunctions functions = *reader->fn;
  functions.createString = string;
  reader->fn = &functions;
  redisReaderFeed(reader, "+OK\r\n", 5);
  void *reply;
  throws("string", [&] { redisReaderGetReply(reader, &reply); });
  redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", 1);
  redisAsyncCommand(ac, replied, nullptr, "PING");
  throws("reply", [&] { redisAsyncFree(ac); });
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) assert(line.find("libgcc_s") == std::string::npos);
  std::puts("33");
}

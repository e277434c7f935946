# packages: libdrogon-dev g++ libjsoncpp-dev uuid-dev zlib1g-dev libssl-dev curl
# Debian's Drogon, whose Redis client drives hiredis by its own loop: a pool of connections under a web server, subscriptions, a
# transaction, an error, and connections that the server ends. The program waits for connections that begin or end before it gives
# commands: Drogon 1.9 loses some of those given from other threads meanwhile, on the C library as well (docs/compatibility.md).
cat > web.cc <<'CC'
#include <arpa/inet.h>
#include <atomic>
#include <drogon/drogon.h>
#include <drogon/nosql/RedisClient.h>
#include <drogon/nosql/RedisSubscriber.h>
#include <iostream>
#include <unistd.h>
using namespace drogon;
using namespace drogon::nosql;

static void failed(const std::exception &e) { std::cout << "failed: " << e.what() << "\n"; }
static std::string text(const RedisResult &r) { return r.asString(); }

// Connections of this process to `port`.
static int connections(int port) {
  int count = 0;
  for (int fd = 0; fd < 256; fd++) {
    sockaddr_in to{};
    socklen_t len = sizeof to;
    count += getpeername(fd, (sockaddr *)&to, &len) == 0 && to.sin_family == AF_INET && ntohs(to.sin_port) == port;
  }
  return count;
}

int main(int, char **argv) {
  const int port = atoi(argv[1]);
  std::thread web([=] {
    app().setLogLevel(trantor::Logger::kError).addListener("127.0.0.1", atoi(argv[2])).createRedisClient("127.0.0.1", port, "default", "", 4);
    app().registerHandler("/hit", [](const HttpRequestPtr &, std::function<void(const HttpResponsePtr &)> &&answer) {
      auto say = [answer](const std::string &body) { auto r = HttpResponse::newHttpResponse(); r->setBody(body + "\n"); answer(r); };
      app().getRedisClient()->execCommandAsync([say](const RedisResult &r) { say("hit " + std::to_string(r.asInteger())); },
                                               [say](const std::exception &e) { say(e.what()); }, "INCR hits");
    });
    app().run();
  });
  auto redis = RedisClient::newRedisClient(trantor::InetAddress("127.0.0.1", port), 8);
  std::atomic<bool> ready{false};
  std::atomic<int> replies{0}, messages{0};
  for (; !ready; usleep(1000)) redis->execCommandAsync([&](const RedisResult &) { ready = true; }, failed, "PING");
  auto subscriber = redis->newSubscriber();
  subscriber->subscribe("news", [&](const std::string &, const std::string &m) { messages += m == "hello"; });
  subscriber->psubscribe("p*", [&](const std::string &, const std::string &m) { messages += m == "hello"; });
  while (redis->execCommandSync<int>([](const RedisResult &r) { return (int)r.asArray()[1].asInteger(); }, "PUBSUB NUMSUB news") != 1) usleep(1000);
  while (redis->execCommandSync<int>([](const RedisResult &r) { return (int)r.asInteger(); }, "PUBSUB NUMPAT") != 1) usleep(1000);
  for (int i = 0; i < 5000; i++)
    redis->execCommandAsync([&](const RedisResult &r) { replies += r.type() == RedisResultType::kInteger; }, failed, "INCRBY n %d", 2);
  for (int i = 0; i < 500; i++) redis->execCommandAsync([](const RedisResult &) {}, failed, "PUBLISH %s %s", i % 2 ? "news" : "pop", "hello");
  while (replies < 5000 || messages < 500) usleep(1000);
  std::cout << replies << " replies, " << messages << " messages, n is " << redis->execCommandSync<std::string>(text, "GET n") << "\n";

  std::promise<std::string> done;
  auto transaction = redis->newTransaction();
  transaction->execCommandAsync([](const RedisResult &) {}, failed, "SET a %b", "x\0y", (size_t)3);
  transaction->execCommandAsync([](const RedisResult &) {}, failed, "APPEND a z");
  transaction->execute([&](const RedisResult &r) { done.set_value(r.asArray()[0].asString() + " " + std::to_string(r.asArray()[1].asInteger())); }, failed);
  std::cout << "transaction: " << done.get_future().get() << "\n";
  try {
    redis->execCommandSync<std::string>(text, "INCR a");
  } catch (const RedisException &e) {
    std::cout << "error: " << e.what() << "\n";
  }
  // The server ends all connections but the subscriber's, and Drogon makes them anew.
  while (connections(port) != 4 + 8 + 1) usleep(1000);
  redis->execCommandAsync([](const RedisResult &) {}, [](const std::exception &) {}, "CLIENT KILL TYPE normal SKIPME no");
  while (connections(port) != 1) usleep(1000);
  auto n = redis->execCommandSync<std::string>(text, "GET n");
  while (connections(port) != 4 + 8 + 1) usleep(1000);
  std::cout << "again: " << n << std::endl;
  web.join();
}
CC
g++ -std=c++17 -I /usr/include/jsoncpp web.cc -o web -ldrogon -ltrantor -ljsoncpp -luuid -lz -lssl -lcrypto
./web "$port" "$free" > said &
until_true 'grep -q again said'
cat said
curl -s "http://127.0.0.1:$free/hit" "http://127.0.0.1:$free/hit"
ours $!

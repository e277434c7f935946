/* Contexts and replies that free themselves.
 *
 *     c++ -std=c++17 raii.cpp $(pkg-config --cflags --libs hiredis) -o raii
 *     ./raii 127.0.0.1 6379      or      ./raii /path/to/redis.sock
 */
#include <hiredis/hiredis.h>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

struct Free {
    void operator()(redisContext *c) const { redisFree(c); }
    void operator()(redisReply *r) const { freeReplyObject(r); }
};
using Context = std::unique_ptr<redisContext, Free>;
using Reply = std::unique_ptr<redisReply, Free>;

static Context connect(const std::string &host, int port) {
    timeval patience{2, 0};
    Context c(host[0] == '/' ? redisConnectUnixWithTimeout(host.c_str(), patience)
                             : redisConnectWithTimeout(host.c_str(), port, patience));
    if (!c || c->err) throw std::runtime_error("There is no Redis at " + host + ": " + (c ? c->errstr : "out of memory"));
    return c;
}

/* The arguments are redisCommand's. What is thrown leaves nothing behind. */
template <typename... Arguments> static Reply command(const Context &c, const char *format, Arguments... arguments) {
    Reply reply(static_cast<redisReply *>(redisCommand(c.get(), format, arguments...)));
    if (!reply) throw std::runtime_error(c->errstr);
    if (reply->type == REDIS_REPLY_ERROR) throw std::runtime_error(reply->str);
    return reply;
}

int main(int argc, char **argv) {
    try {
        Context c = connect(argc > 1 ? argv[1] : "127.0.0.1", argc > 2 ? std::atoi(argv[2]) : 6379);
        std::string greeting = "Hello, world";
        command(c, "SET example:raii %b", greeting.data(), greeting.size());
        Reply reply = command(c, "GET example:raii");
        std::cout << "GET: " << std::string(reply->str, reply->len) << '\n';
        try {
            command(c, "LPUSH example:raii x");
        } catch (const std::runtime_error &error) {
            std::cout << "LPUSH: " << error.what() << '\n';
        }
        command(c, "DEL example:raii");
    } catch (const std::runtime_error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}

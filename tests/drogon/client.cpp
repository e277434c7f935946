// Works as programs do on Drogon's client; prints a line for each, the same on either library.
#include "client.h"

namespace {

/** Commands that share the pool's connections; the last reply goes on with `next`. */
void commands(Pool &pool, std::function<void()> next) {
    auto left = std::make_shared<int>(1000);
    for (int i = 0; i < 1000; i++) {
        pool.command(format("INCRBY %s %d", "drogon:count", 2), [=, &pool](const redisReply *reply) {
            CHECK(reply && reply->type == REDIS_REPLY_INTEGER);
            if (--*left) return;
            pool.command(format("GET %b", "drogon:count", size_t(12)), [=](const redisReply *total) {
                CHECK(total && total->type == REDIS_REPLY_STRING);
                std::printf("commands: %s\n", total->str);
                next();
            });
        });
    }
}

/** One transaction: its two increments must follow each other, whatever the others do. */
void transaction(Pool &pool, std::function<void()> done) {
    pool.borrow([=, &pool](Connection &connection) {
        auto queued = [](const redisReply *reply) { CHECK(reply && std::string(reply->str) == "QUEUED"); };
        CHECK(connection.send(format("MULTI"), [](const redisReply *reply) { CHECK(reply && std::string(reply->str) == "OK"); }));
        CHECK(connection.send(format("INCR %s", "drogon:pair"), queued));
        CHECK(connection.send(format("INCR %s", "drogon:pair"), queued));
        CHECK(connection.send(format("EXEC"), [=, &pool, &connection](const redisReply *reply) {
            CHECK(reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2);
            CHECK(reply->element[1]->integer == reply->element[0]->integer + 1);
            pool.give_back(connection);
            done();
        }));
    });
}

void transactions(Pool &pool, std::function<void()> next) {
    auto left = std::make_shared<int>(50);
    for (int i = 0; i < 50; i++) {
        transaction(pool, [=] {
            if (--*left) return;
            std::printf("transactions: 50\n");
            next();
        });
    }
}

/** A connection of its own: two subscriptions, twenty messages to both, and a disconnect inside the last confirmation. */
class Subscriber {
  public:
    Subscriber(Loop &loop, int port, Pool &pool, std::function<void()> next) : pool_(pool), next_(std::move(next)) {
        channel_ = [this](const redisReply *reply) { received(reply, 2); };
        pattern_ = [this](const redisReply *reply) { received(reply, 3); };
        Connection::open(
            loop, port, [this](Connection &connection) { begin(connection); }, [](Connection &) { CHECK(!"connected"); },
            [this](Connection &connection) {
                std::printf("subscriber: %d messages, %d confirmations, error %d\n", messages_, confirmations_, connection.error());
                next_();
            });
    }

  private:
    void begin(Connection &connection) {
        connection_ = &connection;
        CHECK(connection.subscribe(format("SUBSCRIBE %s", "drogon:news"), channel_));
        CHECK(connection.subscribe(format("PSUBSCRIBE %s", "drogon:n*"), pattern_));
    }

    void received(const redisReply *reply, size_t text) {
        if (!reply) return;
        CHECK(reply->type == REDIS_REPLY_ARRAY);
        if (std::string(reply->element[0]->str).find("message") != std::string::npos) {
            CHECK(std::string(reply->element[text]->str) == "message " + std::to_string(messages_ / 2));
            if (++messages_ < 40) return;
            CHECK(connection_->send_only(format("UNSUBSCRIBE")));
            CHECK(connection_->send_only(format("PUNSUBSCRIBE")));
        } else if (++confirmations_ == 2) {
            for (int i = 0; i < 20; i++) {
                // One connection, thus one order.
                publish(i);
            }
        } else if (confirmations_ == 4) {
            connection_->disconnect();
        }
    }

    void publish(int number) {
        if (number == 0) pool_.borrow([this](Connection &connection) { publisher_ = &connection; });
        CHECK(publisher_);
        bool last = number == 19;
        CHECK(publisher_->send(format("PUBLISH drogon:news %s", ("message " + std::to_string(number)).c_str()),
                               [this, last](const redisReply *reply) {
                                   CHECK(reply && reply->integer == 2);
                                   if (last) pool_.give_back(*publisher_);
                               }));
    }

    Pool &pool_;
    std::function<void()> next_;
    Connection::Handler channel_, pattern_;
    Connection *connection_ = nullptr, *publisher_ = nullptr;
    int messages_ = 0, confirmations_ = 0;
};

/** Disconnects in the first of six replies: the other five arrive, and nothing more is taken. */
void disconnect_inside(Pool &pool, std::function<void()> next) {
    pool.borrow([=](Connection &connection) {
        auto replies = std::make_shared<int>(0);
        for (int i = 0; i < 6; i++) {
            CHECK(connection.send(format("ECHO %d", i), [=, &connection](const redisReply *reply) {
                CHECK(reply && std::string(reply->str) == std::to_string(i));
                if (++*replies == 1) {
                    connection.disconnect();
                    CHECK(!connection.send(format("PING"), [](const redisReply *) { CHECK(!"taken"); }));
                }
                if (*replies < 6) return;
                std::printf("disconnect inside: %d replies\n", *replies);
                next();
            }));
        }
    });
}

/** The server ends a connection that waits: its commands get null, and the pool replaces it. */
void killed(Pool &pool, std::function<void()> next) {
    pool.borrow([=, &pool](Connection &connection) {
        auto lost = std::make_shared<int>(0);
        auto handler = [=](const redisReply *reply) {
            CHECK(!reply);
            if (++*lost == 2) {
                std::printf("killed: %d lost\n", *lost);
                next();
            }
        };
        CHECK(connection.send(format("CLIENT ID"), [=, &pool, &connection](const redisReply *reply) {
            CHECK(reply && reply->type == REDIS_REPLY_INTEGER);
            std::string id = std::to_string(reply->integer);
            CHECK(connection.send(format("BLPOP drogon:never 0"), handler));
            CHECK(connection.send(format("PING"), handler));
            pool.command(format("CLIENT KILL ID %s", id.c_str()), [](const redisReply *done) { CHECK(done && done->integer == 1); });
        }));
    });
}

void refused(Loop &loop, std::function<void()> next) {
    Connection::open(
        loop, 1, [](Connection &) { CHECK(!"refused"); },
        [=](Connection &connection) {
            std::printf("refused: error %d\n", connection.error());
            next();
        },
        [](Connection &) { CHECK(!"was connected"); });
}

} // namespace

int main() {
    int port = std::atoi(std::getenv("REDIS_PORT"));
    Loop loop;
    Pool pool(loop, port, 4);
    std::unique_ptr<Subscriber> subscriber;
    auto close = [&] {
        std::printf("pool: %d replaced\n", pool.replaced());
        pool.close([&] {
            std::printf("closed\n");
            loop.stop();
        });
    };
    pool.command(format("DEL %s %s", "drogon:count", "drogon:pair"), [&, close](const redisReply *reply) {
        CHECK(reply);
        commands(pool, [&, close] {
            transactions(pool, [&, close] {
                subscriber = std::make_unique<Subscriber>(loop, port, pool, [&, close] {
                    disconnect_inside(pool, [&, close] {
                        killed(pool, [&, close] { refused(loop, close); });
                    });
                });
            });
        });
    });
    loop.run();
    return 0;
}

/* A client of Redis as Drogon has it: an epoll loop of its own, hooks filled by hand and set to NULL in the end, commands formatted
 * first and sent formatted, the C++ object found through `ac->ev.data`. */
#ifndef DROGON_CLIENT_H
#define DROGON_CLIENT_H

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <sys/epoll.h>
#include <unistd.h>
#include <utility>
#include <vector>

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition)) {                                                     \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            std::exit(1);                                                       \
        }                                                                       \
    } while (0)

class Loop {
  public:
    using Ready = std::function<void(uint32_t)>;

    Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) { CHECK(epoll_ >= 0); }
    ~Loop() { close(epoll_); }

    /** Adds the descriptor, or changes what it waits for. */
    void watch(int fd, uint32_t events, Ready ready) {
        epoll_event event{};
        event.events = events;
        event.data.fd = fd;
        bool known = !channels_.insert_or_assign(fd, std::move(ready)).second;
        CHECK(epoll_ctl(epoll_, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0);
    }

    void forget(int fd) {
        if (channels_.erase(fd)) CHECK(epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr) == 0);
    }

    /** To be run after the events of this turn. */
    void post(std::function<void()> task) { tasks_.push_back(std::move(task)); }

    void stop() { stopped_ = true; }

    void run() {
        while (!stopped_ || !tasks_.empty()) {
            epoll_event events[64];
            int ready = epoll_wait(epoll_, events, 64, tasks_.empty() ? 20000 : 0);
            CHECK(ready > 0 || !tasks_.empty());
            for (int i = 0; i < ready; i++) {
                auto found = channels_.find(events[i].data.fd);
                if (found == channels_.end()) continue;
                Ready call = found->second; // which may forget itself
                call(events[i].events);
            }
            for (auto &task : std::exchange(tasks_, {})) task();
        }
    }

  private:
    int epoll_;
    bool stopped_ = false;
    std::map<int, Ready> channels_;
    std::deque<std::function<void()>> tasks_;
};

/** What `redisvFormatCommand` makes; its memory is given to plain `free()`. */
inline std::string format(const char *text, ...) {
    va_list arguments;
    va_start(arguments, text);
    char *command = nullptr;
    int length = redisvFormatCommand(&command, text, arguments);
    va_end(arguments);
    CHECK(length > 0);
    std::string result(command, static_cast<size_t>(length));
    std::free(command);
    return result;
}

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    /** The reply, or null when the connection has gone. */
    using Handler = std::function<void(const redisReply *)>;
    using Changed = std::function<void(Connection &)>;

    /** `connected` or `failed` is called once; `gone` when a connection that was made has ended. */
    static void open(Loop &loop, int port, Changed connected, Changed failed, Changed gone) {
        std::shared_ptr<Connection> connection(new Connection(loop, port));
        connection->connected_ = std::move(connected);
        connection->failed_ = std::move(failed);
        connection->gone_ = std::move(gone);
        connection->self_ = connection;
        connection->hook();
    }

    /** False when the context takes no more commands. */
    bool send(const std::string &command, Handler handler) {
        if (!context_) return false;
        handlers_.push_back(std::move(handler));
        bool taken = redisAsyncFormattedCommand(context_, replied, nullptr, command.data(), command.size()) == REDIS_OK;
        if (!taken) handlers_.pop_back();
        return taken;
    }

    /** The handler is called for each message and each confirmation, and must outlive the subscription. */
    bool subscribe(const std::string &command, Handler &handler) {
        return redisAsyncFormattedCommand(context_, arrived, &handler, command.data(), command.size()) == REDIS_OK;
    }

    /** Unsubscriptions: what is confirmed goes to the subscription's handler. */
    bool send_only(const std::string &command) {
        return redisAsyncFormattedCommand(context_, nullptr, nullptr, command.data(), command.size()) == REDIS_OK;
    }

    /** Replies on their way still arrive. */
    void disconnect() { redisAsyncDisconnect(context_); }

    int error() const { return error_; }

  private:
    Connection(Loop &loop, int port) : loop_(loop), context_(redisAsyncConnect("127.0.0.1", port)) {
        CHECK(context_ && !context_->err);
        fd_ = context_->c.fd;
    }

    static Connection &of(void *data) { return *static_cast<Connection *>(data); }
    static Connection &of(const redisAsyncContext *context) { return of(context->ev.data); }

    void hook() {
        context_->ev.data = this;
        context_->ev.addRead = [](void *data) { of(data).wants(of(data).events_ | EPOLLIN); };
        context_->ev.delRead = [](void *data) { of(data).wants(of(data).events_ & ~uint32_t(EPOLLIN)); };
        context_->ev.addWrite = [](void *data) { of(data).wants(of(data).events_ | EPOLLOUT); };
        context_->ev.delWrite = [](void *data) { of(data).wants(of(data).events_ & ~uint32_t(EPOLLOUT)); };
        context_->ev.cleanup = [](void *data) { of(data).loop_.forget(of(data).fd_); };
        CHECK(redisAsyncSetConnectCallback(context_, connect_ended) == REDIS_OK);
        CHECK(redisAsyncSetDisconnectCallback(context_, disconnected) == REDIS_OK);
    }

    void wants(uint32_t events) {
        if (events == events_) return;
        events_ = events;
        loop_.watch(fd_, events, [this](uint32_t ready) { handle(ready); });
    }

    void handle(uint32_t ready) {
        auto alive = shared_from_this();
        uint32_t broken = ready & (EPOLLHUP | EPOLLERR);
        if ((ready & EPOLLOUT || broken) && events_ & EPOLLOUT) redisAsyncHandleWrite(context_);
        if (context_ && (ready & EPOLLIN || broken) && events_ & EPOLLIN) redisAsyncHandleRead(context_);
    }

    static void connect_ended(const redisAsyncContext *context, int status) {
        Connection &connection = of(context);
        if (status == REDIS_OK) return connection.connected_(connection);
        connection.over(context);
        connection.failed_(connection);
    }

    static void disconnected(const redisAsyncContext *context, int) {
        Connection &connection = of(context);
        connection.over(context);
        CHECK(connection.handlers_.empty());
        connection.gone_(connection);
    }

    void over(const redisAsyncContext *context) {
        error_ = context->err;
        auto &ev = context_->ev;
        ev.addRead = ev.delRead = ev.addWrite = ev.delWrite = ev.cleanup = nullptr;
        loop_.forget(fd_);
        context_ = nullptr;
        loop_.post([last = std::move(self_)] {});
    }

    static void replied(redisAsyncContext *context, void *reply, void *) {
        Connection &connection = of(context);
        CHECK(!connection.handlers_.empty());
        Handler handler = std::move(connection.handlers_.front());
        connection.handlers_.pop_front();
        handler(static_cast<redisReply *>(reply));
    }

    static void arrived(redisAsyncContext *, void *reply, void *handler) {
        (*static_cast<Handler *>(handler))(static_cast<redisReply *>(reply));
    }

    Loop &loop_;
    redisAsyncContext *context_;
    int fd_ = -1;
    int error_ = 0;
    uint32_t events_ = 0;
    std::deque<Handler> handlers_;
    Changed connected_, failed_, gone_;
    std::shared_ptr<Connection> self_; // until the context has gone
};

/** Connections that plain commands share, and that a transaction has for itself. One that has gone is replaced. */
class Pool {
  public:
    Pool(Loop &loop, int port, int size) : loop_(loop), port_(port) {
        for (int i = 0; i < size; i++) grow();
    }

    /** Runs the task with a connection that is taken out of the pool, now or when there is one. */
    void borrow(Connection::Changed task) {
        if (idle_.empty()) return waiting_.push_back(std::move(task));
        Connection *connection = idle_.front();
        idle_.pop_front();
        task(*connection);
    }

    void give_back(Connection &connection) {
        idle_.push_back(&connection);
        if (waiting_.empty()) return;
        auto task = std::move(waiting_.front());
        waiting_.pop_front();
        borrow(std::move(task));
    }

    void command(const std::string &command, Connection::Handler handler) {
        borrow([this, command, handler](Connection &connection) {
            CHECK(connection.send(command, handler));
            give_back(connection);
        });
    }

    int replaced() const { return replaced_; }

    /** Disconnects every connection, none of which may be borrowed, and calls when they have gone. */
    void close(std::function<void()> closed) {
        closed_ = std::move(closed);
        for (Connection *connection : std::deque<Connection *>(idle_)) connection->disconnect();
    }

  private:
    void grow() {
        size_++;
        Connection::open(
            loop_, port_, [this](Connection &connection) { closed_ ? connection.disconnect() : give_back(connection); },
            [](Connection &) { CHECK(!"connected"); }, [this](Connection &connection) { lost(connection); });
    }

    void lost(Connection &connection) {
        for (auto at = idle_.begin(); at != idle_.end(); ++at) {
            if (*at == &connection) {
                idle_.erase(at);
                break;
            }
        }
        size_--;
        if (!closed_) {
            replaced_++;
            grow();
        } else if (size_ == 0) {
            closed_();
        }
    }

    Loop &loop_;
    int port_;
    int size_ = 0, replaced_ = 0;
    std::deque<Connection *> idle_;
    std::deque<Connection::Changed> waiting_;
    std::function<void()> closed_;
};

#endif

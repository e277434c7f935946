// Exceptions thrown by callbacks, and longjmp out of them, pass through the library to the caller.
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

extern "C" {
#include "cases.h"
}

static jmp_buf back;
static bool by_jump;

[[noreturn]] static void leave() {
    if (by_jump) longjmp(back, 1);
    throw std::runtime_error("from the callback");
}

// What came back from CALL: 0 returned, 1 jumped, 2 thrown.
template <class Call> static int outcome(Call call) {
    if (setjmp(back)) return 1;
    try {
        call();
    } catch (const std::runtime_error &error) {
        return strcmp(error.what(), "from the callback") == 0 ? 2 : 3;
    }
    return 0;
}

static void leave_reply(redisAsyncContext *, void *, void *) { leave(); }
static void leave_connect(const redisAsyncContext *, int) { leave(); }
static void leave_push(redisAsyncContext *, void *) { leave(); }
static void leave_sync_push(void *, void *reply) {
    freeReplyObject(reply);
    leave();
}
static void leave_disconnect(const redisAsyncContext *, int) { leave(); }
static int replies;
static void count_reply(redisAsyncContext *, void *reply, void *) { replies += reply != nullptr; }

struct ends {
    int fds[2];
    ends() {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) abort();
    }
    ~ends() { close(fds[1]); }
    void say(const char *text) const {
        if (write(fds[1], text, strlen(text)) < 0) abort();
    }
};

static redisAsyncContext *attach(const ends &e) {
    redisOptions o = {};
    o.type = redisConnectionType(2); // a file descriptor of the program's
    o.endpoint.fd = e.fds[0];
    return redisAsyncConnectWithOptions(&o);
}

static void reply_callback() {
    ends e;
    redisAsyncContext *ac = attach(e);
    redisAsyncHandleWrite(ac);
    check(redisAsyncCommand(ac, leave_reply, nullptr, "PING") == REDIS_OK);
    check(redisAsyncCommand(ac, count_reply, nullptr, "PING") == REDIS_OK);
    redisAsyncHandleWrite(ac);
    e.say("+1\r\n");
    check(outcome([&] { redisAsyncHandleRead(ac); }) == (by_jump ? 1 : 2));
    // The context stays usable once the program has taken back the flag that the library could not.
    ac->c.flags &= ~REDIS_IN_CALLBACK;
    replies = 0;
    e.say("+2\r\n");
    redisAsyncHandleRead(ac);
    check(replies == 1);
    redisAsyncFree(ac);
}

static int drained;
static void leave_drain(redisAsyncContext *ac, void *) {
    if (++drained > 2) return;
    check(redisAsyncCommand(ac, count_reply, nullptr, "PING") == REDIS_OK);
    leave();
}
static void ping(redisAsyncContext *ac, void *reply, void *) {
    if (reply) redisAsyncCommand(ac, count_reply, nullptr, "PING");
}

// Told once for each fall; what was issued before it left is sent with what comes next. From a write, then from a dispatch.
static void drain_callback() {
    ends e;
    char text[64];
    redisAsyncContext *ac = attach(e);
    redisAsyncHandleWrite(ac);
    drained = replies = 0;
    redisAsyncSetDrainCallback(ac, 1, leave_drain, nullptr);
    check(redisAsyncCommand(ac, ping, nullptr, "PING") == REDIS_OK);
    check(outcome([&] { redisAsyncHandleWrite(ac); }) == (by_jump ? 1 : 2));
    ac->c.flags &= ~REDIS_IN_CALLBACK;
    check(drained == 1 && sdslen(ac->c.obuf) == 14 && redisAsyncBytesTaken(ac) == 14);
    e.say("+1\r\n");
    check(outcome([&] { redisAsyncHandleRead(ac); }) == (by_jump ? 1 : 2));
    ac->c.flags &= ~REDIS_IN_CALLBACK;
    check(drained == 2 && sdslen(ac->c.obuf) == 14 && redisAsyncBytesTaken(ac) == 42);
    redisAsyncHandleWrite(ac);
    check(drained == 3 && sdslen(ac->c.obuf) == 0 && redisAsyncBytesTaken(ac) == 56);
    check(read(e.fds[1], text, sizeof text) == 56);
    e.say("+2\r\n+3\r\n+4\r\n");
    redisAsyncHandleRead(ac);
    check(replies == 3);
    redisAsyncFree(ac);
}

static void leave_watch(redisAsyncContext *, void *) { leave(); }

// The descriptor is told of again, and the context can be freed.
static void watch_callback() {
    ends e;
    redisAsyncContext *ac = redisAsyncWatchFd(e.fds[0], leave_watch, nullptr);
    e.say("x");
    for (int i = 0; i < 2; i++) {
        check(outcome([&] { redisAsyncHandleRead(ac); }) == (by_jump ? 1 : 2));
        ac->c.flags &= ~REDIS_IN_CALLBACK;
    }
    redisAsyncFree(ac);
    check(close(e.fds[0]) == 0);
}

static void connect_callback() {
    ends e;
    redisAsyncContext *ac = attach(e);
    redisAsyncSetConnectCallback(ac, leave_connect);
    check(outcome([&] { redisAsyncHandleWrite(ac); }) == (by_jump ? 1 : 2));
    ac->c.flags &= ~REDIS_IN_CALLBACK;
    redisAsyncFree(ac);
}

static void async_push_callback() {
    ends e;
    redisAsyncContext *ac = attach(e);
    redisAsyncSetPushCallback(ac, leave_push);
    redisAsyncHandleWrite(ac);
    e.say(">1\r\n+x\r\n");
    check(outcome([&] { redisAsyncHandleRead(ac); }) == (by_jump ? 1 : 2));
    ac->c.flags &= ~REDIS_IN_CALLBACK;
    redisAsyncFree(ac);
}

static void disconnect_callback() {
    ends e;
    redisAsyncContext *ac = attach(e);
    redisAsyncHandleWrite(ac);
    redisAsyncSetDisconnectCallback(ac, leave_disconnect);
    check(outcome([&] { redisAsyncFree(ac); }) == (by_jump ? 1 : 2));
    ac->c.flags &= ~REDIS_IN_CALLBACK;
    ac->onDisconnect = nullptr;
    redisAsyncFree(ac);
}

static void timeout_callback() {
    ends e;
    redisAsyncContext *ac = attach(e);
    redisAsyncHandleWrite(ac);
    struct timeval tv = {0, 1000};
    redisAsyncSetTimeout(ac, tv);
    check(redisAsyncCommand(ac, leave_reply, nullptr, "PING") == REDIS_OK);
    usleep(5000);
    check(outcome([&] { redisAsyncHandleTimeout(ac); }) == (by_jump ? 1 : 2));
    ac->c.flags &= ~REDIS_IN_CALLBACK;
    redisAsyncFree(ac);
}

// Of several commands that end with their context, the first's callback leaves: the others are called all the same, each once.
static int ended[4];
static void count_end(redisAsyncContext *, void *reply, void *which) {
    check(reply == nullptr);
    ended[reinterpret_cast<intptr_t>(which)]++;
}
static void count_end_and_leave(redisAsyncContext *ac, void *reply, void *which) {
    count_end(ac, reply, which);
    leave();
}
static void count_message(redisAsyncContext *ac, void *reply, void *which) {
    if (reply == nullptr) count_end(ac, reply, which);
}

static void callbacks_behind_one_that_leaves() {
    enum { TIMEOUT, END, FREE, PROTOCOL, ENDS };
    for (int end = 0; end < ENDS; end++)
        for (int leaves = 0; leaves < 3; leaves++) {
            ends e;
            redisAsyncContext *ac = attach(e);
            struct timeval tv = {0, 1000};
            redisAsyncHandleWrite(ac);
            redisAsyncSetTimeout(ac, tv);
            memset(ended, 0, sizeof ended);
            check(redisAsyncCommand(ac, count_message, reinterpret_cast<void *>(intptr_t(3)), "SUBSCRIBE x") == REDIS_OK);
            redisAsyncHandleWrite(ac);
            e.say("*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n");
            redisAsyncHandleRead(ac);
            for (intptr_t i = 0; i < 3; i++)
                check(redisAsyncCommand(ac, i == leaves ? count_end_and_leave : count_end, reinterpret_cast<void *>(i), "PING") == REDIS_OK);
            usleep(2000);
            if (end == END) shutdown(e.fds[1], SHUT_RDWR);
            if (end == PROTOCOL) e.say("?");
            int how = outcome([&] {
                if (end == TIMEOUT) redisAsyncHandleTimeout(ac);
                else if (end == FREE) redisAsyncFree(ac);
                else redisAsyncHandleRead(ac);
            });
            check(how == (by_jump ? 1 : 2));
            ac->c.flags &= ~REDIS_IN_CALLBACK;
            redisAsyncFree(ac);
            for (int i = 0; i < 4; i++) check(ended[i] == 1);
        }
}

static void sync_push_in_command() {
    ends e;
    redisContext *c = redisConnectFd(e.fds[0]);
    redisSetPushCallback(c, leave_sync_push);
    e.say(">1\r\n+x\r\n+PONG\r\n");
    check(outcome([&] { redisCommand(c, "PING %s", "x"); }) == (by_jump ? 1 : 2));
    void *reply = nullptr;
    check(redisGetReply(c, &reply) == REDIS_OK);
    check(reply && strcmp(static_cast<redisReply *>(reply)->str, "PONG") == 0);
    freeReplyObject(reply);
    redisFree(c);
}

static void sync_push_in_get_reply() {
    ends e;
    redisContext *c = redisConnectFd(e.fds[0]);
    redisSetPushCallback(c, leave_sync_push);
    e.say("+PONG\r\n>1\r\n+x\r\n+MORE\r\n");
    redisAppendCommand(c, "PING");
    void *reply = nullptr;
    check(redisGetReply(c, &reply) == REDIS_OK);
    freeReplyObject(reply);
    check(outcome([&] { redisGetReply(c, &reply); }) == (by_jump ? 1 : 2));
    check(redisGetReply(c, &reply) == REDIS_OK);
    check(strcmp(static_cast<redisReply *>(reply)->str, "MORE") == 0);
    freeReplyObject(reply);
    redisFree(c);
}

// Functions of the program's own tables: of the reader, and of the context.
static void *leave_string(const redisReadTask *, char *, size_t) { leave(); }
static void reader_function() {
    redisReplyObjectFunctions table = {leave_string, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
    redisReader *reader = redisReaderCreateWithFunctions(&table);
    void *reply;
    redisReaderFeed(reader, "+x\r\n", 4);
    check(outcome([&] { redisReaderGetReply(reader, &reply); }) == (by_jump ? 1 : 2));
    redisReaderFree(reader);
}

static ssize_t leave_read(redisContext *, char *, size_t) { leave(); }
static void context_function() {
    ends e;
    redisContext *c = redisConnectFd(e.fds[0]);
    redisContextFuncs table = *c->funcs;
    table.read = leave_read;
    c->funcs = &table;
    check(outcome([&] { redisBufferRead(c); }) == (by_jump ? 1 : 2));
    redisFree(c);
}

static void leave_hook(void *) { leave(); }
static void hook_function() {
    ends e;
    redisAsyncContext *ac = attach(e);
    redisAsyncHandleWrite(ac);
    ac->ev.addWrite = leave_hook;
    check(outcome([&] { redisAsyncCommand(ac, count_reply, nullptr, "PING"); }) == (by_jump ? 1 : 2));
    ac->ev.addWrite = nullptr;
    redisAsyncFree(ac);
}

// The library's lookups come here: how many of their results are not freed.
static int lists;
extern "C" int getaddrinfo(const char *, const char *service, const struct addrinfo *, struct addrinfo **result) {
    struct both {
        struct addrinfo info;
        struct sockaddr_in address;
    } *entry = static_cast<both *>(calloc(1, sizeof(both)));
    entry->address.sin_family = AF_INET;
    entry->address.sin_port = htons(uint16_t(service ? atoi(service) : 0));
    entry->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    entry->info.ai_family = AF_INET;
    entry->info.ai_socktype = SOCK_STREAM;
    entry->info.ai_addrlen = sizeof entry->address;
    entry->info.ai_addr = reinterpret_cast<struct sockaddr *>(&entry->address);
    *result = &entry->info;
    lists++;
    return 0;
}
extern "C" void freeaddrinfo(struct addrinfo *list) {
    lists--;
    free(list);
}

// Allocators of the program's that leave at their n-th call.
static int allocations;
static void allocate() {
    if (--allocations == 0) leave();
}
static void *leave_malloc(size_t size) { return allocate(), malloc(size); }
static void *leave_calloc(size_t n, size_t size) { return allocate(), calloc(n, size); }
static void *leave_realloc(void *block, size_t size) { return allocate(), realloc(block, size); }
static char *leave_strdup(const char *text) { return allocate(), strdup(text); }
static hiredisAllocFuncs leaving = {leave_malloc, leave_calloc, leave_realloc, leave_strdup, free};

struct listener {
    int fd = socket(AF_INET, SOCK_STREAM, 0), port;
    listener() {
        struct sockaddr_in a = {};
        socklen_t len = sizeof a;
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (bind(fd, reinterpret_cast<struct sockaddr *>(&a), len) || listen(fd, 64)) abort();
        getsockname(fd, reinterpret_cast<struct sockaddr *>(&a), &len);
        port = ntohs(a.sin_port);
    }
    ~listener() { close(fd); }
};

// Whatever the library had looked up is freed, or reachable from the context. That is the program's, if it was there before.
static void allocator_in_connect() {
    listener l;
    int left;
    hiredisSetAllocators(&leaving);
    for (int n = 1, ended = 0; !ended; n++) {
        redisContext *c = nullptr;
        allocations = n;
        left = outcome([&] { c = redisConnect("somewhere.example", l.port); });
        check(lists == 0);
        ended = left == 0;
        allocations = 0;
        if (c) redisFree(c);
        if (ended) check(n > 5);
    }
    for (int n = 1, ended = 0; !ended; n++) {
        redisContext *c = redisConnect("somewhere.example", l.port);
        hi_free(c->saddr); // so that room for the address is made again
        c->saddr = nullptr;
        allocations = n;
        left = outcome([&] { redisReconnect(c); });
        check(lists == 0);
        ended = left == 0;
        allocations = 0;
        redisFree(c);
    }
    for (int n = 1, ended = 0; !ended; n++) {
        redisAsyncContext *ac = nullptr;
        int before = lists;
        allocations = n;
        left = outcome([&] { ac = redisAsyncConnect("somewhere.example", l.port); });
        ended = left == 0;
        allocations = 0;
        if (ac) redisAsyncFree(ac);
        check(!ended || lists == before);
        lists = 0; // a context that nobody was given goes with all that it had
    }
    hiredisResetAllocators();
}

static const struct test_case cases[] = {
    CASE(drain_callback),       CASE(watch_callback),
    CASE(reply_callback),       CASE(connect_callback),       CASE(async_push_callback), CASE(disconnect_callback), CASE(timeout_callback),
    CASE(sync_push_in_command), CASE(sync_push_in_get_reply), CASE(reader_function),     CASE(context_function),    CASE(hook_function),
    CASE(allocator_in_connect), CASE(callbacks_behind_one_that_leaves),
};

// unwind throw|jump [CASE...]
int main(int argc, char **argv) {
    if (argc < 2) return 2;
    by_jump = strcmp(argv[1], "jump") == 0;
    return run_cases(cases, sizeof cases / sizeof *cases, argc - 1, argv + 1);
}

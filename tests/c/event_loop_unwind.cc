// Exceptions leave the loop from every kind of call, and it goes on with all the others.
#include <hiredis/adapters/mio.h>

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <netdb.h>

#define check(condition)                                                                   \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            std::exit(1);                                                                  \
        }                                                                                  \
    } while (0)

struct thrown {
    int kind;
};

static redisMioLoop *loop;
static int answered;

// Lists of addresses that the library holds.
static int lists;
extern "C" int getaddrinfo(const char *host, const char *service, const addrinfo *hints, addrinfo **found) {
    static auto real = reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
    int code = real(host, service, hints, found);
    if (code == 0) lists++;
    return code;
}
extern "C" void freeaddrinfo(addrinfo *list) {
    static auto real = reinterpret_cast<decltype(&freeaddrinfo)>(dlsym(RTLD_NEXT, "freeaddrinfo"));
    lists--;
    real(list);
}

// Unlike exceptions, longjmp leaves nobody the time to free anything.
static std::jmp_buf outside;
static void jump_out(const redisAsyncContext *, int) { std::longjmp(outside, 1); }

// The connect callback of a context that cannot connect, though its host is known: the addresses are gone by then.
static int jumps_before_connecting() {
    redisOptions options = {};
    timeval never = {-1, 0};
    volatile int jumps = 0;
    int before = lists;
    REDIS_OPTIONS_SET_TCP(&options, "127.0.0.1", 1);
    options.connect_timeout = &never;
    redisAsyncContext *lost = redisMioConnect(loop, &options);
    check(redisAsyncSetConnectCallback(lost, jump_out) == REDIS_OK);
    if (setjmp(outside)) jumps = jumps + 1;
    for (int i = 0; i < 3; i++) check(redisMioRunOnce(loop, 10) >= 0);
    check(lists == before);
    return jumps;
}

static void throw_kind(void *kind) { throw thrown{*static_cast<int *>(kind)}; }
static void throw_reply(redisAsyncContext *, void *reply, void *) {
    if (reply) throw thrown{2};
}
static void count(redisAsyncContext *, void *reply, void *) {
    if (reply && ++answered == 500) redisMioStop(loop);
}
static void count_again(redisAsyncContext *ac, void *reply, void *) {
    count(ac, reply, nullptr);
    if (reply && answered < 500) redisAsyncCommand(ac, count_again, nullptr, "PING");
}

int main() {
    int kinds[] = {0, 1}, caught[3] = {};
    redisOptions options = {};
    timeval soon = {0, 1000};
    REDIS_OPTIONS_SET_TCP(&options, "127.0.0.1", std::atoi(std::getenv("REDIS_PORT")));
    loop = redisMioLoopCreate();
    for (int i = 0; i < 5; i++) redisAsyncCommand(redisMioConnect(loop, &options), count_again, nullptr, "PING");
    // The context whose callback never returns is beyond use; the program lets it go with its end.
    redisAsyncContext *lost = redisAsyncConnect("127.0.0.1", std::atoi(std::getenv("REDIS_PORT")));
    check(redisMioAttach(lost, loop) == REDIS_OK);
    redisAsyncCommand(lost, throw_reply, nullptr, "PING");
    redisMioTimerAdd(loop, soon, throw_kind, &kinds[0]);
    redisMioPost(loop, throw_kind, &kinds[1]);
    for (bool stopped = false; !stopped;) {
        try {
            stopped = redisMioRun(loop) == REDIS_OK;
        } catch (const thrown &exception) {
            caught[exception.kind]++;
        }
    }
    check(answered >= 500);
    check(caught[0] == 1 && caught[1] == 1 && caught[2] == 1);
    check(jumps_before_connecting() == 1);
    redisMioLoopFree(loop);
    std::puts("every exception arrived");
}

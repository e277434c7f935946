/* cc: -rdynamic -ldl */
/* redisMioConnect: names, addresses, unix sockets, descriptors; what fails; a resolver that takes its time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>

#include "event_loop.h"

static int lookups, slow_ms = 300;
static int held = 16, released; /* as many lookups as there are threads, and whether they may end */
static sigset_t blocked_there; /* the signals that the thread of the last lookup blocks */
static sigset_t blocked_here;  /* those that this thread blocked before the first lookup */

/* The library's resolver is this one. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    static const char *const addresses[] = {"::1", "127.0.0.2", "127.0.0.1"};
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
    struct addrinfo numeric = *hints, **end = found;
    if (host == NULL || hints->ai_flags & AI_NUMERICHOST) return real(host, service, hints, found);
    pthread_sigmask(SIG_BLOCK, NULL, &blocked_there);
    __atomic_add_fetch(&lookups, 1, __ATOMIC_SEQ_CST);
    numeric.ai_flags |= AI_NUMERICHOST;
    if (!strcmp(host, "slow.test")) {
        usleep((useconds_t)slow_ms * 1000);
        return real("127.0.0.1", service, &numeric, found);
    }
    if (!strcmp(host, "held.test")) {
        while (!__atomic_load_n(&released, __ATOMIC_SEQ_CST)) usleep(1000);
        __atomic_sub_fetch(&held, 1, __ATOMIC_SEQ_CST);
        return real("127.0.0.1", service, &numeric, found);
    }
    if (strcmp(host, "many.test")) return real(host, service, hints, found);
    for (int i = 0; i < 3; i++) {
        check(real(addresses[i], service, &numeric, end) == 0);
        while (*end) end = &(*end)->ai_next;
    }
    return 0;
}

/* Threads that nobody joins give their stack back by themselves. */
static int detached;
int pthread_detach(pthread_t thread) {
    int (*real)(pthread_t) = dlsym(RTLD_NEXT, "pthread_detach");
    detached++;
    return real(thread);
}

static void works(struct client *c) {
    redisAsyncCommand(c->ac, on_reply, NULL, "PING");
    loop_until(c->answered == 1);
    check(c->connected == REDIS_OK && c->failed == 0);
    redisAsyncDisconnect(c->ac);
    check(c->ac == NULL && c->disconnected == REDIS_OK);
}

static void by_address(void) {
    struct client c;
    int before = lookups;
    open_redis(&c);
    works(&c);
    open_tcp(&c, NULL, redis_port());
    works(&c);
    check(lookups == before);
}

static void by_name(void) {
    struct client c;
    int before = lookups;
    open_tcp(&c, "localhost", redis_port());
    works(&c);
    check(lookups == before + 1);
    check(detached > 0);
}

static void by_path(void) {
    redisOptions o = {0};
    struct client c;
    REDIS_OPTIONS_SET_UNIX(&o, getenv("REDIS_SOCK"));
    open_with(&c, &o);
    works(&c);
}

static void by_descriptor(void) {
    redisOptions o = {0};
    struct client c;
    redisContext *made = redisConnect("127.0.0.1", redis_port());
    o.type = REDIS_CONN_USERFD;
    o.endpoint.fd = redisFreeKeepFd(made); /* in blocking mode, which must not block the loop */
    open_with(&c, &o);
    works(&c);
}

static void fails(struct client *c, int err) {
    redisAsyncCommand(c->ac, on_reply, NULL, "PING");
    loop_until(c->ac == NULL);
    check(c->connected == REDIS_ERR && c->err == err && c->failed == 1 && c->answered == 0 && c->disconnected == NONE);
    check(c->errstr[0] != 0);
}

/* What the kernel cannot watch is no connection. */
static void by_a_descriptor_that_cannot_be_watched(void) {
    redisOptions o = {.type = REDIS_CONN_USERFD};
    struct client c;
    o.endpoint.fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    open_with(&c, &o);
    fails(&c, REDIS_ERR_IO);
    check(strcmp(c.errstr, "Operation not permitted") == 0);
}

static void refused(void) {
    struct peer p;
    struct client c;
    peer_refuse(&p);
    open_tcp(&c, "127.0.0.1", p.port);
    fails(&c, REDIS_ERR_IO);
    open_tcp(&c, "localhost", p.port);
    fails(&c, REDIS_ERR_IO);
    peer_end(&p);
}

static void nothing_there(void) {
    redisOptions o = {0}, unknown = {0};
    struct client c;
    REDIS_OPTIONS_SET_UNIX(&o, "/nonexistent/socket");
    open_with(&c, &o);
    fails(&c, REDIS_ERR_IO);
    open_tcp(&c, "no-such-host.invalid", 6379);
    fails(&c, REDIS_ERR_OTHER);
    open_tcp(&c, "localhost", 70000);
    fails(&c, REDIS_ERR_OTHER);
    o.connect_timeout = &(struct timeval){0, -1};
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", redis_port());
    open_with(&c, &o);
    fails(&c, REDIS_ERR_IO);
    unknown.type = 77;
    check(redisMioConnect(loop, &unknown) == NULL);
}

/* The resolver is asked for names that it can know. */
static void names_of_any_length(void) {
    char name[NI_MAXHOST + 1];
    struct client c;
    int before = lookups;
    memset(name, 'a', sizeof name);
    name[NI_MAXHOST - 1] = 0;
    open_tcp(&c, name, redis_port());
    fails(&c, REDIS_ERR_OTHER);
    check(lookups == before + 1);
    name[NI_MAXHOST - 1] = 'a';
    name[NI_MAXHOST] = 0;
    open_tcp(&c, name, redis_port());
    fails(&c, REDIS_ERR_OTHER);
    check(lookups == before + 1);
}

static int next_descriptor(void) {
    int fd = dup(0);
    close(fd);
    return fd;
}

/* ::1 and 127.0.0.2 refuse: nobody listens there, and their sockets do not stay. IPv6 goes first when it is preferred. */
static void every_address_of_every_family(void) {
    struct client c;
    int before = next_descriptor();
    for (int preference = 0; preference < 3; preference++) {
        static const int options[] = {0, REDIS_OPT_PREFER_IPV6, REDIS_OPT_PREFER_IPV6 | REDIS_OPT_PREFER_IPV4};
        redisOptions o = {0};
        o.options = options[preference];
        REDIS_OPTIONS_SET_TCP(&o, "many.test", redis_port());
        open_with(&c, &o);
        works(&c);
        check(next_descriptor() == before);
    }
    struct peer p;
    peer_refuse(&p);
    open_tcp(&c, "many.test", p.port);
    fails(&c, REDIS_ERR_IO);
    peer_end(&p);
    check(next_descriptor() == before);
}

static int ticks;
static void tick(void *data) {
    (void)data;
    ticks++;
    redisMioTimerAdd(loop, in_ms(5), tick, NULL);
}

static void a_slow_name_holds_up_nobody(void) {
    struct client slow, other;
    double begun = seconds();
    open_tcp(&slow, "slow.test", redis_port());
    check(within(0.1, begun));
    redisAsyncCommand(slow.ac, on_reply, NULL, "PING");
    open_redis(&other);
    for (int i = 0; i < 100; i++) redisAsyncCommand(other.ac, on_reply, NULL, "PING");
    loop_until(other.answered == 100);
    check(slow.connected == NONE && slow.ac->c.fd == REDIS_INVALID_FD && within(0.25, begun));
    loop_until(slow.answered == 1);
    check(slow.connected == REDIS_OK && seconds() - begun > 0.29);
    redisAsyncFree(slow.ac);
    redisAsyncFree(other.ac);
}

/* More than there are threads; they wait side by side. */
static void many_slow_names(void) {
    static struct client c[40];
    double begun = seconds();
    for (int i = 0; i < 40; i++) {
        open_tcp(&c[i], "slow.test", redis_port());
        redisAsyncCommand(c[i].ac, on_reply, NULL, "PING");
    }
    for (int i = 0; i < 40; i++) loop_until(c[i].answered == 1);
    check(within(40 * 0.3 / 4, begun));
    for (int i = 0; i < 40; i++) redisAsyncFree(c[i].ac);
}

static void the_connect_timeout_bounds_the_resolver(void) {
    redisOptions o = {0};
    struct timeval limit = in_ms(100);
    struct client c;
    double begun = seconds();
    REDIS_OPTIONS_SET_TCP(&o, "slow.test", redis_port());
    o.connect_timeout = &limit;
    open_with(&c, &o);
    fails(&c, REDIS_ERR_TIMEOUT);
    check(seconds() - begun > 0.09 && within(0.25, begun));
    /* Its time runs also if no callback is ever set. */
    begun = seconds();
    REDIS_OPTIONS_SET_PRIVDATA(&o, &c, on_freed);
    c.ac = redisMioConnect(loop, &o);
    loop_until(c.ac == NULL);
    check(seconds() - begun > 0.09 && within(0.25, begun));
}

static void gone_before_the_name_is_known(void) {
    struct client freed, left;
    open_tcp(&freed, "slow.test", redis_port());
    redisAsyncCommand(freed.ac, on_reply, NULL, "PING");
    redisAsyncFree(freed.ac);
    check(freed.ac == NULL && freed.failed == 1);
    open_tcp(&left, "slow.test", redis_port());
    redisAsyncDisconnect(left.ac);
    check(left.ac == NULL);
    open_tcp(&left, "slow.test", redis_port());
    redisAsyncCommand(left.ac, on_reply, NULL, "PING");
    redisAsyncDisconnect(left.ac);
    loop_until(left.ac == NULL);
    check(left.answered == 1 && left.disconnected == REDIS_OK);
}

/* A signal to the process while a name is being looked up: the program's thread, which blocks it for a moment, is to handle it. */
static volatile sig_atomic_t handled;
static pthread_t handler;
static void on_usr1(int signal) {
    (void)signal;
    handler = pthread_self();
    handled++;
}

static void signals_are_the_program_s(void) {
    struct sigaction act = {0};
    struct client c;
    sigset_t usr1, after;
    int lookups_before = lookups;
    act.sa_handler = on_usr1;
    sigaction(SIGUSR1, &act, NULL);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    open_tcp(&c, "slow.test", redis_port());
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    for (int signal = 1; signal < NSIG; signal++) check(sigismember(&blocked_here, signal) == sigismember(&after, signal));
    while (__atomic_load_n(&lookups, __ATOMIC_SEQ_CST) == lookups_before) usleep(1000);
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
    kill(getpid(), SIGUSR1);
    usleep(50000);
    check(handled == 0);
    pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
    check(handled == 1 && pthread_equal(handler, pthread_self()));
    for (int signal = 1; signal < NSIG; signal++)
        if (signal != SIGKILL && signal != SIGSTOP && (signal < 32 || signal >= SIGRTMIN)) check(sigismember(&blocked_there, signal) == 1);
    works(&c);
}

static int connected(const struct client *c, int count) {
    int connected = 0;
    for (int i = 0; i < count; i++) connected += c[i].connected == REDIS_OK;
    return connected;
}

/* A listener without room: connecting goes on once there is. */
static void crowded_unix_socket(void) {
    redisOptions o = {0};
    struct timeval limit = in_ms(60000);
    struct peer p;
    struct client c[4];
    peer_listen_unix(&p, "crowded", 0);
    REDIS_OPTIONS_SET_UNIX(&o, p.path);
    o.connect_timeout = &limit;
    for (int i = 0; i < 4; i++) open_with(&c[i], &o);
    for (int i = 0; i < 4; i++) check(redisMioRunOnce(loop, 10) >= 0);
    check(connected(c, 4) < 4);
    for (int i = 0; i < 4; i++) {
        loop_until(connected(c, 4) > i);
        peer_accept(&p);
        peer_close(&p);
    }
    for (int i = 0; i < 4; i++) loop_until(c[i].ac == NULL);
    peer_end(&p);
}

static void freed_with_the_loop(void) {
    static struct client queued[40];
    struct client resolving, connected;
    int before = lookups;
    open_tcp(&resolving, "held.test", redis_port());
    for (int i = 0; i < 40; i++) open_tcp(&queued[i], "held.test", redis_port());
    open_redis(&connected);
    loop_until(connected.connected == REDIS_OK);
    redisAsyncCommand(connected.ac, on_reply, NULL, "BLPOP event-loop:nothing 0");
    while (__atomic_load_n(&lookups, __ATOMIC_SEQ_CST) - before < held) usleep(1000);
    redisMioLoopFree(loop);
    check(resolving.ac == NULL && connected.ac == NULL && connected.failed == 1 && connected.disconnected == REDIS_OK);
    for (int i = 0; i < 40; i++) check(queued[i].ac == NULL);
    /* The threads of the resolver end by themselves, and look up nothing more. */
    released = 1;
    while (__atomic_load_n(&held, __ATOMIC_SEQ_CST) > 0) usleep(1000);
    usleep(500000);
    check(lookups - before == 16);
}

int main(void) {
    pthread_sigmask(SIG_BLOCK, NULL, &blocked_here);
    begin();
    tick(NULL);
    run(by_address);
    run(by_name);
    run(by_path);
    run(by_descriptor);
    run(by_a_descriptor_that_cannot_be_watched);
    run(refused);
    run(nothing_there);
    run(names_of_any_length);
    run(every_address_of_every_family);
    run(a_slow_name_holds_up_nobody);
    run(many_slow_names);
    run(the_connect_timeout_bounds_the_resolver);
    run(gone_before_the_name_is_known);
    run(signals_are_the_program_s);
    run(crowded_unix_socket);
    check(ticks > 100);
    run(freed_with_the_loop);
    return 0;
}

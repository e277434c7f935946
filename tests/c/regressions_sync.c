/* Known defects of the C library in connecting, writing, timeouts and reconnecting, one function per number of contract
 * section 11: each is fixed here. */
#include <limits.h>
#include <netdb.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "cases.h"
#include "hooks.h"

static struct peer p;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int option_of(int fd, int level, int name) {
    int value = -1;
    socklen_t len = sizeof value;
    getsockopt(fd, level, name, &value, &len);
    return value;
}

/* The library calls these; while nothing is set they do what libc's do. */
static const char *const *resolved; /* addresses that every name resolves to, NULL-terminated */
static int connect_errno, reuse_errno, connects;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    struct addrinfo *first = NULL, **next = &first;
    const char *const *name;
    static const char *const loopback[] = {"127.0.0.1", NULL};
    if (node && strcmp(node, "nothing.example") == 0) return EAI_NONAME;
    for (name = resolved ? resolved : loopback; *name; name++) {
        struct {
            struct addrinfo info;
            struct sockaddr_in address;
        } *entry = calloc(1, sizeof *entry);
        entry->address.sin_family = AF_INET;
        entry->address.sin_port = htons((uint16_t)(service ? atoi(service) : 0));
        inet_pton(AF_INET, resolved || node == NULL ? *name : node, &entry->address.sin_addr);
        entry->info.ai_family = AF_INET;
        entry->info.ai_socktype = hints ? hints->ai_socktype : SOCK_STREAM;
        entry->info.ai_addrlen = sizeof entry->address;
        entry->info.ai_addr = (struct sockaddr *)&entry->address;
        *next = &entry->info;
        next = &entry->info.ai_next;
    }
    *result = first;
    return 0;
}
void freeaddrinfo(struct addrinfo *list) {
    while (list) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}
int connect(int fd, const struct sockaddr *to, socklen_t len) {
    connects++;
    if (connect_errno) {
        errno = connect_errno;
        return -1;
    }
    return (int)syscall(SYS_connect, fd, to, len);
}
int setsockopt(int fd, int level, int name, const void *value, socklen_t len) {
    if (reuse_errno && level == SOL_SOCKET && name == SO_REUSEADDR) {
        errno = reuse_errno;
        return -1;
    }
    return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}

static redisContext *connected(void) {
    redisContext *c;
    peer_listen(&p);
    c = redisConnect("127.0.0.1", p.port);
    check(c->err == 0);
    peer_accept(&p);
    return c;
}

static redisContext *with_options(int options) {
    redisOptions o = {0};
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    o.options = options;
    return redisConnectWithOptions(&o);
}

static void close_all(redisContext *c) {
    redisFree(c);
    peer_end(&p);
}

static void defect_1_no_sigpipe(void) {
    redisContext *c = connected();
    signal(SIGPIPE, SIG_DFL);
    peer_reset(&p);
    usleep(10000);
    check(redisCommand(c, "PING") == NULL);
    check(c->err == REDIS_ERR_IO || c->err == REDIS_ERR_EOF);
    close_all(c);
    {
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) peer_die("socketpair");
        c = redisConnectFd(fds[0]);
        close(fds[1]);
        check(redisCommand(c, "PING") == NULL);
        check(c->err == REDIS_ERR_IO);
        same(c->errstr, "Broken pipe");
        redisFree(c);
    }
}

static void defect_3_close_on_exec_is_not_reuse(void) {
    redisContext *c;
    peer_listen(&p);
    c = with_options(REDIS_OPT_SET_SOCK_CLOEXEC);
    check(!(c->flags & REDIS_REUSEADDR));
    check(fcntl(c->fd, F_GETFD) & FD_CLOEXEC);
    redisFree(c);
    c = with_options(REDIS_OPT_REUSEADDR);
    check(c->flags & REDIS_REUSEADDR);
    check(!(fcntl(c->fd, F_GETFD) & FD_CLOEXEC));
    close_all(c);
}

static void defect_4_user_fd_is_known(void) {
    int fds[2];
    redisContext *c;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) peer_die("socketpair");
    c = redisConnectFd(fds[0]);
    check(c->connection_type == REDIS_CONN_USERFD);
    check(redisReconnect(c) == REDIS_ERR);
    check(c->err == REDIS_ERR_OTHER);
    same(c->errstr, "Not enough information to reconnect");
    redisFree(c);
    close(fds[1]);
}

static void defect_4_user_fd_async(void) {
    struct session s;
    struct expect a = {"a", NULL};
    redisOptions o = {0};
    int fds[2];
    begin("user_fd");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds)) peer_die("socketpair");
    o.type = REDIS_CONN_USERFD;
    o.endpoint.fd = fds[0];
    session_open(&s, &o);
    redisAsyncSetConnectCallback(s.ac, on_connect);
    redisAsyncSetDisconnectCallback(s.ac, on_disconnect);
    ask(&s, &a, "PING");
    drive_write(&s);
    contains(trace.calls, "{onConnect 0 err 0 ''");
    p.fd = fds[1];
    same(peer_heard(&p, 1000), "*1 $4 PING");
    peer_say(&p, "+PONG\r\n");
    drive_read(&s);
    contains(trace.calls, "{a +PONG}");
    redisAsyncDisconnect(s.ac);
    check(s.ac == NULL);
    contains(trace.calls, "{onDisconnect 0 err 0");
    peer_close(&p);
}

static void defect_5_failure_has_an_error(void) {
    redisContext *c;
    peer_listen(&p);
    connect_errno = EADDRNOTAVAIL;
    connects = 0;
    c = with_options(REDIS_OPT_REUSEADDR);
    connect_errno = 0;
    check(connects == 10);
    check(c->err == REDIS_ERR_IO || c->err == REDIS_ERR_OTHER);
    contains(c->errstr, "Cannot assign requested address");
    redisFree(c);
    reuse_errno = EPERM;
    c = redisConnectBindNonBlockWithReuse("127.0.0.1", p.port, "127.0.0.1");
    reuse_errno = 0;
    check(c->err != 0);
    contains(c->errstr, "Operation not permitted");
    close_all(c);
}

static void defect_6_port_out_of_range(void) {
    static const int ports[] = {-1, 65536, 463800, -65536, 1000000000};
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        redisContext *c = redisConnect("127.0.0.1", ports[i]);
        check(c->err == REDIS_ERR_OTHER);
        same(c->errstr, "Servname not supported for ai_socktype");
        check(c->fd == -1);
        redisFree(c);
    }
}

static void defect_7_next_address_after_refusal(void) {
    static const char *const two[] = {"127.0.0.2", "127.0.0.1", NULL};
    static const char *const none[] = {"127.0.0.2", "127.0.0.3", NULL};
    redisContext *c;
    peer_listen(&p);
    resolved = two;
    c = redisConnect("several.example", p.port);
    check(c->err == 0);
    check(c->flags & REDIS_CONNECTED);
    peer_say((peer_accept(&p), &p), "+PONG\r\n");
    {
        redisReply *r = redisCommand(c, "PING");
        check(r && strcmp(r->str, "PONG") == 0);
        freeReplyObject(r);
    }
    redisFree(c);
    resolved = none;
    c = redisConnect("several.example", p.port);
    resolved = NULL;
    check(c->err == REDIS_ERR_IO);
    same(c->errstr, "Connection refused");
    redisFree(c);
    c = redisConnect("nothing.example", p.port);
    check(c->err == REDIS_ERR_OTHER);
    same(c->errstr, "Name or service not known");
    close_all(c);
}

static void defect_7_next_address_async(void) {
    static const char *const two[] = {"127.0.0.2", "127.0.0.1", NULL};
    struct session s;
    struct expect a = {"a", NULL};
    redisOptions o = {0};
    int fd;
    begin("next_address");
    peer_listen(&p);
    resolved = two;
    REDIS_OPTIONS_SET_TCP(&o, "several.example", p.port);
    session_open(&s, &o);
    redisAsyncSetConnectCallback(s.ac, on_connect);
    fd = s.ac->c.fd;
    ask(&s, &a, "PING");
    for (int i = 0; i < 10 && s.ac && !(s.ac->c.flags & REDIS_CONNECTED); i++) drive_write(&s);
    resolved = NULL;
    check(s.ac != NULL);
    if (s.ac) {
        check(s.ac->c.fd == fd);
        check(s.ac->c.flags & REDIS_CONNECTED);
        contains(trace.calls, "{onConnect 0 ");
        peer_accept(&p);
        peer_say(&p, "+PONG\r\n");
        drive_flush(&s);
        drive_read(&s);
        contains(trace.calls, "{a +PONG}");
        redisAsyncFree(s.ac);
    }
    peer_end(&p);
}

static void defect_8_long_path(void) {
    static const size_t lengths[] = {107, 108, 200};
    char path[256];
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        redisContext *c;
        memset(path, 'x', sizeof path);
        memcpy(path, "/tmp/", 5);
        path[lengths[i]] = 0;
        c = redisConnectUnix(path);
        check(c->err == REDIS_ERR_IO);
        same(c->errstr, lengths[i] <= 107 ? "No such file or directory" : "File name too long");
        check(c->fd == -1);
        redisFree(c);
    }
}

static void accept_late(struct peer *peer) {
    usleep(100000);
    peer_accept(peer);
    peer_accept(peer);
    peer_say(peer, "+PONG\r\n");
}
static volatile sig_atomic_t alarms;
static void count_alarm(int sig) {
    (void)sig;
    alarms++;
}

/* Signals do not end the wait for room. */
static void defect_9_full_unix_backlog(void) {
    struct itimerval every = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
    struct sigaction act = {.sa_handler = count_alarm};
    sigset_t alarm_set;
    redisContext *first, *c;
    redisReply *r;
    sigaction(SIGALRM, &act, NULL);
    sigemptyset(&alarm_set);
    sigaddset(&alarm_set, SIGALRM);
    peer_listen_unix(&p, "full", 0);
    first = redisConnectUnix(p.path);
    check(first->err == 0);
    pthread_sigmask(SIG_BLOCK, &alarm_set, NULL);
    peer_start(&p, accept_late);
    pthread_sigmask(SIG_UNBLOCK, &alarm_set, NULL);
    alarms = 0;
    setitimer(ITIMER_REAL, &every, NULL);
    c = redisConnectUnix(p.path);
    setitimer(ITIMER_REAL, &never, NULL);
    check(c->err == 0 && alarms > 0);
    peer_join(&p);
    r = redisCommand(c, "PING");
    check(r != NULL);
    freeReplyObject(r);
    redisFree(first);
    close_all(c);
}

static void defect_10_nodelay_without_waiting(void) {
    redisContext *c;
    peer_listen(&p);
    c = redisConnectNonBlock("127.0.0.1", p.port);
    check(option_of(c->fd, IPPROTO_TCP, TCP_NODELAY) == 1);
    close_all(c);
}

static void defect_11_bad_timeouts(void) {
    static const struct timeval bad[] = {{1, 1000000}, {-1, 0}, {0, -1}, {-1, -1}};
    peer_listen(&p);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        redisContext *c = redisConnectWithTimeout("127.0.0.1", p.port, bad[i]);
        check(c->err == REDIS_ERR_IO);
        same(c->errstr, "Invalid timeout specified");
        redisFree(c);
    }
    peer_end(&p);
}

/* Refused, and the connection is as before: the timeout in force, the reply to what was sent, and what is issued next. */
static void defect_11_bad_command_timeouts(void) {
    static const struct timeval bad[] = {{1, 1000000}, {-1, 0}, {0, -1}, {-1, -1}, {0, 0x7fff12345678}};
    static const struct timeval huge[] = {{LONG_MAX, 0}, {LONG_MAX, 999999}, {LONG_MAX / 1000, 0}};
    struct timeval tv = {5, 250000};
    redisContext *c = connected();
    check(redisSetTimeout(c, tv) == REDIS_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct timeval in_kernel;
        socklen_t len = sizeof in_kernel;
        redisReply *r;
        check(redisAppendCommand(c, "PING") == REDIS_OK);
        errno = 0;
        check(redisSetTimeout(c, bad[i]) == REDIS_ERR && errno == EINVAL && c->err == REDIS_ERR_IO);
        same(c->errstr, "Invalid timeout specified");
        check(c->command_timeout->tv_sec == 5 && c->command_timeout->tv_usec == 250000);
        check(getsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &in_kernel, &len) == 0 && in_kernel.tv_sec == 5);
        if (i % 2) check(redisSetTimeout(c, tv) == REDIS_OK);
        peer_say(&p, "+PONG\r\n");
        check(redisGetReply(c, (void **)&r) == REDIS_OK && c->err == 0 && c->errstr[0] == 0);
        same(r->str, "PONG");
        freeReplyObject(r);
    }
    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
        redisReply *r;
        check(redisSetTimeout(c, huge[i]) == REDIS_OK && c->err == 0);
        peer_say(&p, "+PONG\r\n");
        r = redisCommand(c, "PING");
        check(r != NULL);
        freeReplyObject(r);
    }
    close_all(c);
}

/* A context that failed for its connect timeout has no connection, and keeps its error. */
static void defect_11_bad_timeouts_in_options(void) {
    struct timeval bad = {0, -1};
    redisOptions o = {0};
    redisContext *c;
    redisAsyncContext *ac;
    peer_listen(&p);
    c = redisConnectWithTimeout("127.0.0.1", p.port, bad);
    for (int i = 0; i < 2; i++) {
        check(redisCommand(c, "PING") == NULL && c->err == REDIS_ERR_IO);
        same(c->errstr, "Invalid timeout specified");
    }
    redisFree(c);
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    o.command_timeout = &bad;
    c = redisConnectWithOptions(&o);
    for (int i = 0; i < 2; i++) {
        check(c->err == REDIS_ERR_IO && redisCommand(c, "PING") == NULL);
        same(c->errstr, "Invalid timeout specified");
    }
    redisFree(c);
    ac = redisAsyncConnectWithOptions(&o);
    check(ac->err == REDIS_ERR_IO);
    same(ac->errstr, "Invalid timeout specified");
    redisAsyncFree(ac);
    peer_end(&p);
}

static void defect_11_signals_do_not_extend_the_timeout(void) {
    struct itimerval every = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
    struct sigaction act = {.sa_handler = count_alarm};
    struct timeval tv = {0, 200000};
    redisContext *c = connected();
    double start = now();
    sigaction(SIGALRM, &act, NULL);
    redisSetTimeout(c, tv);
    setitimer(ITIMER_REAL, &every, NULL);
    alarms = 0;
    /* Without a deadline the wait starts anew after each signal and never ends: stop them in the end. */
    while (c->err == 0 && now() - start < 3) {
        redisReply *r = redisCommand(c, "PING");
        check(r == NULL);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    check(alarms > 3);
    check(now() - start < 1.5);
    check(c->err == REDIS_ERR_IO);
    close_all(c);
}

/* A byte every 50 ms, for three seconds at most: never silent for as long as the timeout. */
static void trickle(struct peer *peer) {
    struct timespec pause = {0, 50000000};
    for (int i = 0; i < 60 && send(peer->fd, "+x", 1, MSG_NOSIGNAL) == 1; i++) nanosleep(&pause, NULL);
}

static void defect_11_a_trickle_does_not_extend_the_timeout(void) {
    struct timeval tv = {0, 300000};
    redisContext *c = connected();
    double start = now();
    redisSetTimeout(c, tv);
    peer_start(&p, trickle);
    check(redisCommand(c, "PING") == NULL);
    check(c->err == REDIS_ERR_IO && errno == EAGAIN);
    check(now() - start > 0.25 && now() - start < 1.5);
    redisFree(c);
    peer_join(&p);
    peer_end(&p);
}

/* A reply that takes several timeouts, but keeps coming. */
static void flow(struct peer *peer) {
    static char part[65536];
    struct timespec pause = {0, 100000000};
    memset(part, 'x', sizeof part);
    send(peer->fd, "$524288\r\n", 9, MSG_NOSIGNAL);
    for (int i = 0; i < 8; i++) {
        for (size_t at = 0; at < sizeof part;) {
            ssize_t n = send(peer->fd, part + at, sizeof part - at, MSG_NOSIGNAL);
            if (n <= 0) return;
            at += n;
        }
        nanosleep(&pause, NULL);
    }
    send(peer->fd, "\r\n", 2, MSG_NOSIGNAL);
}

static void defect_11_a_flowing_reply_may_take_longer(void) {
    struct timeval tv = {0, 300000};
    redisContext *c = connected();
    redisReply *r;
    redisSetTimeout(c, tv);
    peer_start(&p, flow);
    r = redisCommand(c, "GET large");
    check(r != NULL && r->len == 524288);
    freeReplyObject(r);
    peer_join(&p);
    close_all(c);
}

/* Many partial writes of one large buffer: what is left is an sds at every moment. That it takes linear work is counted in
 * instructions by linear.rs. */
static void defect_12_large_output_stays_an_sds(void) {
    enum { TOTAL = 16 << 20 };
    char *output = malloc(TOTAL);
    size_t sent = 0;
    int fds[2], done = 0;
    redisOptions o = {0};
    redisContext *c;
    for (size_t i = 0; i < TOTAL; i++) output[i] = (char)(i * 31 + i / 251);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds)) peer_die("socketpair");
    o.type = REDIS_CONN_USERFD;
    o.endpoint.fd = fds[0];
    o.options = REDIS_OPT_NONBLOCK;
    c = redisConnectWithOptions(&o);
    p.fd = fds[1];
    redisAppendFormattedCommand(c, output, TOTAL);
    while (!done) {
        size_t before = sdslen(c->obuf);
        check(redisBufferWrite(c, &done) == REDIS_OK);
        sent += before - sdslen(c->obuf);
        check(sdslen(c->obuf) == TOTAL - sent && c->obuf[TOTAL - sent] == 0);
        check(memcmp(c->obuf, output + sent, sdslen(c->obuf) < 64 ? sdslen(c->obuf) : 64) == 0);
        peer_swallow_present(&p);
    }
    check(sent == TOTAL);
    redisFree(c);
    peer_close(&p);
    free(output);
}

/* Objects of the program's own reader table. */
static void *made_string(const redisReadTask *t, char *str, size_t len) {
    (void)t, (void)str, (void)len;
    return (void *)1;
}
static void *made_array(const redisReadTask *t, size_t n) {
    (void)t, (void)n;
    return (void *)1;
}
static void *made_integer(const redisReadTask *t, long long n) {
    (void)t, (void)n;
    return (void *)1;
}
static void *made_double(const redisReadTask *t, double d, char *str, size_t len) {
    (void)t, (void)d, (void)str, (void)len;
    return (void *)1;
}
static void *made_nil(const redisReadTask *t) {
    (void)t;
    return (void *)1;
}
static void *made_bool(const redisReadTask *t, int b) {
    (void)t, (void)b;
    return (void *)1;
}
static int forgotten;
static void forget(void *object) {
    check(object == (void *)1);
    forgotten++;
}
static redisReplyObjectFunctions table = {made_string, made_array, made_integer, made_double, made_nil, made_bool, forget};

static void ignore_push(void *privdata, void *reply) {
    (void)privdata;
    freeReplyObject(reply);
}

static void defect_17_objects_of_other_tables(void) {
    redisContext *c = connected();
    redisReplyObjectFunctions *defaults = c->reader->fn;
    void *reply = NULL;
    redisSetPushCallback(c, ignore_push);
    c->reader->fn = NULL;
    peer_say(&p, "+PONG\r\n");
    redisAppendCommand(c, "PING");
    check(redisGetReply(c, &reply) == REDIS_OK);
    check(reply == (void *)REDIS_REPLY_STATUS);
    c->reader->fn = &table;
    peer_say(&p, ">1\r\n+x\r\n+PONG\r\n");
    redisAppendCommand(c, "PING");
    check(redisGetReply(c, &reply) == REDIS_OK);
    check(reply == (void *)1);
    check(redisGetReply(c, NULL) == REDIS_OK);
    check(forgotten == 1);
    /* A table that makes only some objects itself. */
    redisReplyObjectFunctions nulls = *defaults;
    nulls.createNil = made_nil;
    c->reader->fn = &nulls;
    peer_say(&p, "$-1\r\n");
    redisAppendCommand(c, "PING");
    check(redisGetReply(c, &reply) == REDIS_OK && reply == (void *)1);
    c->reader->fn = &table;
    close_all(c);
}

static void defect_19_bad_format_leaves_the_connection(void) {
    redisContext *c = connected();
    redisReply *r;
    check(redisAppendCommand(c, "SET %n", (void *)0) == REDIS_ERR);
    check(c->err == REDIS_ERR_OTHER);
    same(c->errstr, "Invalid format string");
    check(sdslen(c->obuf) == 0);
    peer_say(&p, "+PONG\r\n");
    r = redisCommand(c, "PING");
    check(r && r->type == REDIS_REPLY_STATUS);
    check(c->err == 0);
    freeReplyObject(r);
    /* An error that the program has written since is another one, and stays. */
    check(redisAppendCommand(c, "SET %n", (void *)0) == REDIS_ERR);
    c->err = REDIS_ERR_EOF;
    check(redisCommand(c, "PING") == NULL && c->err == REDIS_ERR_EOF);
    close_all(c);
}

void redisNetClose(redisContext *c); /* exported, in no installed header */

static void closed_by_table(redisContext *c) { redisNetClose(c); }

static void defect_39_reconnect_keeps_settings(void) {
    redisContext *c = connected();
    const redisContextFuncs *defaults = c->funcs;
    redisContextFuncs own = *defaults;
    char mark[] = "mark";
    own.close = closed_by_table;
    redisEnableKeepAliveWithInterval(c, 33);
    redisSetTcpUserTimeout(c, 4321);
    c->reader->fn = &table;
    c->reader->privdata = mark;
    c->reader->maxbuf = 11;
    c->reader->maxelements = 22;
    c->reader->maxdepth = 33;
    c->funcs = &own;
    check(redisReconnect(c) == REDIS_OK);
    check(option_of(c->fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
    check(option_of(c->fd, IPPROTO_TCP, TCP_KEEPIDLE) == 33 && option_of(c->fd, IPPROTO_TCP, TCP_KEEPINTVL) == 11);
    check(option_of(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 4321);
    check(option_of(c->fd, IPPROTO_TCP, TCP_KEEPCNT) == 3);
    check(c->reader->fn == &table);
    check(c->reader->privdata == mark);
    check(c->reader->maxbuf == 11 && c->reader->maxelements == 22 && c->reader->maxdepth == 33);
    check(c->funcs == defaults);
    close_all(c);
}

/* Whoever is refused is told why before the connection ends. */
static void defect_40_last_words(void) {
    int fds[2];
    redisContext *c;
    redisReply *r;
    const char *words = "-ERR max number of clients reached\r\n+second\r\n$100\r\nhalf";
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) peer_die("socketpair");
    c = redisConnectFd(fds[0]);
    check(write(fds[1], words, strlen(words)) == (ssize_t)strlen(words));
    close(fds[1]);
    r = redisCommand(c, "PING");
    check(r && r->type == REDIS_REPLY_ERROR && c->err == 0);
    if (r) same(r->str, "ERR max number of clients reached");
    freeReplyObject(r);
    check(redisGetReply(c, (void **)&r) == REDIS_OK);
    same(r->str, "second");
    freeReplyObject(r);
    errno = 0;
    check(redisCommand(c, "PING") == NULL && errno == EPIPE && c->err == REDIS_ERR_IO);
    same(c->errstr, "Broken pipe");
    check(c->flags & REDIS_BLOCK);
    redisFree(c);
}

/* A peer that has not read everything resets the connection. What it had said is there all the same. */
static void defect_40_last_words_before_a_reset(void) {
    int fds[2];
    redisReply *r;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) peer_die("socketpair");
    redisContext *c = redisConnectFd(fds[0]);
    check(send(fds[0], "unread", 6, 0) == 6);
    check(send(fds[1], "+word\r\n", 7, 0) == 7);
    close(fds[1]);
    r = redisCommand(c, "PING");
    check(r != NULL && c->err == 0);
    if (r) same(r->str, "word");
    freeReplyObject(r);
    check(redisCommand(c, "PING") == NULL && c->err == REDIS_ERR_IO);
    redisFree(c);

    /* It has said nothing: the error is that of the write, also in errno. */
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) peer_die("socketpair");
    c = redisConnectFd(fds[0]);
    check(send(fds[0], "unread", 6, 0) == 6);
    close(fds[1]);
    errno = 0;
    check(redisCommand(c, "PING") == NULL && errno == EPIPE && c->err == REDIS_ERR_IO);
    same(c->errstr, "Broken pipe");
    redisFree(c);
}

/* The same of more than one read brings: all of it is read, however little the reads before have brought. */
static void defect_40_many_last_words(void) {
    enum { REPLIES = 150, EACH = 1000 };
    static char words[REPLIES * (EACH + 9) + 1];
    size_t len = 0;
    int fds[2], replies = 0;
    redisReply *r;
    for (int i = 0; i < REPLIES; i++) len += (size_t)sprintf(words + len, "$%d\r\n%0*d\r\n", EACH, EACH, i);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) peer_die("socketpair");
    redisContext *c = redisConnectFd(fds[0]);
    check(write(fds[1], words, len) == (ssize_t)len);
    close(fds[1]);
    for (int i = 0; i <= REPLIES; i++) redisAppendCommand(c, "PING");
    while (redisGetReply(c, (void **)&r) == REDIS_OK) {
        check(r->len == EACH && atoi(r->str) == replies++);
        freeReplyObject(r);
    }
    check(replies == REPLIES && c->err == REDIS_ERR_IO);
    same(c->errstr, "Broken pipe");
    redisFree(c);
}

static const struct test_case cases[] = {
    CASE(defect_1_no_sigpipe),
    CASE(defect_3_close_on_exec_is_not_reuse),
    CASE(defect_4_user_fd_is_known),
    CASE(defect_4_user_fd_async),
    CASE(defect_5_failure_has_an_error),
    CASE(defect_6_port_out_of_range),
    CASE(defect_7_next_address_after_refusal),
    CASE(defect_7_next_address_async),
    CASE(defect_8_long_path),
    CASE(defect_9_full_unix_backlog),
    CASE(defect_10_nodelay_without_waiting),
    CASE(defect_11_bad_timeouts),
    CASE(defect_11_bad_command_timeouts),
    CASE(defect_11_bad_timeouts_in_options),
    CASE(defect_11_signals_do_not_extend_the_timeout),
    CASE(defect_11_a_trickle_does_not_extend_the_timeout),
    CASE(defect_11_a_flowing_reply_may_take_longer),
    CASE(defect_12_large_output_stays_an_sds),
    CASE(defect_17_objects_of_other_tables),
    CASE(defect_19_bad_format_leaves_the_connection),
    CASE(defect_39_reconnect_keeps_settings),
    CASE(defect_40_last_words),
    CASE(defect_40_last_words_before_a_reset),
    CASE(defect_40_many_last_words),
};

int main(int argc, char **argv) {
    return run_cases(cases, sizeof cases / sizeof *cases, argc, argv);
}

/* Limits of the system: send buffers that are full, no more descriptors, no more memory. Each is an error of the one call or
 * context that it meets; what exists goes on, and what is made afterwards works. */
#include <hiredis/adapters/mio.h>
#include <hiredis/adapters/poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "cases.h"
#include "peer.h"

enum { COMMANDS = 600, LARGE = 5000 };

static struct peer p;
static redisMioLoop *mio;

static int redis_port(void) { return atoi(getenv("REDIS_PORT")); }

/* Receive buffers are left alone: with the smallest of them loopback becomes very slow. */
static void shrink(int fd) {
    int least = 1; /* the kernel takes its minimum */
    check(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least) == 0);
}

static redisContext *connect_blocking(int local, int timeout_ms) {
    struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    redisOptions o = {0};
    redisContext *c;
    if (local) REDIS_OPTIONS_SET_UNIX(&o, getenv("REDIS_SOCK"));
    else REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port ? p.port : redis_port());
    if (timeout_ms) o.command_timeout = &timeout;
    c = redisConnectWithOptions(&o);
    if (c == NULL) peer_die("no context");
    return c;
}

static int answers(redisContext *c) {
    redisReply *r = redisCommand(c, "PING");
    int right = r && r->type == REDIS_REPLY_STATUS && !strcmp(r->str, "PONG");
    freeReplyObject(r);
    return right;
}

/* An asynchronous context on either loop; the errors of its end, and its replies. */

static redisAsyncContext *ac; /* NULL once it is freed */
static int use_mio, answered, nulls, connected, ended, status_seen;
static char text_seen[128];

static void on_freed(void *data) { ac = NULL; }
static void on_end(const redisAsyncContext *c, int status) {
    ended++;
    status_seen = c->err;
    strcpy(text_seen, c->errstr);
}
static void on_connect(const redisAsyncContext *c, int status) {
    if (status == REDIS_OK) connected++;
    else on_end(c, status);
}
static void on_echo(redisAsyncContext *c, void *reply, void *privdata) {
    const redisReply *r = reply;
    if (r == NULL) nulls++;
    else check(r->type == REDIS_REPLY_STRING && r->len == LARGE && atoi(r->str) == (int)(size_t)privdata && ++answered);
}

static void open_asynchronous(int local, int timeout_ms) {
    struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    redisOptions o = {0};
    if (local) REDIS_OPTIONS_SET_UNIX(&o, getenv("REDIS_SOCK"));
    else REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port ? p.port : redis_port());
    if (timeout_ms) o.command_timeout = &timeout;
    REDIS_OPTIONS_SET_PRIVDATA(&o, &ac, on_freed);
    answered = nulls = connected = ended = 0;
    text_seen[0] = 0;
    ac = use_mio ? redisMioConnect(mio, &o) : redisAsyncConnectWithOptions(&o);
    if (ac == NULL) peer_die("no context");
    if (ac->err) return;
    if (!use_mio) check(redisPollAttach(ac) == REDIS_OK);
    redisAsyncSetConnectCallback(ac, on_connect);
    redisAsyncSetDisconnectCallback(ac, on_end);
}

static void loop_once(void) {
    if (use_mio) check(redisMioRunOnce(mio, 1000) >= 0);
    else if (ac) check(redisPollTick(ac, 1) >= 0);
}

#define loop_until(condition) \
    for (int left_ = 100000; !(condition) && (left_-- > 0 || (check(!"never: " #condition), 0));) loop_once()

static const char *argument_of(int id) {
    static __thread char text[LARGE + 1]; /* the peer's thread asks, too */
    memset(text, '.', LARGE);
    text[snprintf(text, 12, "%d", id)] = ':';
    return text;
}

/* Buffers. */

/* Reads what is COMMANDS long, a little at a time; answers with the same strings. */
static void read_slowly(struct peer *peer) {
    char *wire;
    size_t got = 0, len = 0, step;
    peer_accept(peer);
    for (int i = 0; i < COMMANDS; i++) {
        len += (size_t)redisFormatCommand(&wire, "ECHO %s", argument_of(i));
        redisFreeCommand(wire);
    }
    for (; got < len; got += step) {
        if (got % 7 == 0) usleep(100);
        if ((step = peer_swallow(peer, len - got < 4000 ? len - got : 4000)) == 0) return;
    }
    for (int i = 0; i < COMMANDS; i++) {
        char head[16];
        peer_send(peer, head, (size_t)sprintf(head, "$%d\r\n", LARGE));
        peer_send(peer, argument_of(i), LARGE);
        peer_say(peer, "\r\n");
    }
}

static void fill_blocking(int local) {
    redisContext *c = connect_blocking(local, 0);
    redisReply *r;
    int done;
    check(c->err == 0);
    shrink(c->fd);
    for (int i = 0; i < COMMANDS; i++) check(redisAppendCommand(c, "ECHO %s", argument_of(i)) == REDIS_OK);
    check(redisBufferWrite(c, &done) == REDIS_OK);
    for (int i = 0; i < COMMANDS; i++) {
        check(redisGetReply(c, (void **)&r) == REDIS_OK && r->len == LARGE && atoi(r->str) == i);
        freeReplyObject(r);
    }
    check(p.port || answers(c));
    redisFree(c);
}

static void fill_asynchronous(int local) {
    int partial = 0;
    open_asynchronous(local, 0);
    loop_until(connected);
    shrink(ac->c.fd);
    for (int i = 0; i < COMMANDS; i++) check(redisAsyncCommand(ac, on_echo, (void *)(size_t)i, "ECHO %s", argument_of(i)) == REDIS_OK);
    while (answered < COMMANDS && ac) {
        loop_once();
        partial += sdslen(ac->c.obuf) > 0;
    }
    check(answered == COMMANDS && nulls == 0 && partial > 10);
    redisAsyncFree(ac);
    check(ended == 1 && ac == NULL);
}

static void full_send_buffers(void) {
    for (int local = 0; local < 2; local++) {
        fill_blocking(local);
        for (use_mio = 0; use_mio < 2; use_mio++) fill_asynchronous(local);
    }
}

static void full_send_buffers_of_a_slow_peer(void) {
    for (int way = 0; way < 3; way++) {
        use_mio = way == 1;
        peer_listen(&p);
        peer_start(&p, read_slowly);
        if (way == 2) fill_blocking(0);
        else fill_asynchronous(0);
        peer_join(&p);
        peer_end(&p);
    }
    p.port = 0;
}

/* Nobody reads at all. */
static void full_send_buffers_time_out(void) {
    redisContext *c;
    redisReply *r;
    char *much = calloc(1, 32 << 20);
    peer_listen(&p);
    c = connect_blocking(0, 100);
    shrink(c->fd);
    check(redisAppendCommand(c, "ECHO %b", much, (size_t)32 << 20) == REDIS_OK);
    check(redisGetReply(c, (void **)&r) == REDIS_ERR && c->err == REDIS_ERR_IO);
    same(c->errstr, "Resource temporarily unavailable");
    redisFree(c);
    for (use_mio = 0; use_mio < 2; use_mio++) {
        open_asynchronous(0, 100);
        loop_until(connected);
        for (int i = 0; i < 3; i++) check(redisAsyncCommand(ac, on_echo, NULL, "ECHO %b", much, (size_t)32 << 20) == REDIS_OK);
        loop_until(ac == NULL);
        check(nulls == 3 && answered == 0 && ended == 1 && status_seen == REDIS_ERR_TIMEOUT);
        same(text_seen, "Timeout");
    }
    free(much);
    peer_end(&p);
    p.port = 0;
}

/* Descriptors. */

static int taken[4096], takes;
static void take_all_descriptors(void) {
    while (takes < 4096 && (taken[takes] = dup(0)) >= 0) takes++;
    check(takes < 4096);
}
static void give_descriptors_back(void) {
    while (takes > 0) close(taken[--takes]);
}

static void fails_with(redisContext *c, int err, const char *text) {
    check(c->err == err);
    same(c->errstr, text);
    check(redisCommand(c, "PING") == NULL);
    redisFree(c);
}

static void no_connect_without_descriptors(void) {
    fails_with(connect_blocking(0, 0), REDIS_ERR_OTHER, "Can't create socket: Too many open files");
    fails_with(connect_blocking(1, 0), REDIS_ERR_IO, "Too many open files");
    check(redisMioLoopCreate() == NULL);
    for (int local = 0; local < 2; local++) {
        use_mio = 0;
        open_asynchronous(local, 0);
        check(ac->err == (local ? REDIS_ERR_IO : REDIS_ERR_OTHER));
        contains(ac->errstr, "Too many open files");
        redisAsyncFree(ac);
        use_mio = 1;
        open_asynchronous(local, 0);
        check(redisAsyncCommand(ac, on_echo, NULL, "ECHO x") == REDIS_OK);
        loop_until(ac == NULL);
        check(ended == 1 && nulls == 1 && status_seen == (local ? REDIS_ERR_IO : REDIS_ERR_OTHER));
        contains(text_seen, "Too many open files");
    }
}

static void no_descriptors_left(void) {
    struct rlimit before, few;
    redisContext *c = connect_blocking(0, 0);
    redisAsyncContext *kept;
    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = 64;
    use_mio = 0;
    open_asynchronous(1, 0);
    loop_until(connected);
    kept = ac;
    check(setrlimit(RLIMIT_NOFILE, &few) == 0);
    take_all_descriptors();
    no_connect_without_descriptors();
    check(answers(c));
    check(redisReconnect(c) == REDIS_OK && answers(c)); /* it gives its own back first */
    use_mio = answered = 0;
    ac = kept;
    check(redisAsyncCommand(ac, on_echo, NULL, "ECHO %s", argument_of(0)) == REDIS_OK);
    loop_until(answered == 1);
    give_descriptors_back();
    setrlimit(RLIMIT_NOFILE, &before);
    redisFree(c);
    redisAsyncFree(ac);
    c = connect_blocking(1, 0);
    check(answers(c));
    redisFree(c);
}

/* Memory. */

static const char *endless_start, *endless_rest;

static void say_without_end(struct peer *peer) {
    static char bytes[64 * 1024];
    size_t len = strlen(endless_rest), many = sizeof bytes / len * len;
    for (size_t at = 0; at < many; at += len) memcpy(bytes + at, endless_rest, len);
    peer_accept(peer);
    if (send(peer->fd, endless_start, strlen(endless_start), MSG_NOSIGNAL) > 0)
        while (send(peer->fd, bytes, many, MSG_NOSIGNAL) > 0)
            ;
    peer_close(peer);
}

static size_t address_space(void) {
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%lu", &pages) != 1) peer_die("statm");
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void limit_memory(void) {
    struct rlimit less;
    getrlimit(RLIMIT_AS, &less);
    less.rlim_cur = address_space() + ((rlim_t)48 << 20);
    check(setrlimit(RLIMIT_AS, &less) == 0);
}

/* In a child: a thread's stack is mapped before the limit counts. */
static void run_short_of_memory(int way) {
    redisContext *c;
    redisReply *r;
    use_mio = way == 1;
    peer_listen(&p);
    peer_start(&p, say_without_end);
    mio = redisMioLoopCreate();
    limit_memory();
    if (way == 2) {
        c = connect_blocking(0, 0);
        check(redisAppendCommand(c, "GET huge") == REDIS_OK && redisGetReply(c, (void **)&r) == REDIS_ERR);
        check(c->err == REDIS_ERR_OOM);
        same(c->errstr, "Out of memory");
        redisFree(c);
    } else {
        open_asynchronous(0, 0);
        for (int i = 0; i < 3; i++) check(redisAsyncCommand(ac, on_echo, NULL, "GET huge") == REDIS_OK);
        loop_until(ac == NULL);
        check(nulls == 3 && answered == 0 && ended == 1 && status_seen == REDIS_ERR_OOM);
        same(text_seen, "Out of memory");
    }
    peer_join(&p);
    peer_end(&p);
    p.port = 0;
    c = connect_blocking(0, 0);
    check(answers(c));
    redisFree(c);
    redisMioLoopFree(mio);
}

static void no_memory_left(void) {
    static const char *const endless[][2] = {
        {"$4000000000\r\n", "x"}, {"*2000000000\r\n", "$10\r\n0123456789\r\n"}, {"%1000000000\r\n", ":1\r\n*1\r\n+x\r\n"}, {"+", "x"}};
    for (size_t i = 0; i < sizeof endless / sizeof *endless; i++)
        for (int way = 0; way < 3; way++) {
            int status;
            endless_start = endless[i][0];
            endless_rest = endless[i][1];
            if (fork() == 0) {
                run_short_of_memory(way);
                _exit(failures != 0);
            }
            check(wait(&status) > 0);
            if (status) fprintf(stderr, "  endless %zu, way %d: status %x\n", i, way, (unsigned)status);
            check(status == 0);
        }
}

static const struct test_case cases[] = {
    CASE(full_send_buffers), CASE(full_send_buffers_of_a_slow_peer), CASE(full_send_buffers_time_out), CASE(no_descriptors_left),
    CASE(no_memory_left),
};

int main(int argc, char **argv) {
    int status;
    mio = redisMioLoopCreate();
    status = run_cases(cases, sizeof cases / sizeof *cases, argc, argv);
    redisMioLoopFree(mio);
    return status;
}

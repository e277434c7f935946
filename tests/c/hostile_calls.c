/* What programs should not ask for, blocking and asynchronously: each call says exactly why it does nothing, and what was sound stays so. */
#include "cases.h"
#include "hooks.h"

static struct session s;
static struct peer p;
static struct expect a = {"a", NULL};

static void refused(redisContext *c, int err, const char *errstr) {
    check(c->err == err);
    same(c->errstr, errstr);
    check(c->fd == REDIS_INVALID_FD);
    redisFree(c);
}

static void async_refused(redisAsyncContext *ac, int err, const char *errstr) {
    check(ac->err == err && ac->c.err == err);
    same(ac->errstr, errstr);
    check(ac->c.fd == REDIS_INVALID_FD);
    redisAsyncFree(ac);
}

/* Never another port than the one that was asked for. 0 is a port that nobody listens on. */
static void ports(void) {
    static const int beyond[] = {-1, 65536, 463800};
    static const char message[] = "Servname not supported for ai_socktype";
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        refused(redisConnect("127.0.0.1", beyond[i]), REDIS_ERR_OTHER, message);
        refused(redisConnectNonBlock("127.0.0.1", beyond[i]), REDIS_ERR_OTHER, message);
        async_refused(redisAsyncConnect("127.0.0.1", beyond[i]), REDIS_ERR_OTHER, message);
    }
    redisContext *c = redisConnect("127.0.0.1", 0);
    check(c->err == REDIS_ERR_IO);
    same(c->errstr, "Connection refused");
    redisFree(c);
    redisOptions o = {0};
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", 0);
    begin("port 0");
    session_open(&s, &o);
    redisAsyncSetConnectCallback(s.ac, on_connect);
    drive_write(&s);
    same(trace.calls, "{onConnect -1 err 1 'Connection refused' I}<cleanup>{dataCleanup}{privdata dtor}");
}

/* A path that is as long as can be connects; a longer one is never cut. */
static void unix_paths(void) {
    static const size_t too_long[] = {108, 200};
    char path[256];
    peer_listen_unix(&p, "hostile-path", 4);
    size_t dir = (size_t)(strrchr(p.path, '/') - p.path) + 1;
    peer_end(&p);
    memset(path, 'x', sizeof path);
    memcpy(path, p.path, dir);
    path[107] = 0;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, path, 107);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    unlink(path);
    check(bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 4) == 0);
    redisContext *c = redisConnectUnix(path);
    check(c->err == 0 && (c->flags & REDIS_CONNECTED));
    redisFree(c);
    redisAsyncContext *ac = redisAsyncConnectUnix(path);
    check(ac->err == 0);
    redisAsyncFree(ac);
    close(listener);
    unlink(path);
    path[107] = 'x';
    for (size_t i = 0; i < sizeof too_long / sizeof *too_long; i++) {
        path[too_long[i]] = 0;
        refused(redisConnectUnix(path), REDIS_ERR_IO, "File name too long");
        async_refused(redisAsyncConnectUnix(path), REDIS_ERR_IO, "File name too long");
        path[too_long[i]] = 'x';
    }
}

static void names_of_nothing(void) {
    refused(redisConnect("nothing.invalid", 6379), REDIS_ERR_OTHER, "Name or service not known");
    async_refused(redisAsyncConnect("nothing.invalid", 6379), REDIS_ERR_OTHER, "Name or service not known");
}

/* Nothing is appended, nothing waited for, and after the error is cleared the connection serves. */
static void strange_argc(void) {
    static const struct {
        int argc;
        const char *errstr;
    } calls[] = {{0, "Empty command"}, {-1, "Invalid format string"}, {-2147483647 - 1, "Invalid format string"}};
    const char *argv[] = {"SET", NULL, "value"};
    const size_t lens[] = {3, 0, 5};
    redisReply *r;
    peer_listen(&p);
    redisContext *c = redisConnect("127.0.0.1", p.port);
    peer_accept(&p);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        check(redisCommandArgv(c, calls[i].argc, argv, lens) == NULL);
        check(c->err == REDIS_ERR_OTHER && sdslen(c->obuf) == 0);
        same(c->errstr, calls[i].errstr);
        c->err = 0;
        check(redisAppendCommandArgv(c, calls[i].argc, argv, lens) == REDIS_ERR);
        check(c->err == REDIS_ERR_OTHER && sdslen(c->obuf) == 0);
        same(c->errstr, calls[i].errstr);
        c->err = 0;
    }
    peer_say(&p, "+OK\r\n");
    r = redisCommandArgv(c, 3, argv, lens);
    check(r != NULL && c->err == 0);
    same(peer_heard(&p, 1000), "*3 $3 SET $0  $5 value");
    freeReplyObject(r);
    redisFree(c);
    peer_end(&p);
}

/* With SIGPIPE at its default, which would end the process. */
static void write_to_a_closed_peer(void) {
    int fds[2];
    begin("closed peer");
    signal(SIGPIPE, SIG_DFL);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) peer_die("socketpair");
    redisContext *c = redisConnectFd(fds[0]);
    close(fds[1]);
    check(redisCommand(c, "PING") == NULL && c->err == REDIS_ERR_IO);
    same(c->errstr, "Broken pipe");
    redisFree(c);

    redisOptions o = {.type = REDIS_CONN_USERFD};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) peer_die("socketpair");
    o.endpoint.fd = fds[0];
    session_open(&s, &o);
    redisAsyncSetDisconnectCallback(s.ac, on_disconnect);
    ask(&s, &a, "PING");
    close(fds[1]);
    redisAsyncHandleWrite(s.ac);
    same(trace.calls, "<cleanup>{a NULL err 1 CDI}{onDisconnect -1 err 1 'Broken pipe' CDI fd open}{dataCleanup}{privdata dtor}");
}

static int closed, freed;

static void count_close(redisContext *c) {
    c->fd = REDIS_INVALID_FD;
    closed++;
}

static void count_privctx(void *privctx) {
    check(privctx == &freed);
    freed++;
}

/* Contexts that a program has made by itself, as tests of programs do: any part may be missing. Descriptor 0 stays open. */
static void contexts_without_parts(void) {
    static redisContextFuncs own = {.close = count_close, .free_privctx = count_privctx}, empty;
    enum { OBUF = 1, READER = 2, ZEROED_READER = 4, FUNCS = 8, EMPTY_FUNCS = 16, BLOCKS = 32, ALL = 64 };
    for (int parts = 0; parts < ALL; parts++) {
        redisContext *c = hi_calloc(1, sizeof(*c));
        if (parts & OBUF) c->obuf = sdsnew("PING");
        if (parts & READER) c->reader = redisReaderCreate();
        else if (parts & ZEROED_READER) c->reader = hi_calloc(1, sizeof(*c->reader));
        if (parts & FUNCS) c->funcs = &own, c->privctx = &freed;
        else if (parts & EMPTY_FUNCS) c->funcs = &empty;
        if (parts & BLOCKS) {
            c->tcp.host = hi_strdup("host");
            c->unix_sock.path = hi_strdup("path");
            c->connect_timeout = hi_calloc(1, sizeof(struct timeval));
        }
        closed = freed = 0;
        if (parts & READER) check(redisFreeKeepFd(c) == 0);
        else redisFree(c);
        check(closed == !!(parts & FUNCS) && freed == !!(parts & FUNCS));
    }
    check(fcntl(0, F_GETFD) >= 0 || errno != EBADF);
}

/* The same parts taken out of a context of the library's. */
static void contexts_that_lost_parts(void) {
    for (int lost = 0; lost < 8; lost++) {
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) peer_die("socketpair");
        redisContext *c = redisConnectFd(fds[0]);
        if (lost & 1) sdsfree(c->obuf), c->obuf = NULL;
        if (lost & 2) redisReaderFree(c->reader), c->reader = NULL;
        if (lost & 4) c->funcs = NULL;
        redisFree(c);
        check((fcntl(fds[0], F_GETFD) >= 0) == !!(lost & 4)); /* who takes the functions out has to close by himself */
        if (lost & 4) close(fds[0]);
        close(fds[1]);
    }
}

static void readers_without_parts(void) {
    redisReader *r = hi_calloc(1, sizeof(*r));
    redisReaderFree(r);
    r = hi_calloc(1, sizeof(*r));
    r->buf = sdsnew("+OK");
    redisReaderFree(r);
    redisContext *c = hi_calloc(1, sizeof(*c));
    c->reader = hi_calloc(1, sizeof(*r));
    c->connection_type = REDIS_CONN_USERFD;
    check(redisReconnect(c) == REDIS_ERR);
    same(c->errstr, "Not enough information to reconnect");
    redisFree(c);
}

static const struct test_case cases[] = {
    CASE(contexts_without_parts), CASE(contexts_that_lost_parts), CASE(readers_without_parts), CASE(ports), CASE(unix_paths), CASE(names_of_nothing), CASE(strange_argc), CASE(write_to_a_closed_peer),
};

int main(int argc, char **argv) {
    return run_cases(cases, sizeof cases / sizeof *cases, argc, argv);
}

/* Constructors, flags and connection errors of synchronous contexts (contract section 4). */
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/time.h>

#include "../c/peer.h"
#include "report.h"

static struct peer p, refusing, local;
static int frees;

static void count_free(void *privdata) {
    frees += *(int *)privdata;
}

/* Everything a program can see of a fresh context, then the context is freed. */
static void show(const char *name, redisContext *c) {
    int nodelay = -1, keepalive = -1, cloexec = -1, reuse = -1, flags, fd;
    socklen_t len = sizeof nodelay;
    say("%s", name);
    if (c == NULL) {
        printf(" NULL");
        end();
        return;
    }
    flags = c->fd >= 0 ? fcntl(c->fd, F_GETFL) : -1;
    fd = c->fd;
    printf(" err %d", c->err);
    text(c->errstr);
    printf(" flags 0x%x type %d fd %s nonblock %d", c->flags, (int)c->connection_type, fd_is_open(c->fd) ? "open" : fd == -1 ? "-1" : "closed",
           flags < 0 ? -1 : (flags & O_NONBLOCK) != 0);
    end();
    if (fd_is_open(fd)) {
        getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len);
        len = sizeof keepalive;
        getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &keepalive, &len);
        len = sizeof reuse;
        getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, &len);
        cloexec = fcntl(fd, F_GETFD);
    }
    fact(nodelay, "%s.nodelay", name);
    fact(keepalive, "%s.keepalive", name);
    fact(reuse, "%s.reuseaddr", name);
    fact(cloexec, "%s.cloexec", name);
    say("%s.host", name);
    text(c->tcp.host);
    printf(" source");
    text(c->tcp.source_addr);
    printf(" port %s", c->tcp.port == 0 ? "0" : c->tcp.port == p.port || c->tcp.port == refusing.port ? "as given" : "other");
    printf(" path %s", c->unix_sock.path == NULL ? "none" : "given");
    end();
    say("%s.timeouts", name);
    if (!c->connect_timeout && !c->command_timeout) printf(" none");
    if (c->connect_timeout) printf(" connect %ld.%06ld", (long)c->connect_timeout->tv_sec, (long)c->connect_timeout->tv_usec);
    if (c->command_timeout) printf(" command %ld.%06ld", (long)c->command_timeout->tv_sec, (long)c->command_timeout->tv_usec);
    end();
    say("%s.inside", name);
    printf(" obuf %zu reader %d push_cb %d privdata %d privctx %d", c->obuf ? sdslen(c->obuf) : 0, c->reader != NULL, c->push_cb != NULL,
           c->privdata != NULL, c->privctx != NULL);
    if (c->err == 0) printf(" saddr %d addrlen %zu", c->saddr != NULL, (size_t)c->addrlen);
    end();
    redisFree(c);
    fact(fd >= 0 && fd_is_open(fd), "%s.open_after_free", name);
}

/* The verdict alone. */
static void show_brief(const char *name, redisContext *c) {
    say("%s", name);
    printf(" err %d", c->err);
    text(c->errstr);
    printf(" flags 0x%x type %d", c->flags, (int)c->connection_type);
    if (c->connect_timeout) printf(" connect %ld.%06ld", (long)c->connect_timeout->tv_sec, (long)c->connect_timeout->tv_usec);
    if (c->command_timeout) printf(" command %ld.%06ld", (long)c->command_timeout->tv_sec, (long)c->command_timeout->tv_usec);
    end();
    fact(fd_is_open(c->fd), "%s.fd", name);
    redisFree(c);
}

static redisContext *with(int options, int port) {
    redisOptions o = {0};
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", port);
    o.options = options;
    return redisConnectWithOptions(&o);
}

static void constructors(void) {
    struct timeval tv = {1, 500000};
    int fds[2];
    show("connect", redisConnect("127.0.0.1", p.port));
    show("connect_timeout", redisConnectWithTimeout("127.0.0.1", p.port, tv));
    show("connect_nonblock", redisConnectNonBlock("127.0.0.1", p.port));
    show("connect_bind_nonblock", redisConnectBindNonBlock("127.0.0.1", p.port, "127.0.0.1"));
    show("connect_bind_nonblock_reuse", redisConnectBindNonBlockWithReuse("127.0.0.1", p.port, "127.0.0.1"));
    show("connect_unix", redisConnectUnix(local.path));
    show("connect_unix_timeout", redisConnectUnixWithTimeout(local.path, tv));
    show("connect_unix_nonblock", redisConnectUnixNonBlock(local.path));
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) peer_die("socketpair");
    show("connect_fd", redisConnectFd(fds[0]));
    close(fds[1]);
    show("connect_fd_invalid", redisConnectFd(-1));
    show("connect_hostname", redisConnect("localhost", p.port));
    show("connect_null_host", redisConnect(NULL, p.port));
}

static void option_flags(void) {
    static const int bits[] = {REDIS_OPT_NONBLOCK, REDIS_OPT_REUSEADDR, REDIS_OPT_NOAUTOFREE, REDIS_OPT_NO_PUSH_AUTOFREE,
                               REDIS_OPT_NOAUTOFREEREPLIES, REDIS_OPT_PREFER_IPV4, REDIS_OPT_PREFER_IPV6};
    for (int mask = 0; mask < 128; mask++) {
        int options = 0;
        redisContext *c;
        for (int i = 0; i < 7; i++)
            if (mask & (1 << i)) options |= bits[i];
        c = with(options, p.port);
        say("options.0x%02x", options);
        printf(" err %d flags 0x%x push_cb %d", c->err, c->flags, c->push_cb != NULL);
        end();
        redisFree(c);
    }
}

static void refusals(void) {
    struct timeval tv = {1, 0};
    show("refused", redisConnect("127.0.0.1", refusing.port));
    show("refused_timeout", redisConnectWithTimeout("127.0.0.1", refusing.port, tv));
    show("refused_nonblock", redisConnectNonBlock("127.0.0.1", refusing.port));
    show("unresolvable", redisConnect("no-such-host.invalid", 6379));
    show("unresolvable_nonblock", redisConnectNonBlock("no-such-host.invalid", 6379));
    show("unresolvable_text", redisConnect("not a host name", 6379));
    show("empty_host", redisConnect("", p.port));
    show("bind_unresolvable", redisConnectBindNonBlock("127.0.0.1", p.port, "no-such-host.invalid"));
    show("bind_foreign", redisConnectBindNonBlock("127.0.0.1", p.port, "192.0.2.1"));
    show("bind_foreign_reuse", redisConnectBindNonBlockWithReuse("127.0.0.1", p.port, "192.0.2.1"));
    show("unix_missing", redisConnectUnix("/nonexistent/socket"));
    show("unix_missing_nonblock", redisConnectUnixNonBlock("/nonexistent/socket"));
    show("unix_directory", redisConnectUnix("/"));
    show("unix_empty", redisConnectUnix(""));
    show("host_ipv6_only", redisConnect("::1", 1));
}

/* Prefer flags decide the family that is asked first; the other one is tried when that fails. */
static void families(void) {
    static const struct {
        const char *name, *host;
        int options;
    } cases[] = {
        {"ipv4_default", "127.0.0.1", 0},
        {"ipv4_prefer4", "127.0.0.1", REDIS_OPT_PREFER_IPV4},
        {"ipv4_prefer6", "127.0.0.1", REDIS_OPT_PREFER_IPV6},
        {"ipv4_unspec", "127.0.0.1", REDIS_OPT_PREFER_IPV4 | REDIS_OPT_PREFER_IPV6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        redisOptions o = {0};
        char name[64];
        REDIS_OPTIONS_SET_TCP(&o, cases[i].host, p.port);
        o.options = cases[i].options;
        snprintf(name, sizeof name, "family.%s", cases[i].name);
        show(name, redisConnectWithOptions(&o));
    }
}

static void timeouts(void) {
    static const struct {
        const char *name;
        struct timeval tv;
    } cases[] = {
        {"zero", {0, 0}},
        {"one_usec", {0, 1}},
        {"max_usec", {0, 999999}},
        {"huge_sec", {0x7fffffffffffffffLL, 0}},
        {"above_max", {(0x7fffffffffffffffLL - 999) / 1000 + 1, 0}},
        {"at_max", {(0x7fffffffffffffffLL - 999) / 1000, 0}},
        {"usec_over", {1, 1000001}},
        {"usec_million", {1, 1000000}},
        {"sec_negative", {-1, 0}},
        {"usec_negative", {1, -1}},
        {"both_negative", {-1, -1}},
        {"long", {100000, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[64];
        redisOptions o = {0};
        snprintf(name, sizeof name, "timeout.tcp.%s", cases[i].name);
        if (strcmp(cases[i].name, "zero") != 0) show_brief(name, redisConnectWithTimeout("127.0.0.1", p.port, cases[i].tv));
        snprintf(name, sizeof name, "timeout.unix.%s", cases[i].name);
        show_brief(name, redisConnectUnixWithTimeout(local.path, cases[i].tv));
        REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
        o.command_timeout = &cases[i].tv;
        snprintf(name, sizeof name, "timeout.command.%s", cases[i].name);
        show_brief(name, redisConnectWithOptions(&o));
        o.options = REDIS_OPT_NONBLOCK;
        snprintf(name, sizeof name, "timeout.command_nonblock.%s", cases[i].name);
        show_brief(name, redisConnectWithOptions(&o));
        o.connect_timeout = &cases[i].tv;
        snprintf(name, sizeof name, "timeout.connect_nonblock.%s", cases[i].name);
        show_brief(name, redisConnectWithOptions(&o));
    }
}

/* A full backlog leaves a TCP connection attempt unanswered and a unix one refused for the moment. */
static void unanswered(void) {
    struct peer full;
    struct timeval tv = {0, 50000};
    redisContext *fill[4];
    peer_listen_backlog(&full, 0);
    for (int i = 0; i < 4; i++) fill[i] = redisConnectNonBlock("127.0.0.1", full.port);
    p.port = full.port;
    show("unanswered", redisConnectWithTimeout("127.0.0.1", full.port, tv));
    say("unanswered.errno");
    printf(" %d", errno == ETIMEDOUT);
    end();
    tv.tv_usec = 0;
    show("unanswered_zero", redisConnectWithTimeout("127.0.0.1", full.port, tv));
    for (int i = 0; i < 4; i++) redisFree(fill[i]);
    peer_end(&full);
    peer_listen_unix(&full, "sync-full", 0);
    fill[0] = redisConnectUnix(full.path);
    show_brief("unix_full", redisConnectUnixNonBlock(full.path));
    tv.tv_usec = 50000;
    show_brief("unix_full_blocking", redisConnectUnixWithTimeout(full.path, tv));
    redisFree(fill[0]);
    peer_end(&full);
}

static void privdata(void) {
    redisOptions o = {0};
    int weight = 1;
    redisContext *c;
    o.type = (int)99;
    o.privdata = &weight;
    o.free_privdata = count_free;
    c = redisConnectWithOptions(&o);
    fact(c == NULL, "unknown_type.null");
    fact(frees, "unknown_type.privdata_freed");
    frees = 0;
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", refusing.port);
    o.free_privdata = count_free;
    c = redisConnectWithOptions(&o);
    fact(c->privdata == &weight, "privdata.kept");
    fact(frees, "privdata.freed_before");
    redisFree(c);
    fact(frees, "privdata.freed_after");
    frees = 0;
    o.privdata = NULL;
    redisFree(redisConnectWithOptions(&o));
    fact(frees, "privdata.null_not_freed");
    redisFree(NULL);
    freeReplyObject(NULL);
    fact(1, "null_accepted");
}

/* A name, a port and an address that the program may change after the call. */
static void copies(void) {
    char host[] = "127.0.0.1", path[128];
    struct timeval tv = {3, 4};
    redisOptions o = {0};
    redisContext *c;
    REDIS_OPTIONS_SET_TCP(&o, host, p.port);
    o.connect_timeout = o.command_timeout = &tv;
    c = redisConnectWithOptions(&o);
    host[0] = 'X';
    tv.tv_sec = 9;
    memset(&o, 0xff, sizeof o);
    show("copies.tcp", c);
    snprintf(path, sizeof path, "%s", local.path);
    c = redisConnectUnix(path);
    memset(path, 'x', 10);
    fact(strcmp(c->unix_sock.path, local.path), "copies.unix_path");
    redisFree(c);
}

/* Ports outside 1..65535, which the C library prints into six bytes. */
static void ports(void) {
    static const int tried[] = {-1, -65536, 0};
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        redisContext *c = redisConnect("127.0.0.1", tried[i]);
        say("port.%d", tried[i]);
        printf(" err %d", c->err);
        text(c->errstr);
        printf(" fd %d", c->fd >= 0);
        end();
        redisFree(c);
    }
    for (int wide = 65536; wide <= 463800; wide += 463800 - 65536) {
        redisContext *c = redisConnectNonBlock("127.0.0.1", wide);
        say("port.%d", wide);
        printf(" err %d", c->err);
        text(c->errstr);
        end();
        redisFree(c);
    }
}

static void long_paths(void) {
    char path[256];
    static const size_t lengths[] = {106, 107, 108, 109, 200};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        redisContext *c;
        memset(path, 'p', sizeof path);
        memcpy(path, "/nonexistent/", 13);
        path[lengths[i]] = 0;
        c = redisConnectUnix(path);
        say("unix_path.%zu", lengths[i]);
        printf(" err %d", c->err);
        text(c->errstr);
        end();
        redisFree(c);
    }
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    peer_listen_backlog(&p, 4000);
    peer_refuse(&refusing);
    peer_listen_unix(&local, "sync-connect", 4000);
    constructors();
    option_flags();
    refusals();
    families();
    timeouts();
    privdata();
    copies();
    ports();
    long_paths();
    peer_end(&p);
    unanswered();
    peer_end(&refusing);
    peer_end(&local);
    return 0;
}

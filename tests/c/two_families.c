/* A name with addresses of both families, blocking: whichever family the server listens at, and whichever is preferred; what is reported if
 * neither answers; one timeout for all; and how often names are looked up. The asynchronous half is in conformance/scenarios.h. */
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include "cases.h"
#include "peer.h"
#include "two_families.h"

static const int preferences[] = {0, REDIS_OPT_PREFER_IPV4, REDIS_OPT_PREFER_IPV6, REDIS_OPT_PREFER_IP_UNSPEC};
enum { PREFERENCES = sizeof(preferences) / sizeof(*preferences) };

static struct timeval timeout = {2, 0};
static redisContext *dial(const char *host, int port, int options) {
    redisOptions o = {0};
    REDIS_OPTIONS_SET_TCP(&o, host, port);
    o.options |= options;
    o.connect_timeout = &timeout;
    looked_up_v4 = looked_up_v6 = 0;
    return redisConnectWithOptions(&o);
}

static void answer_once(struct peer *p) {
    peer_accept(p);
    peer_read(p, (char[64]){0}, 14);
    peer_say(p, "+PONG\r\n");
}

static void ask(redisContext *c) {
    redisReply *reply = redisCommand(c, "PING");
    check(reply != NULL && reply->type == REDIS_REPLY_STATUS);
    freeReplyObject(reply);
}

static void every_server_and_preference(void) {
    static const char *const servers[] = {"127.0.0.1", "::1"};
    for (int server = 0; server < 2; server++)
        for (int i = 0; i < PREFERENCES; i++) {
            struct peer p;
            peer_bind(&p, servers[server]);
            if (listen(p.listener, 4)) peer_die("listen");
            redisContext *c = dial("both.test", p.port, preferences[i]);
            check(c != NULL && c->err == 0);
            same(c->errstr, "");
            peer_start(&p, answer_once);
            ask(c);
            peer_join(&p);
            /* It goes back there. */
            check(redisReconnect(c) == REDIS_OK);
            peer_start(&p, answer_once);
            ask(c);
            peer_join(&p);
            redisFree(c);
            peer_end(&p);
        }
}

/* How connecting to a family fails, if it is not left to the kernel: hosts without IPv6 have no way there. */
static int fails_v4, fails_v6;
int connect(int fd, const struct sockaddr *address, socklen_t len) {
    int fails = address->sa_family == AF_INET6 ? fails_v6 : fails_v4;
    if (!fails) return (int)syscall(SYS_connect, fd, address, len);
    errno = fails;
    return -1;
}

static int next_descriptor(void) {
    int fd = dup(0);
    close(fd);
    return fd;
}

/* No socket of those that were refused is left behind. */
static void neither_answers(void) {
    for (int i = 0; i < PREFERENCES; i++) {
        int before = next_descriptor();
        struct peer p;
        peer_refuse(&p);
        redisContext *c = dial("both.test", p.port, preferences[i]);
        check(c->err == REDIS_ERR_IO && errno == ECONNREFUSED);
        same(c->errstr, "Connection refused");
        redisFree(c);
        peer_end(&p);
        check(next_descriptor() == before);
    }
    /* Nor of several addresses of one family. */
    int before = next_descriptor();
    struct peer p;
    peer_refuse(&p);
    redisFree(dial("several.test", p.port, 0));
    peer_end(&p);
    check(next_descriptor() == before);
    /* What is told is what the preferred family has said. */
    peer_refuse(&p);
    fails_v6 = ENETUNREACH;
    redisContext *c = dial("both.test", p.port, 0);
    fails_v6 = 0;
    check(c->err == REDIS_ERR_IO && errno == ECONNREFUSED);
    same(c->errstr, "Connection refused");
    redisFree(c);
    peer_end(&p);
}

/* As in the C library: a host that is known to be out of reach is one for which no socket can be made. */
static void out_of_reach(void) {
    fails_v4 = EHOSTUNREACH;
    redisContext *c = dial("127.0.0.1", 1, 0);
    fails_v4 = 0;
    check(c->err == REDIS_ERR_OTHER && errno == EHOSTUNREACH);
    same(c->errstr, "Can't create socket: No route to host");
    redisFree(c);
}

/* The other family is looked up only if the first has refused; and a name that it does not know changes nothing. */
static void looked_up_when_needed(void) {
    struct peer p;
    peer_listen(&p);
    redisContext *c = dial("both.test", p.port, 0);
    check(c->err == 0 && looked_up_v4 == 1 && looked_up_v6 == 0);
    redisFree(c);
    peer_end(&p);
    peer_refuse(&p);
    c = dial("four.test", p.port, 0);
    check(c->err == REDIS_ERR_IO && looked_up_v4 == 1 && looked_up_v6 == 1);
    same(c->errstr, "Connection refused");
    redisFree(c);
    c = dial("four.test", p.port, REDIS_OPT_PREFER_IPV6);
    check(c->err == REDIS_ERR_IO && looked_up_v4 == 1 && looked_up_v6 == 1);
    same(c->errstr, "Connection refused");
    redisFree(c);
    /* Nor if the time is up. */
    timeout = (struct timeval){0, 1};
    c = dial("both.test", p.port, 0);
    check(c->err == REDIS_ERR_IO && looked_up_v4 == 1 && looked_up_v6 == 0);
    redisFree(c);
    timeout = (struct timeval){2, 0};
    peer_end(&p);
}

static void ignore_alarm(int signal) { (void)signal; }

/* A first address that says nothing takes the whole of the time, signals or not. */
static void within_one_timeout(void) {
    struct peer p;
    struct timespec begin, end;
    struct timeval limit = {0, 300000};
    struct itimerval every = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
    struct sigaction act = {.sa_handler = ignore_alarm};
    sigaction(SIGALRM, &act, NULL);
    redisOptions o = {0};
    peer_listen_backlog(&p, 0);
    int fill[8];
    for (int i = 0; i < 8; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)p.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fill[i], (struct sockaddr *)&a, sizeof a);
    }
    REDIS_OPTIONS_SET_TCP(&o, "both.test", p.port);
    o.connect_timeout = &limit;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    setitimer(ITIMER_REAL, &every, NULL);
    redisContext *c = redisConnectWithOptions(&o);
    setitimer(ITIMER_REAL, &never, NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    check(c->err == REDIS_ERR_IO);
    same(c->errstr, "Connection timed out");
    double took = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    check(took > 0.29 && took < 1.5);
    redisFree(c);
    for (int i = 0; i < 8; i++) close(fill[i]);
    peer_end(&p);
}

static const struct test_case cases[] = {
    CASE(every_server_and_preference), CASE(neither_answers), CASE(out_of_reach), CASE(looked_up_when_needed), CASE(within_one_timeout),
};

int main(int argc, char **argv) {
    return run_cases(cases, sizeof cases / sizeof *cases, argc, argv);
}

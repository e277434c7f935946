/* Random traffic through sockets with the smallest buffers that the kernel gives: no wake-up is lost.
 *
 *     event_loop_random [SEED] [--minutes N]       without --minutes: four seconds
 *
 * Each connection echoes random pieces of a pattern, some of them much longer than its buffers, some issued from
 * callbacks, some by timers and tasks; now and then one is replaced by a new one. A wake-up is lost when a socket stays
 * readable for two seconds and nothing is read, or writable and nothing of what waits is written. */
#include "event_loop.h"

#include <sys/ioctl.h>

enum { CONNECTIONS = 12, PATTERN = 400000 };

struct line {
    redisAsyncContext *ac;
    int outstanding;
    int unread;     /* bytes in the socket, when last looked at */
    size_t unsent;  /* bytes that wait to be sent */
    int idle_read, idle_write; /* how often that was so although the socket was ready */
};

static struct line lines[CONNECTIONS];
static char pattern[PATTERN];
static unsigned long long state;
static long replies, replaced;
static double ends;

static unsigned random_below(unsigned limit) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(state >> 33) % limit;
}

static void act(struct line *l);

static void on_echo(redisAsyncContext *ac, void *reply, void *privdata) {
    struct line *l = ac->data;
    unsigned long long piece = (unsigned long long)(size_t)privdata;
    redisReply *r = reply;
    if (r == NULL) return;
    check(r->type == REDIS_REPLY_STRING && r->len == (piece & 0xfffff));
    check(memcmp(r->str, pattern + (piece >> 20), r->len) == 0);
    l->outstanding--;
    replies++;
    if (random_below(3) == 0) act(l);
}

static void echo(struct line *l) {
    static const unsigned sizes[] = {1, 20, 20, 300, 3000, 3000, 30000, 200000};
    unsigned long long len = random_below(sizes[random_below(8)] + 1), at = random_below(PATTERN - (unsigned)len);
    if (l->outstanding > 200) return;
    l->outstanding++;
    check(redisAsyncCommand(l->ac, on_echo, (void *)(size_t)(at << 20 | len), "ECHO %b", pattern + at, (size_t)len) == REDIS_OK);
}

static void on_small(const redisAsyncContext *ac, int status) {
    int one = 1;
    check(status == REDIS_OK);
    check(setsockopt(ac->c.fd, SOL_SOCKET, SO_SNDBUF, &one, sizeof one) == 0);
    check(setsockopt(ac->c.fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof one) == 0);
}

static void open_line(struct line *l) {
    redisOptions o = {0};
    if (random_below(2)) REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", redis_port());
    else REDIS_OPTIONS_SET_UNIX(&o, getenv("REDIS_SOCK"));
    check((l->ac = redisMioConnect(loop, &o)) != NULL);
    l->ac->data = l;
    l->outstanding = l->idle_read = l->idle_write = 0;
    redisAsyncSetConnectCallback(l->ac, on_small);
}

static void later(void *data) { act(data); }

static void act(struct line *l) {
    switch (random_below(400)) {
    case 0: /* outside of its own callbacks it is gone at once */
        l = &lines[random_below(CONNECTIONS)];
        if (l->ac->c.flags & REDIS_IN_CALLBACK) break;
        redisAsyncFree(l->ac);
        open_line(l);
        replaced++;
        break;
    case 1: case 2: case 3: redisMioTimerAdd(loop, in_ms((int)random_below(20)), later, l); break;
    case 4: case 5: redisMioPost(loop, later, l); break;
    case 6: case 7: case 8: case 9:
        for (unsigned i = random_below(60); i > 0; i--) echo(&lines[random_below(CONNECTIONS)]);
        break;
    default: echo(l);
    }
}

static void watch(void *data) {
    (void)data;
    for (int i = 0; i < CONNECTIONS; i++) {
        struct line *l = &lines[i];
        struct pollfd f = {.fd = l->ac->c.fd, .events = POLLIN | POLLOUT};
        size_t unsent = sdslen(l->ac->c.obuf);
        int unread = 0;
        if (poll(&f, 1, 0) <= 0 || !(l->ac->c.flags & REDIS_CONNECTED)) f.revents = 0;
        ioctl(l->ac->c.fd, FIONREAD, &unread);
        l->idle_read = (f.revents & POLLIN) && unread == l->unread ? l->idle_read + 1 : 0;
        l->idle_write = (f.revents & POLLOUT) && unsent && unsent == l->unsent ? l->idle_write + 1 : 0;
        l->unread = unread;
        l->unsent = unsent;
        if (l->idle_read < 20 && l->idle_write < 20) continue;
        fprintf(stderr, "connection %d, type %d: %d replies outstanding, %d bytes to read, %zu to send\n", i,
            l->ac->c.connection_type, l->outstanding, unread, unsent);
        exit(1);
    }
    if (seconds() >= ends) redisMioStop(loop);
    else redisMioTimerAdd(loop, in_ms(100), watch, NULL);
}

static void keep_busy(void *data) {
    for (int i = 0; i < CONNECTIONS; i++)
        if (lines[i].outstanding < 5) act(&lines[i]);
    redisMioTimerAdd(loop, in_ms(2), keep_busy, data);
}

int main(int argc, char **argv) {
    unsigned long long seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    double length = argc > 3 && !strcmp(argv[2], "--minutes") ? 60 * atof(argv[3]) : 4;
    state = seed;
    begin();
    for (int i = 0; i < PATTERN; i++) pattern[i] = (char)random_below(256);
    for (int i = 0; i < CONNECTIONS; i++) open_line(&lines[i]);
    ends = seconds() + length;
    keep_busy(NULL);
    watch(NULL);
    check(redisMioRun(loop) == REDIS_OK);
    redisMioLoopFree(loop);
    check(replies > (under_valgrind() ? 10 : 1000));
    printf("seed %llu: %ld replies, %ld connections replaced, no wake-up lost\n", seed, replies, replaced);
    return 0;
}

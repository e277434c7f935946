/* What a run of async_random.c knows, the allocators it runs on, and the server it talks to. */
#ifndef TESTS_ASYNC_RANDOM_H
#define TESTS_ASYNC_RANDOM_H

#include <hiredis/async.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include "choices.h"
#include "peer.h"

static unsigned long long seed;

#define check(condition)                                                                              \
    do {                                                                                              \
        if (!(condition)) {                                                                           \
            fprintf(stderr, "seed %llu: %s:%d: not true: %s\n", seed, __FILE__, __LINE__, #condition); \
            abort();                                                                                  \
        }                                                                                             \
    } while (0)

/* Allocators that count, that spoil what is freed, and that fail when asked to. */

static long live_blocks;
static unsigned failing; /* one allocation in so many fails, 0 for none */

static void *spoiled_malloc(size_t size) {
    size_t *block;
    if (failing && one_in(failing)) return NULL;
    block = malloc(sizeof(max_align_t) + size);
    if (block == NULL) return NULL;
    *block = size;
    live_blocks++;
    return memset((char *)block + sizeof(max_align_t), 0xaa, size);
}
static void *spoiled_calloc(size_t n, size_t size) {
    void *block = spoiled_malloc(n * size);
    return block ? memset(block, 0, n * size) : NULL;
}
static void spoiled_free(void *block) {
    size_t *start;
    if (block == NULL) return;
    start = (void *)((char *)block - sizeof(max_align_t));
    memset(block, 0xdd, *start);
    live_blocks--;
    free(start);
}
static void *spoiled_realloc(void *old, size_t size) {
    size_t had = old ? *(size_t *)(void *)((char *)old - sizeof(max_align_t)) : 0;
    void *block = spoiled_malloc(size);
    if (block && old) {
        memcpy(block, old, had < size ? had : size);
        spoiled_free(old);
    }
    return block;
}
static char *spoiled_strdup(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = spoiled_malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}
static hiredisAllocFuncs spoiling = {spoiled_malloc, spoiled_calloc, spoiled_realloc, spoiled_strdup, spoiled_free};

/* What a run knows. */

enum target { CHANNEL, PATTERN, SHARD, TARGETS };
enum { NAMES = 3, MAX_CALLS = 400, MAX_SUBS = 100, BIG = 40000 };
enum mode { ON, SKIP, OFF };
static const char *const prefix[] = {"", "p", "s"};

struct call {
    int monitor, plain, silent, done; /* plain: answered by OK, without a number */
    unsigned feed;
};
/* One SUBSCRIBE command: the privdata of its callbacks. */
struct sub {
    enum target target;
    int ends, unheard; /* unheard: issued while the server sends no errors */
};
struct loop {
    int reading, writing, gone;
    double timer;
};

static struct {
    redisAsyncContext *ac; /* NULL once it is freed */
    struct loop loops[8], *loop;
    struct call calls[MAX_CALLS];
    struct sub subs[MAX_SUBS];
    unsigned issued, subscribed;
    struct entry {
        int exists, pending, confirmed;
        unsigned seen;
        struct sub *owner;
    } entries[TARGETS][NAMES];
    enum mode mode;
    int attached, has_hooks, inside, asked_free, asked_disconnect, connects, disconnects, connected, data_cleanups;
    unsigned pushes;
    /* what this run does */
    int resp3, honest, owns_replies, keeps, quiet, pubsub, shards, monitors, silences, timeouts;
    int tainted; /* the server has broken the protocol, or memory is short: replies mean nothing any more */
    /* the server */
    int fd;
    size_t in_len, out_len;
    int server_subs[TARGETS][NAMES], monitoring;
    enum mode server_mode;
    unsigned messages[TARGETS][NAMES], feed, pushed;
} r;
static char in[1 << 19], out[1 << 20];
static struct {
    unsigned long replies, nulls, messages, pushes, silent, feed, timeouts, freed_inside, errors, disconnected;
} seen;

/* Time, for this driver and for the library. In a fuzz target it passes as the driver says. */

#ifdef FUZZED
static struct timespec moment = {1000, 0};

/* What the linker puts in the place of clock_gettime. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *t) {
    (void)clock;
    *t = moment;
    return 0;
}
static void pass(long ms) {
    moment.tv_nsec += ms * 1000000;
    moment.tv_sec += moment.tv_nsec / 1000000000;
    moment.tv_nsec %= 1000000000;
}
#else
static void pass(long ms) { usleep((unsigned)ms * 1000); }
#endif
/* Between two events. */
static void go_on(void) {
#ifdef FUZZED
    pass(below(3));
#endif
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The server. */

static void say(const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    r.out_len += (size_t)vsnprintf(out + r.out_len, sizeof out - r.out_len, format, ap);
    va_end(ap);
    check(r.out_len < sizeof out);
}

static int server_count(enum target target) {
    int n = 0;
    for (int t = 0; t < TARGETS; t++)
        for (int i = 0; i < NAMES; i++) n += (t == SHARD) == (target == SHARD) && r.server_subs[t][i];
    return n;
}
static int restricted(void) { return !r.resp3 && (server_count(CHANNEL) || server_count(SHARD)); }

static void say_pubsub(enum target t, const char *event, int name) {
    int kind = (int)strlen(prefix[t]) + (int)strlen(event);
    say("%c3\r\n$%d\r\n%s%s\r\n", r.resp3 ? '>' : '*', kind, prefix[t], event);
    if (name < 0) say("%s\r\n", r.resp3 ? "_" : "$-1");
    else say("$1\r\n%c\r\n", 'a' + name);
}

static void server_subscribe(enum target t, int argc, char **argv) {
    if (t == SHARD && argc == 2 && argv[1][0] == 'c') {
        say("-MOVED c\r\n");
        return;
    }
    for (int i = 1; i < argc; i++) {
        r.server_subs[t][argv[i][0] - 'a'] = 1;
        say_pubsub(t, "subscribe", argv[i][0] - 'a');
        say(":%d\r\n", server_count(t));
    }
}
static void server_unsubscribe(enum target t, int argc, char **argv) {
    int answered = 0;
    for (int i = 0; i < (argc > 1 ? argc - 1 : NAMES); i++) {
        int name = argc > 1 ? argv[i + 1][0] - 'a' : i;
        if (argc == 1 && !r.server_subs[t][name]) continue;
        r.server_subs[t][name] = 0;
        say_pubsub(t, "unsubscribe", name);
        say(":%d\r\n", server_count(t));
        answered = 1;
    }
    if (!answered) {
        say_pubsub(t, "unsubscribe", -1);
        say(":%d\r\n", server_count(t));
    }
}

static char big[BIG + 1];

/* T FORM ID is answered in this form, with the id as its last part. */
static void server_answer(int form, const char *id) {
    static const char *const events[] = {"message", "smessage", "ssubscribe", "sunsubscribe", "pmessage", "unsubscribe"};
    int len = (int)strlen(id);
    if (form == 6 && r.out_len > sizeof out / 2) form = 4;
    /* Such an array cannot be told from a message where there may be any, unless messages are known to be pushes. */
    if (form == 3 && (r.resp3 ? r.shards && !server_count(SHARD) : r.pubsub || r.shards)) form = 5;
    if (r.resp3 && one_in(6)) say("|1\r\n+key\r\n*1\r\n:1\r\n");
    switch (form) {
    case 0: say("$%d\r\n%s\r\n", len, id); break;
    case 1: say("+%s\r\n", id); break;
    case 2: say("-ERR :%s\r\n", id); break;
    case 3: form = (int)below(6);
        say("*3\r\n$%d\r\n%s\r\n$1\r\n%c\r\n$%d\r\n%s\r\n", (int)strlen(events[form]), events[form], 'a' + (int)below(3), len, id);
        break;
    case 4: say(":%s\r\n", id); break;
    case 5: say("*2\r\n*0\r\n*2\r\n$-1\r\n:%s\r\n", id); break;
    case 6: say("*2\r\n$%d\r\n%s\r\n:%s\r\n", BIG, big, id); break;
    default: say(r.resp3 ? "%%1\r\n#t\r\n,%s\r\n" : "*2\r\n$-1\r\n:%s\r\n", id);
    }
}

static enum target target_of(const char **verb) {
    enum target t = **verb == 'p' ? PATTERN : **verb == 's' && (*verb)[1] != 'u' ? SHARD : CHANNEL;
    if (**verb == 's' && !strncmp(*verb, "sunsub", 6)) t = SHARD;
    *verb += t != CHANNEL;
    return t;
}

static int tracing; /* one seed alone tells what its server was asked and what it answered */

static void server_command(int argc, char **argv) {
    size_t before = r.out_len;
    const char *verb = argv[0];
    enum mode mode = r.server_mode;
    enum target t = target_of(&verb);
    int answers = 0;
    if (mode == SKIP) r.server_mode = ON;
    if (!strcmp(verb, "subscribe") || !strcmp(verb, "unsubscribe")) {
        answers = 1;
        (*verb == 's' ? server_subscribe : server_unsubscribe)(t, argc, argv);
    } else if (!strcmp(argv[0], "CLIENT")) {
        if (!strcmp(argv[2], "ON")) r.server_mode = ON, answers = 1, say("+OK\r\n");
        else if (!strcmp(argv[2], "OFF")) r.server_mode = OFF;
        else if (mode != OFF) r.server_mode = SKIP;
    } else if (!strcmp(argv[0], "MONITOR")) {
        r.monitoring = 1;
        say("+OK\r\n");
    } else if (!strcmp(argv[0], "PING")) {
        int len = (int)strlen(argv[1]);
        if (restricted()) say("*2\r\n$4\r\npong\r\n$%d\r\n%s\r\n", len, argv[1]);
        else say("$%d\r\n%s\r\n", len, argv[1]);
    } else if (restricted()) say("-ERR not now :%s\r\n", argv[2]);
    else server_answer(atoi(argv[1]), argv[2]);
    if (mode != ON && !answers) r.out_len = before;
    if (!tracing) return;
    for (int i = 0; i < argc; i++) fprintf(stderr, "%s ", argv[i]);
    out[r.out_len] = 0;
    fprintf(stderr, "-> %.100s\n", out + before);
}

/* Takes the commands that have arrived in full. */
static void server_work(void) {
    size_t at = 0;
    for (;;) {
        char *argv[16], *p = in + at, *end;
        int argc;
        in[r.in_len] = 0;
        if ((end = strstr(p, "\r\n")) == NULL) break;
        check(*p == '*' && (argc = atoi(p + 1)) < 16);
        p = end + 2;
        for (int i = 0; i < argc; i++) {
            long len;
            if ((end = strstr(p, "\r\n")) == NULL) goto out;
            check(*p == '$');
            len = atol(p + 1);
            if (in + r.in_len < end + 2 + len + 2) goto out;
            argv[i] = end + 2;
            p = argv[i] + len + 2;
        }
        for (int i = 0; i < argc; i++) *strstr(argv[i], "\r\n") = 0;
        server_command(argc, argv);
        at = (size_t)(p - in);
    }
out:
    memmove(in, in + at, r.in_len -= at);
}

static int server_read(size_t most) {
    ssize_t n;
    if (r.fd < 0) return 0;
    if (most > sizeof in - r.in_len - 1) most = sizeof in - r.in_len - 1;
    n = recv(r.fd, in + r.in_len, most, MSG_DONTWAIT);
    if (n <= 0) return 0;
    r.in_len += (size_t)n;
    server_work();
    return 1;
}
static int server_write(size_t most) {
    ssize_t n;
    if (r.fd < 0 || r.out_len == 0) return 0;
    n = send(r.fd, out, most < r.out_len ? most : r.out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) return 0;
    memmove(out, out + n, r.out_len -= (size_t)n);
    return 1;
}

/* Something that nobody has to ask for. */
static void server_event(void) {
    int t = (int)below(TARGETS), name = (int)below(NAMES);
    char text[32];
    if (r.out_len > sizeof out / 2) return;
    if (r.server_subs[t][name]) {
        if (t == PATTERN)
            say("%c4\r\n$8\r\npmessage\r\n$1\r\n%c\r\n$2\r\nch\r\n", r.resp3 ? '>' : '*', 'a' + name);
        else say_pubsub(t, "message", name);
        sprintf(text, "%u", ++r.messages[t][name]);
        say("$%d\r\n%s\r\n", (int)strlen(text), text);
    } else if (r.monitoring && r.server_mode == ON) say("+1700000000.%06u [0 127.0.0.1:1] \"GET\" \"OK\"\r\n", ++r.feed);
    else if (r.resp3) say(">2\r\n$10\r\ninvalidate\r\n:%u\r\n", ++r.pushed);
}

static void server_misbehaves(void) {
    static const char *const nonsense[] = {
        "+OK\r\n", "-ERR max number of clients reached\r\n", ">0\r\n", ">1\r\n$9\r\nsubscribe\r\n", "*3\r\n:1\r\n:2\r\n:3\r\n",
        ">2\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n", ">3\r\n$9\r\nsubscribe\r\n$1\r\nz\r\n:1\r\n", "*3\r\n*0\r\n*0\r\n*0\r\n",
        ">3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n$1\r\n0\r\n", "*3\r\n$8\r\nsmessage\r\n$1\r\na\r\n$1\r\nx\r\n", ">-1\r\n", "_\r\n", "|0\r\n",
        ">3\r\n$12\r\nsunsubscribe\r\n$1\r\na\r\n:0\r\n", ">3\r\n$10\r\nssubscribe\r\n$1\r\nb\r\n:1\r\n", "?", "*1\r\n", "$100\r\nshort\r\n",
        ">3\r\n$7\r\nmessage\r\n_\r\n:1\r\n", "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n", ">2\r\n$12\r\npunsubscribe\r\n*0\r\n", "#t\r\n",
        "+1700000000.1 [0 x] \"a\"\r\n", ">4\r\n:1\r\n:2\r\n:3\r\n:4\r\n",
    };
    struct linger reset = {1, 0};
    if (r.fd < 0) return;
    r.tainted = 1;
    switch (below(8)) {
    case 0: setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); /* fall through */
    case 1: close(r.fd), r.fd = -1; break;
    case 2: if (r.out_len) r.out_len = below((unsigned)r.out_len); break;
    case 3: for (unsigned n = below(30); n > 0 && r.out_len; n--) out[below((unsigned)r.out_len)] ^= (char)(1 << below(8)); break;
    case 4: shutdown(r.fd, one_in(2) ? SHUT_WR : SHUT_RD); break;
    case 5: for (unsigned n = below(64); n > 0 && r.out_len < sizeof out / 2; n--) out[r.out_len++] = (char)below(256); break;
    default: say("%s", nonsense[below(sizeof nonsense / sizeof *nonsense)]);
    }
}

#endif

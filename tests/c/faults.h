/* What a program knows of the commands it issued, and the proof against the server's data.
 *
 * Every command bears an identity that its reply must show. It is issued once and never again: one whose reply did not come is
 * unknown, and stays so. In the end the server's data must hold each acknowledged one exactly once, and each other one at most
 * once. */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include <hiredis/async.h>
#include <stdarg.h>
#include <time.h>

#include "peer.h"

static const char *program = "?"; /* names its keys */

#define check(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf(stderr, "%s: %s:%d: not true: %s\n", program, __FILE__, __LINE__, #condition); \
            exit(1);                                                                           \
        }                                                                                      \
    } while (0)

enum kind { PUSH, INCREMENT, ECHO, WAIT };
enum state { ISSUED, ACKNOWLEDGED, DURABLE, UNKNOWN, REFUSED, STATES };
enum { MOST = 1 << 23, LARGE = 20000, TEXTS = 16 };

struct entry {
    unsigned char kind, state, calls;
    int connection; /* the one that it was issued on */
};

static struct entry entries[MOST];
static int issued, connection, counted[STATES];
static long long last_count; /* of the latest acknowledged INCREMENT */
static int waiting; /* WAITs make what was acknowledged before them durable; nothing else counts then */
static int first_not_durable, durable_by_wait;

static unsigned long long random_state;
static unsigned below(unsigned limit) {
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(random_state >> 33) % limit;
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pause_ms(int ms) {
    double ends = seconds() + ms / 1e3;
    while (seconds() < ends) nanosleep(&(struct timespec){0, 1000000}, NULL); /* signals do not shorten it */
}

/* How often each error text came. */
struct texts {
    const char *what;
    int kinds, count[TEXTS];
    char text[TEXTS][96];
};
static struct texts refusals = {.what = "refused"}, ends = {.what = "ended"};

static void note_text(struct texts *t, const char *format, ...) {
    char text[96];
    int i = 0;
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    while (i < t->kinds && strcmp(t->text[i], text)) i++;
    check(i < TEXTS);
    strcpy(t->text[i], text);
    t->kinds += i == t->kinds;
    t->count[i]++;
}

static void print_texts(const struct texts *t) {
    for (int i = 0; i < t->kinds; i++) printf("%s %s: %d\n", t->what, t->text[i], t->count[i]);
}

static enum kind kind_of(int id) {
    if (waiting) return id % 10 == 9 ? WAIT : PUSH;
    if (id % 50 == 7) return ECHO;
    return id % 5 == 3 ? INCREMENT : PUSH;
}

/* Makes the next command: its id, and its text in WIRE, to be freed with redisFreeCommand. */
static int next_command(char **wire, int *len) {
    static char filler[LARGE];
    int id = issued++;
    struct entry *e = &entries[id];
    check(issued < MOST);
    *e = (struct entry){.kind = (unsigned char)kind_of(id), .connection = connection};
    if (!*filler) memset(filler, '.', sizeof filler);
    switch (e->kind) {
    case PUSH: *len = redisFormatCommand(wire, "EVAL %s 1 faults:%s %d", "redis.call('RPUSH',KEYS[1],ARGV[1]) return ARGV[1]", program, id); break;
    case INCREMENT: *len = redisFormatCommand(wire, "INCR faults:%s:count", program); break;
    case ECHO: *len = redisFormatCommand(wire, "ECHO %d:%b", id, filler, (size_t)LARGE); break;
    default: *len = redisFormatCommand(wire, "WAIT 1 1000");
    }
    check(*len > 0);
    return id;
}

static void set_state(struct entry *e, enum state state) {
    counted[e->state]--;
    e->state = (unsigned char)state;
    counted[state]++;
}

/* A replica has everything of this connection that was acknowledged before. */
static void make_durable(int id) {
    for (int i = first_not_durable; i < id; i++)
        if (entries[i].state == ACKNOWLEDGED && entries[i].connection == entries[id].connection) set_state(&entries[i], DURABLE);
    first_not_durable = id;
    durable_by_wait++;
}

/* The reply must be the one to this command. */
static void acknowledge(int id, const redisReply *r) {
    switch (entries[id].kind) {
    case PUSH: check(r->type == REDIS_REPLY_STRING && atoi(r->str) == id); break;
    case INCREMENT:
        check(r->type == REDIS_REPLY_INTEGER && r->integer > last_count);
        last_count = r->integer;
        break;
    case ECHO: check(r->type == REDIS_REPLY_STRING && atoi(r->str) == id && strchr(r->str, ':') - r->str + 1 + LARGE == (long)r->len); break;
    default:
        check(r->type == REDIS_REPLY_INTEGER && r->integer <= 1);
        if (r->integer == 1) make_durable(id);
    }
    set_state(&entries[id], ACKNOWLEDGED);
}

/* Takes the one report about a command: its reply, or NULL. */
static void settle(int id, const redisReply *r) {
    struct entry *e = &entries[id];
    check(id < issued && e->calls == 0);
    e->calls = 1;
    if (r == NULL) set_state(e, UNKNOWN);
    else if (r->type == REDIS_REPLY_ERROR) {
        note_text(&refusals, "%.*s", (int)strcspn(r->str, "."), r->str);
        set_state(e, REFUSED);
    } else acknowledge(id, r);
}

/* The proof. */

static redisReply *ask_server(redisContext *c, const char *command) {
    redisReply *r;
    double limit = seconds() + 20;
    do {
        check(seconds() < limit);
        if (c->err && redisReconnect(c) != REDIS_OK) pause_ms(5);
        r = c->err ? NULL : redisCommand(c, command, program);
        if (r && r->type == REDIS_REPLY_ERROR) {
            freeReplyObject(r); /* still loading, or no room yet: both pass */
            r = NULL;
            pause_ms(5);
        }
    } while (r == NULL);
    return r;
}

static void prove_list(redisContext *c) {
    redisReply *r = ask_server(c, "LRANGE faults:%s 0 -1");
    unsigned char *present = calloc((size_t)issued + 1, 1);
    int lost = 0, gone = 0, twice = 0, extra = 0;
    check(r->type == REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < r->elements; i++) {
        int id = atoi(r->element[i]->str);
        check(id >= 0 && id < issued && entries[id].kind == PUSH);
        twice += present[id]++ > 0;
    }
    for (int i = 0; i < issued; i++) {
        check(entries[i].calls == 1);
        if (entries[i].kind != PUSH) continue;
        lost += entries[i].state == (waiting ? DURABLE : ACKNOWLEDGED) && !present[i];
        gone += waiting && entries[i].state == ACKNOWLEDGED && !present[i];
        extra += entries[i].state == UNKNOWN && present[i];
        check(!(entries[i].state == REFUSED && present[i]));
    }
    printf("lost: %d\ngone without WAIT: %d\ntwice: %d\nunknown but done: %d\n", lost, gone, twice, extra);
    free(present);
    freeReplyObject(r);
}

static void prove_count(redisContext *c) {
    redisReply *r = ask_server(c, "INCRBY faults:%s:count 0");
    int increments = 0;
    for (int i = 0; i < issued; i++) increments += entries[i].kind == INCREMENT;
    check(r->type == REDIS_REPLY_INTEGER && r->integer >= last_count && r->integer <= increments);
    freeReplyObject(r);
}

/* Compares with the data of the server, and prints what there is to say. */
static void prove(redisContext *c) {
    prove_list(c);
    prove_count(c);
    printf("issued: %d\nacknowledged: %d\ndurable: %d\nunknown: %d\nrefused: %d\nconnections: %d\n", issued,
        counted[ACKNOWLEDGED] + counted[DURABLE], counted[DURABLE], counted[UNKNOWN], counted[REFUSED], connection);
    print_texts(&refusals);
    print_texts(&ends);
}

#endif

/* Replies taken apart, mended, mixed and freed at random, with allocators exchanged and threads ending in between. Whatever is
 * left must hold what it held. Takes a seed and a number of steps; the fuzz target `replies` takes its choices from the fuzzer's
 * bytes instead. */
#include "choices.h"
#include "replies.h"
#include <pthread.h>

enum { ROOTS = 40, STRINGS = 40, DEEPEST = 6 };
static redisReply *roots[ROOTS];
static struct {
    char *text;
    size_t len;
} strings[STRINGS];

/* In `integer` of replies with text: the text does not follow from `len` any more. */
enum { CHANGED = 1 };

static size_t some_size(void) {
    return one_in(4) ? below(LONGEST) : below(60);
}

static int has_text(const redisReply *r) {
    return r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS || r->type == REDIS_REPLY_ERROR;
}

static int has_elements(const redisReply *r) {
    return r->type == REDIS_REPLY_ARRAY || r->type == REDIS_REPLY_SET || r->type == REDIS_REPLY_PUSH;
}

static void check(const redisReply *r) {
    if (r == NULL)
        return;
    CHECK(has_text(r) || has_elements(r) || r->type == REDIS_REPLY_INTEGER || r->type == REDIS_REPLY_NIL);
    if (has_text(r) && r->str != NULL && r->integer != CHANGED)
        CHECK(is_filled(r->str, r->len));
    if (r->type == REDIS_REPLY_INTEGER)
        CHECK(r->integer == 4711);
    if (has_elements(r) && r->element != NULL)
        for (size_t i = 0; i < r->elements; i++)
            check(r->element[i]);
}

static size_t wire_at;
static char wire[1 << 20];

static void write_reply(int depth) {
    if (wire_at > sizeof(wire) - 4096)
        depth = DEEPEST;
    switch (below(7)) {
    case 0:
    case 1:
    case 2: if (depth < DEEPEST) break; /* fall through */
    case 3: wire_at += write_text(wire + wire_at, '$', some_size()); return;
    case 4: wire_at += write_text(wire + wire_at, "+-"[below(2)], some_size()); return;
    case 5: wire_at += (size_t)sprintf(wire + wire_at, ":4711\r\n"); return;
    default: wire_at += (size_t)sprintf(wire + wire_at, "%s", below(2) ? "$-1\r\n" : "_\r\n"); return;
    }
    size_t count = below(10) == 0 ? below(80) : below(6);
    wire_at += (size_t)sprintf(wire + wire_at, "%c%zu\r\n", "*~>"[below(3)], count);
    for (size_t i = 0; i < count; i++)
        write_reply(depth + (count > 6 ? DEEPEST : 1));
}

/* A reply that arrives in pieces, while other things happen between them. */
static redisReader *reader;
static size_t fed;

static void begin_wire(void) {
    wire_at = fed = 0;
    write_reply(0);
}

static redisReply *more(size_t most) {
    void *reply = NULL;
    size_t piece = wire_at - fed < most ? wire_at - fed : most;
    CHECK(redisReaderFeed(reader, wire + fed, piece) == REDIS_OK);
    fed += piece;
    CHECK(redisReaderGetReply(reader, &reply) == REDIS_OK && (reply != NULL) == (fed == wire_at));
    return reply;
}

static redisReply *made(int depth) {
    redisReply *r = below(2) ? hi_calloc(1, sizeof(*r)) : calloc(1, sizeof(*r));
    if (depth < 3 && below(3) == 0) {
        r->type = REDIS_REPLY_ARRAY;
        r->elements = below(40);
        r->element = calloc(r->elements + below(3), sizeof(*r->element));
        for (size_t i = 0; i < r->elements; i++)
            r->element[i] = below(3) == 0 ? NULL : made(depth + 1);
    } else if (below(4) == 0) {
        r->type = REDIS_REPLY_INTEGER;
        r->integer = 4711;
    } else {
        r->type = REDIS_REPLY_STRING;
        r->len = some_size();
        r->str = below(2) ? malloc(r->len + 1) : hi_malloc(r->len + 1 + below(100));
        fill(r->str, r->len);
    }
    return r;
}

/* A place where some reply stands: a root, or a slot of a vector below it. */
static redisReply **some_place(size_t *root) {
    *root = below(ROOTS);
    redisReply **place = &roots[*root];
    while (*place != NULL && has_elements(*place) && (*place)->element != NULL && (*place)->elements > 0 && below(4) != 0)
        place = &(*place)->element[below((*place)->elements)];
    return place;
}

/* Of a root, a reply or text that is not needed any more. */
static void put_root(redisReply *r) {
    size_t i = below(ROOTS);
    check(roots[i]);
    freeReplyObject(roots[i]);
    roots[i] = r;
}

static void put_string(char *text, size_t len) {
    size_t i = below(STRINGS);
    if (strings[i].text != NULL)
        CHECK(is_filled(strings[i].text, strings[i].len));
    below(2) ? free(strings[i].text) : hi_free(strings[i].text);
    strings[i].text = text;
    strings[i].len = len;
}

static void change_text(redisReply *r) {
    if (r->str == NULL || r->integer == CHANGED)
        return;
    switch (below(4)) {
    case 0:
        put_string(r->str, r->len);
        r->str = NULL;
        break;
    case 1:
        free(r->str);
        r->len = some_size();
        r->str = malloc(r->len + 1);
        fill(r->str, r->len);
        break;
    case 2:
        r->len = below(10) * below(10000);
        r->integer = CHANGED;
        break;
    default:
        put_string(r->str, r->len);
        r->type = REDIS_REPLY_NIL;
    }
}

static void change_elements(redisReply *r) {
    size_t count = below(50);
    if (r->element == NULL || count == 0)
        return;
    switch (below(3)) {
    case 0:
        for (size_t i = count; i < r->elements; i++)
            freeReplyObject(r->element[i]);
        if (r->elements > count)
            r->elements = count;
        break;
    case 1:
        r->element = realloc(r->element, (r->elements + count) * sizeof(*r->element));
        for (; count > 0; count--)
            r->element[r->elements++] = below(2) ? NULL : made(1);
        break;
    default:
        for (size_t i = 0; i < r->elements; i++)
            freeReplyObject(r->element[i]);
        free(r->element);
        r->element = NULL;
        if (below(2)) {
            r->type = REDIS_REPLY_INTEGER;
            r->integer = 4711;
        }
    }
}

static void *counted_malloc(size_t size) { return malloc(size); }
static void *counted_calloc(size_t n, size_t size) { return calloc(n, size); }
static void *counted_realloc(void *block, size_t size) { return realloc(block, size); }
static void counted_free(void *block) { free(block); }

/* All of these are libc's in the end: blocks may mix, but the library cannot know that. */
static void exchange_allocators(void) {
    hiredisAllocFuncs own = {counted_malloc, counted_calloc, counted_realloc, strdup, counted_free};
    switch (below(6)) {
    case 0: hiredisSetAllocators(&own); break;
    case 1: hiredisAllocFns.mallocFn = counted_malloc; break;
    case 2: hiredisAllocFns.callocFn = counted_calloc; break;
    case 3: hiredisAllocFns.freeFn = counted_free; break;
    default: hiredisResetAllocators();
    }
}

static void *elsewhere(void *root) {
    freeReplyObject(root);
    for (size_t i = 0; i < 5; i++)
        freeReplyObject(sample(i * 40));
    return sample(77);
}

static void step(void) {
    size_t root, other;
    redisReply **place = some_place(&root), *kept;
    switch (below(9)) {
    case 0:
        begin_wire();
        while ((kept = more(1 + below(300))) == NULL)
            if (below(4) == 0)
                freeReplyObject(sample(below(300)));
            else if (below(8) == 0)
                exchange_allocators();
        check(kept);
        put_root(kept);
        break;
    case 1:
        put_root(made(0));
        break;
    case 2: /* an element stays, its root may go */
        kept = *place;
        *place = NULL;
        put_root(kept);
        break;
    case 3: { /* and moves to another tree */
        redisReply **to = some_place(&other);
        if (root == other)
            break;
        kept = *place;
        *place = *to;
        *to = kept;
        break;
    }
    case 4:
    case 5:
        if (*place != NULL && has_text(*place))
            change_text(*place);
        else if (*place != NULL && has_elements(*place))
            change_elements(*place);
        break;
    case 6:
        put_string(NULL, 0);
        put_root(NULL);
        break;
    case 7:
        if (below(4) == 0)
            exchange_allocators();
        break;
    case 8:
        if (below(30) == 0) {
            pthread_t thread;
            void *made_there;
            kept = *place;
            *place = NULL;
            CHECK(pthread_create(&thread, NULL, elsewhere, kept) == 0 && pthread_join(thread, &made_there) == 0);
            check_sample(made_there, 77);
            freeReplyObject(made_there);
        }
    }
}

static void take_steps(long steps) {
    reader = redisReaderCreate();
    for (long n = 0; n < steps && choices_remain(); n++) {
        step();
        if (n % 64 == 0)
            for (size_t i = 0; i < ROOTS; i++)
                check(roots[i]);
    }
    for (size_t i = 0; i < ROOTS; i++)
        freeReplyObject(roots[i]);
    for (size_t i = 0; i < STRINGS; i++)
        free(strings[i].text);
    redisReaderFree(reader);
}

#ifdef FUZZED

void clients_random(const unsigned char *bytes, size_t len) {
    choices.bytes = bytes;
    choices.left = len;
    memset(roots, 0, sizeof(roots));
    memset(strings, 0, sizeof(strings));
    take_steps(10000);
    hiredisResetAllocators();
}

#else

int main(int argc, char **argv) {
    CHECK(argc == 3);
    choose_from(strtoull(argv[1], NULL, 10));
    take_steps(atol(argv[2]));
    return 0;
}

#endif

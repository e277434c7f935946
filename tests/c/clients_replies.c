/* What programs do with replies and allocators that no documentation promises: they keep parts, replace parts, change fields, build
 * replies of their own, hand them to other threads, and exchange allocators at any time. After each scenario replies of every size
 * must still come out whole. */
#include "replies.h"
#include <pthread.h>

static const char tree[] = "*3\r\n*2\r\n$5\r\nhello\r\n*2\r\n+deep\r\n:7\r\n%1\r\n$1\r\nk\r\n~2\r\n,1.5\r\n(123456789012345678901\r\n=8\r\ntxt:verb\r\n";

static redisReply *take(redisReply *parent, size_t i) {
    redisReply *element = parent->element[i];
    parent->element[i] = NULL;
    return element;
}

/* FreeRADIUS, hiredis-cluster, librdbapi: elements outlive their root, from any depth, freed in any order. */
static void elements_are_kept(void) {
    for (int order = 0; order < 6; order++) {
        redisReply *root = parse(tree);
        redisReply *kept[3] = {take(root->element[0], 1), NULL, NULL};
        kept[1] = take(kept[0], 0);
        kept[2] = take(root->element[1]->element[1], 1);
        if (order % 2 == 0)
            freeReplyObject(root);
        CHECK(kept[0]->elements == 2 && kept[0]->element[1]->integer == 7);
        CHECK(strcmp(kept[1]->str, "deep") == 0 && kept[1]->len == 4);
        CHECK(kept[2]->type == REDIS_REPLY_BIGNUM && kept[2]->len == 21);
        for (int i = 0; i < 3; i++)
            freeReplyObject(kept[(i + order / 2) % 3]);
        if (order % 2 == 1)
            freeReplyObject(root);
        churn();
    }
}

/* The whole vector is kept; `elements` still says how many it had. */
static void vector_is_kept(void) {
    redisReply *root = parse(tree);
    redisReply **vector = root->element;
    root->element = NULL;
    freeReplyObject(root);
    for (int i = 2; i >= 0; i--)
        freeReplyObject(vector[i]);
    free(vector);
    churn();
}

/* librdbapi: the string is an ordinary block, for free(), realloc() and hi_free(). */
static void strings_are_kept(void) {
    for (size_t size = 0; size < 600; size += 7) {
        redisReply *r = sample(size);
        char *bulk = r->element[0]->str, *status = r->element[1]->str;
        r->element[0]->str = r->element[1]->str = NULL;
        freeReplyObject(r);
        CHECK(is_filled(bulk, size) && is_filled(status, size / 3));
        bulk = realloc(bulk, size + 100);
        CHECK(memchr(bulk, '\0', size + 1) == bulk + size);
        free(bulk);
        hi_free(status);
    }
    churn();
}

/* hiredis-cluster, QuarkDB, test suites: replies from calloc and from hi_calloc, among and around ours. */
static redisReply *made(int type, size_t size) {
    redisReply *r = size % 2 ? calloc(1, sizeof(*r)) : hi_calloc(1, sizeof(*r));
    r->type = type;
    r->len = size;
    r->str = size % 3 ? malloc(size + 1) : hi_malloc(size + 1);
    fill(r->str, size);
    return r;
}

static redisReply *made_array(size_t count) {
    redisReply *r = calloc(1, sizeof(*r));
    r->type = REDIS_REPLY_ARRAY;
    r->elements = count;
    r->element = count ? calloc(count, sizeof(*r->element)) : NULL;
    return r;
}

static void replies_are_built_by_hand(void) {
    for (size_t size = 1; size < 400; size += 11) {
        redisReply *root = made_array(size % 40 + 3);
        redisReply *ours = sample(size);
        root->element[0] = take(ours, 0);
        ours->element[0] = made(REDIS_REPLY_ERROR, size);
        root->element[2] = ours;
        if (size % 2)
            root->element[1] = made(REDIS_REPLY_DOUBLE, size);
        CHECK(is_filled(root->element[0]->str, size) && is_filled(ours->element[0]->str, size));
        freeReplyObject(root);
    }
    churn();
}

/* A part is replaced by a block of another size; `len` and `elements` may not say which. */
static void parts_are_replaced(void) {
    for (size_t size = 0; size < 600; size += 23) {
        redisReply *r = sample(size);
        free(r->element[0]->str);
        r->element[0]->str = malloc(size / 5 + 1);
        hi_free(r->element[1]->str);
        r->element[1]->str = hi_strdup("short");
        r->element[1]->len = 5000;
        redisReply *numbers = r->element[2], **other = calloc(size + 9, sizeof(*other));
        if (numbers->elements > 0)
            memcpy(other, numbers->element, numbers->elements * sizeof(*other));
        free(numbers->element);
        numbers->element = other;
        freeReplyObject(r);
    }
    churn();
    redisReply *r = parse(tree);
    freeReplyObject(r->element[0]);
    r->element[0] = sample(30);
    redisReply *other = parse(tree);
    redisReply *moved = r->element[1];
    r->element[1] = other->element[1];
    other->element[1] = moved;
    freeReplyObject(r);
    freeReplyObject(other);
    churn();
}

static void fields_are_changed(void) {
    for (size_t len = 0; len < 100000; len = len * 3 + 1) {
        redisReply *r = sample(100);
        r->element[0]->len = len;
        free(r->element[2]->element[29]);
        r->element[2]->elements = 29;
        freeReplyObject(r);
    }
    redisReply *r = sample(100);
    r->element[2]->element = realloc(r->element[2]->element, 500 * sizeof(*r->element));
    for (size_t i = 30; i < 500; i++)
        r->element[2]->element[i] = i % 2 ? made(REDIS_REPLY_STRING, i) : NULL;
    r->element[2]->elements = 500;
    freeReplyObject(r);
    churn();
}

/* Freed by the type that it has by then, not by the one it was made with. */
static void types_are_changed(void) {
    redisReply *r = sample(50);
    free(r->element[0]->str);
    r->element[0]->type = REDIS_REPLY_NIL;
    r->element[1]->type = REDIS_REPLY_VERB;
    redisReply *array = r->element[2];
    for (size_t i = 0; i < array->elements; i++)
        freeReplyObject(array->element[i]);
    free(array->element);
    array->type = REDIS_REPLY_STRING;
    array->str = strdup("text now");
    freeReplyObject(r);
    r = parse("$5\r\nhello\r\n");
    free(r->str);
    r->str = NULL;
    r->type = REDIS_REPLY_MAP;
    r->elements = 12;
    freeReplyObject(r);
    r = parse("*1\r\n:1\r\n");
    char *text = strdup("not freed, for arrays own no text");
    r->str = text;
    freeReplyObject(r);
    free(text);
    r = parse("$5\r\nhello\r\n");
    free(r->str);
    r->type = 99;
    freeReplyObject(r);
    churn();
}

enum { HANDED = 500 };

static void *free_all(void *replies) {
    redisReply **all = replies;
    for (size_t i = 0; i < HANDED; i++)
        freeReplyObject(all[i]);
    churn();
    return NULL;
}

static void *make_all(void *replies) {
    redisReply **all = replies;
    for (size_t i = 0; i < HANDED; i++)
        all[i] = sample(i);
    churn();
    return NULL;
}

static void run_thread(void *(*body)(void *), void *argument) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, argument) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

/* Replies go from thread to thread, and outlive the one that made them. */
static void threads_hand_over(void) {
    static redisReply *all[HANDED];
    make_all(all);
    run_thread(free_all, all);
    run_thread(make_all, all);
    for (size_t i = 0; i < HANDED; i++)
        check_sample(all[i], i);
    free_all(all);
    run_thread(make_all, all);
    run_thread(free_all, all);
    static redisReply *sets[4][HANDED];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, make_all, sets[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, free_all, sets[3 - i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static pthread_key_t last_reply;

static void *leave_reply(void *reply) {
    freeReplyObject(sample(20));
    pthread_setspecific(last_reply, reply);
    return NULL;
}

/* A thread's own destructors, and the program's exit handlers, free replies when the library may already have put its own
 * per-thread state away. */
static void replies_are_freed_at_the_end(void) {
    pthread_key_create(&last_reply, freeReplyObject);
    for (size_t size = 0; size < 300; size += 50)
        run_thread(leave_reply, sample(size));
    pthread_key_delete(last_reply);
}

static void parse_at_exit(void) {
    churn();
}

/* Blocks that carry a mark, so that one of another allocator is noticed when it is freed. */
enum { MARK = 32 };
static const char mark[MARK] = "a block of the program's own";
static long live;

static void *marked(size_t size) {
    char *block = malloc(size + MARK);
    memcpy(block, mark, MARK);
    live++;
    return block + MARK;
}

static void marked_free(void *block) {
    if (block == NULL)
        return;
    char *start = (char *)block - MARK;
    CHECK(memcmp(start, mark, MARK) == 0);
    memset(start, 0, MARK);
    live--;
    free(start);
}

static void *marked_calloc(size_t n, size_t size) {
    return memset(marked(n * size), 0, n * size);
}

static void *marked_realloc(void *block, size_t size) {
    if (block == NULL)
        return marked(size);
    char *start = (char *)block - MARK;
    CHECK(memcmp(start, mark, MARK) == 0);
    return (char *)realloc(start, size + MARK) + MARK;
}

static char *marked_strdup(const char *s) {
    return strcpy(marked(strlen(s) + 1), s);
}

/* With other allocators in force every block is theirs, and every block goes back to them. */
static void allocators_are_exchanged(void) {
    hiredisAllocFuncs own = {marked, marked_calloc, marked_realloc, marked_strdup, marked_free};
    for (int round = 0; round < 3; round++) {
        churn();
        hiredisSetAllocators(&own);
        churn();
        redisReply *r = parse(tree);
        char *text = r->element[0]->element[0]->str;
        r->element[0]->element[0]->str = NULL;
        freeReplyObject(r);
        CHECK(live == 1);
        hi_free(text);
        CHECK(live == 0);
        hiredisResetAllocators();
    }
    churn();
}

static long frees, mallocs, callocs, reallocs;

static void counted_free(void *block) {
    frees += block != NULL;
    free(block);
}

static void *counted_malloc(size_t size) {
    mallocs++;
    return malloc(size);
}

static void *counted_calloc(size_t n, size_t size) {
    callocs++;
    return calloc(n, size);
}

static void *counted_realloc(void *block, size_t size) {
    reallocs++;
    return realloc(block, size);
}

/* hiredisAllocFns is a variable: programs assign one member and leave the others. Each call of that member must arrive. */
static void members_are_assigned(void) {
    redisReader *reader = redisReaderCreate();
    const char wire[] = "*2\r\n$5\r\nhello\r\n$40000\r\n";
    static char rest[40003];
    size_t tail = 40000;
    fill(rest, tail);
    memcpy(rest + tail, "\r\n", 2);
    for (int member = 0; member < 4; member++) {
        void *reply = NULL;
        churn();
        CHECK(redisReaderFeed(reader, wire, sizeof(wire) - 1) == REDIS_OK && redisReaderGetReply(reader, &reply) == REDIS_OK);
        frees = mallocs = callocs = reallocs = 0;
        hiredisAllocFns.freeFn = member == 0 ? counted_free : free;
        hiredisAllocFns.mallocFn = member == 1 ? counted_malloc : malloc;
        hiredisAllocFns.callocFn = member == 2 ? counted_calloc : calloc;
        hiredisAllocFns.reallocFn = member == 3 ? counted_realloc : realloc;
        CHECK(redisReaderFeed(reader, rest, tail + 2) == REDIS_OK);
        CHECK(redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL);
        CHECK(((redisReply *)reply)->elements == 2);
        CHECK(is_filled(((redisReply *)reply)->element[1]->str, tail));
        freeReplyObject(reply);
        CHECK(member != 0 || frees >= 6);
        CHECK(member != 3 || reallocs >= 1);
        churn();
        CHECK((member != 1 || mallocs > 50) && (member != 2 || callocs > 100));
        hiredisResetAllocators();
    }
    redisReaderFree(reader);
}

int main(void) {
    static void (*const scenarios[])(void) = {
        elements_are_kept, vector_is_kept, strings_are_kept, replies_are_built_by_hand, parts_are_replaced, fields_are_changed,
        types_are_changed, threads_hand_over, replies_are_freed_at_the_end, allocators_are_exchanged, members_are_assigned,
    };
    atexit(parse_at_exit);
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++)
        scenarios[i]();
    return 0;
}

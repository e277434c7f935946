/* Contract section 1: freeReplyObject on everything that programs hand to it, and parts they keep for themselves. */
#include "reply.h"
#include "allocators.h"

static redisReply *parsed(const char *wire) {
    redisReader *r = redisReaderCreate();
    void *reply = NULL;
    redisReaderFeed(r, wire, strlen(wire));
    redisReaderGetReply(r, &reply);
    redisReaderFree(r);
    return reply;
}

static redisReply *made(int type, const char *str, size_t elements) {
    redisReply *r = hi_calloc(1, sizeof(*r));
    r->type = type;
    if (str != NULL) {
        r->len = strlen(str);
        r->str = hi_strdup(str);
    }
    if (elements > 0) {
        r->elements = elements;
        r->element = hi_calloc(elements, sizeof(*r->element));
    }
    return r;
}

/* Hand-made objects of each type, with a string and with a vector: which parts are freed. */
static void hand_made(void) {
    for (int type = 0; type <= 16; type++) {
        redisReply *r = made(type, "text", 0);
        char *str = r->str;
        long before = live;
        freeReplyObject(r);
        fact(before - live, "made.%d.with.str.frees", type);
        if (before - live < 2)
            hi_free(str);

        r = made(type, NULL, 2);
        redisReply **vector = r->element;
        vector[0] = made(REDIS_REPLY_INTEGER, NULL, 0);
        redisReply *child = vector[0];
        before = live;
        freeReplyObject(r);
        fact(before - live, "made.%d.with.vector.frees", type);
        if (before - live < 2) {
            hi_free(child);
            hi_free(vector);
        }
        fact(live, "made.%d.live", type);
    }
}

static void odd_objects(void) {
    freeReplyObject(NULL);
    redisReply *r = made(REDIS_REPLY_ARRAY, NULL, 0);
    r->elements = 5;
    freeReplyObject(r);
    fact(live, "elements.without.vector.live");
    freeReplyObject(made(REDIS_REPLY_ARRAY, NULL, 3));
    fact(live, "null.children.live");
    freeReplyObject(made(REDIS_REPLY_STRING, NULL, 0));
    fact(live, "string.without.str.live");
    r = made(REDIS_REPLY_ARRAY, NULL, 3);
    r->elements = 0;
    freeReplyObject(r);
    fact(live, "vector.without.elements.live");
}

/* Taken out of the tree, then used and freed after the root is gone. */
static void stolen(void) {
    redisReply *r = parsed("*3\r\n$5\r\nhello\r\n*2\r\n:1\r\n+x\r\n%1\r\n+k\r\n+v\r\n");
    redisReply *element = r->element[1];
    r->element[1] = NULL;
    char *str = r->element[0]->str;
    r->element[0]->str = NULL;
    redisReply **vector = r->element[2]->element;
    r->element[2]->element = NULL;
    freeReplyObject(r);
    dump("stolen.element", element);
    say("stolen.str");
    text(str);
    end();
    dump("stolen.vector.0", vector[0]);
    dump("stolen.vector.1", vector[1]);
    freeReplyObject(element);
    hi_free(str);
    freeReplyObject(vector[0]);
    freeReplyObject(vector[1]);
    hi_free(vector);
    fact(live, "stolen.live");
}

/* Parsed elements moved into a vector of the program's own, and the reverse. */
static void mixed(void) {
    redisReply *root = made(REDIS_REPLY_ARRAY, NULL, 3);
    redisReply *r = parsed("*2\r\n$3\r\nabc\r\n:7\r\n");
    root->element[0] = r->element[0];
    root->element[1] = made(REDIS_REPLY_STATUS, "mine", 0);
    root->element[2] = r->element[1];
    r->element[0] = made(REDIS_REPLY_ERROR, "replacement", 0);
    r->element[1] = NULL;
    dump("mixed.mine", root);
    dump("mixed.parsed", r);
    freeReplyObject(root);
    freeReplyObject(r);
    fact(live, "mixed.live");
}

/* What programs do to parts: shrink a string, cut the vector's count, replace a string, change the type. */
static void changed(void) {
    redisReply *r = parsed("*3\r\n$5\r\nhello\r\n:1\r\n+st\r\n");
    r->element[0]->len = 2;
    r->element[0]->str[2] = '\0';
    freeReplyObject(r->element[2]);
    r->elements = 2;
    dump("changed.shrunk", r);
    freeReplyObject(r);
    fact(live, "changed.shrunk.live");

    r = parsed("$5\r\nhello\r\n");
    hi_free(r->str);
    r->str = hi_malloc(3);
    memcpy(r->str, "yo", 3);
    r->len = 2;
    dump("changed.replaced", r);
    freeReplyObject(r);
    fact(live, "changed.replaced.live");

    r = parsed("$5\r\nhello\r\n");
    r->str = hi_realloc(r->str, 4096);
    memset(r->str, 'y', 4095);
    r->str[4095] = '\0';
    r->len = 4095;
    freeReplyObject(r);
    fact(live, "changed.grown.live");

    r = parsed("$5\r\nhello\r\n");
    char *str = r->str;
    r->type = REDIS_REPLY_INTEGER;
    freeReplyObject(r);
    say("changed.type.str");
    text(str);
    end();
    hi_free(str);
    fact(live, "changed.type.live");

    r = parsed("*2\r\n:1\r\n:2\r\n");
    redisReply *first = r->element[0];
    r->element = hi_realloc(r->element, 4 * sizeof(*r->element));
    r->element[2] = made(REDIS_REPLY_NIL, NULL, 0);
    r->element[3] = made(REDIS_REPLY_STRING, "appended", 0);
    r->elements = 4;
    fact(first->integer, "changed.vector.first");
    dump("changed.vector", r);
    freeReplyObject(r);
    fact(live, "changed.vector.live");
}

/* Children freed one by one, in any order, before the root. */
static void children_first(void) {
    redisReply *r = parsed("*4\r\n+a\r\n*1\r\n+b\r\n$1\r\nc\r\n,1.5\r\n");
    static const int order[] = {2, 0, 3, 1};
    for (int i = 0; i < 4; i++) {
        freeReplyObject(r->element[order[i]]);
        r->element[order[i]] = NULL;
    }
    fact(live, "children.first.left");
    freeReplyObject(r);
    fact(live, "children.first.live");
}

/* Elements outlive their root and each other, for many roots at once. */
static void kept_elements(void) {
    redisReply *kept[50];
    for (int i = 0; i < 50; i++) {
        redisReply *r = parsed("*3\r\n:1\r\n$26\r\nabcdefghijklmnopqrstuvwxyz\r\n*1\r\n+in\r\n");
        kept[i] = r->element[i % 3];
        r->element[i % 3] = NULL;
        freeReplyObject(r);
    }
    fact(live, "kept.blocks");
    for (int i = 49; i >= 0; i -= 7) {
        char key[32];
        snprintf(key, sizeof(key), "kept.%d", i);
        dump(key, kept[i]);
    }
    for (int i = 0; i < 50; i++)
        freeReplyObject(kept[i]);
    fact(live, "kept.live");
}

int main(void) {
    allocators_install();
    hand_made();
    odd_objects();
    stolen();
    mixed();
    changed();
    children_first();
    kept_elements();
    hiredisResetAllocators();
    live = 0;
    redisReply *r = parsed("*2\r\n$5\r\nhello\r\n*1\r\n+x\r\n");
    char *str = r->element[0]->str;
    r->element[0]->str = NULL;
    free(str);
    free(r->element[0]);
    r->element[0] = NULL;
    freeReplyObject(r);
    fact(1, "plain.free.of.parts");
    return 0;
}

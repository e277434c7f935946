/* Contract section 1, reader callbacks: which are called, in what order, with which task and arguments. */
#include "reply.h"

static const char *run;    /* names the current case in every key */
static int calls;          /* numbers the calls of the case */
static int fail_at;        /* this call returns NULL; 0: none */
static intptr_t next_obj;  /* objects are small numbers */

/* Never prints the item's own obj: it is stale there. The parent's is the object of its createArray. */
static void task_line(const char *callback, const redisReadTask *t) {
    calls++;
    say("%s.call%d", run, calls);
    printf(" %s type=%d elements=%lld idx=%d privdata=%s", callback, t->type, t->elements, t->idx,
           t->privdata ? (const char *)t->privdata : "NULL");
    if (t->parent == NULL)
        printf(" parent=NULL");
    else
        printf(" parent(type=%d elements=%lld idx=%d obj=%d)", t->parent->type, t->parent->elements, t->parent->idx,
               (int)(intptr_t)t->parent->obj);
}

static void *object(void) {
    if (fail_at == calls) {
        printf(" -> NULL");
        end();
        return NULL;
    }
    next_obj++;
    printf(" -> %d", (int)next_obj);
    end();
    return (void *)next_obj;
}

static void *create_string(const redisReadTask *t, char *s, size_t len) {
    task_line("string", t);
    bytes(s, len);
    return object();
}

static void *create_array(const redisReadTask *t, size_t n) {
    task_line("array", t);
    printf(" n=%zu", n);
    return object();
}

static void *create_integer(const redisReadTask *t, long long value) {
    task_line("integer", t);
    printf(" %lld", value);
    return object();
}

static void *create_double(const redisReadTask *t, double value, char *s, size_t len) {
    task_line("double", t);
    printf(" %.17g", value);
    bytes(s, len);
    printf(s[len] == '\0' ? " nul" : " NO NUL");
    return object();
}

static void *create_nil(const redisReadTask *t) {
    task_line("nil", t);
    return object();
}

static void *create_bool(const redisReadTask *t, int value) {
    task_line("bool", t);
    printf(" %d", value);
    return object();
}

static void free_object(void *obj) {
    calls++;
    say("%s.call%d", run, calls);
    printf(" free %d", (int)(intptr_t)obj);
    end();
}

static const redisReplyObjectFunctions full = {create_string, create_array, create_integer, create_double,
                                               create_nil,    create_bool,  free_object};

static const struct {
    const char *key, *wire;
    size_t len;
} streams[] = {
#define IN(key, wire) {key, wire, sizeof(wire) - 1}
    IN("scalars", "+s\r\n-e\r\n:1\r\n$3\r\na\0b\r\n$0\r\n\r\n_\r\n$-1\r\n=-1\r\n*-1\r\n%-1\r\n~-1\r\n>-1\r\n#t\r\n#f\r\n,1.5\r\n,-inf\r\n(12\r\n=5\r\ntxt:y\r\n"),
    IN("empty", "*0\r\n%0\r\n~0\r\n>0\r\n"),
    IN("array", "*4\r\n:1\r\n+a\r\n$-1\r\n*-1\r\n"),
    IN("map", "%2\r\n+a\r\n:1\r\n+b\r\n%1\r\n:2\r\n:3\r\n"),
    IN("siblings", "*4\r\n*1\r\n:1\r\n:2\r\n~2\r\n*0\r\n+x\r\n+y\r\n"),
    IN("deep", "*1\r\n*2\r\n:0\r\n*1\r\n>1\r\n%1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n+k\r\n+v\r\n"),
    IN("attr", "|1\r\n+k\r\n+v\r\n:1\r\n"),
    IN("error.root", "+ok\r\n?\r\n"),
    IN("error.child", "*2\r\n:1\r\n:x\r\n"),
    IN("error.nested", "*2\r\n*2\r\n+a\r\n#x\r\n:1\r\n"),
    IN("partial", "*2\r\n*2\r\n+a\r\n"),
};

/* Runs a stream through a reader with this table; `privdata` as in SetPrivdata. */
static void feed(const char *key, const redisReplyObjectFunctions *table, const char *wire, size_t len, int fail) {
    static char name[128];
    snprintf(name, sizeof(name), "%s", key);
    run = name;
    calls = 0;
    next_obj = 0;
    fail_at = fail;
    redisReader *r = redisReaderCreateWithFunctions((redisReplyObjectFunctions *)table);
    fact(r->fn == table, "%s.table.stored", key);
    fact(redisReaderFeed(r, wire, len), "%s.feed", key);
    for (int i = 0;; i++) {
        void *obj = r;
        int rc = redisReaderGetReply(r, &obj);
        say("%s.reply%d", key, i);
        printf(" rc=%d obj=%d", rc, (int)(intptr_t)obj);
        end();
        if (rc != REDIS_OK || obj == NULL)
            break;
    }
    say("%s.after", key);
    printf(" err=%d %s ridx=%d reply=%d", r->err, r->errstr, r->ridx, (int)(intptr_t)redisReaderGetObject(r));
    end();
    redisReaderFree(r);
    fact(calls, "%s.calls", key);
}

/* Tables with one member NULL, then none at all: the value is the type number. */
static void missing_members(const char *key, const char *wire, size_t len) {
    static const char *const names[] = {"string", "array", "integer", "double", "nil", "bool", "free"};
    char name[96];
    for (int member = 0; member < 7; member++) {
        redisReplyObjectFunctions table = full;
        memset((char *)&table + (size_t)member * sizeof(void *), 0, sizeof(void *));
        snprintf(name, sizeof(name), "%s.without.%s", key, names[member]);
        feed(name, &table, wire, len, 0);
    }
    redisReplyObjectFunctions nothing;
    memset(&nothing, 0, sizeof(nothing));
    snprintf(name, sizeof(name), "%s.empty.table", key);
    feed(name, &nothing, wire, len, 0);
    snprintf(name, sizeof(name), "%s.no.table", key);
    feed(name, NULL, wire, len, 0);
}

/* Every call fails once, for every stream. */
static void failing_calls(const char *key, const char *wire, size_t len, int count) {
    for (int at = 1; at <= count; at++) {
        char name[96];
        snprintf(name, sizeof(name), "%s.fail%d", key, at);
        feed(name, &full, wire, len, at);
    }
}

/* privdata is sampled when the root starts and when a level is entered. */
static void changing_privdata(void) {
    run = "privdata";
    calls = fail_at = 0;
    redisReader *r = redisReaderCreateWithFunctions((redisReplyObjectFunctions *)&full);
    void *obj;
    redisReaderSetPrivdata(r, "one");
    redisReaderFeed(r, "*3\r\n:1\r\n", 8);
    redisReaderGetReply(r, &obj);
    redisReaderSetPrivdata(r, "two");
    redisReaderFeed(r, ":2\r\n", 4);
    redisReaderGetReply(r, &obj);
    redisReaderFeed(r, "*2\r\n:3\r\n", 8);
    redisReaderGetReply(r, &obj);
    redisReaderSetPrivdata(r, "three");
    redisReaderFeed(r, "*1\r\n:4\r\n", 8);
    redisReaderGetReply(r, &obj);
    redisReaderFeed(r, ":5\r\n", 4);
    redisReaderGetReply(r, &obj);
    fact((intptr_t)obj, "privdata.reply");
    redisReaderFree(r);
}

/* A table installed by assignment, and one that changes between two replies. */
static void assigned_table(void) {
    redisReplyObjectFunctions table = full;
    run = "assigned";
    calls = fail_at = 0;
    redisReader *r = redisReaderCreate();
    r->fn = &table;
    r->privdata = "set";
    void *obj;
    redisReaderFeed(r, ":1\r\n:2\r\n", 8);
    redisReaderGetReply(r, &obj);
    table.createInteger = NULL;
    redisReaderGetReply(r, &obj);
    fact((intptr_t)obj, "assigned.without.integer");
    redisReaderFree(r);
}

/* With a NULL target the object goes to freeObject. */
static void no_target(void) {
    redisReplyObjectFunctions keep = full;
    keep.freeObject = NULL;
    run = "no.target";
    calls = fail_at = 0;
    redisReader *r = redisReaderCreateWithFunctions((redisReplyObjectFunctions *)&full);
    redisReaderFeed(r, "*1\r\n:1\r\n+x\r\n", 12);
    fact(redisReaderGetReply(r, NULL), "no.target.rc1");
    fact(redisReaderGetReply(r, NULL), "no.target.rc2");
    fact(redisReaderGetReply(r, NULL), "no.target.rc3");
    r->fn = &keep;
    redisReaderFeed(r, "+y\r\n", 4);
    fact(redisReaderGetReply(r, NULL), "no.target.rc4");
    redisReaderFree(r);
    fact(calls, "no.target.calls");
}

int main(void) {
    /* How many calls fail, one at a time: all of them and one beyond. Attributes are not known to every version. */
    static const int failures[] = {18, 5, 5, 8, 9, 14, 0, 2, 3, 5, 4};
    for (size_t i = 0; i < sizeof(streams) / sizeof(*streams); i++) {
        feed(streams[i].key, &full, streams[i].wire, streams[i].len, 0);
        failing_calls(streams[i].key, streams[i].wire, streams[i].len, failures[i]);
    }
    for (size_t i = 0; i < 6; i++)
        missing_members(streams[i].key, streams[i].wire, streams[i].len);
    missing_members("error.nested", streams[9].wire, streams[9].len);
    missing_members("partial", streams[10].wire, streams[10].len);
    changing_privdata();
    assigned_table();
    no_target();
    return 0;
}

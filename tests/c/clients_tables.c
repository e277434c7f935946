/* Programs copy the table of the standard functions and replace members, or replace them in the table itself; the others are called
 * through it. Each way makes the same replies as the reader on its own, but for what was replaced. */
#include "replies.h"
#include <setjmp.h>
#include <sys/socket.h>
#include <unistd.h>

static redisReplyObjectFunctions ours;
static int calls;

static void *my_string(const redisReadTask *task, char *text, size_t len) {
    calls++;
    redisReply *r = calloc(1, sizeof(*r));
    r->type = task->type;
    r->str = malloc(len + 30);
    memcpy(r->str, text, len);
    r->str[len] = '\0';
    r->len = len;
    if (task->parent != NULL)
        ((redisReply *)task->parent->obj)->element[task->idx] = r;
    return r;
}

static void *my_array(const redisReadTask *task, size_t elements) {
    calls++;
    return ours.createArray(task, elements);
}

static void *my_integer(const redisReadTask *task, long long value) {
    calls++;
    return ours.createInteger(task, value + 1000);
}

static void *my_double(const redisReadTask *task, double value, char *text, size_t len) {
    calls++;
    return ours.createDouble(task, -value, text, len);
}

static void *my_nil(const redisReadTask *task) {
    calls++;
    return ours.createString(task, (char *)"none", 4);
}

static void *my_bool(const redisReadTask *task, int value) {
    calls++;
    return ours.createBool(task, !value);
}

static void my_free(void *object) {
    calls++;
    ours.freeObject(object);
}

static const char every_type[] = "*7\r\n$5\r\nhello\r\n*1\r\n:1\r\n:2\r\n,1.5\r\n$-1\r\n#t\r\n+x\r\n";

static redisReply *parse_with(redisReader *reader, const char *text) {
    void *reply = NULL;
    CHECK(redisReaderFeed(reader, text, strlen(text)) == REDIS_OK);
    CHECK(redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL);
    return reply;
}

static void override(redisReplyObjectFunctions *table, int member) {
    *table = ours;
    switch (member) {
    case 0: table->createString = my_string; break;
    case 1: table->createArray = my_array; break;
    case 2: table->createInteger = my_integer; break;
    case 3: table->createDouble = my_double; break;
    case 4: table->createNil = my_nil; break;
    case 5: table->createBool = my_bool; break;
    case 6: table->freeObject = my_free; break;
    }
}

static void check_every_type(const redisReply *r, int member) {
    CHECK(r->elements == 7 && strcmp(r->element[6]->str, "x") == 0);
    CHECK(strcmp(r->element[0]->str, "hello") == 0 && r->element[0]->type == REDIS_REPLY_STRING);
    CHECK(r->element[1]->element[0]->integer == (member == 2 ? 1001 : 1));
    CHECK(r->element[2]->integer == (member == 2 ? 1002 : 2));
    CHECK(r->element[3]->dval == (member == 3 ? -1.5 : 1.5));
    CHECK(member == 4 ? strcmp(r->element[4]->str, "none") == 0 : r->element[4]->type == REDIS_REPLY_NIL);
    CHECK(r->element[5]->integer == (member != 5));
}

static void tables_are_overridden(void) {
    static const int expected[] = {2, 2, 2, 1, 1, 1, 0, 0};
    redisReader *reader = redisReaderCreate();
    redisReplyObjectFunctions *standard = reader->fn, copy;
    ours = *standard;
    for (int in_place = 0; in_place < 2; in_place++) {
        for (int member = 0; member <= 7; member++) {
            reader->fn = in_place ? standard : &copy;
            override(reader->fn, member);
            calls = 0;
            redisReply *r = parse_with(reader, every_type);
            CHECK(calls == expected[member]);
            check_every_type(r, member);
            freeReplyObject(r);
            CHECK(redisReaderFeed(reader, every_type, sizeof(every_type) - 1) == REDIS_OK);
            CHECK(redisReaderGetReply(reader, NULL) == REDIS_OK);
            CHECK(calls == 2 * expected[member] + (member == 6));
            *standard = ours;
            reader->fn = standard;
            r = parse_with(reader, every_type);
            check_every_type(r, 7);
            freeReplyObject(r);
        }
    }
    copy = ours;
    copy.createInteger = NULL;
    reader->fn = &copy;
    redisReply *r = parse_with(reader, "*2\r\n:1\r\n+x\r\n");
    CHECK(r->element[0] == NULL && strcmp(r->element[1]->str, "x") == 0);
    freeReplyObject(r);
    redisReaderFree(reader);
    churn();
}

/* A reader that was asked in vain has not begun a reply yet: the next one is made by the table that it has by then. */
static void tables_are_exchanged_between_replies(void) {
    redisReader *reader = redisReaderCreate();
    redisReplyObjectFunctions *standard = reader->fn, copy = *standard;
    copy.createString = my_string;
    for (int i = 0; i < 4; i++) {
        void *reply = reader;
        freeReplyObject(parse_with(reader, "+OK\r\n"));
        CHECK(redisReaderGetReply(reader, &reply) == REDIS_OK && reply == NULL);
        reader->fn = i % 2 ? standard : &copy;
        calls = 0;
        freeReplyObject(parse_with(reader, "*2\r\n+OK\r\n$5\r\nhello\r\n"));
        CHECK(calls == (i % 2 ? 0 : 2));
    }
    redisReaderFree(reader);
}

/* Text is the reader's own buffer, a line end behind it, which bindings write a NUL over for a moment. */
static void *terminate(const redisReadTask *task, char *text, size_t len) {
    (void)task;
    CHECK(text[len] == '\r');
    text[len] = '\0';
    char *copy = strdup(text);
    text[len] = '\r';
    return copy;
}

static void texts_lie_in_the_buffer(void) {
    redisReplyObjectFunctions table = {.createString = terminate, .freeObject = free};
    redisReader *reader = redisReaderCreateWithFunctions(&table);
    static const char *const wire[] = {"+OK\r\n", "+PONG\r\n", "-ERR\r\n", "$2\r\nOK\r\n", "(12\r\n", "=6\r\ntxt:OK\r\n"};
    static const char *const text[] = {"OK", "PONG", "ERR", "OK", "12", "txt:OK"};
    for (size_t i = 0; i < sizeof(wire) / sizeof(*wire); i++) {
        char *made = (char *)parse_with(reader, wire[i]);
        CHECK(strcmp(made, text[i]) == 0);
        free(made);
    }
    redisReaderFree(reader);
}

/* A freeObject that frees `str` of every reply, whatever its type, also gets replies whose elements are still arriving. */
static void free_all_parts(void *object) {
    redisReply *r = object;
    if (r == NULL) return;
    calls++;
    CHECK(r->type != REDIS_REPLY_ARRAY || (r->str == NULL && r->len == 0 && r->integer == 0));
    for (size_t i = 0; i < r->elements; i++) free_all_parts(r->element[i]);
    free(r->element);
    free(r->str);
    free(r);
}

static void unfinished_replies_are_ordinary_ones(void) {
    static const char *const ends[] = {"", ":1\r\n", "?"};
    for (int i = 0; i < 3; i++) {
        redisReader *reader = redisReaderCreate();
        redisReplyObjectFunctions table = *(redisReplyObjectFunctions *)reader->fn;
        void *reply;
        table.freeObject = free_all_parts;
        reader->fn = &table;
        const char *wire = "*3\r\n+a\r\n*2\r\n*3\r\n:1\r\n";
        calls = 0;
        CHECK(redisReaderFeed(reader, wire, strlen(wire)) == REDIS_OK);
        CHECK(redisReaderGetReply(reader, &reply) == REDIS_OK && reply == NULL);
        CHECK(redisReaderFeed(reader, ends[i], strlen(ends[i])) == REDIS_OK);
        CHECK(redisReaderGetReply(reader, &reply) == (i == 2 ? REDIS_ERR : REDIS_OK) && reply == NULL);
        redisReaderFree(reader);
        CHECK(calls == (i == 1 ? 6 : 5));
    }
}

/* A table that is set when a reply's first bytes have been looked at makes it, as long as nothing of it is made. */
static void tables_are_exchanged_within_replies(void) {
    redisReplyObjectFunctions table = {.createString = terminate, .freeObject = free};
    redisReader *reader = redisReaderCreate();
    void *reply;
    CHECK(redisReaderFeed(reader, "$3\r\nab", 6) == REDIS_OK);
    CHECK(redisReaderGetReply(reader, &reply) == REDIS_OK && reply == NULL);
    reader->fn = &table;
    reply = parse_with(reader, "c\r\n");
    CHECK(strcmp(reply, "abc") == 0);
    free(reply);
    redisReaderFree(reader);
}

static jmp_buf back;
static int leaves;

static void *leave(const redisReadTask *task, char *text, size_t len) {
    if (leaves-- > 0) longjmp(back, 1);
    return terminate(task, text, len);
}

/* A function that leaves by longjmp is called again for the same string. */
static void functions_leave(void) {
    redisReplyObjectFunctions table = {.createString = leave, .freeObject = free};
    redisReader *reader = redisReaderCreateWithFunctions(&table);
    void *reply;
    CHECK(redisReaderFeed(reader, "$3\r\nabc\r\n$2\r\nde\r\n", 17) == REDIS_OK);
    leaves = 2;
    if (setjmp(back) > 0) CHECK(leaves >= 0);
    for (const char *text = "abc"; text != NULL; text = strcmp(text, "abc") == 0 ? "de" : NULL) {
        CHECK(redisReaderGetReply(reader, &reply) == REDIS_OK && strcmp(reply, text) == 0);
        free(reply);
    }
    redisReaderFree(reader);
}

static void *wrapped_array(const redisReadTask *task, size_t elements) {
    return ours.createArray(task, elements);
}

static void on_push(void *privdata, void *reply) {
    (void)privdata;
    calls++;
    freeReplyObject(reply);
}

/* Pushes reach their callback although createArray is the program's, where it makes redisReply objects. */
static void pushes_of_wrapped_tables(void) {
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    redisContext *c = redisConnectFd(ends[0]);
    redisSetPushCallback(c, on_push);
    redisReplyObjectFunctions table = ours = *(redisReplyObjectFunctions *)c->reader->fn;
    table.createArray = wrapped_array;
    c->reader->fn = &table;
    calls = 0;
    CHECK(write(ends[1], ">1\r\n+hello\r\n+PONG\r\n", 19) == 19);
    redisReply *r = redisCommand(c, "PING");
    CHECK(r != NULL && r->type == REDIS_REPLY_STATUS && calls == 1);
    freeReplyObject(r);
    redisFree(c);
    close(ends[1]);
}

int main(void) {
    tables_are_overridden();
    tables_are_exchanged_between_replies();
    texts_lie_in_the_buffer();
    unfinished_replies_are_ordinary_ones();
    tables_are_exchanged_within_replies();
    functions_leave();
    pushes_of_wrapped_tables();
    return 0;
}

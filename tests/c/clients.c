/* What existing programs do with the library that its documentation does not promise. */
#include "cases.h"
#include "hooks.h"

void __redisSetError(redisContext *c, int type, const char *str);
ssize_t redisNetWrite(redisContext *c);
ssize_t redisNetRead(redisContext *c, char *buf, size_t cap);
void redisNetClose(redisContext *c);

static struct session s;
static struct peer p;
static struct expect a = {"a", NULL}, b = {"b", NULL}, sub = {"sub", NULL};

static redisContext *connected(void) {
    redisContext *c;
    peer_listen(&p);
    c = redisConnect("127.0.0.1", p.port);
    check(c->err == 0);
    peer_accept(&p);
    return c;
}
static void close_all(redisContext *c) {
    redisFree(c);
    peer_end(&p);
}
static redisReply *answer(redisContext *c, const char *bytes) {
    peer_say(&p, bytes);
    return redisCommand(c, "PING");
}

/* FreeRADIUS, hiredis-cluster, librdbapi: an element outlives its root. */
static void element_kept(void) {
    redisContext *c = connected();
    redisReply *r = answer(c, "*3\r\n$5\r\nfirst\r\n*2\r\n:1\r\n+deep\r\n$4\r\nlast\r\n");
    redisReply *second = r->element[1], *deep = second->element[1];
    r->element[1] = NULL;
    freeReplyObject(r);
    second->element[1] = NULL;
    freeReplyObject(second);
    same(deep->str, "deep");
    freeReplyObject(deep);
    close_all(c);
}

/* hiredis-cluster, QuarkDB: replies of the program's own, with elements taken from ours. */
static void reply_assembled(void) {
    redisContext *c = connected();
    redisReply *r = answer(c, "*2\r\n$3\r\none\r\n$3\r\ntwo\r\n");
    redisReply *own = hi_calloc(1, sizeof *own), *plain = calloc(1, sizeof *plain);
    own->type = REDIS_REPLY_ARRAY;
    own->elements = 3;
    own->element = hi_calloc(3, sizeof *own->element);
    own->element[0] = r->element[1];
    own->element[1] = NULL;
    plain->type = REDIS_REPLY_STRING;
    plain->str = strdup("plain");
    plain->len = 5;
    own->element[2] = plain;
    r->element[1] = NULL;
    freeReplyObject(r);
    freeReplyObject(own);
    own = hi_calloc(1, sizeof *own);
    own->type = REDIS_REPLY_ARRAY;
    own->elements = 7; /* and no vector */
    freeReplyObject(own);
    close_all(c);
}

/* librdbapi: the string outlives its reply and goes to free(). */
static void string_kept(void) {
    redisContext *c = connected();
    redisReply *r = answer(c, "$5\r\nhello\r\n");
    char *str = r->str;
    redisReply **vector;
    r->str = NULL;
    freeReplyObject(r);
    same(str, "hello");
    free(str);
    r = answer(c, "*2\r\n+a\r\n+b\r\n");
    vector = r->element;
    r->element = NULL;
    freeReplyObject(r);
    freeReplyObject(vector[0]);
    freeReplyObject(vector[1]);
    free(vector);
    r = answer(c, "$3\r\nabc\r\n");
    r->str = realloc(r->str, 100000); /* a block like any other */
    r->len = 1;
    freeReplyObject(r);
    close_all(c);
}

/* Drogon 1.9: free() on a formatted command. */
static void command_freed_plainly(void) {
    char *cmd = NULL;
    check(redisFormatCommand(&cmd, "SET %s %d", "key", 5) == 29);
    free(cmd);
}

/* EV::Redis, hierdis, select() loops: the output buffer is theirs too. */
static void output_buffer_used(void) {
    redisContext *c;
    int done;
    peer_listen(&p);
    c = redisConnectNonBlock("127.0.0.1", p.port);
    peer_accept(&p);
    check(sdslen(c->obuf) == 0);
    redisAppendCommand(c, "PING");
    check(sdslen(c->obuf) == 14);
    c->obuf = sdscatlen(c->obuf, "*1\r\n$3\r\nOWN\r\n", 13);
    check(redisBufferWrite(c, &done) == REDIS_OK && done);
    same(peer_heard(&p, 1000), "*1 $4 PING *1 $3 OWN");
    redisAppendCommand(c, "LOST");
    sdsfree(c->obuf);
    c->obuf = sdsempty();
    check(redisBufferWrite(c, &done) == REDIS_OK && done);
    sdsfree(c->obuf);
    c->obuf = sdsnew("hi");
    check(redisBufferWrite(c, &done) == REDIS_OK && done);
    same(peer_heard(&p, 1000), "hi");
    /* The same in the middle of a large write. */
    for (int i = 0; i < 300; i++) {
        static char part[100000];
        redisAppendFormattedCommand(c, part, sizeof part);
    }
    check(redisBufferWrite(c, &done) == REDIS_OK && !done);
    c->obuf = sdscat(c->obuf, "tail");
    check(memcmp(c->obuf + sdslen(c->obuf) - 4, "tail", 4) == 0);
    check(redisBufferWrite(c, NULL) == REDIS_OK);
    sdsfree(c->obuf);
    c->obuf = sdsempty();
    close_all(c);
}

/* Asterisk: the struct is moved byte for byte, and its parts are freed one by one. */
static void context_copied(void) {
    redisContext *c = connected(), *copy = malloc(sizeof *copy);
    redisReply *r;
    memcpy(copy, c, sizeof *copy);
    hi_free(c);
    peer_say(&p, "+PONG\r\n");
    r = redisCommand(copy, "PING");
    check(r && strcmp(r->str, "PONG") == 0);
    freeReplyObject(r);
    check(redisReconnect(copy) == REDIS_OK);
    peer_accept(&p);
    peer_say(&p, "+PONG\r\n");
    r = redisCommand(copy, "PING");
    check(r != NULL);
    freeReplyObject(r);
    close(copy->fd);
    sdsfree(copy->obuf);
    redisReaderFree(copy->reader);
    hi_free(copy->tcp.host);
    hi_free(copy->tcp.source_addr);
    hi_free(copy->connect_timeout);
    hi_free(copy->command_timeout);
    hi_free(copy->saddr);
    free(copy);
    peer_end(&p);
}

/* EV::Redis, IBM Streams: the lists of waiting callbacks are walked, changed and emptied. */
static void lists_walked(void) {
    static struct expect other = {"other", NULL};
    redisCallback *cb;
    begin("lists");
    session_connected(&s, &p, 0);
    check(s.ac->replies.head == NULL && s.ac->replies.tail == NULL);
    ask(&s, &a, "A");
    check(s.ac->replies.head != NULL && s.ac->replies.head == s.ac->replies.tail);
    ask(&s, &b, "B");
    check(s.ac->replies.head->next == s.ac->replies.tail);
    check(s.ac->replies.head->fn == on_reply && s.ac->replies.head->privdata == &a);
    s.ac->replies.head->privdata = &other;
    drive_flush(&s);
    peer_say(&p, "+1\r\n");
    drive_read(&s);
    same(trace.calls, "{other +1}");
    ask(&s, &sub, "SUBSCRIBE ch");
    ask(&s, &a, "PING");
    check(s.ac->sub.replies.head != NULL && s.ac->sub.replies.head == s.ac->sub.replies.tail);
    while ((cb = s.ac->replies.head)) {
        s.ac->replies.head = cb->next;
        hi_free(cb);
    }
    s.ac->replies.tail = NULL;
    trace.calls[0] = 0;
    redisAsyncFree(s.ac);
    check(strstr(trace.calls, "{b ") == NULL);
    contains(trace.calls, "{a NULL");
    peer_end(&p);
}

/* hiredis-py, -rb, -node, PHP: a table of their own, and where the reader stands. */
static long long sum;
static void *number(const redisReadTask *t, long long n) {
    sum += n * (t->privdata ? *(int *)t->privdata : 1);
    return (void *)t;
}
static void *vector(const redisReadTask *t, size_t n) {
    (void)n;
    return (void *)t;
}
static void own_reader_table(void) {
    redisReplyObjectFunctions table = {NULL, vector, number, NULL, NULL, NULL, NULL};
    redisReader *r = redisReaderCreate();
    int weight = 2;
    void *reply;
    r->fn = &table;
    r->privdata = &weight;
    redisReaderFeed(r, "*2\r\n:1\r\n:2\r\n:5\r\n:", 17);
    check(redisReaderGetReply(r, &reply) == REDIS_OK && reply);
    check(sum == 6);
    check(r->pos == 12 && r->len == 17);
    check(redisReaderGetReply(r, &reply) == REDIS_OK && reply);
    check(sum == 16);
    check(r->len - r->pos == 1 && r->buf[r->pos] == ':');
    r->maxbuf = 0;
    r->maxelements = 1;
    redisReaderFree(r);
}

/* redis-benchmark, Knot Resolver, PHP: limits set on the reader. */
static void limits_set(void) {
    redisContext *c = connected();
    c->reader->maxbuf = 0;
    c->reader->maxelements = 2;
    check(answer(c, "*3\r\n:1\r\n:2\r\n:3\r\n") == NULL);
    check(c->err == REDIS_ERR_PROTOCOL);
    same(c->errstr, "Multi-bulk length out of range");
    close_all(c);
}

/* Knot DNS (GnuTLS), LibMR: a function table of the program's, made from ours. */
static int written;
static ssize_t own_write(redisContext *c) {
    written++;
    return redisNetWrite(c);
}
static ssize_t own_read(redisContext *c, char *buf, size_t cap) {
    if (written > 1) {
        __redisSetError(c, REDIS_ERR_OTHER, "own transport failed");
        return -1;
    }
    check(cap <= 0x7fffffff);
    return redisNetRead(c, buf, cap);
}
static void function_table_replaced(void) {
    redisContext *c = connected();
    redisContextFuncs own;
    redisReply *r;
    check(c->funcs->write == redisNetWrite);
    check(c->funcs->read == redisNetRead);
    check(c->funcs->close == redisNetClose);
    check(c->funcs->async_read == redisAsyncRead && c->funcs->async_write == redisAsyncWrite);
    check(c->funcs->free_privctx == NULL);
    memcpy(&own, c->funcs, sizeof own);
    own.write = own_write;
    own.read = own_read;
    c->funcs = &own;
    r = answer(c, "+PONG\r\n");
    check(r != NULL && written == 1);
    freeReplyObject(r);
    check(answer(c, "+PONG\r\n") == NULL);
    check(c->err == REDIS_ERR_OTHER);
    same(c->errstr, "own transport failed");
    close_all(c);
}

/* An async table of the program's is asked each time, and interest is announced for what callbacks issue. */
static int async_writes;
static void own_async_write(redisAsyncContext *ac) {
    async_writes++;
    redisAsyncWrite(ac);
}
static void ask_in_reply(struct session *t, redisReply *r) {
    if (r) ask(t, &b, "FROM-CALLBACK");
}
static void async_table_replaced(void) {
    static struct expect asking = {"asking", ask_in_reply};
    redisContextFuncs own;
    begin("async_table");
    session_connected(&s, &p, 0);
    own = *s.ac->c.funcs;
    own.async_write = own_async_write;
    s.ac->c.funcs = &own;
    ask(&s, &asking, "PING");
    drive_flush(&s);
    check(async_writes == 1);
    peer_heard(&p, 1000);
    peer_say(&p, "+1\r\n");
    drive_read(&s);
    check(s.writing);
    check(async_writes == 1);
    drive_flush(&s);
    check(async_writes == 2);
    same(peer_heard(&p, 1000), "*1 $13 FROM-CALLBACK");
    redisAsyncFree(s.ac);
    peer_end(&p);
}

/* Drogon, coturn: hooks come and go while the context lives. */
static void drop_hooks(struct session *t, redisReply *r) {
    (void)r;
    t->ac->ev.addRead = t->ac->ev.delRead = t->ac->ev.addWrite = t->ac->ev.delWrite = t->ac->ev.cleanup = NULL;
    t->ac->ev.scheduleTimer = NULL;
    t->ac->ev.data = NULL;
    ask(t, &b, "AFTER");
}
static void hooks_taken_away(void) {
    static struct expect dropping = {"dropping", drop_hooks};
    begin("hooks");
    session_connected(&s, &p, 0);
    ask(&s, &dropping, "PING");
    drive_flush(&s);
    peer_heard(&p, 1000);
    peer_say(&p, "+1\r\n");
    drive_read(&s);
    redisAsyncHandleWrite(s.ac);
    same(peer_heard(&p, 1000), "*1 $5 AFTER");
    peer_say(&p, "+2\r\n");
    drive_read(&s);
    same(trace.calls, "{dropping +1}{b +2}");
    trace.hooks[0] = trace.calls[0] = 0;
    redisAsyncFree(s.ac);
    check(strstr(trace.hooks, "<cleanup>") == NULL);
    peer_end(&p);
}

/* Drogon: ev.data is read by reply and disconnect callbacks after the cleanup hook. */
static int seen_data;
static void see_data(struct session *t, redisReply *r) {
    (void)r;
    seen_data += t->ac->ev.data == t;
}
static void see_data_at_end(struct session *t, int status) {
    (void)status;
    seen_data += t->ac->ev.data == t;
}
static void loop_data_after_cleanup(void) {
    static struct expect seeing = {"seeing", see_data};
    for (int way = 0; way < 3; way++) {
        begin("ev_data");
        session_connected(&s, &p, 0);
        s.on_disconnect = see_data_at_end;
        seen_data = 0;
        ask(&s, &seeing, "PING");
        ask(&s, &seeing, "SUBSCRIBE ch");
        drive_flush(&s);
        peer_heard(&p, 1000);
        if (way == 0) {
            redisAsyncFree(s.ac);
        } else {
            if (way == 1) peer_close(&p);
            else peer_say(&p, "@\r\n");
            drive_read(&s);
        }
        check(s.ac == NULL);
        check(seen_data == 3);
        peer_end(&p);
    }
}

/* redis-plus-plus: the error field is the program's to write. */
static void error_written(void) {
    redisContext *c = connected();
    redisReply *r;
    c->err = REDIS_ERR_OTHER;
    check(redisBufferRead(c) == REDIS_ERR);
    check(redisBufferWrite(c, NULL) == REDIS_ERR);
    c->err = 0;
    r = answer(c, "+PONG\r\n");
    check(r != NULL);
    freeReplyObject(r);
    close_all(c);
}

static const struct test_case cases[] = {
    CASE(element_kept),
    CASE(reply_assembled),
    CASE(string_kept),
    CASE(command_freed_plainly),
    CASE(output_buffer_used),
    CASE(context_copied),
    CASE(lists_walked),
    CASE(own_reader_table),
    CASE(limits_set),
    CASE(function_table_replaced),
    CASE(async_table_replaced),
    CASE(hooks_taken_away),
    CASE(loop_data_after_cleanup),
    CASE(error_written),
};

int main(int argc, char **argv) {
    return run_cases(cases, sizeof cases / sizeof *cases, argc, argv);
}

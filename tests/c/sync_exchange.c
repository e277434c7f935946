/* A blocking pipeline to a peer that reads on only when its answers are taken: what arrives is read while nothing can be sent. */
#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <sys/syscall.h>
#include <time.h>
#include "cases.h"
#include "peer.h"

enum { ANSWER = 256 << 10, COMMANDS = 64 };

static struct peer p;
static char *value; /* ANSWER bytes */

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Answers each command with as many bytes before it reads the next. */
static void echo(struct peer *peer) {
    char head[32];
    size_t command = (size_t)snprintf(head, sizeof head, "*2\r\n$4\r\nECHO\r\n$%d\r\n", ANSWER) + ANSWER + 2;
    snprintf(head, sizeof head, "$%d\r\n", ANSWER);
    peer_accept(peer);
    for (int i = 0; i < COMMANDS; i++) {
        if (peer_swallow(peer, command) != command) return;
        peer_say(peer, head);
        peer_send(peer, value, ANSWER);
        peer_say(peer, "\r\n");
    }
}

static void append_all(redisContext *c) {
    for (int i = 0; i < COMMANDS; i++) check(redisAppendCommand(c, "ECHO %b", value, (size_t)ANSWER) == REDIS_OK);
}

static void take_all(redisContext *c) {
    for (int i = 0; i < COMMANDS; i++) {
        redisReply *reply = NULL;
        int got = redisGetReply(c, (void **)&reply) == REDIS_OK && reply != NULL;
        check(got && reply->type == REDIS_REPLY_STRING && reply->len == ANSWER && memcmp(reply->str, value, ANSWER) == 0);
        if (!got) return;
        freeReplyObject(reply);
    }
    check(c->err == 0 && sdslen(c->obuf) == 0);
}

static void end(redisContext *c) {
    redisFree(c);
    peer_join(&p);
    peer_end(&p);
}

static void tcp(void) {
    peer_listen(&p);
    peer_start(&p, echo);
    redisContext *c = redisConnect("127.0.0.1", p.port);
    append_all(c);
    take_all(c);
    end(c);
}

static void unix_socket_with_timeout(void) {
    peer_listen_unix(&p, "exchange", 4);
    peer_start(&p, echo);
    redisContext *c = redisConnectUnix(p.path);
    check(redisSetTimeout(c, (struct timeval){5, 0}) == REDIS_OK);
    append_all(c);
    take_all(c);
    end(c);
}

static void push(void *privdata, void *reply) {
    ++*(int *)privdata;
    freeReplyObject(reply);
}

static void pushes_first(struct peer *peer) {
    char head[32];
    peer_accept(peer);
    for (int i = 0; i < 3; i++) peer_say(peer, ">2\r\n+invalidate\r\n*0\r\n");
    snprintf(head, sizeof head, "$%d\r\n", ANSWER);
    for (int i = 0; i < COMMANDS; i++) peer_say(peer, head), peer_send(peer, value, ANSWER), peer_say(peer, "\r\n");
    while (peer_swallow(peer, 1 << 20) > 0) {}
}

/* Replies that come while commands are sent are replies like others. */
static void pushes_are_told(void) {
    int pushes = 0;
    peer_listen(&p);
    peer_start(&p, pushes_first);
    redisContext *c = redisConnect("127.0.0.1", p.port);
    c->privdata = &pushes;
    redisSetPushCallback(c, push);
    append_all(c);
    take_all(c);
    check(pushes == 3);
    end(c);
}

/* Whoever closes a connection with unsent data is not heard of by a peer that takes nothing. */
static int heard_enough;

static void deaf(struct peer *peer) {
    peer_accept(peer);
    while (!__atomic_load_n(&heard_enough, __ATOMIC_SEQ_CST)) usleep(10000);
    __atomic_store_n(&heard_enough, 0, __ATOMIC_SEQ_CST);
}

static void end_deaf(redisContext *c) {
    redisFree(c);
    __atomic_store_n(&heard_enough, 1, __ATOMIC_SEQ_CST);
    peer_join(&p);
    peer_end(&p);
}

/* A peer that takes nothing and says nothing: the timeout of the socket holds, the command's or one of the program's own. */
static void takes_nothing(void) {
    for (int own = 0; own < 2; own++) {
        struct timeval limit = {0, 300000};
        redisReply *reply = NULL;
        peer_listen(&p);
        peer_start(&p, deaf);
        redisContext *c = redisConnect("127.0.0.1", p.port);
        if (own) setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        else redisSetTimeout(c, limit);
        append_all(c);
        double begun = seconds();
        check(redisGetReply(c, (void **)&reply) == REDIS_ERR && errno == EAGAIN);
        double took = seconds() - begun;
        check(took > 0.28 && took < 2);
        check(c->err == REDIS_ERR_IO);
        same(c->errstr, "Resource temporarily unavailable");
        end_deaf(c);
    }
}

/* The library reads by this. */
static __thread int receives;
ssize_t recv(int fd, void *bytes, size_t room, int flags) {
    receives++;
    return syscall(SYS_recvfrom, fd, bytes, room, flags, NULL, NULL);
}

static void half_closes(struct peer *peer) {
    peer_accept(peer);
    peer_say(peer, "+one\r\n+two\r\n");
    peer_half_close(peer);
    usleep(500000);
    size_t all = 0;
    for (size_t n; (n = peer_swallow(peer, 1 << 20)) > 0;) all += n;
    check(all > (size_t)COMMANDS * ANSWER);
}

/* It has said all and takes the rest, later: the replies come, everything is sent, then comes the end. Nothing is to be had
 * from an end that is known, so that it is not read again and again. */
static void says_no_more(void) {
    redisReply *reply = NULL;
    peer_listen(&p);
    peer_start(&p, half_closes);
    redisContext *c = redisConnect("127.0.0.1", p.port);
    append_all(c);
    receives = 0;
    check(redisGetReply(c, (void **)&reply) == REDIS_OK && reply && !strcmp(reply->str, "one"));
    check(receives <= 3);
    freeReplyObject(reply);
    check(redisGetReply(c, (void **)&reply) == REDIS_OK && reply && !strcmp(reply->str, "two"));
    freeReplyObject(reply);
    check(redisGetReply(c, (void **)&reply) == REDIS_ERR && c->err == REDIS_ERR_EOF);
    check(sdslen(c->obuf) == 0);
    end(c);
}

enum { PARTS = 50, PART = 20000 };

static void talks_first(struct peer *peer) {
    char head[32];
    peer_accept(peer);
    snprintf(head, sizeof head, "$%d\r\n", PARTS * PART);
    peer_say(peer, head);
    for (int i = 0; i < PARTS; i++) peer_send(peer, value, PART), usleep(20000);
    peer_say(peer, "\r\n");
    while (peer_swallow(peer, 1 << 20) > 0) {}
}

/* What arrives is progress as is what is sent: the command timeout does not end it, if the socket's own is longer. */
static void says_much_before_it_takes_all(void) {
    struct timeval longer = {20, 0};
    redisReply *reply = NULL;
    peer_listen(&p);
    peer_start(&p, talks_first);
    redisContext *c = redisConnect("127.0.0.1", p.port);
    check(redisSetTimeout(c, (struct timeval){0, 500000}) == REDIS_OK);
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &longer, sizeof longer);
    append_all(c);
    check(redisGetReply(c, (void **)&reply) == REDIS_OK && reply && reply->len == PARTS * PART);
    freeReplyObject(reply);
    check(c->err == 0 && sdslen(c->obuf) == 0);
    end(c);
}

static int writes;
static redisContextFuncs own;
static const redisContextFuncs *usual;

static ssize_t own_write(redisContext *c) {
    writes++;
    size_t all = sdslen(c->obuf);
    double begun = seconds();
    ssize_t count = usual->write(c);
    check((c->flags & REDIS_BLOCK) != 0 && ((size_t)count == all || seconds() - begun > 0.09));
    return count;
}

/* A transport of the program's is called as before: what it calls for its part waits. */
static void own_transport(void) {
    peer_listen(&p);
    peer_start(&p, deaf);
    redisContext *c = redisConnect("127.0.0.1", p.port);
    redisReply *reply = NULL;
    usual = c->funcs;
    own = *usual;
    own.write = own_write;
    c->funcs = &own;
    redisSetTimeout(c, (struct timeval){0, 100000});
    append_all(c);
    check(redisGetReply(c, (void **)&reply) == REDIS_ERR && writes > 0);
    end_deaf(c);
}

static jmp_buf away;
static int allocations, leaves_at; /* the allocation that leaves, 0 for none */

static void count_allocation(void) {
    if (leaves_at > 0 && ++allocations == leaves_at) longjmp(away, 1);
}
static void *leaving_malloc(size_t size) { return count_allocation(), malloc(size); }
static void *leaving_calloc(size_t count, size_t size) { return count_allocation(), calloc(count, size); }
static void *leaving_realloc(void *block, size_t size) { return count_allocation(), realloc(block, size); }

static void answers_late(struct peer *peer) {
    char head[32];
    size_t command = (size_t)snprintf(head, sizeof head, "*2\r\n$4\r\nECHO\r\n$%d\r\n", ANSWER) + ANSWER + 2;
    snprintf(head, sizeof head, "$%d\r\n", ANSWER);
    peer_accept(peer);
    if (peer_swallow(peer, COMMANDS * command) != COMMANDS * command) return;
    usleep(200000);
    for (int i = 0; i < COMMANDS; i++) peer_say(peer, head), peer_send(peer, value, ANSWER), peer_say(peer, "\r\n");
    check(peer_swallow(peer, 1) == 0); /* nothing is sent twice */
}

/* An allocator that leaves by longjmp when all is sent, and the output buffer is replaced by a small one: what was sent is not sent
 * again, and reading waits as before. */
static void left_by_the_allocator(void) {
    hiredisAllocFuncs functions = {leaving_malloc, leaving_calloc, leaving_realloc, strdup, free};
    redisReply *reply = NULL;
    hiredisSetAllocators(&functions);
    peer_listen(&p);
    peer_start(&p, answers_late);
    redisContext *c = redisConnect("127.0.0.1", p.port);
    append_all(c);
    allocations = 0, leaves_at = 1;
    if (setjmp(away) == 0) check(redisGetReply(c, (void **)&reply) == REDIS_ERR); /* it does not return */
    leaves_at = 0;
    check((c->flags & REDIS_BLOCK) != 0 && c->err == 0 && sdslen(c->obuf) == 0 && c->reader->len == 0);
    check(redisBufferRead(c) == REDIS_OK && c->reader->len > 0);
    take_all(c);
    end(c);
    hiredisResetAllocators();
}

/* A bound of the program's holds, too: what has come is handed out before more is read. */
static void bounded_input(void) {
    enum { BOUND = 1 << 20 };
    peer_listen(&p);
    peer_start(&p, pushes_first);
    redisContext *c = redisConnect("127.0.0.1", p.port);
    redisReaderSetMaxInput(c->reader, BOUND);
    append_all(c);
    for (int i = 0; i < COMMANDS; i++) {
        redisReply *reply = NULL;
        int got = redisGetReply(c, (void **)&reply) == REDIS_OK && reply != NULL && reply->len == ANSWER;
        check(got && c->reader->len - c->reader->pos <= BOUND + (1 << 18));
        if (!got) break;
        freeReplyObject(reply);
    }
    end(c);
}

static int reads;
static ssize_t no_write(redisContext *c) {
    c->err = REDIS_ERR_IO;
    return -1;
}
static ssize_t counted_read(redisContext *c, char *buf, size_t room) {
    reads++;
    return usual->read(c, buf, room);
}

/* What a peer has said before a write failed is asked of no transport that may wait. */
static void own_transport_is_not_asked_again(void) {
    peer_listen(&p);
    redisContext *c = redisConnect("127.0.0.1", p.port);
    usual = c->funcs;
    own = *usual;
    own.write = no_write;
    own.read = counted_read;
    c->funcs = &own;
    check(redisCommand(c, "PING") == NULL && c->err == REDIS_ERR_IO && reads == 0);
    redisFree(c);
    peer_end(&p);
}

static size_t offered;
static ssize_t boastful_read(redisContext *c, char *buf, size_t room) {
    offered = room;
    memset(buf, '+', room);
    return (ssize_t)room + 100;
}

/* A transport that says it has brought more than there was room for has brought what there was room for. */
static void no_more_is_believed_than_asked_for(void) {
    peer_listen(&p);
    redisContext *c = redisConnect("127.0.0.1", p.port);
    own = *c->funcs;
    own.read = boastful_read;
    c->funcs = &own;
    check(redisBufferRead(c) == REDIS_OK && offered > 0 && c->reader->len == offered);
    redisFree(c);
    peer_end(&p);
}

static const struct test_case cases[] = {
    CASE(tcp), CASE(unix_socket_with_timeout), CASE(pushes_are_told), CASE(takes_nothing), CASE(says_no_more),
    CASE(says_much_before_it_takes_all), CASE(own_transport), CASE(own_transport_is_not_asked_again), CASE(left_by_the_allocator),
    CASE(bounded_input), CASE(no_more_is_believed_than_asked_for),
};

int main(int argc, char **argv) {
    value = malloc(ANSWER);
    memset(value, 'v', ANSWER);
    int failed = run_cases(cases, sizeof cases / sizeof *cases, argc, argv);
    free(value);
    return failed;
}

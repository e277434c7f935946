/* Much of everything: pipelines, large values, many contexts, pub/sub; and transports of the program's own. */
#include "event_loop.h"

static void pipeline(void) {
    struct client c;
    open_redis(&c);
    for (int i = 0; i < 10000; i++) redisAsyncCommand(c.ac, on_reply, NULL, "INCR event-loop:%s", "n");
    loop_until(c.answered == 10000);
    redisAsyncDisconnect(c.ac);
    check(c.ac == NULL && c.failed == 0 && c.disconnected == REDIS_OK);
}

static char *value;
static size_t size;

static void on_value(redisAsyncContext *ac, void *reply, void *privdata) {
    redisReply *r = reply;
    check(r && r->type == REDIS_REPLY_STRING && r->len == size && memcmp(r->str, value, size) == 0);
    on_reply(ac, reply, privdata);
}

static void large_value_both_ways(void) {
    redisOptions o = {0};
    struct client tcp, local;
    size = (under_valgrind() ? 4 : 64) << 20;
    value = malloc(size);
    for (size_t i = 0; i < size; i++) value[i] = (char)(i * 2654435761u >> 13);
    REDIS_OPTIONS_SET_UNIX(&o, getenv("REDIS_SOCK"));
    open_redis(&tcp);
    open_with(&local, &o);
    redisAsyncCommand(tcp.ac, on_value, NULL, "ECHO %b", value, size);
    redisAsyncCommand(local.ac, on_value, NULL, "ECHO %b", value, size);
    loop_until(tcp.answered == 1 && local.answered == 1);
    redisAsyncFree(tcp.ac);
    redisAsyncFree(local.ac);
    free(value);
}

static void many_contexts(int count) {
    struct client *all = calloc((size_t)count, sizeof *all);
    int rounds = under_valgrind() ? 2 : 20, done = 0;
    for (int i = 0; i < count; i++) open_redis(&all[i]);
    for (int round = 1; round <= rounds; round++) {
        for (int i = 0; i < count; i++)
            for (int k = 0; k < 5; k++) redisAsyncCommand(all[i].ac, on_reply, NULL, "PING");
        for (int i = 0; i < count; i++) loop_until(all[i].answered == 5 * round);
    }
    for (int i = 0; i < count; i++) redisAsyncDisconnect(all[i].ac);
    for (int i = 0; i < count; i++) done += all[i].ac == NULL && all[i].failed == 0 && all[i].disconnected == REDIS_OK;
    check(done == count);
    check(redisMioRun(loop) == REDIS_OK); /* nothing is left */
    free(all);
}

static void two_hundred_contexts(void) { many_contexts(200); }
static void thousand_contexts(void) { many_contexts(under_valgrind() ? 100 : 1000); }

enum { SUBSCRIBERS = 20, MESSAGES = 100 };
static int messages, subscribed;
static struct client publisher;

static void on_message(redisAsyncContext *ac, void *reply, void *privdata) {
    redisReply *r = reply;
    (void)privdata;
    if (r == NULL) return;
    if (!strcmp(r->element[0]->str, "unsubscribe")) {
        redisAsyncDisconnect(ac);
    } else if (!strcmp(r->element[0]->str, "message")) {
        messages++;
        if (atoi(r->element[2]->str) == MESSAGES - 1) redisAsyncCommand(ac, NULL, NULL, "UNSUBSCRIBE");
    } else if (++subscribed == SUBSCRIBERS) {
        for (int i = 0; i < MESSAGES; i++) redisAsyncCommand(publisher.ac, on_reply, NULL, "PUBLISH event-loop:news %d", i);
    }
}

static void publish_subscribe(void) {
    static struct client subscribers[SUBSCRIBERS];
    open_redis(&publisher);
    for (int i = 0; i < SUBSCRIBERS; i++) {
        open_redis(&subscribers[i]);
        redisAsyncCommand(subscribers[i].ac, on_message, NULL, "SUBSCRIBE event-loop:news");
    }
    for (int i = 0; i < SUBSCRIBERS; i++) loop_until(subscribers[i].ac == NULL);
    loop_until(publisher.answered == MESSAGES);
    check(messages == SUBSCRIBERS * MESSAGES);
    redisAsyncFree(publisher.ac);
}

/* A server that answers PINGs in pieces and then closes: all of it arrives, then the end. */
static void a_closing_server(void) {
    struct peer p;
    struct client c;
    peer_listen(&p);
    open_tcp(&c, "127.0.0.1", p.port);
    for (int i = 0; i < 100; i++) redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.connected == REDIS_OK && sdslen(c.ac->c.obuf) == 0);
    peer_accept(&p);
    peer_swallow(&p, 1400);
    for (int i = 0; i < 60; i++) peer_say(&p, "+PONG\r\n");
    peer_close(&p);
    loop_until(c.ac == NULL);
    check(c.answered == 60 && c.failed == 40 && c.disconnected == REDIS_ERR && c.err == REDIS_ERR_EOF);
    peer_end(&p);
}

/* All replies are in the socket before the first is read, and each read takes few of them: no event tells of the rest, neither
 * before the context has had its turns nor after that. */
static void more_reads_than_turns(void) {
    enum { REPLIES = 1000 };
    static char replies[REPLIES * 64];
    struct peer p;
    struct client c;
    size_t length = 0;
    for (int i = 0; i < REPLIES; i++) length += (size_t)sprintf(replies + length, "$50\r\n%050d\r\n", i);
    peer_listen(&p);
    open_tcp(&c, "127.0.0.1", p.port);
    redisReaderSetMaxInput(c.ac->c.reader, 600);
    for (int i = 0; i < REPLIES; i++) redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.connected == REDIS_OK && sdslen(c.ac->c.obuf) == 0);
    peer_accept(&p);
    check(peer_swallow(&p, REPLIES * 14) == REPLIES * 14);
    peer_send(&p, replies, length);
    usleep(50000);
    /* One turn does not take all of it: timers and tasks are due in between. Nor does it only read. */
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    check(redisMioRunOnce(loop, 0) == 1 && c.answered > 0 && c.answered < REPLIES / 2);
    check(sdslen(c.ac->c.obuf) == 0);
    loop_until(c.answered == REPLIES);
    redisAsyncFree(c.ac);
    peer_end(&p);
}

static double processor_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The peer reads nothing: what does not fit waits, and so does the loop. Then it reads everything. */
static void a_full_socket_is_quiet(void) {
    enum { SIZE = 16 << 20 };
    char *text = calloc(1, SIZE);
    struct peer p;
    struct client c;
    double begun, busy;
    peer_listen(&p);
    open_tcp(&c, "127.0.0.1", p.port);
    redisAsyncCommand(c.ac, on_reply, NULL, "ECHO %b", text, (size_t)SIZE);
    free(text);
    loop_until(c.connected == REDIS_OK && sdslen(c.ac->c.obuf) < SIZE);
    peer_accept(&p);
    for (int i = 0; i < 10; i++) check(redisMioRunOnce(loop, 10) >= 0);
    check(sdslen(c.ac->c.obuf) > 0);
    busy = processor_seconds();
    for (begun = seconds(); seconds() - begun < 0.3;) check(redisMioRunOnce(loop, 50) >= 0);
    check(processor_seconds() - busy < 0.15);
    while (sdslen(c.ac->c.obuf) > 0) {
        peer_swallow_present(&p);
        check(redisMioRunOnce(loop, 10) >= 0 && seconds() - begun < 20);
    }
    redisAsyncFree(c.ac);
    peer_end(&p);
}

/* Half-closed, and quiet: the end is behind bytes that were read before it came. */
static void an_end_that_comes_alone(void) {
    struct peer p;
    struct client c;
    peer_listen(&p);
    open_tcp(&c, "127.0.0.1", p.port);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.connected == REDIS_OK && sdslen(c.ac->c.obuf) == 0);
    peer_accept(&p);
    peer_say(&p, "+PONG\r\n");
    loop_until(c.answered == 1);
    redisMioRunOnce(loop, 20);
    peer_half_close(&p);
    loop_until(c.ac == NULL);
    check(c.disconnected == REDIS_ERR && c.err == REDIS_ERR_EOF);
    peer_end(&p);
}

/* Transports: one reads and writes little at a time and says so by less than was asked for, which tells nothing about
 * the socket; the other brings its own event functions as well, as TLS does. */
static ssize_t read_little(redisContext *c, char *buf, size_t room) {
    ssize_t n = recv(c->fd, buf, room < 7 ? room : 7, MSG_DONTWAIT);
    if (n > 0) return n;
    if (n < 0 && errno == EAGAIN) return 0;
    c->err = n ? REDIS_ERR_IO : REDIS_ERR_EOF;
    return -1;
}
static ssize_t write_little(redisContext *c) {
    size_t len = sdslen(c->obuf);
    ssize_t n = send(c->fd, c->obuf, len < 11 ? len : 11, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) return n;
    if (errno == EAGAIN) return 0;
    c->err = REDIS_ERR_IO;
    return -1;
}
void redisProcessCallbacks(redisAsyncContext *); /* exported for transports, and in no header */

static void own_read(redisAsyncContext *ac) {
    if (redisBufferRead(&ac->c) == REDIS_ERR) {
        redisAsyncFree(ac);
        return;
    }
    ac->ev.addRead(ac->ev.data);
    redisProcessCallbacks(ac);
}
static void own_write(redisAsyncContext *ac) {
    int done = 0;
    if (redisBufferWrite(&ac->c, &done) == REDIS_ERR) {
        redisAsyncFree(ac);
        return;
    }
    if (done) ac->ev.delWrite(ac->ev.data);
    else ac->ev.addWrite(ac->ev.data);
    ac->ev.addRead(ac->ev.data);
}

static void on_reply_next(redisAsyncContext *ac, void *reply, void *privdata) {
    on_reply(ac, reply, privdata);
    if (reply && ((struct client *)ac->c.privdata)->answered < 500) redisAsyncCommand(ac, on_reply_next, NULL, "PING");
}

static void transports(void) {
    for (int kind = 0; kind < 4; kind++) {
        redisContextFuncs funcs;
        redisOptions o = {0};
        struct client c;
        if (kind & 1) REDIS_OPTIONS_SET_UNIX(&o, getenv("REDIS_SOCK"));
        else REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", redis_port());
        open_with(&c, &o);
        funcs = *c.ac->c.funcs;
        funcs.read = read_little;
        funcs.write = write_little;
        if (kind & 2) funcs.async_read = own_read, funcs.async_write = own_write;
        c.ac->c.funcs = &funcs;
        for (int i = 0; i < 10; i++) redisAsyncCommand(c.ac, on_reply_next, NULL, "PING");
        loop_until(c.answered >= 500);
        redisAsyncFree(c.ac);
    }
}

static int reads_told;
static void read_once(redisAsyncContext *ac) {
    reads_told++;
    ac->ev.delRead(ac->ev.data);
    own_read(ac);
    ac->ev.delRead(ac->ev.data);
}

/* A transport that does not want to read is told of nothing, until it wants to again. */
static void a_transport_that_stops_reading(void) {
    redisContextFuncs funcs;
    struct peer p;
    struct client c;
    peer_listen(&p);
    open_tcp(&c, "127.0.0.1", p.port);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.connected == REDIS_OK && sdslen(c.ac->c.obuf) == 0);
    peer_accept(&p);
    funcs = *c.ac->c.funcs;
    funcs.async_read = read_once;
    c.ac->c.funcs = &funcs;
    peer_say(&p, "+");
    loop_until(reads_told > 0);
    check(reads_told == 1);
    peer_say(&p, "PONG\r\n");
    for (int i = 0; i < 5; i++) check(redisMioRunOnce(loop, 10) >= 0);
    check(reads_told == 1 && c.answered == 0);
    c.ac->ev.addRead(c.ac->ev.data);
    loop_until(c.answered == 1);
    check(reads_told == 2);
    redisAsyncFree(c.ac);
    peer_end(&p);
}

static struct peer next_peer;
static int reads_until_move;
static void read_elsewhere(redisAsyncContext *ac) {
    if (reads_until_move-- == 0) check(dup2(next_peer.fd, ac->c.fd) == ac->c.fd);
    own_read(ac);
}

/* A transport that puts another socket in the place of its own, of which no event tells. */
static void a_transport_that_moves(void) {
    redisContextFuncs funcs;
    struct peer p;
    struct client c;
    int fds[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    next_peer.fd = fds[0];
    peer_listen(&p);
    open_tcp(&c, "127.0.0.1", p.port);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.connected == REDIS_OK && sdslen(c.ac->c.obuf) == 0);
    peer_accept(&p);
    funcs = *c.ac->c.funcs;
    funcs.async_read = read_elsewhere;
    c.ac->c.funcs = &funcs;
    reads_until_move = 0;
    peer_say(&p, "+old\r\n");
    loop_until(reads_until_move < 0);
    check(c.answered == 0);
    for (int i = 0; i < 3; i++) check(redisMioRunOnce(loop, 10) >= 0);
    check(send(fds[1], "+PONG\r\n", 7, 0) == 7);
    loop_until(c.answered == 1);
    redisAsyncFree(c.ac);
    close(fds[0]), close(fds[1]);
    peer_end(&p);
}

static ssize_t read_pipe(redisContext *c, char *buf, size_t room) {
    ssize_t n = read(c->fd, buf, room);
    if (n > 0) return n;
    if (n < 0 && errno == EAGAIN) return 0;
    c->err = n ? REDIS_ERR_IO : REDIS_ERR_EOF;
    return -1;
}

/* Descriptors that are no sockets. Of the end of one the kernel says nothing else: EPOLLHUP alone where it can be read,
 * EPOLLERR where it cannot. */
static void ends_of_pipes(void) {
    for (int writing = 0; writing < 2; writing++) {
        redisContextFuncs funcs;
        redisOptions o = {.type = REDIS_CONN_USERFD};
        struct client c;
        int fds[2];
        check(pipe(fds) == 0 && fcntl(fds[writing], F_SETFL, O_NONBLOCK) == 0);
        o.endpoint.fd = fds[writing];
        open_with(&c, &o);
        funcs = *c.ac->c.funcs;
        funcs.read = read_pipe;
        c.ac->c.funcs = &funcs;
        for (int i = 0; i < 3; i++) check(redisMioRunOnce(loop, 5) >= 0 && c.ac);
        close(fds[!writing]);
        loop_until(c.ac == NULL);
        check(c.disconnected == REDIS_ERR && c.err == (writing ? REDIS_ERR_IO : REDIS_ERR_EOF));
    }
}

int main(void) {
    begin();
    run(pipeline);
    run(large_value_both_ways);
    run(two_hundred_contexts);
    run(thousand_contexts);
    run(publish_subscribe);
    run(a_closing_server);
    run(more_reads_than_turns);
    run(a_full_socket_is_quiet);
    run(an_end_that_comes_alone);
    run(ends_of_pipes);
    run(a_transport_that_stops_reading);
    run(a_transport_that_moves);
    run(transports);
    redisMioLoopFree(loop);
    return 0;
}

/* Part of scenarios.h: loops that are held up, and loops that run within a callback. What is still to be done is done. */
#ifndef CONFORMANCE_INTERRUPTED_H
#define CONFORMANCE_INTERRUPTED_H

static void open_limited(struct client *c, const struct peer *p, struct timeval *connect, struct timeval *command) {
    redisOptions o = {0};
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p->port);
    o.connect_timeout = connect;
    o.command_timeout = command;
    open_with(c, &o);
}

/* Until the peer has the PING of this client, and nothing else. */
static void ping_arrives(struct client *c, struct peer *p, redisCallbackFn *fn) {
    redisAsyncCommand(c->ac, fn, NULL, "PING");
    loop_until(c->connected == REDIS_OK && sdslen(c->ac->c.obuf) == 0);
    peer_accept(p);
    check(peer_swallow(p, 14) == 14);
}

/* The reply is in the socket when the loop is back, long after the time was up. */
static void held_up_beyond_the_timeout(void) {
    struct timeval tv = {0, 100000};
    struct peer p;
    struct client c;
    peer_listen(&p);
    open_limited(&c, &p, NULL, &tv);
    ping_arrives(&c, &p, on_reply);
    peer_say(&p, "+PONG\r\n");
    pause_ms(250);
    loop_until(c.answered + c.failed == 1);
    if (c.ac) redisAsyncFree(c.ac);
    told("client", &c);
    peer_end(&p);
}

/* So is the connection. */
static void held_up_beyond_the_connect_timeout(void) {
    struct timeval tv = {0, 100000};
    struct peer p;
    struct client c;
    peer_listen(&p);
    open_limited(&c, &p, &tv, NULL);
    pause_ms(250);
    loop_until(c.connected != NONE);
    if (c.ac) redisAsyncFree(c.ac);
    told("client", &c);
    peer_end(&p);
}

/* The loop runs within a callback, for longer than the timeout of the command that this callback has issued. Other contexts go
 * on meanwhile; this one cannot, and times out afterwards. */
static void on_reply_nest(redisAsyncContext *ac, void *reply, void *privdata) {
    struct client other;
    on_reply(ac, reply, privdata);
    if (reply == NULL) return;
    redisAsyncCommand(ac, on_reply, NULL, "PING");
    open_redis(&other);
    redisAsyncCommand(other.ac, on_reply, NULL, "PING");
    loop_until(other.answered == 1);
    redisAsyncFree(other.ac);
    loop_for(0.3);
    check(((struct client *)ac->data)->failed == 0);
}

static void nested_beyond_the_timeout(void) {
    struct timeval tv = {0, 150000};
    struct peer p;
    struct client c;
    double begun;
    peer_listen(&p);
    open_limited(&c, &p, NULL, &tv);
    ping_arrives(&c, &p, on_reply_nest);
    peer_say(&p, "+PONG\r\n");
    begun = seconds();
    loop_until(c.ac == NULL);
    check(slow() || seconds() - begun < 2);
    told("client", &c);
    peer_end(&p);
}

/* The next reply is there while the loop runs within the callback of the first, which then frees the context. */
static struct peer *nesting;

static void on_reply_nest_free(redisAsyncContext *ac, void *reply, void *privdata) {
    on_reply(ac, reply, privdata);
    if (reply == NULL) return;
    peer_say(nesting, "+PONG\r\n");
    loop_for(0.05);
    if (privdata) redisAsyncFree(ac);
}

static void nested_with_a_reply_waiting(void) {
    for (int frees = 0; frees < 2; frees++) {
        struct peer p;
        struct client c;
        peer_listen(&p);
        nesting = &p;
        open_port(&c, p.port);
        redisAsyncCommand(c.ac, on_reply_nest_free, frees ? &c : NULL, "PING");
        redisAsyncCommand(c.ac, on_reply, NULL, "PING");
        loop_until(c.connected == REDIS_OK && sdslen(c.ac->c.obuf) == 0);
        peer_accept(&p);
        check(peer_swallow(&p, 28) == 28);
        peer_say(&p, "+PONG\r\n");
        loop_until(frees ? c.ac == NULL : c.answered == 2);
        if (c.ac) redisAsyncFree(c.ac);
        told(frees ? "freed" : "stays", &c);
        peer_end(&p);
    }
}

/* The adapter has let go of the context, and whatever it keeps for a while may end in that loop. */
static void on_disconnect_nest(const redisAsyncContext *ac, int status) {
    on_disconnect(ac, status);
    loop_for(0.05);
}

static void nested_in_the_disconnect_callback(void) {
    static const char *const ends[] = {"closed", "timed out", "asked for"};
    for (int end = 0; end < 3; end++) {
        struct timeval tv = {0, 100000};
        struct peer p;
        struct client c;
        peer_listen(&p);
        open_limited(&c, &p, NULL, end == 1 ? &tv : NULL);
        c.ac->onDisconnect = on_disconnect_nest;
        ping_arrives(&c, &p, on_reply);
        if (end == 0) peer_close(&p);
        if (end == 2) redisAsyncDisconnect(c.ac);
        if (end == 2) peer_say(&p, "+PONG\r\n");
        loop_until(c.ac == NULL);
        told(ends[end], &c);
        peer_end(&p);
    }
}

/* Replies that fill many reads, and behind them the end of the connection: of all that, the loop hears but once. */
static void all_that_was_said(int replies, int writing) {
    enum { LENGTH = 4096 };
    static char text[LENGTH + 16];
    int length = snprintf(text, sizeof text, "$%d\r\n", LENGTH);
    struct peer p;
    struct client c;
    memset(text + length, 'x', LENGTH);
    memcpy(text + length + LENGTH, "\r\n", 3);
    peer_listen(&p);
    open_port(&c, p.port);
    for (int i = 0; i < replies; i++) redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.connected == REDIS_OK && sdslen(c.ac->c.obuf) == 0);
    peer_accept(&p);
    check(peer_swallow(&p, (size_t)replies * 14) == (size_t)replies * 14);
    for (int i = 0; i < replies; i++) peer_say(&p, text);
    if (writing) redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    peer_close(&p);
    pause_ms(20);
    loop_until(c.ac == NULL);
    c.err = 0; /* that of a write or that of a read */
    told(writing ? "writing" : "reading", &c);
    peer_end(&p);
}

static void much_was_said_before_the_end(void) {
    all_that_was_said(40, 0);
    all_that_was_said(10, 1); /* what the peer has not sent yet, it forgets when it hears something */
}

#endif

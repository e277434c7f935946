/* Our TLS against servers that do what no redis-server does. */
/* cc: -lhiredis_ssl -lssl -lcrypto -lpthread -D_GNU_SOURCE */
#include "tls_peer.h"

#include <sys/time.h>
#include <sys/wait.h>

static redisSSLContext *tls;
static SSL_CTX *server;
static struct peer p;
static int outcome;

#define FAILED "SSL_connect failed: "

static void begin(void (*script)(struct peer *)) {
    peer_listen(&p);
    peer_start(&p, script);
}

static void end(void) {
    peer_join(&p);
    peer_end(&p);
}

/* How a blocking handshake with the peer fails. */
static void refused(int err, const char *text) {
    redisContext *c = redisConnect("127.0.0.1", p.port);
    check(c->err == 0);
    check(redisInitiateSSLWithContext(c, tls) == REDIS_ERR);
    if (c->err != err || strcmp(c->errstr, text) != 0) fprintf(stderr, "%d %s\n", c->err, c->errstr);
    check(c->err == err && strcmp(c->errstr, text) == 0);
    check(c->privctx == NULL);
    redisFree(c);
}

/* A server that has never heard of TLS. */

static void says_error(struct peer *peer) {
    char byte;
    peer_accept(peer);
    peer_read(peer, &byte, 1);
    peer_say(peer, "-ERR unknown command\r\n");
    peer_swallow_present(peer);
    peer_half_close(peer);
    while (peer_read(peer, &byte, 1)) {}
}

static void says_http(struct peer *peer) {
    char byte;
    peer_accept(peer);
    peer_read(peer, &byte, 1);
    peer_say(peer, "HTTP/1.0 400 Bad Request\r\n\r\n");
    while (peer_read(peer, &byte, 1)) {}
}

static void plaintext(void) {
    begin(says_error);
    refused(REDIS_ERR_IO, FAILED "wrong version number: the peer does not speak TLS");
    end();
    begin(says_http);
    refused(REDIS_ERR_IO, FAILED "wrong version number: the peer does not speak TLS");
    end();
}

static void closes(struct peer *peer) {
    char hello[64];
    peer_accept(peer);
    peer_read(peer, hello, sizeof hello);
    peer_swallow_present(peer);
    peer_close(peer);
}

static void resets(struct peer *peer) {
    char hello[64];
    peer_accept(peer);
    peer_read(peer, hello, sizeof hello);
    peer_reset(peer);
}

static void closed_in_the_handshake(void) {
    begin(closes);
    refused(REDIS_ERR_IO, FAILED "unexpected eof while reading");
    end();
    begin(resets);
    refused(REDIS_ERR_IO, FAILED "Connection reset by peer");
    end();
}

/* Time. */

static void is_silent(struct peer *peer) {
    char byte;
    peer_accept(peer);
    while (peer_ready(peer->fd, POLLIN, 10000) && peer_read(peer, &byte, 1)) {}
}

/* A handshake record of 16 KiB, byte by byte. */
static void trickles(struct peer *peer) {
    peer_accept(peer);
    peer_send(peer, "\x16\x03\x03\x40\x00", 5);
    while (!peer_ready(peer->fd, POLLRDHUP, 20) && send(peer->fd, "", 1, MSG_NOSIGNAL) == 1) {}
}

static volatile sig_atomic_t signals;
static void on_signal(int number) {
    (void)number;
    signals++;
}

static void disturb(int ms) {
    struct sigaction action = {.sa_handler = on_signal};
    struct itimerval timer = {in_ms(ms), in_ms(ms)};
    sigaction(SIGALRM, &action, NULL); /* without SA_RESTART */
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void in_time(const char *text) {
    double begun = seconds(), took;
    redisContext *c = redisConnectWithTimeout("127.0.0.1", p.port, in_ms(300));
    check(c->err == 0);
    check(redisInitiateSSLWithContext(c, tls) == REDIS_ERR);
    took = seconds() - begun;
    check(errno == ETIMEDOUT && c->err == REDIS_ERR_IO && strcmp(c->errstr, text) == 0);
    check(took > 0.25 && (took < 2 || under_valgrind()));
    redisFree(c);
}

static void connect_timeout(void) {
    for (int disturbed = 0; disturbed < 2; disturbed++) {
        disturb(disturbed ? 7 : 0);
        begin(is_silent);
        in_time(FAILED "Connection timed out: no answer, perhaps the peer does not speak TLS");
        end();
        begin(trickles);
        in_time(FAILED "Connection timed out");
        end();
    }
    disturb(0);
    check(signals > 10);
}

static void answers(struct peer *peer) {
    SSL *ssl = server_accept(peer, server);
    check(ssl != NULL);
    while (server_hears_ping(ssl)) server_says(ssl, "+PONG\r\n");
    SSL_free(ssl);
}

/* Signals make no handshake, read or write fail, with or without a deadline. */
static void answers_slowly(struct peer *peer) {
    SSL *ssl;
    peer_accept(peer);
    usleep(50000);
    ssl = SSL_new(server);
    SSL_set_fd(ssl, peer->fd);
    check(SSL_accept(ssl) == 1);
    while (server_hears_ping(ssl)) {
        usleep(30000);
        server_says(ssl, "+PONG\r\n");
    }
    SSL_free(ssl);
}

static void interrupted(void) {
    /* The peer's thread is left alone. */
    sigset_t alarm, before;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    for (int timeout = 0; timeout < 2; timeout++) {
        redisContext *c;
        pthread_sigmask(SIG_BLOCK, &alarm, &before);
        begin(answers_slowly);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        disturb(3);
        c = timeout ? redisConnectWithTimeout("127.0.0.1", p.port, in_ms(20000)) : redisConnect("127.0.0.1", p.port);
        check(redisInitiateSSLWithContext(c, tls) == REDIS_OK);
        for (int i = 0; i < 5; i++) ping(c);
        disturb(0);
        redisFree(c);
        end();
    }
}

/* A reply that does not come within the command timeout. */
static void hears_only(struct peer *peer) {
    SSL *ssl = server_accept(peer, server);
    while (server_hears_ping(ssl)) {}
    SSL_free(ssl);
}

static void command_timeout(void) {
    redisContext *c;
    begin(hears_only);
    c = client_of(&p, tls);
    check(redisSetTimeout(c, in_ms(100)) == REDIS_OK);
    check(redisCommand(c, "PING") == NULL && errno == EAGAIN);
    check(c->err == REDIS_ERR_IO && strcmp(c->errstr, "Resource temporarily unavailable") == 0);
    redisFree(c);
    end();
}

/* A peer that is gone ends a write by an error, not by a signal. */
static void accepts_and_goes(struct peer *peer) {
    SSL *ssl = server_accept(peer, server);
    peer_reset(peer);
    SSL_free(ssl);
}

static void no_signal(void) {
    redisContext *c;
    begin(accepts_and_goes);
    c = client_of(&p, tls);
    peer_join(&p);
    usleep(20000);
    for (int i = 0; i < 3; i++) check(redisCommand(c, "PING") == NULL && c->err != 0);
    redisFree(c);
    peer_end(&p);
}

/* Renegotiation is refused: the server is told so, which OpenSSL's takes for the end. */
static void renegotiates(struct peer *peer) {
    SSL *ssl = server_accept(peer, server);
    check(SSL_version(ssl) == TLS1_2_VERSION);
    check(server_hears_ping(ssl));
    server_says(ssl, "+PONG\r\n");
    check(SSL_renegotiate(ssl) == 1);
    check(SSL_do_handshake(ssl) == 1); /* asks for it */
    while (server_hears_ping(ssl)) server_says(ssl, "+PONG\r\n");
    outcome = ERR_GET_REASON(ERR_peek_error());
    SSL_free(ssl);
    ERR_clear_error();
}

static void renegotiation(void) {
    SSL_CTX *all = server;
    redisContext *c;
    server = server_context(TLS1_2_VERSION);
    begin(renegotiates);
    c = client_of(&p, tls);
    ping(c);
    for (int i = 0; i < 3; i++) freeReplyObject(redisCommand(c, "PING"));
    check(c->err != 0);
    redisFree(c);
    end();
    check(outcome == SSL_R_NO_RENEGOTIATION);
    SSL_CTX_free(server);
    server = all;
}

/* New keys in the middle of the traffic. */
static void renews_keys(struct peer *peer) {
    SSL *ssl = server_accept(peer, server);
    check(SSL_version(ssl) == TLS1_3_VERSION);
    while (server_hears_ping(ssl)) {
        check(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1);
        server_says(ssl, "+PONG\r\n");
    }
    SSL_free(ssl);
}

static void key_update(void) {
    redisContext *c;
    struct watched w;
    begin(renews_keys);
    c = client_of(&p, tls);
    for (int i = 0; i < 20; i++) ping(c);
    redisFree(c);
    end();
    begin(renews_keys);
    watch(&w, redisAsyncConnect("127.0.0.1", p.port), tls);
    for (int i = 1; i <= 20; i++) {
        check(redisAsyncCommand(w.ac, watched_reply, &w, "PING") == REDIS_OK);
        watch_until(&w, w.answered == i);
    }
    redisAsyncFree(w.ac);
    end();
}

/* Requests for new keys that the client cannot answer, since nobody reads what it sends: reading has to wait until it can write. */
static int updates;
static void reads_nothing_for_long(struct peer *peer) {
    SSL *ssl = server_accept(peer, server);
    check(server_hears_ping(ssl));
    for (int i = 0; i < updates; i++) {
        check(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1);
        check(SSL_do_handshake(ssl) == 1);
    }
    usleep(200000);
    server_says(ssl, "+PONG\r\n");
    while (server_hears_ping(ssl)) {}
    SSL_free(ssl);
    ERR_clear_error();
}

static void blocked_answers(void) {
    struct watched w;
    int smallest = 1;
    updates = under_valgrind() ? 300 : 3000;
    begin(reads_nothing_for_long);
    setsockopt(p.listener, SOL_SOCKET, SO_RCVBUF, &smallest, sizeof smallest);
    watch(&w, redisAsyncConnect("127.0.0.1", p.port), tls);
    setsockopt(w.ac->c.fd, SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest);
    check(redisAsyncCommand(w.ac, watched_reply, &w, "PING") == REDIS_OK);
    int blocked = 0;
    for (double begun = seconds(); w.answered == 0 && seconds() - begun < 30;) {
        watch_once(&w, 100);
        blocked |= w.ac->c.err == 0 && w.write && !w.read;
    }
    printf("%d updates in %ld events%s\n", updates, w.events, blocked ? ", blocked in between" : "");
    check(w.answered == 1 && w.events < updates);
    redisAsyncFree(w.ac);
    end();
}

/* While the server is silent in the middle of a handshake, no event is reported. */
static void silence_in_the_handshake(void) {
    struct watched w;
    begin(is_silent);
    watch(&w, redisAsyncConnect("127.0.0.1", p.port), tls);
    check(redisAsyncCommand(w.ac, watched_reply, &w, "PING") == REDIS_OK);
    for (int i = 0; i < 4; i++) watch_once(&w, 50);
    check(w.events <= 2 && w.read && !w.write);
    redisAsyncFree(w.ac);
    check(w.failed == 1);
    end();
}

/* Bytes in front of an error are handed out first, also when the error needs no further event. */
static void says_and_ends(struct peer *peer) {
    SSL *ssl = server_accept(peer, server);
    check(server_hears_ping(ssl));
    server_says(ssl, "+PONG\r\n");
    if (outcome == 1) SSL_shutdown(ssl);
    if (outcome == 2) peer_send(peer, "\x17\x03\x03\x00\x20" "0123456789abcdef0123456789abcdef", 37);
    if (outcome == 0) peer_half_close(peer);
    char byte;
    while (peer_ready(peer->fd, POLLIN, 10000) && peer_read(peer, &byte, 1)) {}
    SSL_free(ssl);
    ERR_clear_error();
}

static void reply_and_end(void) {
    const int errs[] = {REDIS_ERR_EOF, REDIS_ERR_EOF, REDIS_ERR_IO};
    const char *texts[] = {"Server closed the connection", "Server closed the connection",
        "SSL_read failed: decryption failed or bad record mac"};
    for (int kind = 0; kind < 3; kind++) {
        struct watched w;
        redisContext *c;
        outcome = kind;
        begin(says_and_ends);
        c = client_of(&p, tls);
        ping(c);
        check(redisGetReply(c, NULL) == REDIS_ERR && c->err == errs[kind] && strcmp(c->errstr, texts[kind]) == 0);
        redisFree(c);
        end();
        begin(says_and_ends);
        watch(&w, redisAsyncConnect("127.0.0.1", p.port), tls);
        check(redisAsyncCommand(w.ac, watched_reply, &w, "PING") == REDIS_OK);
        watch_until(&w, w.disconnected);
        check(w.answered == 1 && w.failed == 0 && w.disconnected == 2);
        check(w.err == errs[kind] && strcmp(w.errstr, texts[kind]) == 0);
        end();
    }
}

/* What arrives in many records is read in few events. */
enum { RECORDS = 64 };
static void says_in_records(struct peer *peer) {
    SSL *ssl = server_accept(peer, server);
    int on = 1;
    check(server_hears_ping(ssl));
    setsockopt(peer->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    for (int i = 0; i < RECORDS; i++) server_says(ssl, i ? ":1\r\n" : "+PONG\r\n");
    on = 0;
    setsockopt(peer->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    while (server_hears_ping(ssl)) {}
    SSL_free(ssl);
}

static void several_records_per_event(void) {
    struct watched w;
    long before;
    begin(says_in_records);
    watch(&w, redisAsyncConnect("127.0.0.1", p.port), tls);
    check(redisAsyncCommand(w.ac, watched_reply, &w, "PING") == REDIS_OK);
    watch_until(&w, w.ac->c.flags & REDIS_CONNECTED && w.write == 0 && sdslen(w.ac->c.obuf) == 0);
    before = w.events;
    for (int i = 1; i < RECORDS; i++) /* They are taken for sent: the peer answers what it was not asked. */
        check(redisAsyncCommand(w.ac, watched_reply, &w, "PING") == REDIS_OK);
    watch_until(&w, w.answered == RECORDS);
    printf("%d records in %ld events\n", RECORDS, w.events - before);
    check(w.events - before <= 8);
    redisAsyncFree(w.ac);
    end();
}

/* Goodbye: the server is told, except by a child that inherits the connection. */
static void hears_goodbye(struct peer *peer) {
    SSL *ssl = server_accept(peer, server);
    char byte;
    int pings = 0;
    while (server_hears_ping(ssl)) {
        pings++;
        server_says(ssl, "+PONG\r\n");
    }
    outcome = pings * 10 + (SSL_get_error(ssl, SSL_read(ssl, &byte, 1)) == SSL_ERROR_ZERO_RETURN);
    SSL_free(ssl);
    ERR_clear_error();
}

static void close_notify(void) {
    redisContext *c;
    struct watched w;
    begin(hears_goodbye);
    c = client_of(&p, tls);
    ping(c);
    pid_t child = fork();
    if (child == 0) {
        redisFree(c);
        _exit(0);
    }
    check(waitpid(child, NULL, 0) == child);
    ping(c);
    redisFree(c);
    end();
    check(outcome == 21);
    begin(hears_goodbye);
    watch(&w, redisAsyncConnect("127.0.0.1", p.port), tls);
    check(redisAsyncCommand(w.ac, watched_reply, &w, "PING") == REDIS_OK);
    watch_until(&w, w.answered == 1);
    redisAsyncDisconnect(w.ac);
    end();
    check(outcome == 11 && w.ac == NULL && w.disconnected == 1);
    begin(hears_goodbye);
    c = client_of(&p, tls);
    struct pollfd tickets = {.fd = c->fd, .events = POLLIN};
    check(poll(&tickets, 1, 10000) == 1);
    redisFree(c); /* with these unread, for which the kernel resets the connection */
    end();
    check(outcome == 1);
    begin(hears_goodbye);
    c = client_of(&p, tls);
    int fd = redisFreeKeepFd(c); /* the descriptor goes on as it is */
    close(fd);
    end();
    check(outcome == 0);
}

/* The program's own SSL: its owner after a failure, the context's after a success. */
static void own_ssl(void) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context), *other = SSL_new(context);
    redisContext *c;
    begin(closes);
    c = redisConnect("127.0.0.1", p.port);
    check(redisInitiateSSL(c, ssl) == REDIS_ERR && c->err == REDIS_ERR_IO);
    redisFree(c);
    end();
    SSL_clear(ssl);
    begin(answers);
    c = redisConnect("127.0.0.1", p.port);
    check(redisInitiateSSL(NULL, ssl) == REDIS_ERR && redisInitiateSSL(c, NULL) == REDIS_ERR && c->err == 0);
    check(redisInitiateSSL(c, ssl) == REDIS_OK);
    check(SSL_get_fd(ssl) == c->fd);
    ping(c);
    check(redisInitiateSSL(c, other) == REDIS_ERR && c->err == REDIS_ERR_OTHER);
    check(strcmp(c->errstr, "redisContext was already associated") == 0);
    redisFree(c);
    end();
    SSL_free(other);
    SSL_CTX_free(context);
}

static char asked_for[64];

static void notes_the_name(struct peer *peer) {
    SSL *ssl = server_accept(peer, server);
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    snprintf(asked_for, sizeof asked_for, "%s", name ? name : "nobody");
    while (server_hears_ping(ssl)) server_says(ssl, "+PONG\r\n");
    SSL_free(ssl);
}

/* The server is told the name that the context was made with, and no other. */
static void server_name(void) {
    static const char *names[] = {"redis.example.org", NULL};
    for (int i = 0; i < 2; i++) {
        redisSSLContext *context = trusting("ca.pem", names[i]);
        redisContext *c;
        check(redisSSLContextSetVerifyName(context, "localhost") == REDIS_SSL_CTX_NONE);
        begin(notes_the_name);
        c = client_of(&p, context);
        ping(c);
        redisFree(c);
        end();
        check(strcmp(asked_for, names[i] ? names[i] : "nobody") == 0);
        redisFreeSSLContext(context);
    }
}

enum { ANSWER = 256 << 10, COMMANDS = 32 };

/* Answers each command with as many bytes, before it reads the next. */
static void answers_at_length(struct peer *peer) {
    SSL *ssl = server_accept(peer, server);
    static char bytes[ANSWER + 64];
    int command = snprintf(bytes, sizeof bytes, "*2\r\n$4\r\nECHO\r\n$%d\r\n", ANSWER) + ANSWER + 2;
    for (int i = 0; i < COMMANDS; i++) {
        for (int left = command, n; left > 0; left -= n)
            if ((n = SSL_read(ssl, bytes, left < (int)sizeof bytes ? left : (int)sizeof bytes)) <= 0) goto out;
        int head = snprintf(bytes, sizeof bytes, "$%d\r\n", ANSWER);
        memset(bytes + head, 'v', ANSWER);
        memcpy(bytes + head + ANSWER, "\r\n", 2);
        if (SSL_write(ssl, bytes, head + ANSWER + 2) <= 0) break;
    }
out:
    SSL_free(ssl);
}

/* Neither waits for the other for ever: the client reads while it cannot send. Over the C core it would. */
static void pipeline(void) {
    char *value = malloc(ANSWER);
    if (over_the_c_core()) {
        free(value);
        return;
    }
    memset(value, 'v', ANSWER);
    begin(answers_at_length);
    redisContext *c = client_of(&p, tls);
    for (int i = 0; i < COMMANDS; i++) check(redisAppendCommand(c, "ECHO %b", value, (size_t)ANSWER) == REDIS_OK);
    for (int i = 0; i < COMMANDS; i++) {
        redisReply *reply = NULL;
        check(redisGetReply(c, (void **)&reply) == REDIS_OK && reply->len == ANSWER && memcmp(reply->str, value, ANSWER) == 0);
        freeReplyObject(reply);
    }
    check(c->err == 0 && sdslen(c->obuf) == 0);
    redisFree(c);
    end();
    free(value);
}

int main(void) {
    tls = trusting("ca.pem", "localhost");
    check(redisSSLContextSetVerifyName(tls, "localhost") == REDIS_SSL_CTX_NONE);
    server = server_context(0);
    run(plaintext);
    run(closed_in_the_handshake);
    run(connect_timeout);
    run(interrupted);
    run(command_timeout);
    run(no_signal);
    run(renegotiation);
    run(key_update);
    run(blocked_answers);
    run(silence_in_the_handshake);
    run(reply_and_end);
    run(several_records_per_event);
    run(close_notify);
    run(own_ssl);
    run(server_name);
    run(pipeline);
    SSL_CTX_free(server);
    redisFreeSSLContext(tls);
    return 0;
}

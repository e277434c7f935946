/* Asynchronous TLS over real loops: libevent, libuv, and the library's own. */
/* cc: -lhiredis_ssl -lssl -lcrypto -lpthread -levent -luv -D_GNU_SOURCE */
#include "tls_peer.h"

#include <hiredis/adapters/libevent.h>
#include <hiredis/adapters/libuv.h>
#include <hiredis/adapters/mio.h>

static const char *const loops[] = {"libevent", "libuv", "mio"};
static int kind;
static struct event_base *base;
static uv_loop_t uv;
static redisMioLoop *mio;
static redisSSLContext *tls;

static void attach(redisAsyncContext *ac) {
    if (kind == 0) check(redisLibeventAttach(ac, base) == REDIS_OK);
    if (kind == 1) check(redisLibuvAttach(ac, &uv) == REDIS_OK);
    if (kind == 2) check(redisMioAttach(ac, mio) == REDIS_OK);
}

/* Until nothing is left to wait for, which is when the contexts are gone. */
static void run_loop(void) {
    if (kind == 0) event_base_dispatch(base);
    if (kind == 1) uv_run(&uv, UV_RUN_DEFAULT);
    if (kind == 2) redisMioRun(mio);
}

static struct seen {
    int connected, disconnected; /* REDIS_OK, REDIS_ERR, or 99 */
    int err, answered, failed, messages;
    size_t bytes;
    char errstr[128];
} seen;

static void note(const redisAsyncContext *ac) {
    seen.err = ac->err;
    snprintf(seen.errstr, sizeof seen.errstr, "%s", ac->errstr);
}

static void on_connect(const redisAsyncContext *ac, int status) {
    seen.connected = status;
    note(ac);
}

static void on_disconnect(const redisAsyncContext *ac, int status) {
    seen.disconnected = status;
    note(ac);
}

static void on_reply(redisAsyncContext *ac, void *r, void *privdata) {
    redisReply *reply = r;
    if (reply == NULL) {
        seen.failed++;
        return;
    }
    check(reply->type != REDIS_REPLY_ERROR);
    seen.answered++;
    seen.bytes += reply->len;
    if (privdata) redisAsyncDisconnect(ac);
}

static redisAsyncContext *prepared(redisAsyncContext *ac, int timeout_ms) {
    memset(&seen, 0, sizeof seen);
    seen.connected = seen.disconnected = 99;
    check(ac != NULL && ac->err == 0);
    check(redisInitiateSSLWithContext(&ac->c, tls) == REDIS_OK);
    if (ac->ev.data == NULL) attach(ac);
    check(redisAsyncSetConnectCallback(ac, on_connect) == REDIS_OK);
    check(redisAsyncSetDisconnectCallback(ac, on_disconnect) == REDIS_OK);
    if (timeout_ms) check(redisAsyncSetTimeout(ac, in_ms(timeout_ms)) == REDIS_OK);
    return ac;
}

static redisAsyncContext *to(int port, int connect_ms, int command_ms) {
    redisOptions options = {0};
    struct timeval timeout = in_ms(connect_ms);
    REDIS_OPTIONS_SET_TCP(&options, "127.0.0.1", port);
    if (connect_ms) options.connect_timeout = &timeout;
    return prepared(redisAsyncConnectWithOptions(&options), command_ms);
}

static void large_values(void) {
    size_t len = under_valgrind() ? 1 << 20 : 64 << 20;
    char *value = malloc(len);
    redisAsyncContext *ac = to(port_of("TLS_PORT"), 5000, 60000);
    memset(value, 'v', len);
    check(redisAsyncCommand(ac, on_reply, NULL, "SET loops %b", value, len) == REDIS_OK);
    for (int i = 0; i < 1000; i++) check(redisAsyncCommand(ac, on_reply, NULL, "ECHO %d", 1000 + i) == REDIS_OK);
    check(redisAsyncCommand(ac, on_reply, ac, "GET loops") == REDIS_OK);
    run_loop();
    check(seen.connected == REDIS_OK && seen.disconnected == REDIS_OK && seen.answered == 1002 && seen.failed == 0);
    check(seen.bytes == 2 + 4000 + len);
    free(value);
}

static void on_message(redisAsyncContext *ac, void *r, void *privdata) {
    redisReply *reply = r;
    if (reply == NULL) return;
    check(reply->elements == 3);
    seen.messages++;
    if (strcmp(reply->element[0]->str, "subscribe") == 0)
        check(redisAsyncCommand(privdata, on_reply, NULL, "PUBLISH loops hello") == REDIS_OK);
    else if (strcmp(reply->element[0]->str, "message") == 0) {
        redisAsyncDisconnect(privdata);
        redisAsyncDisconnect(ac);
    }
}

static void subscription(void) {
    redisAsyncContext *publisher = to(port_of("TLS_PORT"), 0, 0), *subscriber = to(port_of("TLS_PORT"), 0, 0);
    check(redisAsyncCommand(subscriber, on_message, publisher, "SUBSCRIBE loops") == REDIS_OK);
    run_loop();
    check(seen.messages == 2 && seen.disconnected == REDIS_OK);
}

/* What is not awaited is sent before the connection ends. */
static void unawaited(void) {
    redisAsyncContext *ac = to(port_of("TLS_PORT"), 0, 0);
    check(redisAsyncCommand(ac, on_reply, NULL, "DEL unawaited") == REDIS_OK);
    check(redisAsyncCommand(ac, NULL, NULL, "SET unawaited yes") == REDIS_OK);
    redisAsyncDisconnect(ac);
    run_loop();
    check(seen.answered == 1 && seen.disconnected == REDIS_OK);
    ac = to(port_of("TLS_PORT"), 0, 0);
    check(redisAsyncCommand(ac, on_reply, ac, "GET unawaited") == REDIS_OK);
    run_loop();
    check(seen.answered == 1 && seen.bytes == 3);
}

static void untrusted(void) {
    redisSSLContext *before = tls;
    redisAsyncContext *ac;
    tls = trusting("other-ca.pem", NULL);
    do { /* The server may have answered within the call that initiates; here it is to be told later. */
        ac = redisAsyncConnect("127.0.0.1", port_of("TLS_PORT"));
        if (redisInitiateSSLWithContext(&ac->c, tls) == REDIS_OK) break;
        redisAsyncFree(ac);
    } while (1);
    memset(&seen, 0, sizeof seen);
    attach(ac);
    redisAsyncSetConnectCallback(ac, on_connect);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
    check(redisAsyncCommand(ac, on_reply, NULL, "PING") == REDIS_OK);
    run_loop();
    check(seen.connected == REDIS_OK && seen.disconnected == REDIS_ERR && seen.failed == 1 && seen.err == REDIS_ERR_IO);
    check(strcmp(seen.errstr, "SSL_connect failed: certificate verify failed: self-signed certificate in certificate chain") == 0);
    redisFreeSSLContext(tls);
    tls = before;
}

/* A refused connect is the core's to tell, and told as without TLS. */
static void refused(void) {
    struct peer p;
    redisAsyncContext *ac;
    peer_refuse(&p);
    ac = to(p.port, 0, 0);
    check(redisAsyncCommand(ac, on_reply, NULL, "PING") == REDIS_OK);
    run_loop();
    check(seen.connected == REDIS_ERR && seen.disconnected == 99 && seen.failed == 1);
    check(seen.err == REDIS_ERR_IO && strcmp(seen.errstr, "Connection refused") == 0);
    peer_end(&p);
}

/* A server that accepts, and then is silent. The connect timeout counts until the handshake is done, then that of commands. */
static void silent_server(void) {
    struct peer p;
    double begun = seconds();
    redisAsyncContext *ac;
    peer_listen(&p);
    ac = to(p.port, 300, 60000);
    check(redisAsyncCommand(ac, on_reply, NULL, "PING") == REDIS_OK);
    run_loop();
    check(seen.connected == REDIS_OK && seen.disconnected == REDIS_ERR && seen.failed == 1 && seen.err == REDIS_ERR_TIMEOUT);
    check(seconds() - begun > 0.25 && (seconds() - begun < 3 || under_valgrind()));
    ac = to(p.port, 0, 300); /* no connect timeout: the handshake is part of the command's time */
    begun = seconds();
    check(redisAsyncCommand(ac, on_reply, NULL, "PING") == REDIS_OK);
    run_loop();
    check(seen.failed == 1 && seen.err == REDIS_ERR_TIMEOUT && seconds() - begun > 0.25);
    peer_end(&p);
    ac = to(port_of("TLS_PORT"), 10000, 300);
    begun = seconds();
    check(redisAsyncCommand(ac, on_reply, NULL, "PING") == REDIS_OK);
    check(redisAsyncCommand(ac, on_reply, NULL, "BLPOP nothing 20") == REDIS_OK);
    run_loop();
    check(seen.answered == 1 && seen.failed == 1 && seen.err == REDIS_ERR_TIMEOUT);
    check(seconds() - begun > 0.25 && (seconds() - begun < 5 || under_valgrind()));
}

static void begins_in_on_connect(const redisAsyncContext *ac, int status) {
    on_connect(ac, status);
    check(redisInitiateSSLWithContext((redisContext *)&ac->c, tls) == REDIS_OK);
}

/* A handshake that the connect callback begins has the connect timeout, too, though no command waits for it. */
static void silent_server_after_connecting(void) {
    struct peer p;
    double begun = seconds();
    redisOptions options = {0};
    struct timeval timeout = in_ms(300);
    peer_listen(&p);
    REDIS_OPTIONS_SET_TCP(&options, "127.0.0.1", p.port);
    options.connect_timeout = &timeout;
    redisAsyncContext *ac = redisAsyncConnectWithOptions(&options);
    memset(&seen, 0, sizeof seen);
    attach(ac);
    redisAsyncSetConnectCallback(ac, begins_in_on_connect);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
    run_loop();
    check(seen.connected == REDIS_OK && seen.disconnected == REDIS_ERR && seen.err == REDIS_ERR_TIMEOUT);
    check(seconds() - begun > 0.25 && (seconds() - begun < 3 || under_valgrind()));
    peer_end(&p);
}

static void frees(redisAsyncContext *ac, void *r, void *privdata) {
    (void)privdata;
    check(r != NULL);
    seen.answered++;
    redisAsyncFree(ac);
}

static void freed_in_a_callback(void) {
    redisAsyncContext *ac = to(port_of("TLS_PORT"), 0, 0);
    check(redisAsyncCommand(ac, frees, NULL, "PING") == REDIS_OK);
    check(redisAsyncCommand(ac, on_reply, NULL, "PING") == REDIS_OK);
    run_loop();
    check(seen.answered == 1 && seen.failed == 1 && seen.disconnected == REDIS_OK);
    redisAsyncFree(to(port_of("TLS_PORT"), 0, 0)); /* in the middle of the handshake */
    run_loop();
}

/* The library's own loop connects later, by a host name, and to whichever address answers. */
static void connected_by_the_loop(void) {
    redisOptions options = {0};
    struct timeval timeout = in_ms(5000);
    REDIS_OPTIONS_SET_TCP(&options, "localhost", port_of("TLS_PORT"));
    options.connect_timeout = &timeout;
    redisAsyncContext *ac = prepared(redisMioConnect(mio, &options), 0);
    check(redisAsyncCommand(ac, on_reply, ac, "PING") == REDIS_OK);
    run_loop();
    check(seen.connected == REDIS_OK && seen.answered == 1 && seen.disconnected == REDIS_OK);
}

int main(void) {
    tls = trusting("ca.pem", "localhost");
    check(redisSSLContextSetVerifyName(tls, "127.0.0.1") == REDIS_SSL_CTX_NONE);
    base = event_base_new();
    uv_loop_init(&uv);
    mio = redisMioLoopCreate();
    for (kind = 0; kind < 3; kind++) {
        printf("%s\n", loops[kind]);
        run(large_values);
        run(subscription);
        run(unawaited);
        run(untrusted);
        run(refused);
        run(silent_server);
        run(silent_server_after_connecting);
        run(freed_in_a_callback);
    }
    kind = 2;
    run(connected_by_the_loop);
    event_base_free(base);
    uv_loop_close(&uv);
    redisMioLoopFree(mio);
    redisFreeSSLContext(tls);
    return 0;
}

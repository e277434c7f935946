/* A server that wants a certificate, and an asynchronous context that has none, again and again: it is connected, and then not. */
/* cc: -lhiredis_ssl -lssl -lcrypto -lpthread -D_GNU_SOURCE */
#include "tls_peer.h"

static int connected;

static void on_connect(const redisAsyncContext *ac, int status) {
    (void)ac;
    connected = status == REDIS_OK ? 1 : 2;
}

/* In TLS 1.3 the server's verdict comes behind our end of the handshake; where a command has been sent meanwhile, the connection
 * may be reset before the verdict is read. */
static void once(redisSSLContext *tls, int with_command) {
    struct watched w;
    connected = 0;
    watch(&w, redisAsyncConnect("127.0.0.1", port_of("TLS_PORT")), tls);
    redisAsyncSetConnectCallback(w.ac, on_connect);
    if (with_command) check(redisAsyncCommand(w.ac, watched_reply, &w, "SET a x") == REDIS_OK);
    watch_until(&w, w.disconnected);
    check(connected == 1 && w.disconnected == 2 && w.failed == with_command && w.answered == 0 && w.ac == NULL);
    check(w.err == REDIS_ERR_IO);
    if (with_command && strcmp(w.errstr, "Connection reset by peer") == 0) return;
    if (with_command && strcmp(w.errstr, "Broken pipe") == 0) return;
    if (strcmp(w.errstr, "SSL_read failed: tlsv13 alert certificate required") != 0) fprintf(stderr, "%s\n", w.errstr);
    check(strcmp(w.errstr, "SSL_read failed: tlsv13 alert certificate required") == 0);
}

int main(void) {
    redisSSLContext *tls = trusting("ca.pem", "localhost");
    for (int i = 0; i < (under_valgrind() ? 4 : 40); i++) once(tls, i % 2);
    redisFreeSSLContext(tls);
    return 0;
}

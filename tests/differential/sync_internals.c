/* The exported functions that no installed header declares, but that transports and wrapping libraries import (contract
 * section 0). redisCheckSocketError on a healthy socket is left out: the C library reports whatever errno holds then. */
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "../c/internals.h"
#include "report.h"

static int port;
static const char *path;

static void time_of(const char *key, const char *what, const struct timeval *tv) {
    if (tv == NULL) return;
    say("%s.%s", key, what);
    printf(" %ld.%06ld", (long)tv->tv_sec, (long)tv->tv_usec);
    end();
}

static void state(const char *key, redisContext *c, int rc) {
    fact(rc, "%s.rc", key);
    say("%s.context", key);
    printf(" err %d '%s' flags %#x type %d fd %s obuf %zu", c->err, c->errstr, c->flags, c->connection_type,
           c->fd < 0 ? "-1" : fcntl(c->fd, F_GETFD) < 0 ? "closed" : "open", c->obuf ? sdslen(c->obuf) : 0);
    end();
    time_of(key, "connect_timeout", c->connect_timeout);
    time_of(key, "command_timeout", c->command_timeout);
}

static void ping(const char *key, redisContext *c) {
    redisReply *reply = redisCommand(c, "PING");
    say("%s.ping", key);
    text(reply ? reply->str : NULL);
    end();
    freeReplyObject(reply);
}

static int append(redisContext *c, const char *format, ...) {
    va_list ap;
    int rc;
    va_start(ap, format);
    rc = redisvAppendCommand(c, format, ap);
    va_end(ap);
    return rc;
}

static int issue(redisAsyncContext *ac, redisCallbackFn *fn, void *privdata, const char *format, ...) {
    va_list ap;
    int rc;
    va_start(ap, format);
    rc = redisvAsyncCommand(ac, fn, privdata, format, ap);
    va_end(ap);
    return rc;
}

static void commands(void) {
    redisContext *c = redisConnect("127.0.0.1", port);
    redisReply *reply;
    state("append.raw", c, __redisAppendCommand(c, "*1\r\n$4\r\nPING\r\n", 14));
    state("append.va_list", c, append(c, "ECHO %s%b", "x", "yy", (size_t)2));
    for (int i = 0; i < 2; i++) {
        reply = NULL;
        fact(redisGetReply(c, (void **)&reply), "append.get%d", i);
        say("append.reply%d", i);
        text(reply ? reply->str : NULL);
        end();
        freeReplyObject(reply);
    }
    state("append.bad", c, append(c, "ECHO %z"));
    redisFree(c);
}

static void timeouts(void) {
    struct timeval one = {1, 500000}, two = {2, 250000}, bad = {1, 2000000}, zero = {0, 0};
    redisContext *c = redisConnect("127.0.0.1", port);
    state("timeout.connect", c, redisContextUpdateConnectTimeout(c, &one));
    state("timeout.connect_again", c, redisContextUpdateConnectTimeout(c, &two));
    state("timeout.command", c, redisContextUpdateCommandTimeout(c, &one));
    state("timeout.command_same", c, redisContextUpdateCommandTimeout(c, c->command_timeout));
    state("timeout.set", c, redisContextSetTimeout(c, two));
    state("timeout.set_zero", c, redisContextSetTimeout(c, zero));
    state("timeout.set_bad", c, redisContextSetTimeout(c, bad));
    redisFree(c);
}

static void options(void) {
    redisContext *c = redisConnect("127.0.0.1", port);
    state("option.keepalive", c, redisKeepAlive(c, 30));
    state("option.nodelay", c, redisSetTcpNoDelay(c));
    state("option.user_timeout", c, redisContextSetTcpUserTimeout(c, 1234));
    state("option.keepalive_zero", c, redisKeepAlive(c, 0));
    redisFree(c);
    c = redisConnectUnix(path);
    state("option.unix.nodelay", c, redisSetTcpNoDelay(c));
    redisFree(c);
    c = redisConnectUnix(path);
    state("option.unix.user_timeout", c, redisContextSetTcpUserTimeout(c, 10));
    redisFree(c);
}

static void connects(void) {
    struct timeval patience = {1, 500000};
    int done = -7, old;
    redisContext *c = redisConnect("127.0.0.1", port);
    int rc = redisCheckConnectDone(c, &done);
    fact(done, "connect.done");
    state("connect.check", c, rc);
    old = c->fd;
    state("connect.tcp", c, redisContextConnectTcp(c, "127.0.0.1", port, &patience));
    close(old);
    ping("connect.tcp", c);
    old = c->fd;
    state("connect.bind", c, redisContextConnectBindTcp(c, "127.0.0.1", port, NULL, "127.0.0.1"));
    close(old);
    ping("connect.bind", c);
    old = c->fd;
    state("connect.unix", c, redisContextConnectUnix(c, path, NULL));
    close(old);
    ping("connect.unix", c);
    redisFree(c);
    c = redisConnectNonBlock("127.0.0.1", 1);
    usleep(20000);
    state("connect.refused", c, redisCheckSocketError(c));
    redisFree(c);
}

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata) {
    say("async.%s.reply", (const char *)privdata);
    text(reply ? ((redisReply *)reply)->str : NULL);
    printf(" err %d", ac->err);
    end();
}

static void on_disconnect(const redisAsyncContext *ac, int status) {
    say("async.%s.disconnected", (const char *)ac->data);
    printf(" %d err %d '%s'", status, ac->err, ac->errstr);
    end();
}

static void disconnects(const char *name, int read, const char *error) {
    redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", port);
    ac->data = (void *)name;
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
    usleep(10000);
    redisAsyncHandleWrite(ac);
    fact(issue(ac, on_reply, (void *)name, "ECHO %s", "hello"), "async.%s.issued", name);
    fact(issue(ac, on_reply, (void *)name, "ECHO %z"), "async.%s.bad", name);
    redisAsyncHandleWrite(ac);
    usleep(20000);
    if (read) redisAsyncHandleRead(ac);
    if (error) __redisSetError(&ac->c, REDIS_ERR_OTHER, error);
    __redisAsyncDisconnect(ac);
}

int main(void) {
    port = atoi(getenv("REDIS_PORT"));
    path = getenv("REDIS_SOCK");
    commands();
    timeouts();
    options();
    connects();
    disconnects("clean", 1, NULL);
    disconnects("failed", 0, "mine");
    return 0;
}

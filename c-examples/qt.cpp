/* Asynchronous commands with Qt 5; with Qt 6, the package is Qt6Core, and moc is in its libexecdir.
 *
 *     $(pkg-config --variable=host_bins Qt5Core)/moc -fhiredis/adapters/qt.h $(pkg-config --variable=pkgincludedir hiredis)/adapters/qt.h -o moc_qt.cpp
 *     c++ qt.cpp -I. -fPIC $(pkg-config --cflags --libs hiredis Qt5Core) -o qt
 *     ./qt 127.0.0.1 6379      or      ./qt /path/to/redis.sock
 */
#include "moc_qt.cpp" // made by moc from hiredis/adapters/qt.h, which it includes

#include <QCoreApplication>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

static int status = 1;

/* The context is freed after a failed connect, and after it has disconnected: there is nothing to clean up here. */
static void on_connect(const redisAsyncContext *ac, int result) {
    if (result == REDIS_OK) {
        printf("Connected\n");
    } else {
        fprintf(stderr, "There is no Redis: %s\n", ac->errstr);
        QCoreApplication::quit();
    }
}

static void on_disconnect(const redisAsyncContext *ac, int result) {
    if (result == REDIS_OK) printf("Disconnected\n");
    else fprintf(stderr, "Lost the connection: %s\n", ac->errstr);
    if (result != REDIS_OK) status = 1;
    QCoreApplication::quit();
}

/* The reply belongs to the library. Null means that there will be none: the connection is about to go. */
static void on_get(redisAsyncContext *ac, void *answer, void *privdata) {
    redisReply *reply = (redisReply *)answer;
    if (reply == nullptr) return;
    printf("%s: %s\n", (const char *)privdata, reply->str ? reply->str : "(nil)");
    if (reply->type == REDIS_REPLY_STRING) status = 0;
    redisAsyncDisconnect(ac); /* once every reply has come */
}

static redisAsyncContext *begin(int argc, char **argv) {
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    struct timeval patience = {2, 0};
    redisOptions options = {};
    redisAsyncContext *ac;
    if (host[0] == '/') REDIS_OPTIONS_SET_UNIX(&options, host);
    else REDIS_OPTIONS_SET_TCP(&options, host, argc > 2 ? atoi(argv[2]) : 6379);
    options.connect_timeout = &patience; /* the loop's timers see to both */
    options.command_timeout = &patience;
    ac = redisAsyncConnectWithOptions(&options);
    if (ac == nullptr || ac->err) {
        fprintf(stderr, "There is no Redis at %s: %s\n", host, ac ? ac->errstr : "out of memory");
        redisAsyncFree(ac);
        exit(1);
    }
    return ac;
}

int main(int argc, char **argv) {
    redisAsyncContext *ac = begin(argc, argv);
    QCoreApplication app(argc, argv);
    RedisQtAdapter adapter;

    /* Attach first, then set callbacks and issue commands. */
    if (adapter.setContext(ac) != REDIS_OK) {
        fprintf(stderr, "Cannot attach to the event loop\n");
        return 1;
    }
    redisAsyncSetConnectCallback(ac, on_connect);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
    redisAsyncCommand(ac, nullptr, nullptr, "SET example:loop %s", "qt");
    redisAsyncCommand(ac, on_get, (void *)"the value", "GET example:loop");
    redisAsyncCommand(ac, nullptr, nullptr, "DEL example:loop");
    QCoreApplication::exec();

    return status;
}

/* The rest of the blocking API without memory, function by function: every way to connect, what transports and wrapping libraries call,
 * and each way to send. What has failed says so, and can be freed; what was connected before serves again after redisReconnect. */
#include "oom.h"
#include "oom_socket.h"
#include <errno.h>
#include <unistd.h>

static int port;
static const char *path;
static const struct timeval TIMEOUT = {5, 0};

/* A context that was made, or not. */
static void settle_connect(redisContext *c) {
    disarm();
    CHECK(c != NULL || failures);
    CHECK(c == NULL || (failures ? IS_OUT_OF_MEMORY(c) : c->err == 0));
    arm();
    redisFree(c);
    disarm();
}

#define CONNECTS(name, call)        \
    static void name##_(void) {     \
        arm();                      \
        redisContext *c = call;     \
        settle_connect(c);          \
    }

CONNECTS(redisConnect, redisConnect("127.0.0.1", port))
CONNECTS(redisConnectWithTimeout, redisConnectWithTimeout("127.0.0.1", port, TIMEOUT))
CONNECTS(redisConnectNonBlock, redisConnectNonBlock("127.0.0.1", port))
CONNECTS(redisConnectBindNonBlock, redisConnectBindNonBlock("127.0.0.1", port, "127.0.0.1"))
CONNECTS(redisConnectBindNonBlockWithReuse, redisConnectBindNonBlockWithReuse("127.0.0.1", port, "127.0.0.1"))
CONNECTS(redisConnectUnix, redisConnectUnix(path))
CONNECTS(redisConnectUnixWithTimeout, redisConnectUnixWithTimeout(path, TIMEOUT))
CONNECTS(redisConnectUnixNonBlock, redisConnectUnixNonBlock(path))

/* The descriptor is the program's until a context has it, and again afterwards. */
static void redisConnectFd_(void) {
    int fd = socket_to(path);
    arm();
    redisContext *c = redisConnectFd(fd);
    CHECK((c == NULL) == has_failed());
    if (c != NULL)
        CHECK(redisFreeKeepFd(c) == fd);
    disarm();
    CHECK(close(fd) == 0);
}

static redisContext *connected(void) {
    redisContext *c = redisConnect("127.0.0.1", port);
    CHECK(c != NULL && c->err == 0);
    return c;
}

static void check_ping(redisContext *c) {
    redisReply *reply = redisCommand(c, "PING");
    CHECK(reply != NULL && strcmp(reply->str, "PONG") == 0);
    freeReplyObject(reply);
}

static void serves_again(redisContext *c) {
    disarm();
    if (c->err != 0)
        CHECK(failures && IS_OUT_OF_MEMORY(c));
    CHECK(redisReconnect(c) == REDIS_OK && c->err == 0);
    check_ping(c);
    redisFree(c);
}

/* Functions that change a connected context. */
#define SETS(name, call)                                                   \
    static void name##_(void) {                                            \
        redisContext *c = connected();                                     \
        arm();                                                             \
        int status = call;                                                 \
        CHECK(status == REDIS_OK || (has_failed() && IS_OUT_OF_MEMORY(c))); \
        serves_again(c);                                                   \
    }

SETS(redisEnableKeepAlive, redisEnableKeepAlive(c))
SETS(redisEnableKeepAliveWithInterval, redisEnableKeepAliveWithInterval(c, 10))
SETS(redisKeepAlive, redisKeepAlive(c, 10))
SETS(redisSetTcpUserTimeout, redisSetTcpUserTimeout(c, 1000))
SETS(redisContextSetTcpUserTimeout, redisContextSetTcpUserTimeout(c, 1000))
SETS(redisSetTcpNoDelay, redisSetTcpNoDelay(c))
SETS(redisContextSetTimeout, redisContextSetTimeout(c, TIMEOUT))
SETS(redisCheckSocketError, redisCheckSocketError(c))

/* These leave the telling to their caller. */
#define UPDATES(name, call)                                   \
    static void name##_(void) {                               \
        redisContext *c = connected();                        \
        arm();                                                \
        int status = call;                                    \
        CHECK(status == REDIS_OK || has_failed());            \
        serves_again(c);                                      \
    }

UPDATES(redisContextUpdateConnectTimeout, redisContextUpdateConnectTimeout(c, &TIMEOUT))
UPDATES(redisContextUpdateCommandTimeout, redisContextUpdateCommandTimeout(c, &TIMEOUT))

static void redisCheckConnectDone_(void) {
    redisContext *c = redisConnectNonBlock("127.0.0.1", port);
    int done = 0;
    CHECK(c != NULL && c->err == 0);
    arm();
    while (!done)
        CHECK(redisCheckConnectDone(c, &done) == REDIS_OK);
    disarm();
    CHECK(!failures);
    redisFree(c);
}

/* Connects a context that was disconnected by redisNetClose. */
#define DIALS(name, call)                                                   \
    static void name##_(void) {                                             \
        redisContext *c = connected();                                      \
        arm();                                                              \
        redisNetClose(c);                                                   \
        int status = call;                                                  \
        CHECK(status == REDIS_OK || (has_failed() && IS_OUT_OF_MEMORY(c))); \
        disarm();                                                           \
        if (status == REDIS_OK)                                             \
            check_ping(c);                                                  \
        redisFree(c);                                                       \
    }

DIALS(redisContextConnectTcp, redisContextConnectTcp(c, "127.0.0.1", port, &TIMEOUT))
DIALS(redisContextConnectBindTcp, redisContextConnectBindTcp(c, "127.0.0.1", port, &TIMEOUT, "127.0.0.1"))
DIALS(redisContextConnectUnix, redisContextConnectUnix(c, path, &TIMEOUT))

static int append_by_list(redisContext *c, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    int status = redisvAppendCommand(c, format, ap);
    va_end(ap);
    return status;
}

static void *command_by_list(redisContext *c, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    void *reply = redisvCommand(c, format, ap);
    va_end(ap);
    return reply;
}

static int format_by_list(char **target, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    int len = redisvFormatCommand(target, format, ap);
    va_end(ap);
    return len;
}

/* Each step by hand, as transports do: append, write, read, take the reply. */
static void step_by_step(void) {
    static const char ping[] = "*1\r\n$4\r\nPING\r\n";
    redisContext *c = connected();
    char answer[64];
    void *reply = NULL;
    int done = 0;
    arm();
    if (__redisAppendCommand(c, ping, sizeof(ping) - 1) == REDIS_OK) {
        CHECK(redisNetWrite(c) == sizeof(ping) - 1);
        CHECK(redisNetRead(c, answer, sizeof(answer)) == 7 && memcmp(answer, "+PONG\r\n", 7) == 0);
    } else {
        CHECK(has_failed() && IS_OUT_OF_MEMORY(c) && sdslen(c->obuf) == 0);
    }
    disarm();
    c->err = 0;
    if (sdslen(c->obuf) > 0)
        sdsclear(c->obuf);
    arm();
    if (append_by_list(c, "ECHO %s", "text") == REDIS_OK) {
        while (!done && redisBufferWrite(c, &done) == REDIS_OK) {}
        while (done && c->err == 0 && reply == NULL && redisBufferRead(c) == REDIS_OK)
            if (redisGetReplyFromReader(c, &reply) != REDIS_OK)
                CHECK(reply == NULL);
    }
    CHECK(reply != NULL || (has_failed() && IS_OUT_OF_MEMORY(c)));
    if (reply != NULL)
        CHECK(strcmp(((redisReply *)reply)->str, "text") == 0);
    freeReplyObject(reply);
    serves_again(c);
}

static void redisvCommand_(void) {
    redisContext *c = connected();
    arm();
    redisReply *reply = command_by_list(c, "ECHO %b", "te\0xt", (size_t)5);
    CHECK(reply != NULL ? reply->len == 5 : has_failed() && IS_OUT_OF_MEMORY(c));
    freeReplyObject(reply);
    serves_again(c);
}

static void redisvFormatCommand_(void) {
    char *command = NULL;
    arm();
    int len = format_by_list(&command, "ECHO %s", "text");
    CHECK(len == 24 ? command != NULL : len == -1 && has_failed() && command == NULL);
    redisFreeCommand(command);
    disarm();
}

static void redisFormatSdsCommandArgv_(void) {
    const char *argv[] = {"ECHO", "text"};
    sds command = NULL;
    arm();
    long long len = redisFormatSdsCommandArgv(&command, 2, argv, NULL);
    CHECK(len == 24 ? command != NULL : len == -1 && has_failed() && command == NULL);
    redisFreeSdsCommand(command);
    disarm();
}

static void on_push(void *privdata, void *reply) { freeReplyObject(reply); }

static void needing_none(void) {
    redisContext *c = connected();
    arm();
    CHECK(redisSetPushCallback(c, on_push) != NULL);
    __redisSetError(c, REDIS_ERR_OTHER, "text");
    CHECK(c->err == REDIS_ERR_OTHER && strcmp(c->errstr, "text") == 0);
    c->err = 0;
    disarm();
    CHECK(!failures);
    serves_again(c);
}

static void redisReaderCreateWithFunctions_(void) {
    void *reply = NULL;
    arm();
    redisReader *r = redisReaderCreateWithFunctions(NULL);
    CHECK(r != NULL || has_failed());
    if (r != NULL && redisReaderFeed(r, "*2\r\n:1\r\n+x\r\n", 12) == REDIS_OK)
        CHECK(redisReaderGetReply(r, &reply) == REDIS_OK || (has_failed() && IS_OUT_OF_MEMORY(r)));
    redisReaderFree(r);
    disarm();
}

/* The table can be changed at any time; here it comes back. */
static void tables(void) {
    arm();
    hiredisAllocFuncs now = hiredisAllocFns;
    hiredisResetAllocators();
    hiredisAllocFuncs libc = hiredisSetAllocators(&now);
    CHECK(libc.mallocFn != NULL && hiredisAllocFns.mallocFn == now.mallocFn);
    disarm();
}

/* What a limit refuses is refused without memory, too, and spoils nothing. */
static void limits(void) {
    redisContext *c = connected();
    arm();
    redisSetMaxOutput(c, 1);
    redisReaderSetMaxInput(c->reader, 1);
    errno = 0;
    CHECK(redisAppendCommand(c, "PING") == REDIS_ERR && (has_failed() || errno == ENOBUFS));
    CHECK(c->err == REDIS_ERR_OOM && sdslen(c->obuf) == 0);
    CHECK(redisBufferWrite(c, NULL) == REDIS_OK || has_failed());
    disarm();
    redisSetMaxOutput(c, 0);
    redisReaderSetMaxInput(c->reader, 0);
    serves_again(c);
}

int main(void) {
    port = atoi(getenv("REDIS_PORT"));
    path = getenv("REDIS_SOCK");
#define RUN(name) each_failure(#name, name##_)
    RUN(redisConnect);
    RUN(redisConnectWithTimeout);
    RUN(redisConnectNonBlock);
    RUN(redisConnectBindNonBlock);
    RUN(redisConnectBindNonBlockWithReuse);
    RUN(redisConnectUnix);
    RUN(redisConnectUnixWithTimeout);
    RUN(redisConnectUnixNonBlock);
    RUN(redisConnectFd);
    RUN(redisEnableKeepAlive);
    RUN(redisEnableKeepAliveWithInterval);
    RUN(redisKeepAlive);
    RUN(redisSetTcpUserTimeout);
    RUN(redisContextSetTcpUserTimeout);
    RUN(redisSetTcpNoDelay);
    RUN(redisContextSetTimeout);
    RUN(redisCheckSocketError);
    RUN(redisContextUpdateConnectTimeout);
    RUN(redisContextUpdateCommandTimeout);
    RUN(redisCheckConnectDone);
    RUN(redisContextConnectTcp);
    RUN(redisContextConnectBindTcp);
    RUN(redisContextConnectUnix);
    RUN(redisvCommand);
    RUN(redisvFormatCommand);
    RUN(redisFormatSdsCommandArgv);
    RUN(redisReaderCreateWithFunctions);
    each_failure("step by step", step_by_step);
    each_failure("needing none", needing_none);
    each_failure("tables", tables);
    each_failure("limits", limits);
    return 0;
}

/* Pipelining: many commands are sent together, then their replies are read, in order.
 *
 *     cc pipeline.c $(pkg-config --cflags --libs hiredis) -o pipeline
 *     ./pipeline 127.0.0.1 6379      or      ./pipeline /path/to/redis.sock
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

static redisContext *connect_or_exit(int argc, char **argv) {
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    int port = argc > 2 ? atoi(argv[2]) : 6379;
    struct timeval patience = {2, 0};
    redisContext *c = host[0] == '/' ? redisConnectUnixWithTimeout(host, patience) : redisConnectWithTimeout(host, port, patience);
    if (c == NULL || c->err) {
        fprintf(stderr, "There is no Redis at %s: %s\n", host, c ? c->errstr : "out of memory");
        redisFree(c);
        exit(1);
    }
    return c;
}

static void fail(const redisContext *c) {
    fprintf(stderr, "The pipeline failed: %s\n", c->errstr);
    exit(1);
}

int main(int argc, char **argv) {
    enum { COMMANDS = 10000 };
    redisContext *c = connect_or_exit(argc, argv);
    redisReply *reply;
    long long sum = 0;

    /* Nothing is sent yet: the commands gather in the output buffer. */
    for (int i = 0; i < COMMANDS; i++)
        if (redisAppendCommand(c, "INCRBY example:sum %d", i) != REDIS_OK) fail(c);

    /* The first call sends them all. There is one reply for each command. */
    for (int i = 0; i < COMMANDS; i++) {
        if (redisGetReply(c, (void **)&reply) != REDIS_OK) fail(c);
        if (reply->type == REDIS_REPLY_INTEGER) sum = reply->integer;
        freeReplyObject(reply);
    }
    printf("%d commands in one pipeline, the sum is %lld\n", COMMANDS, sum);

    reply = redisCommand(c, "DEL example:sum");
    if (reply == NULL) fail(c);
    freeReplyObject(reply);
    redisFree(c);
    return 0;
}

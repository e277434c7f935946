/* Publish and subscribe, without an event loop: one connection listens, another speaks.
 *
 *     cc pubsub.c $(pkg-config --cflags --libs hiredis) -o pubsub
 *     ./pubsub 127.0.0.1 6379      or      ./pubsub /path/to/redis.sock
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void fail(const redisContext *c, const redisReply *reply) {
    fprintf(stderr, "The command failed: %s\n", reply ? reply->str : c->errstr);
    exit(1);
}

static void run(redisContext *c, const char *command) {
    redisReply *reply = redisCommand(c, command);
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) fail(c, reply);
    freeReplyObject(reply);
}

/* A message is an array: its kind, the channel, the text. */
static void receive(redisContext *c, char *text, size_t size) {
    redisReply *reply;
    if (redisGetReply(c, (void **)&reply) != REDIS_OK) fail(c, NULL);
    text[0] = 0;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 && strcmp(reply->element[0]->str, "message") == 0) {
        snprintf(text, size, "%s", reply->element[2]->str);
        printf("%s: %s\n", reply->element[1]->str, text);
    }
    freeReplyObject(reply);
}

int main(int argc, char **argv) {
    redisContext *listener = connect_or_exit(argc, argv), *speaker = connect_or_exit(argc, argv);
    char text[64] = "";

    run(listener, "SUBSCRIBE example:news");
    run(speaker, "PUBLISH example:news one");
    run(speaker, "PUBLISH example:news two");
    run(speaker, "PUBLISH example:news end");
    while (strcmp(text, "end") != 0) receive(listener, text, sizeof text);

    redisFree(listener);
    redisFree(speaker);
    return 0;
}

/* Blocking commands: each call waits for its reply.
 *
 *     cc blocking.c $(pkg-config --cflags --libs hiredis) -o blocking
 *     ./blocking 127.0.0.1 6379      or      ./blocking /path/to/redis.sock
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

/* A NULL reply means that the connection is of no more use; an error reply, that the command was refused. */
static redisReply *check(redisContext *c, void *answer) {
    redisReply *reply = answer;
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        fprintf(stderr, "The command failed: %s\n", reply ? reply->str : c->errstr);
        exit(1);
    }
    return reply;
}

int main(int argc, char **argv) {
    redisContext *c = connect_or_exit(argc, argv);
    redisReply *reply;

    reply = check(c, redisCommand(c, "SET %s %s", "example:greeting", "Hello, world"));
    printf("SET: %s\n", reply->str);
    freeReplyObject(reply);

    /* %b takes any bytes, with their length. */
    reply = check(c, redisCommand(c, "SET example:bytes %b", "\0\1\2", (size_t)3));
    freeReplyObject(reply);

    reply = check(c, redisCommand(c, "GET example:greeting"));
    printf("GET: %s\n", reply->str);
    freeReplyObject(reply);

    reply = check(c, redisCommand(c, "STRLEN example:bytes"));
    printf("STRLEN: %lld\n", reply->integer);
    freeReplyObject(reply);

    reply = check(c, redisCommand(c, "MGET example:greeting example:nothing"));
    for (size_t i = 0; i < reply->elements; i++) {
        redisReply *element = reply->element[i];
        printf("MGET %zu: %s\n", i, element->type == REDIS_REPLY_NIL ? "(nil)" : element->str);
    }
    freeReplyObject(reply);

    reply = check(c, redisCommand(c, "DEL example:greeting example:bytes"));
    printf("DEL: %lld\n", reply->integer);
    freeReplyObject(reply);

    redisFree(c);
    return 0;
}

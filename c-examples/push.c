/* Push messages of RESP3: Redis tells of keys that this client has read and that have changed since.
 *
 *     cc push.c $(pkg-config --cflags --libs hiredis) -o push
 *     ./push 127.0.0.1 6379      or      ./push /path/to/redis.sock
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

static void fail(const redisContext *c, const redisReply *reply) {
    fprintf(stderr, "The command failed: %s\n", reply ? reply->str : c->errstr);
    exit(1);
}

static void run(redisContext *c, const char *command) {
    redisReply *reply = redisCommand(c, command);
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) fail(c, reply);
    freeReplyObject(reply);
}

/* Called for a push while a reply is being read. The push is ours to free. */
static void on_push(void *privdata, void *push) {
    redisReply *r = push;
    int *invalidated = privdata;
    if (r->elements == 2 && r->element[1]->type == REDIS_REPLY_ARRAY) {
        for (size_t i = 0; i < r->element[1]->elements; i++) {
            printf("%s: %s\n", r->element[0]->str, r->element[1]->element[i]->str);
            ++*invalidated;
        }
    }
    freeReplyObject(r);
}

int main(int argc, char **argv) {
    redisContext *reader = connect_or_exit(argc, argv), *writer = connect_or_exit(argc, argv);
    int invalidated = 0;

    reader->privdata = &invalidated;
    redisSetPushCallback(reader, on_push);
    run(reader, "HELLO 3"); /* Redis 6 or newer */
    run(reader, "CLIENT TRACKING ON");
    run(writer, "SET example:cached 1");
    run(reader, "GET example:cached");
    run(writer, "SET example:cached 2");
    while (invalidated == 0) run(reader, "PING"); /* pushes come before the reply */

    run(writer, "DEL example:cached");
    redisFree(reader);
    redisFree(writer);
    return 0;
}

/* Transactions: what stands between MULTI and EXEC is done at once, or, where a watched key has changed, not at all.
 *
 *     cc transaction.c $(pkg-config --cflags --libs hiredis) -o transaction
 *     ./transaction 127.0.0.1 6379      or      ./transaction /path/to/redis.sock
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

static redisReply *check(redisContext *c, void *answer) {
    redisReply *reply = answer;
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        fprintf(stderr, "The command failed: %s\n", reply ? reply->str : c->errstr);
        exit(1);
    }
    return reply;
}

static void run(redisContext *c, const char *command) { freeReplyObject(check(c, redisCommand(c, command))); }

/* Moves AMOUNT from one account to the other; 0 where somebody else was faster. */
static int transfer(redisContext *c, const char *from, const char *to, int amount) {
    redisReply *reply;
    int done;

    freeReplyObject(check(c, redisCommand(c, "WATCH %s", from)));
    reply = check(c, redisCommand(c, "GET %s", from));
    if (reply->type != REDIS_REPLY_STRING || atoi(reply->str) < amount) {
        fprintf(stderr, "%s has not enough\n", from);
        exit(1);
    }
    freeReplyObject(reply);

    run(c, "MULTI");
    freeReplyObject(check(c, redisCommand(c, "DECRBY %s %d", from, amount))); /* answered by QUEUED */
    freeReplyObject(check(c, redisCommand(c, "INCRBY %s %d", to, amount)));

    reply = check(c, redisCommand(c, "EXEC"));
    done = reply->type == REDIS_REPLY_ARRAY; /* nil: the watched key has changed */
    if (done) printf("%s has %lld, %s has %lld\n", from, reply->element[0]->integer, to, reply->element[1]->integer);
    freeReplyObject(reply);
    return done;
}

int main(int argc, char **argv) {
    redisContext *c = connect_or_exit(argc, argv);
    run(c, "MSET example:ada 100 example:grace 20");
    while (!transfer(c, "example:ada", "example:grace", 30)) printf("Again: the account has changed meanwhile\n");
    run(c, "DEL example:ada example:grace");
    redisFree(c);
    return 0;
}

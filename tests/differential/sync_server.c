/* Commands, pipelines and large values of a synchronous context on a real server, over TCP and a unix socket, in
 * RESP2 and RESP3. */
#include <sys/time.h>

#include "../c/hooks.h"

static redisContext *c;
static int number;

static void run(const char *format, ...) {
    va_list ap;
    void *r;
    char name[32];
    va_start(ap, format);
    r = redisvCommand(c, format, ap);
    va_end(ap);
    snprintf(name, sizeof name, "%03d", ++number);
    note(name, "[%s] %s", format, reply_text(r));
    freeReplyObject(r);
}

static void commands(void) {
    run("PING");
    run("PING %s", "hello world");
    run("SET %s %s", "key", "value with spaces");
    run("GET key");
    run("SET %b %b", "bin\0key", (size_t)7, "\0\r\n\0", (size_t)4);
    run("STRLEN %b", "bin\0key", (size_t)7);
    run("GET missing");
    run("SET empty %s", "");
    run("GET empty");
    run("INCR counter");
    run("INCRBY counter %d", 41);
    run("INCRBY counter %lld", 1000000000000LL);
    run("INCR key");
    run("NOSUCHCOMMAND a b");
    run("GET");
    run("RPUSH list a b c %s", "d e");
    run("LRANGE list 0 -1");
    run("LRANGE nolist 0 -1");
    run("HSET hash f1 v1 f2 v2");
    run("HGETALL hash");
    run("HGET hash nofield");
    run("SADD set one");
    run("SMEMBERS set");
    run("ZADD zset 1.5 a 2.25 b");
    run("ZRANGE zset 0 -1 WITHSCORES");
    run("ZSCORE zset b");
    run("EXISTS key missing");
    run("TYPE list");
    run("MULTI");
    run("SET a 1");
    run("GET a");
    run("EXEC");
    run("MULTI");
    run("DISCARD");
    run("EXEC");
    run("EVAL %s 0", "return {1,2,{3,'four',false}}");
    run("EVAL %s 0", "return redis.error_reply('MY error')");
    run("EVAL %s 0", "return redis.status_reply('MY status')");
    run("EVAL %s 0", "return {}");
    run("EVAL %s 0", "return nil");
    run("EVAL %s 0", "return true");
    run("EXPIRE key 100");
    run("PERSIST key");
    run("DEL key a");
    run("APPEND log %s", "line");
    run("GETRANGE log 1 2");
    run("BITCOUNT log");
    run("OBJECT ENCODING counter");
    run("COMMAND COUNT %s", "x");
    run("SELECT 3");
    run("DBSIZE");
    run("SELECT 0");
    run("ECHO %s%s%d", "a", "b", 7);
}

static void resp3(void) {
    void *r = redisCommand(c, "HELLO 3");
    note("hello", "%d", r ? ((redisReply *)r)->type : -1);
    freeReplyObject(r);
    run("HGETALL hash");
    run("SMEMBERS set");
    run("ZSCORE zset b");
    run("ZRANGE zset 0 -1 WITHSCORES");
    run("GET missing");
    run("EVAL %s 0", "redis.setresp(3); return redis.call('HGETALL', 'hash')");
    run("DEBUG PROTOCOL string");
    run("LRANGE list 0 -1");
    run("CONFIG GET maxmemory-policy");
}

static void pipelines(void) {
    static const int lengths[] = {1, 2, 10, 100, 1000, 20000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int right = 0, appended = 0;
        char name[32];
        for (int j = 0; j < lengths[i]; j++) appended += redisAppendCommand(c, "ECHO %d", j) == REDIS_OK;
        for (int j = 0; j < lengths[i]; j++) {
            redisReply *r = NULL;
            char expected[16];
            snprintf(expected, sizeof expected, "%d", j);
            if (redisGetReply(c, (void **)&r) != REDIS_OK) break;
            right += strcmp(r->str, expected) == 0;
            freeReplyObject(r);
        }
        snprintf(name, sizeof name, "pipeline.%d", lengths[i]);
        note(name, "appended %d right %d obuf %zu", appended, right, sdslen(c->obuf));
    }
}

static void values(void) {
    static const size_t sizes[] = {0, 1, 100, 1023, 1024, 4095, 16383, 16384, 16385, 65535, 65536, 65537, 1000000, 1048576, 8388608, 33554432};
    char *value = malloc(33554432);
    for (size_t i = 0; i < 33554432; i++) value[i] = (char)(i * 7 + i / 251);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char name[32];
        redisReply *r = redisCommand(c, "SET big %b", value, sizes[i]);
        redisReply *back = redisCommand(c, "GET big");
        const char *argv[] = {"APPEND", "big", value};
        size_t lens[] = {6, 3, sizes[i]};
        redisReply *more = redisCommandArgv(c, 3, argv, lens);
        snprintf(name, sizeof name, "value.%zu", sizes[i]);
        note(name, "%s len %zu equal %d ends with nul %d, appended %s", reply_text(r), back->len, memcmp(back->str, value, sizes[i]) == 0,
             back->str[back->len] == 0, reply_text(more));
        freeReplyObject(r);
        freeReplyObject(back);
        freeReplyObject(more);
    }
    free(value);
}

static void pushes(void) {
    redisContext *other = redisConnect("127.0.0.1", atoi(getenv("REDIS_PORT")));
    run("CLIENT TRACKING ON");
    run("GET key");
    freeReplyObject(redisCommand(other, "SET key changed"));
    run("PING");
    run("GET key");
    redisFree(other);
}

static void failing_end(void) {
    struct timeval tv = {0, 100000};
    redisSetTimeout(c, tv);
    run("BLPOP nolist 5");
    note("err", "%d '%s'", c->err, c->errstr);
    run("PING");
    note("reconnect", "%d", redisReconnect(c));
    run("PING");
    run("QUIT");
    run("PING");
    note("err_quit", "%d", c->err == REDIS_ERR_EOF || c->err == REDIS_ERR_IO); /* the write may notice first */
    note("reconnect_again", "%d", redisReconnect(c));
    run("PING");
}

int main(void) {
    for (int local = 0; local < 2; local++) {
        begin(local ? "unix" : "tcp");
        number = 0;
        c = local ? redisConnectUnix(getenv("REDIS_SOCK")) : redisConnect("127.0.0.1", atoi(getenv("REDIS_PORT")));
        run("FLUSHALL");
        commands();
        pipelines();
        values();
        resp3();
        pushes();
        failing_end();
        redisFree(c);
    }
    return 0;
}

/* Every allocation of formatting fails once: the call fails, the target is untouched, nothing leaks,
 * and what an output buffer held stays. */
#include <hiredis/hiredis.h>
#include <hiredis/sds.h>
#include "../differential/allocators.h"

static char untouched;
static char big[5000];
static const char *argv[] = {"SET", "key", big};
static const size_t argvlen[] = {3, 3, sizeof(big)};

static long long small_format(char **target) {
    return redisFormatCommand(target, "SET %s %b", "key", "value", (size_t)5);
}

static long long growing_format(char **target) {
    return redisFormatCommand(target, "SET %b:%b:%2000d %f %b", big, (size_t)100, big, (size_t)1000, 7, 1.5, big, sizeof(big));
}

static long long vector(char **target) {
    return redisFormatCommandArgv(target, 3, argv, argvlen);
}

static long long sds_vector(char **target) {
    return redisFormatSdsCommandArgv((sds *)target, 3, argv, argvlen);
}

static int failed(const char *what, long nth) {
    printf("%s, allocation %ld\n", what, nth);
    return 1;
}

/* Makes the nth allocation fail, for each n until the call needs fewer. */
static int targets(const char *name, long long (*call)(char **), void (*release)(char *)) {
    for (long nth = 1;; nth++) {
        char *target = &untouched;
        allocators_fail(nth);
        long long len = call(&target);
        int happened = attempts >= nth;
        allocators_fail(0);
        if (!happened) {
            if (len <= 0 || nth == 1)
                return failed(name, nth);
            release(target);
            return live != 0;
        }
        if (len != -1 || target != &untouched || live != 0)
            return failed(name, nth);
    }
}

static void release_sds(char *command) {
    redisFreeSdsCommand(command);
}

static int append_format(redisContext *c) {
    return redisAppendCommand(c, "SET %b:%b:%2000d %f %b", big, (size_t)100, big, (size_t)1000, 7, 1.5, big, sizeof(big));
}

static int append_vector(redisContext *c) {
    return redisAppendCommandArgv(c, 3, argv, argvlen);
}

static int buffers(const char *name, int (*append)(redisContext *)) {
    for (long nth = 1;; nth++) {
        redisContext *c = redisConnectFd(-1);
        if (c == NULL || redisAppendCommand(c, "PING") != REDIS_OK)
            return failed(name, 0);
        sds before = sdsdup(c->obuf);
        allocators_fail(nth);
        int rc = append(c);
        int happened = attempts >= nth;
        allocators_fail(0);
        int kept = sdslen(c->obuf) >= sdslen(before) && memcmp(c->obuf, before, sdslen(before)) == 0;
        int same = sdslen(c->obuf) == sdslen(before) && c->obuf[sdslen(before)] == '\0';
        int right = happened ? rc == REDIS_ERR && c->err == REDIS_ERR_OOM && same : rc == REDIS_OK && !same;
        sdsfree(before);
        redisFree(c);
        if (!kept || !right || live != 0)
            return failed(name, nth);
        if (!happened)
            return nth == 1;
    }
}

int main(void) {
    memset(big, 'x', sizeof(big));
    allocators_install();
    return targets("format", small_format, redisFreeCommand) || targets("growing format", growing_format, redisFreeCommand) ||
           targets("vector", vector, redisFreeCommand) || targets("sds vector", sds_vector, release_sds) ||
           buffers("appended format", append_format) || buffers("appended vector", append_vector);
}

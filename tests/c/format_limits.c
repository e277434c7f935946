/* Contract section 11, number 18: what the C library overflowed at, mangled or aborted on. */
#include <hiredis/hiredis.h>
#include <hiredis/sds.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char untouched;
static int failures;

static void check(int holds, const char *what, int line) {
    if (!holds) {
        printf("line %d: %s\n", line, what);
        failures++;
    }
}

#define CHECK(x) check((x), #x, __LINE__)

/* The format gives these bytes. */
#define GIVES(expected, ...)                                                        \
    do {                                                                            \
        char *target = NULL;                                                        \
        int len = redisFormatCommand(&target, __VA_ARGS__);                         \
        CHECK(len == (int)sizeof(expected) - 1);                                    \
        CHECK(target != NULL && memcmp(target, expected, sizeof(expected)) == 0);   \
        redisFreeCommand(target);                                                   \
    } while (0)

#define FAILS(...)                                                  \
    do {                                                            \
        char *target = &untouched;                                  \
        CHECK(redisFormatCommand(&target, __VA_ARGS__) == -1);      \
        CHECK(target == &untouched);                                \
    } while (0)

static int vformat(char **target, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    int len = redisvFormatCommand(target, format, ap);
    va_end(ap);
    return len;
}

static void long_conversions(void) {
    GIVES("*1\r\n$1\r\n7\r\n", "%000000000000d", 7);
    GIVES("*1\r\n$3\r\n007\r\n", "%0000000000000000000000000000000000000000003d", 7);
    GIVES("*2\r\n$8\r\n+7     |\r\n$1\r\nx\r\n", "%-+-+-+-+-+-+-+7lld| %s", 7LL, "x");
    GIVES("*1\r\n$12\r\n000002.50000\r\n", "%00000000000012.5f", 2.5);
}

/* Nothing of such a length is read, nor memory for it asked for. */
static void sums(void) {
    static const size_t lengths[] = {INT_MAX - 20, INT_MAX, (size_t)INT_MAX + 1, UINT_MAX, (size_t)UINT_MAX + 1, SSIZE_MAX, SIZE_MAX - 40, SIZE_MAX};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        FAILS("SET key:%s %b", "x", "y", lengths[i]);
        FAILS("SET key %bx", "y", lengths[i]);
    }
    FAILS("%2147483647d", 1);
    FAILS("%2147483648d", 1);
    FAILS("%.2147483648d", 1);
    FAILS("%99999999999999999999d", 1);
    char *target = &untouched;
    CHECK(vformat(&target, "%b", "y", (size_t)INT_MAX) == -1);
    CHECK(vformat(&target, "%99999999999999999999d", 1) == -1);
    CHECK(vformat(&target, "%99999999999999999999c", 1) < 0);
    CHECK(target == &untouched);

    const char *argv[] = {"SET", "key", "value"};
    static const size_t vectors[][3] = {
        {3, 3, SIZE_MAX}, {3, 3, SIZE_MAX - 24}, {3, 3, SSIZE_MAX}, {SIZE_MAX / 2, SIZE_MAX / 2, 30}, {SIZE_MAX / 2, SIZE_MAX / 2, SIZE_MAX / 2},
    };
    for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
        CHECK(redisFormatCommandArgv(&target, 3, argv, vectors[i]) == -1);
        CHECK(redisFormatSdsCommandArgv((sds *)&target, 3, argv, vectors[i]) == -1);
        CHECK(target == &untouched);
    }
}

static void counts(void) {
    const char *argv[] = {"PING"};
    const size_t argvlen[] = {4};
    for (int argc = -1; argc > INT_MIN / 2; argc *= 3) {
        char *target = &untouched;
        CHECK(redisFormatCommandArgv(&target, argc, argv, argvlen) == -1);
        CHECK(redisFormatCommandArgv(&target, argc, argv, NULL) == -1);
        CHECK(redisFormatSdsCommandArgv((sds *)&target, argc, argv, argvlen) == -1);
        CHECK(target == &untouched);
    }
}

/* Texts that are not there. */
static void nulls(void) {
    FAILS("SET key %s", (char *)NULL);
    FAILS("SET key %b", (char *)NULL, (size_t)1);
    char *target = &untouched;
    CHECK(vformat(&target, "SET key %s", (char *)NULL) == -2);
    const char *argv[] = {"SET", NULL};
    const size_t argvlen[] = {3, 1};
    CHECK(redisFormatCommandArgv(&target, 2, argv, NULL) == -1);
    CHECK(redisFormatCommandArgv(&target, 2, argv, argvlen) == -1);
    CHECK(redisFormatCommandArgv(&target, 2, NULL, argvlen) == -1);
    CHECK(target == &untouched);
}

/* Only sending them is refused. */
static void empty_commands(void) {
    GIVES("*0\r\n", "");
    GIVES("*0\r\n", "   ");
    char *target = NULL;
    CHECK(redisFormatCommandArgv(&target, 0, NULL, NULL) == 4);
    CHECK(strcmp(target, "*0\r\n") == 0);
    redisFreeCommand(target);
}

int main(void) {
    long_conversions();
    sums();
    counts();
    nulls();
    empty_commands();
    return failures != 0;
}

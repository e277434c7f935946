/* Commands formatted into memory of the program's: for every size of it, what the allocating functions give, cut off there; not one byte
 * beyond; nothing allocated. */
#include <hiredis/hiredis.h>
#include <limits.h>
#include <stdint.h>
#include "../differential/allocators.h"
#include "cases.h"

enum { GUARD = 16, MOST = 40000 };

static long long format_to(char *buf, size_t size, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    long long len = redisvFormatCommandTo(buf, size, format, ap);
    va_end(ap);
    return len;
}

/* What snprintf would leave of the command in memory of this size. Memory of exactly this size is memcheck's to guard, too. */
static void check_size(size_t size, const char *command, long long len, long long got, const char *buf) {
    size_t fits = size == 0 ? 0 : size - 1 < (size_t)len ? size - 1 : (size_t)len;
    check(got == len);
    check(memcmp(buf, command, fits) == 0);
    check(size == 0 || buf[fits] == '\0');
    for (int i = 0; i < GUARD; i++)
        check(buf[size + (size_t)i] == '#');
}

static char *memory(size_t size) {
    char *buf = malloc(size + GUARD);
    memset(buf, '#', size + GUARD);
    return buf;
}

static size_t next(size_t size, long long len) {
    return len < 300 || size < 100 || size + 100 > (size_t)len ? size + 1 : size + 37;
}

/* The format gives the same in memory of any size, which is never written beyond. */
#define SAME(...)                                                                  \
    do {                                                                           \
        char *command = NULL;                                                      \
        long long len = redisFormatCommand(&command, __VA_ARGS__);                 \
        check(len > 0 && len < MOST);                                              \
        allocators_fail(1);                                                        \
        for (size_t size = 0; size <= (size_t)len + 3; size = next(size, len)) {   \
            char *buf = memory(size);                                              \
            check_size(size, command, len, format_to(buf, size, __VA_ARGS__), buf); \
            free(buf);                                                             \
        }                                                                          \
        check(format_to(NULL, 0, __VA_ARGS__) == len);                             \
        check(attempts == 0);                                                      \
        allocators_fail(0);                                                        \
        redisFreeCommand(command);                                                 \
    } while (0)

static char *filled(size_t len) {
    static char text[MOST];
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

static void formats(void) {
    SAME("");
    SAME("   ");
    SAME("PING");
    SAME("SET %s %b", "key", "a\0b", (size_t)3);
    SAME("SET %s:%d:%s %.3f%%", "key", 42, "", 1.5);
    SAME("%s%s %b", "", "", (char *)NULL, (size_t)0);
    SAME("%c%5c|%-*d|%.*s|%Lg", 'x', 'y', 7, 42, 2, "abc", 1.5L);
    SAME("%p %5000d x", (void *)0, 7);
    SAME("a b c d e f g h i j k l m %s", "n");
}

/* Headers that turn out to be longer than the first piece let expect, which moves what is there. */
static void moved_headers(void) {
    static const size_t lengths[] = {8, 9, 10, 98, 99, 100, 998, 999, 1000, 9999, 10000};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        SAME("a%s b", filled(lengths[i]));
        SAME("%d%s%s", 1, filled(lengths[i]), "tail");
    }
}

static void vectors(void) {
    const char *argv[] = {"SET", "k\0y", NULL, "text"};
    static const size_t argvlen[] = {3, 3, 0, 4};
    for (int argc = 0; argc <= 4; argc++) {
        char *command = NULL;
        long long len = redisFormatCommandArgv(&command, argc, argv, argvlen);
        allocators_fail(1);
        for (size_t size = 0; size <= (size_t)len + 3; size++) {
            char *buf = memory(size);
            check_size(size, command, len, redisFormatCommandArgvTo(buf, size, argc, argv, argvlen), buf);
            free(buf);
        }
        check(redisFormatCommandArgvTo(NULL, 0, argc, argv, argvlen) == len);
        check(attempts == 0);
        allocators_fail(0);
        redisFreeCommand(command);
    }
    const char *texts[] = {"GET", "key"};
    char buf[40];
    check(redisFormatCommandArgvTo(buf, sizeof(buf), 2, texts, NULL) == 22);
    same(buf, "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n");
}

/* An error leaves an empty text, also if some of the command was there by then. */
static void errors(void) {
    const char *argv[] = {"SET", NULL};
    static const size_t argvlen[] = {3, 1};
    static const size_t huge[] = {SIZE_MAX, SIZE_MAX};
#define ERROR(code, size, call)           \
    do {                                  \
        char buf[64] = "untouched";       \
        check((call) == (code));          \
        check(buf[0] == (size ? 0 : 'u')); \
    } while (0)
    for (size_t size = 0; size <= 64; size += 32) {
        ERROR(-2, size, format_to(buf, size, "SET %s %n", "key", (void *)0));
        ERROR(-2, size, format_to(buf, size, "SET %1$s", "key"));
        ERROR(-2, size, format_to(buf, size, "SET %s", (char *)NULL));
        ERROR(-2, size, format_to(buf, size, NULL));
        ERROR(-1, size, format_to(buf, size, "SET %99999999999d", 1));
        ERROR(-1, size, format_to(buf, size, "%b%b", "", (size_t)0, (char *)NULL + 1, SIZE_MAX));
        ERROR(-1, size, redisFormatCommandArgvTo(buf, size, -1, argv, argvlen));
        ERROR(-1, size, redisFormatCommandArgvTo(buf, size, 2, argv, argvlen));
        ERROR(-1, size, redisFormatCommandArgvTo(buf, size, 2, argv, NULL));
        ERROR(-1, size, redisFormatCommandArgvTo(buf, size, 2, NULL, argvlen));
        ERROR(-1, size, redisFormatCommandArgvTo(buf, size, 2, argv, huge));
    }
    check(format_to(NULL, 1, "PING") == -1);
    check(redisFormatCommandArgvTo(NULL, 1, 1, argv, argvlen) == -1);
}

/* Longer than an int can say: counted, and only the beginning read. */
static void longer_than_an_int(void) {
    char buf[64];
    size_t len = (size_t)INT_MAX * 2;
    char *text = filled(100);
    check(format_to(buf, sizeof(buf), "SET k %b", text, len) == 4 + 9 + 7 + 13 + (long long)len + 2);
    check(memcmp(buf, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4294967294\r\nxxxxx", 38) == 0 && strlen(buf) == 63);
}

static const struct test_case cases[] = {
    CASE(formats), CASE(moved_headers), CASE(vectors), CASE(errors), CASE(longer_than_an_int),
};

int main(int argc, char **argv) {
    allocators_install();
    return run_cases(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}

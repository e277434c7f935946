/* Formatting without memory: -1, and the target as it was. */
#include "oom.h"

static char *value; /* 100 KB */
enum { VALUE_LEN = 100000 };

static const char UNTOUCHED[] = "untouched";

static void settle(const char *command, long long len, long long full) {
    if (len < 0) {
        CHECK(len == -1 && command == UNTOUCHED && has_failed());
        return;
    }
    CHECK(len == full && command != UNTOUCHED && command[len] == 0);
    CHECK(memcmp(command, "*3\r\n$3\r\nSET\r\n", 13) == 0 && memcmp(command + len - 2, "\r\n", 2) == 0);
}

static void format_small(void) {
    char *command = (char *)UNTOUCHED;
    arm();
    int len = redisFormatCommand(&command, "SET %s:%d %b", "key", 42, "value", (size_t)5);
    disarm();
    settle(command, len, 36);
    if (len > 0) {
        CHECK(memcmp(command, "*3\r\n$3\r\nSET\r\n$6\r\nkey:42\r\n$5\r\nvalue\r\n", 36) == 0);
        redisFreeCommand(command);
    }
}

static void format_long(void) {
    char *command = (char *)UNTOUCHED;
    arm();
    int len = redisFormatCommand(&command, "SET %1000d%s %b", 1, value, value, (size_t)VALUE_LEN);
    disarm();
    settle(command, len, 13 + 9 + 101000 + 2 + 9 + 100000 + 2);
    if (len > 0)
        redisFreeCommand(command);
}

static void format_argv(void) {
    const char *argv[] = {"SET", value, "v"};
    size_t lengths[] = {3, VALUE_LEN, 1};
    char *command = (char *)UNTOUCHED;
    arm();
    long long len = redisFormatCommandArgv(&command, 3, argv, lengths);
    disarm();
    settle(command, len, 13 + 9 + 100000 + 2 + 7);
    if (len > 0)
        redisFreeCommand(command);
}

static void format_sds_argv(void) {
    const char *argv[] = {"SET", "k", "v"};
    sds command = (char *)UNTOUCHED;
    arm();
    long long len = redisFormatSdsCommandArgv(&command, 3, argv, NULL);
    disarm();
    settle(command, len, 13 + 7 + 7);
    if (len > 0)
        redisFreeSdsCommand(command);
}

static long long vformat_to(char *buf, size_t size, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    arm();
    long long len = redisvFormatCommandTo(buf, size, format, ap);
    disarm();
    va_end(ap);
    return len;
}

/* Into memory of the program's: nothing is allocated, so that nothing can fail. */
static void format_to(void) {
    const char *argv[] = {"SET", "key", "v"};
    char buf[64];
    CHECK(vformat_to(buf, sizeof(buf), "SET %s:%d %b %.3f", "key", 42, "value", (size_t)5, 1.5) == 47 && !failures);
    CHECK(memcmp(buf, "*4\r\n$3\r\nSET\r\n$6\r\nkey:42\r\n$5\r\nvalue\r\n$5\r\n1.500\r\n", 48) == 0);
    CHECK(vformat_to(NULL, 0, "SET %s %b", value, value, (size_t)VALUE_LEN) == 13 + 2 * (9 + VALUE_LEN + 2) && !failures);
    arm();
    long long len = redisFormatCommandArgvTo(buf, sizeof(buf), 3, argv, NULL);
    disarm();
    CHECK(len == 13 + 9 + 7 && !failures);
}

int main(void) {
    value = malloc(VALUE_LEN + 1);
    memset(value, 'v', VALUE_LEN);
    value[VALUE_LEN] = 0;
    each_failure("format", format_small);
    each_failure("format long", format_long);
    each_failure("format argv", format_argv);
    each_failure("format sds argv", format_sds_argv);
    each_failure("format to", format_to);
    free(value);
    return 0;
}

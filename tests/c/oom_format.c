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

int main(void) {
    value = malloc(VALUE_LEN + 1);
    memset(value, 'v', VALUE_LEN);
    value[VALUE_LEN] = 0;
    each_failure("format", format_small);
    each_failure("format long", format_long);
    each_failure("format argv", format_argv);
    each_failure("format sds argv", format_sds_argv);
    free(value);
    return 0;
}

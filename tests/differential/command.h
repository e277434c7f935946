/* Printing formatted commands. A format is given to redisFormatCommand and to redisvFormatCommand,
 * which must agree; their return values differ only where the format is refused. */
#ifndef COMMAND_H
#define COMMAND_H

#include <hiredis/hiredis.h>
#include "report.h"

static char untouched; /* targets point here before each call */

/* Short commands as they are, long ones by length, checksum and ends. */
UNUSED_OK static void command_text(const char *command, long long len) {
    unsigned sum = 0;
    if (len <= 400) {
        bytes(command, (size_t)len);
        return;
    }
    for (long long i = 0; i < len; i++)
        sum = sum * 31 + (unsigned char)command[i];
    printf(" sum=%08x", sum);
    bytes(command, 32);
    bytes(command + len - 32, 32);
}

UNUSED_OK static void command_result(long long len, char *command) {
    if (len >= 0) {
        printf(" %lld", len);
        command_text(command, len);
        printf(command[len] == '\0' ? " terminated" : " NOT TERMINATED");
        redisFreeCommand(command);
    } else {
        printf(" %lld %s", len, command == &untouched ? "untouched" : "TOUCHED");
    }
}

UNUSED_OK static void vformat(const char *format, ...) {
    char *target = &untouched;
    va_list ap;
    va_start(ap, format);
    int len = redisvFormatCommand(&target, format, ap);
    va_end(ap);
    command_result(len, target);
}

/* FORMAT(key, format, arguments...): one line with both results. */
#define FORMAT(key, ...)                                      \
    do {                                                      \
        char *target_ = &untouched;                           \
        int len_ = redisFormatCommand(&target_, __VA_ARGS__); \
        say("%s", key);                                       \
        command_result(len_, target_);                        \
        printf(" | v:");                                      \
        vformat(__VA_ARGS__);                                 \
        end();                                                \
    } while (0)

/* The same with the call itself as the key. */
#define F(...) FORMAT(#__VA_ARGS__, __VA_ARGS__)

#endif

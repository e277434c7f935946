/* Replies that no reader takes, and what it says of each: `hostile_reader.c` asserts it, `differential/reader_hostile.c` compares it. */
#ifndef TESTS_HOSTILE_INPUTS_H
#define TESTS_HOSTILE_INPUTS_H

#include <stddef.h>

typedef struct {
    const char *bytes;
    size_t len;
} Input;
#define INPUT(text) {text, sizeof(text) - 1}

static const struct {
    Input input;
    const char *errstr;
} refused[] = {
    {INPUT(":+1\r\n"), "Bad integer value"},
    {INPUT(":00\r\n"), "Bad integer value"},
    {INPUT(":-0\r\n"), "Bad integer value"},
    {INPUT(":\r\n"), "Bad integer value"},
    {INPUT(":9223372036854775808\r\n"), "Bad integer value"},
    {INPUT(":-9223372036854775809\r\n"), "Bad integer value"},
    {INPUT("$-2\r\n"), "Bulk string length out of range"},
    {INPUT("=-2\r\n"), "Bulk string length out of range"},
    {INPUT("$9223372036854775808\r\n"), "Bad bulk string length"},
    {INPUT("*-2\r\n"), "Multi-bulk length out of range"},
    {INPUT("%-2\r\n"), "Multi-bulk length out of range"},
    {INPUT("*4294967296\r\n"), "Multi-bulk length out of range"},
    {INPUT("%4611686018427387904\r\n"), "Multi-bulk length out of range"},
    {INPUT("*9223372036854775808\r\n"), "Bad multi-bulk length"},
    {INPUT("#\0\r\n"), "Bad bool value"},
    {INPUT("#x\r\n"), "Bad bool value"},
    {INPUT("#\r\n"), "Bad bool value"},
    {INPUT("#tt\r\n"), "Bad bool value"},
    {INPUT(",1e400\r\n"), "Bad double value"},
    {INPUT(",-1e400\r\n"), "Bad double value"},
    {INPUT(",1e-400\r\n"), "Bad double value"},
    {INPUT(",+1\r\n"), "Bad double value"},
    {INPUT(",0x1p3\r\n"), "Bad double value"},
    {INPUT(", 1\r\n"), "Bad double value"},
    {INPUT(",1.5\0\r\n"), "Bad double value"},
    {INPUT("=3\r\nabc\r\n"), "Verbatim string 4 bytes of content type are missing or incorrectly encoded."},
    {INPUT("=4\r\nabcd\r\n"), "Verbatim string 4 bytes of content type are missing or incorrectly encoded."},
    {INPUT("=0\r\n\r\n"), "Verbatim string 4 bytes of content type are missing or incorrectly encoded."},
    {INPUT("$5\r\nhelloxx"), "Bad bulk string terminator"},
    {INPUT("_x\r\n"), "Bad nil value"},
    {INPUT("(12a\r\n"), "Bad bignum value"},
    {INPUT("+a\rb\r\n"), "Bad simple string value"},
    {INPUT("-a\nb\r\n"), "Bad simple string value"},
    {INPUT(",1.5e\r\n"), "Bad double value"},
    {INPUT("!5\r\nhello\r\n"), "Protocol error, got \"!\" as reply type byte"},
    {INPUT(".\r\n"), "Protocol error, got \".\" as reply type byte"},
    {INPUT("?"), "Protocol error, got \"?\" as reply type byte"},
    {INPUT("\0"), "Protocol error, got \"\\x00\" as reply type byte"},
    {INPUT("\x80"), "Protocol error, got \"\\x80\" as reply type byte"},
    {INPUT("\xff"), "Protocol error, got \"\\xff\" as reply type byte"},
    {INPUT("\r\n"), "Protocol error, got \"\\r\" as reply type byte"},
    {INPUT("\""), "Protocol error, got \"\\\"\" as reply type byte"},
    {INPUT("\\"), "Protocol error, got \"\\\\\" as reply type byte"},
};

#endif

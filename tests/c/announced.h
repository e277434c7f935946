/* Replies that announce more than is ever sent, and what they may cost. */
#ifndef TESTS_ANNOUNCED_H
#define TESTS_ANNOUNCED_H

#include <stdlib.h>
#include <string.h>

/* Announced, never sent in full. `unit` is what comes, `elements` how many replies each of them makes. */
static const struct {
    const char *header, *unit;
    size_t elements;
} announced[] = {
    {"*4294967295\r\n", ":1\r\n", 1},
    {"%4294967295\r\n", ":1\r\n", 1},
    {"~4294967295\r\n", "_\r\n", 1},
    {">4294967295\r\n", "#t\r\n", 1},
    {"|4294967295\r\n", "$-1\r\n", 1},
    {"*4294967295\r\n", "+a\r\n", 1},
    {"*4294967295\r\n", "$1\r\nx\r\n", 1},
    {"*4294967295\r\n", "*0\r\n", 1},
    {"*4294967295\r\n", "*1\r\n:1\r\n", 2},
    {"*4294967295\r\n", "*5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n", 6},
    {"*4294967295\r\n", "$40\r\n0123456789012345678901234567890123456789\r\n", 1},
    {"$2147483648\r\n", "x", 0},
    {"$4294967296\r\n", "x", 0},
    {"$68719476736\r\n", "x", 0},
    {"$9223372036854775807\r\n", "x", 0},
    {"=68719476736\r\n", "txt:", 0},
    {"*4294967295\r\n$68719476736\r\n", "x", 0},
    {"*4294967295\r\n*4294967295\r\n*4294967295\r\n", ":1\r\n", 1},
    {"*4294967295\r\n=68719476736\r\ntxt:", "x", 0},
    {"%4294967295\r\n~4294967295\r\n", "(1\r\n", 1},
    {"~4294967295\r\n%4294967295\r\n", ",1\r\n", 1},
    {"*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$68719476736\r\n", "x", 0},
    {">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n*4294967295\r\n", ":1\r\n", 1},
    {">4294967295\r\n$7\r\nmessage\r\n", "$1\r\nx\r\n", 1},
};

/* What `len` bytes with `elements` replies may cost. */
static size_t allowed(size_t len, size_t elements) {
    return 2 * len + 128 * elements + (1 << 20);
}

static char *repeated(const char *unit, size_t times, const char *header) {
    size_t len = strlen(unit), head = strlen(header);
    char *all = malloc(head + times * len);
    memcpy(all, header, head);
    for (size_t i = 0; i < times; i++)
        memcpy(all + head + i * len, unit, len);
    return all;
}

#endif

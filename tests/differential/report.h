/* Printing for the differential programs: one fact per line, `key: value`, bytes escaped. */
#ifndef REPORT_H
#define REPORT_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNUSED_OK __attribute__((unused))

/* say("key.%d", i) starts a line; the value follows with printf, bytes() and is ended by end(). */
UNUSED_OK static void say(const char *key, ...) {
    va_list ap;
    va_start(ap, key);
    vprintf(key, ap);
    va_end(ap);
    printf(":");
}

UNUSED_OK static void end(void) {
    printf("\n");
    fflush(stdout);
}

/* A space, then the bytes in quotes with everything unprintable as \xNN; a null pointer as (null). */
UNUSED_OK static void bytes(const char *s, size_t len) {
    if (s == NULL) {
        printf(" (null)");
        return;
    }
    printf(" \"");
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c >= 0x20 && c < 0x7f)
            putchar(c);
        else
            printf("\\x%02x", c);
    }
    printf("\"");
}

UNUSED_OK static void text(const char *s) {
    bytes(s, s ? strlen(s) : 0);
}

/* The whole line at once: fact(value, "key.%d", i). */
UNUSED_OK static void fact(long long value, const char *key, ...) {
    va_list ap;
    va_start(ap, key);
    vprintf(key, ap);
    va_end(ap);
    printf(": %lld", value);
    end();
}

UNUSED_OK static int under_valgrind(void) {
    return getenv("UNDER_VALGRIND") != NULL;
}

#endif

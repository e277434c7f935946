/* Contract section 7: everything that can be seen of a string, one line per fact. */
#ifndef SDS_STATE_H
#define SDS_STATE_H

#include "report.h"
#include <hiredis/alloc.h>
#include <hiredis/sds.h>
#include <stdint.h>

static const size_t sizes[] = {0,   1,   2,   30,    31,    32,    33,    100,   126,    127,    128,   253,
                               254, 255, 256, 32766, 32767, 32768, 65534, 65535, 65536, 200000, 524287, 524288};
#define SIZES (sizeof sizes / sizeof *sizes)

/* Blocks from now on begin with this much room filled with something else than zeros. */
UNUSED_OK static void *dirty_malloc(size_t size) {
    void *block = malloc(size);
    if (block) memset(block, 0xa5, size < 4096 ? size : 4096);
    return block;
}

UNUSED_OK static void dirty_blocks(void) {
    hiredisAllocFuncs table = {dirty_malloc, calloc, realloc, strdup, free};
    hiredisSetAllocators(&table);
}

UNUSED_OK static unsigned long long sum(const char *s, size_t len) {
    unsigned long long sum = 1469598103934665603ULL;
    for (size_t i = 0; i < len; i++) sum = (sum ^ (unsigned char)s[i]) * 1099511628211ULL;
    return sum;
}

/* The text, or its sum where it is long, and the NUL behind it. */
UNUSED_OK static void show_text(sds s) {
    size_t len = sdslen(s);
    if (len <= 120)
        bytes(s, len);
    else
        printf(" sum %llx", sum(s, len));
    if (s[len] != 0) printf(" WITHOUT NUL");
}

/* Text and length: for functions whose intermediate growth is nobody's business. */
#define show(s, ...)                                                                                                             \
    do {                                                                                                                         \
        say(__VA_ARGS__);                                                                                                        \
        if ((s) == NULL) {                                                                                                       \
            printf(" NULL");                                                                                                     \
        } else {                                                                                                                 \
            printf(" len=%zu", sdslen(s));                                                                                       \
            show_text(s);                                                                                                        \
        }                                                                                                                        \
        end();                                                                                                                   \
    } while (0)

/* Also what the header says. */
#define show_all(s, ...)                                                                                                         \
    do {                                                                                                                         \
        say(__VA_ARGS__);                                                                                                        \
        if ((s) == NULL) {                                                                                                       \
            printf(" NULL");                                                                                                     \
        } else {                                                                                                                 \
            printf(" type=%d len=%zu alloc=%zu avail=%zu size=%zu header=%d", (s)[-1] & 7, sdslen(s), sdsalloc(s), sdsavail(s),  \
                   sdsAllocSize(s), (int)((s) - (char *)sdsAllocPtr(s)));                                                        \
            show_text(s);                                                                                                        \
        }                                                                                                                        \
        end();                                                                                                                   \
    } while (0)

/* LEN bytes of every value. */
UNUSED_OK static char *pattern(size_t len) {
    char *text = malloc(len + 1);
    for (size_t i = 0; i < len; i++) text[i] = (char)(i * 31 + i / 256);
    text[len] = 0;
    return text;
}

#endif

/* Contract section 11, number 37: what crashed or leaked in the C library's sds functions. */
#include <hiredis/alloc.h>
#include <hiredis/sds.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define check(condition)                                                                                                         \
    do {                                                                                                                         \
        if (!(condition)) {                                                                                                      \
            printf("line %d: not so: %s\n", __LINE__, #condition);                                                               \
            exit(1);                                                                                                             \
        }                                                                                                                        \
    } while (0)

static int left = -1; /* this many allocations succeed; -1: all */
static int live;      /* blocks not freed */

static int fails(void) { return left == 0 || (left > 0 && left-- == 0); }
static void *failing_malloc(size_t n) {
    if (fails()) return NULL;
    live++;
    return malloc(n);
}
static void *failing_calloc(size_t n, size_t size) {
    if (fails()) return NULL;
    live++;
    return calloc(n, size);
}
static void *failing_realloc(void *p, size_t n) {
    if (fails()) return NULL;
    live += p == NULL;
    return realloc(p, n);
}
static char *failing_strdup(const char *s) {
    if (fails()) return NULL;
    live++;
    return strdup(s);
}
static void failing_free(void *p) {
    live -= p != NULL;
    free(p);
}

static int is(sds s, const char *text) { return sdslen(s) == strlen(text) && strcmp(s, text) == 0; }

/* A format that ends where the memory ends. */
static void a_percent_ends_the_format(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(pages != MAP_FAILED);
    check(mprotect(pages + page, page, PROT_NONE) == 0);
    static const struct {
        const char *format, *result;
    } cases[] = {{"%", "<"}, {"a%", "<a"}, {"%%%", "<%"}, {"%i%", "<5"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *format = pages + page - strlen(cases[i].format) - 1;
        strcpy(format, cases[i].format);
        sds s = sdscatfmt(sdsnew("<"), format, 5);
        check(is(s, cases[i].result));
        sdsfree(s);
    }
    munmap(pages, 2 * page);
}

static void splitting_without_memory(void) {
    static const char *line = "set 'a key' \"a\\x20value\" and more words than the first vector holds, by far";
    int count, n;
    for (n = 0;; n++) {
        count = 77;
        left = n;
        sds *tokens = sdssplitargs(line, &count);
        left = -1;
        if (tokens) {
            check(count == 13 && is(tokens[1], "a key") && is(tokens[2], "a value"));
            sdsfreesplitres(tokens, count);
            break;
        }
        check(count == 0);
        check(live == 0);
    }
    check(n > 13);
    for (n = 0;; n++) {
        count = 77;
        left = n;
        sds *tokens = sdssplitlen("1,2,3,4,5,6,7,8,9", 17, ",", 1, &count);
        left = -1;
        if (tokens) {
            check(count == 9);
            sdsfreesplitres(tokens, count);
            break;
        }
        check(count == 0);
        check(live == 0);
    }
    check(n > 9);
    /* Unbalanced at the end, when there is already something to free. */
    check(sdssplitargs("a b 'c", &count) == NULL && count == 0 && live == 0);
    check(sdssplitargs("a \"b\"c d", &count) == NULL && count == 0 && live == 0);
}

static sds parts[3];

static sds compose(int what, sds s) {
    static char *words[] = {"one", "two", "a word that does not fit without growing once more"};
    switch (what) {
    case 0: return sdscatrepr(s, "\x01 unprintable \xff and rather long, so that it grows", 50);
    case 1: return sdscatfmt(s, "%s %S %i %u", "a string of some length", parts[2], 12345, 67890u);
    case 2: return sdscatprintf(s, "%2000d", 7);
    case 3: return sdsjoin(words, 3, ", ");
    case 4: return sdsjoinsds(parts, 3, ", ", 2);
    }
    return NULL;
}

static void composing_without_memory(void) {
    parts[0] = sdsnew("one"), parts[1] = sdsnew("two"), parts[2] = sdsnew("three, which is longer than the others");
    for (int what = 0; what < 5; what++) {
        int n, done = 0;
        for (n = 0; !done; n++) {
            sds s = sdsnew("text");
            int before = live;
            left = n;
            sds t = compose(what, s);
            left = -1;
            done = t != NULL;
            if (what < 3) {
                check(done || is(s, "text"));
                check(live == before);
                s = done ? t : s;
            } else {
                check(live == before + done);
                sdsfree(t);
            }
            sdsfree(s);
        }
        check(n > 1);
    }
    for (int i = 0; i < 3; i++) sdsfree(parts[i]);
    check(live == 0);
    check(sdscat(sdscatfmt(sdscatprintf(sdscatrepr(NULL, "a", 1), "b"), "c"), "d") == NULL);
    check(sdscpy(sdsgrowzero(sdsMakeRoomFor(sdsRemoveFreeSpace(NULL), 1), 1), "a") == NULL);
}

/* \v and \f are text like any other, at the beginning of an argument, in it and behind a quote. */
static void blanks(void) {
    int count;
    sds *tokens = sdssplitargs("\va\fb \f \v", &count);
    check(count == 3 && is(tokens[0], "\va\fb") && is(tokens[1], "\f") && is(tokens[2], "\v"));
    sdsfreesplitres(tokens, count);
    check(sdssplitargs("\"a\"\v", &count) == NULL && count == 0);
    check(sdssplitargs("'a'\f", &count) == NULL && count == 0);
}

static void lengths_out_of_range(void) {
    sds s = sdsnew("abc");
    static const int changes[] = {0, 29, 1000, INT_MAX, -4, -1000, INT_MIN};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        sdsIncrLen(s, changes[i]);
        check(is(s, "abc"));
    }
    s = sdsMakeRoomFor(s, 10);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        sdsIncrLen(s, changes[i]);
        check(is(s, "abc"));
    }
    int room = (int)sdsavail(s);
    memset(s + 3, 'x', (size_t)room);
    sdsIncrLen(s, room + 1);
    check(sdslen(s) == 3);
    sdsIncrLen(s, room);
    check(sdslen(s) == 3 + (size_t)room && sdsavail(s) == 0);
    sdsIncrLen(s, 1);
    check(sdslen(s) == 3 + (size_t)room);
    sdsfree(s);
}

static void no_elements(void) {
    left = 0; /* these need no allocation to fail: they must not get that far */
    check(hi_calloc(SIZE_MAX, 2) == NULL);
    left = -1;
    void *block = hi_calloc(3, 0);
    hi_free(block);
    block = hi_calloc(0, 3);
    hi_free(block);
    check(live == 0);
}

int main(void) {
    hiredisAllocFuncs table = {failing_malloc, failing_calloc, failing_realloc, failing_strdup, failing_free};
    hiredisSetAllocators(&table);
    a_percent_ends_the_format();
    splitting_without_memory();
    composing_without_memory();
    blanks();
    lengths_out_of_range();
    no_elements();
    check(live == 0);
    puts("37: fixed");
    return 0;
}

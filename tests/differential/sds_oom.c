/* Contract section 7: NULL without memory, the string as it was, nothing lost. Every n-th allocation of every function fails. */
#include "sds_state.h"

static int left = -1; /* this many allocations succeed; -1: all */
static int live;      /* blocks not freed */

static int fails(void) {
    if (left < 0) return 0;
    if (left == 0) return 1;
    left--;
    return 0;
}
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
    if (p == NULL) live++;
    return realloc(p, n);
}
static char *failing_strdup(const char *s) {
    if (fails()) return NULL;
    live++;
    return strdup(s);
}
static void failing_free(void *p) {
    if (p) live--;
    free(p);
}

static const size_t lengths[] = {0, 5, 31, 40, 254, 300, 65535};

static char other[200];
static sds apply(int op, sds s) {
    switch (op) {
    case 0: return sdsMakeRoomFor(s, 100000);
    case 1: return sdscatlen(s, other, sizeof other);
    case 2: return sdscat(s, "0123456789");
    case 3: return sdscpylen(s, other, sizeof other);
    case 4: return sdscpy(s, "a longer text than there is room for, perhaps");
    case 5: return sdsgrowzero(s, 70000);
    case 6: return sdsRemoveFreeSpace(s);
    case 7: return sdscatprintf(s, "%d and %s", 7, "text");
    case 8: return sdscatprintf(s, "%1500d", 7);
    }
    return NULL;
}

static void appends(void) {
    for (int op = 0; op < 9; op++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (int n = 0; n < 4; n++) {
                sds s = sdsnewlen(NULL, lengths[i]);
                int before = live;
                left = n;
                sds t = apply(op, s);
                int used = n - left;
                left = -1;
                say("append.%d.%zu.%d", op, lengths[i], n);
                printf(" %s used=%d blocks=%d", t ? "done" : "NULL", used, live - before);
                end();
                show_all(t ? t : s, "append.%d.%zu.%d.text", op, lengths[i], n);
                sdsfree(t ? t : s);
            }
}

static sds create(int op) {
    switch (op) {
    case 0: return sdsnewlen(other, 100);
    case 1: return sdsnew("a");
    case 2: return sdsempty();
    case 3: return sdsfromlonglong(-5);
    case 4: return sdsnewlen(NULL, 100000);
    }
    return NULL;
}

static void creations(void) {
    for (int op = 0; op < 5; op++)
        for (int n = 0; n < 3; n++) {
            int before = live;
            left = n;
            sds s = create(op);
            left = -1;
            say("create.%d.%d", op, n);
            printf(" %s blocks=%d", s ? "done" : "NULL", live - before);
            end();
            sdsfree(s);
        }
    sds s = sdsnew("x");
    left = 0;
    fact(sdsdup(s) == NULL, "dup");
    left = -1;
    show_all(s, "dup.intact");
    sdsfree(s);
}

/* The C library's sdssplitargs, sdsjoin, sdscatrepr and sdscatfmt crash or leak, and its sdssplitlen
   leaves the count alone where the first allocation fails: see tests/c/regressions_sds.c. */
static void splits(void) {
    static const char *text = "a,b,c,d,e,f,g,h,i,j,k";
    for (int n = 1; n < 11; n++) {
        int count = 77, before = live;
        left = n;
        sds *tokens = sdssplitlen(text, (int)strlen(text), ",", 1, &count);
        left = -1;
        fact(tokens != NULL, "splitlen.%d.result", n);
        fact(count, "splitlen.%d.count", n);
        sdsfreesplitres(tokens, count);
        fact(live - before, "splitlen.%d.blocks", n);
    }
}

int main(void) {
    hiredisAllocFuncs table = {failing_malloc, failing_calloc, failing_realloc, failing_strdup, failing_free};
    hiredisSetAllocators(&table);
    memset(other, 'o', sizeof other);
    creations();
    appends();
    splits();
    fact(live, "blocks");
    return 0;
}

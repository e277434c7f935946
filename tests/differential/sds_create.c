/* Contract section 7: making, copying, measuring and shrinking strings; which header a size gets. */
#include "sds_state.h"

static void new_ones(void) {
    for (size_t i = 0; i < SIZES; i++) {
        size_t n = sizes[i];
        char *text = pattern(n);
        sds s = sdsnewlen(text, n);
        show_all(s, "newlen.%zu", n);
        sds copy = sdsdup(s);
        show_all(copy, "dup.%zu", n);
        fact(sdscmp(s, copy), "dup.%zu.cmp", n);
        sdsupdatelen(copy);
        show_all(copy, "updatelen.%zu", n);
        sdsfree(copy);
        sdsclear(s);
        show_all(s, "clear.%zu", n);
        sdsfree(s);
        s = sdsnewlen(NULL, n);
        show_all(s, "zeros.%zu", n);
        sdsfree(s);
        memset(text, 'x', n);
        s = sdsnew(text);
        show_all(s, "new.%zu", n);
        if (n) {
            s[n / 2] = 0;
            sdsupdatelen(s);
            show_all(s, "cut.%zu", n);
        }
        sdsfree(s);
        free(text);
    }
}

static void nothing(void) {
    sds s = sdsempty();
    show_all(s, "empty");
    sdsfree(s);
    s = sdsnew(NULL);
    show_all(s, "new.null");
    sdsfree(s);
    s = sdsnew("");
    show_all(s, "new.empty");
    sds copy = sdsdup(s);
    show_all(copy, "dup.empty");
    sdsfree(copy);
    sdsfree(s);
    s = sdsnewlen("", 0);
    show_all(s, "newlen.empty");
    sdsfree(s);
    sdsfree(NULL);
    sdsfreesplitres(NULL, 3);
    fact(sdsnewlen("x", SIZE_MAX) == NULL, "newlen.huge");
    fact(sdsnewlen("x", SIZE_MAX - 17) == NULL, "newlen.nearly_huge");
    fact(sdsnewlen("x", (size_t)PTRDIFF_MAX) == NULL, "newlen.half_huge");
}

/* Shrinking gives the smallest type back and keeps the text. */
static void shrunk(void) {
    for (size_t i = 0; i < SIZES; i++)
        for (size_t kept = 0; kept < 3; kept++) {
            size_t n = sizes[i], keep = kept == 0 ? n : kept == 1 ? n / 2 : n < 20 ? n : 20;
            char *text = pattern(n);
            sds s = sdsMakeRoomFor(sdsnewlen(text, n), 10);
            s = sdsrange(s, 0, keep ? (ssize_t)keep - 1 : 0) == 0 ? s : NULL;
            show_all(s, "roomy.%zu.%zu", n, kept);
            s = sdsRemoveFreeSpace(s);
            show_all(s, "shrunk.%zu.%zu", n, kept);
            s = sdsRemoveFreeSpace(s);
            show_all(s, "shrunk_again.%zu.%zu", n, kept);
            s = sdscat(s, "more");
            show_all(s, "appended.%zu.%zu", n, kept);
            sdsfree(s);
            free(text);
        }
}

/* A type 5 string is as long as its five bits say; the program's own header writing works. */
static void by_hand(void) {
    sds s = sdsnewlen("0123456789", 10);
    sdssetlen(s, 4);
    s[4] = 0;
    show_all(s, "setlen.type5");
    sdsinclen(s, 3);
    show(s, "inclen.type5");
    sdssetalloc(s, 99);
    show_all(s, "setalloc.type5");
    sdsfree(s);
    for (size_t i = 0; i < SIZES; i++) {
        s = sdsMakeRoomFor(sdsempty(), sizes[i] + 1);
        memset(s, 'q', sizes[i] + 1);
        sdssetlen(s, sizes[i]);
        s[sizes[i]] = 0;
        show_all(s, "setlen.%zu", sizes[i]);
        sdsinclen(s, 1);
        s[sizes[i] + 1] = 0;
        show_all(s, "inclen.%zu", sizes[i]);
        sdssetalloc(s, sizes[i] + 1);
        show_all(s, "setalloc.%zu", sizes[i]);
        s = sdscatlen(s, "zz", 2);
        show_all(s, "setalloc.%zu.appended", sizes[i]);
        sdsfree(s);
    }
}

int main(void) {
    dirty_blocks();
    new_ones();
    nothing();
    shrunk();
    by_hand();
    return 0;
}

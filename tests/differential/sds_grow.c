/* Contract section 7: growth rule, appending, replacing, and which allocator calls that takes. */
#include "sds_state.h"
#include <sys/wait.h>
#include <unistd.h>

static const size_t additions[] = {0, 1, 5, 31, 32, 127, 128, 254, 255, 4096, 65535, 524288, 1048575, 1048576};
#define ADDITIONS (sizeof additions / sizeof *additions)

static void room(void) {
    for (size_t i = 0; i < SIZES; i++)
        for (size_t j = 0; j < ADDITIONS; j++) {
            char *text = pattern(sizes[i]);
            sds s = sdsMakeRoomFor(sdsnewlen(text, sizes[i]), additions[j]);
            show_all(s, "room.%zu.%zu", sizes[i], additions[j]);
            sdsfree(s);
            free(text);
        }
    sds s = sdsnew("a");
    fact(sdsMakeRoomFor(s, SIZE_MAX) == NULL, "room.huge");
    fact(sdsMakeRoomFor(s, SIZE_MAX - 1) == NULL, "room.nearly_huge");
    fact(sdsMakeRoomFor(s, (size_t)PTRDIFF_MAX) == NULL, "room.half_huge");
    fact(sdscatlen(s, "b", SIZE_MAX) == NULL, "catlen.huge");
    fact(sdsgrowzero(s, SIZE_MAX) == NULL, "growzero.huge");
    fact(sdscpylen(s, "b", SIZE_MAX) == NULL, "cpylen.huge");
    show_all(s, "room.intact");
    sdsfree(s);
}

/* Need below and from 1 MiB. */
static void preallocation(void) {
    for (long d = -3; d <= 3; d++) {
        sds s = sdsMakeRoomFor(sdsempty(), (size_t)(1024 * 1024 + d));
        show_all(s, "prealloc.empty.%ld", d);
        sdsfree(s);
        s = sdsMakeRoomFor(sdsnewlen(NULL, 1024 * 1024 - 100), (size_t)(100 + d));
        show_all(s, "prealloc.full.%ld", d);
        sdsfree(s);
    }
}

static void one_by_one(void) {
    sds s = sdsempty();
    size_t last = 0;
    for (int i = 0, grown = 0; i < 300000; i++) {
        s = sdscatlen(s, "abcdefg" + i % 7, 1);
        if (sdsalloc(s) != last) {
            last = sdsalloc(s);
            grown++;
            show_all(s, "append.%d", grown);
        }
    }
    show_all(s, "append.end");
    sdsfree(s);
}

static void appended(void) {
    for (size_t i = 0; i < SIZES; i++)
        for (size_t j = 0; j < SIZES; j++) {
            if (sizes[i] > 66000 || sizes[j] > 66000) continue;
            char *a = pattern(sizes[i]), *b = pattern(sizes[j]);
            sds s = sdscatlen(sdsnewlen(a, sizes[i]), b, sizes[j]);
            show_all(s, "catlen.%zu.%zu", sizes[i], sizes[j]);
            s = sdscpylen(s, b, sizes[j]);
            show_all(s, "cpylen.%zu.%zu", sizes[i], sizes[j]);
            s = sdscpy(s, a);
            show_all(s, "cpy.%zu.%zu", sizes[i], sizes[j]);
            s = sdsgrowzero(s, sizes[i]);
            show_all(s, "growzero.%zu.%zu", sizes[i], sizes[j]);
            sds t = sdsnewlen(b, sizes[j]);
            s = sdscatsds(s, t);
            show_all(s, "catsds.%zu.%zu", sizes[i], sizes[j]);
            s = sdscat(s, "tail");
            show_all(s, "cat.%zu.%zu", sizes[i], sizes[j]);
            sdsfree(t);
            sdsfree(s);
            free(a);
            free(b);
        }
    sds s = sdscatlen(sdsnew("x"), NULL, 0);
    show_all(s, "catlen.null");
    s = sdscpylen(s, NULL, 0);
    show_all(s, "cpylen.null");
    s = sdscpy(s, "");
    show_all(s, "cpy.empty");
    s = sdsgrowzero(s, 0);
    show_all(s, "growzero.nothing");
    s = sdsgrowzero(s, 40);
    show_all(s, "growzero.forty");
    s = sdscpylen(s, "0123456789", 10);
    s = sdscpylen(s, s + 3, 5);
    show_all(s, "cpylen.own");
    sdsfree(s);
}

/* Written behind the text by the program, then counted. */
static void counted(void) {
    for (size_t i = 1; i < SIZES; i++) {
        sds s = sdsMakeRoomFor(sdsempty(), sizes[i]);
        memset(s, 'w', sizes[i]);
        sdsIncrLen(s, (int)sizes[i]);
        show_all(s, "incrlen.%zu", sizes[i]);
        sdsIncrLen(s, 0);
        show_all(s, "incrlen.%zu.none", sizes[i]);
        sdsIncrLen(s, -1);
        show_all(s, "incrlen.%zu.less", sizes[i]);
        sdsIncrLen(s, -(int)(sizes[i] - 1));
        show_all(s, "incrlen.%zu.nothing", sizes[i]);
        memset(s, 'y', sdsavail(s));
        sdsIncrLen(s, (int)sdsavail(s));
        show(s, "incrlen.%zu.all", sizes[i]);
        sdsfree(s);
    }
    sds s = sdsnewlen(NULL, 20);
    memset(s, 'w', 20);
    sdsIncrLen(s, -5);
    show_all(s, "incrlen.type5.less");
    sdsIncrLen(s, 5);
    show_all(s, "incrlen.type5.more");
    sdsclear(s);
    memset(s, 'v', 7);
    sdsIncrLen(s, 7);
    show_all(s, "incrlen.type5.cleared");
    sdsIncrLen(s, -7);
    show_all(s, "incrlen.type5.nothing");
    sdsfree(s);
}

/* 37: the C library aborts. */
static void counted_nothing(void) {
    pid_t child = fork();
    if (child == 0) {
        fclose(stderr);
        sds s = sdsnewlen("abc", 3);
        sdsIncrLen(s, 0);
        int same = sdslen(s) == 3 && strcmp(s, "abc") == 0;
        sdsfree(s);
        _exit(same ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    fact(WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status), "incrlen.type5.zero");
}

/* Which functions of the table are called, with which sizes. */
static char calls[4096];

static void *traced_malloc(size_t n) {
    sprintf(calls + strlen(calls), " malloc(%zu)", n);
    return dirty_malloc(n);
}
static void *traced_calloc(size_t n, size_t size) {
    sprintf(calls + strlen(calls), " calloc(%zu,%zu)", n, size);
    return calloc(n, size);
}
static void *traced_realloc(void *p, size_t n) {
    sprintf(calls + strlen(calls), " realloc(%s%zu)", p ? "" : "NULL,", n);
    return realloc(p, n);
}
static char *traced_strdup(const char *s) {
    sprintf(calls + strlen(calls), " strdup");
    return strdup(s);
}
static void traced_free(void *p) {
    sprintf(calls + strlen(calls), " free%s", p ? "" : "(NULL)");
    free(p);
}

static void traced(const char *key, size_t n) {
    say("calls.%s.%zu", key, n);
    printf("%s", calls[0] ? calls : " none");
    end();
    calls[0] = 0;
}

static void allocator_calls(void) {
    hiredisAllocFuncs table = {traced_malloc, traced_calloc, traced_realloc, traced_strdup, traced_free};
    hiredisAllocFuncs before = hiredisSetAllocators(&table);
    for (size_t i = 0; i < SIZES; i++) {
        size_t n = sizes[i];
        sds s = sdsnewlen(NULL, n);
        traced("new", n);
        s = sdsMakeRoomFor(s, 0);
        traced("room0", n);
        s = sdsMakeRoomFor(s, 1);
        traced("room1", n);
        s = sdsMakeRoomFor(s, 70000);
        traced("room70000", n);
        s = sdsRemoveFreeSpace(s);
        traced("shrink", n);
        s = sdsgrowzero(s, n + 1);
        traced("growzero", n);
        s = sdscpylen(s, "abc", 3);
        traced("cpylen", n);
        s = sdsRemoveFreeSpace(s);
        traced("shrink_small", n);
        sds t = sdsdup(s);
        traced("dup", n);
        sdsfree(t);
        sdsfree(s);
        traced("free", n);
    }
    sdsfree(NULL);
    traced("free_null", 0);
    void *p = sds_malloc(10);
    p = sds_realloc(p, 20);
    sds_free(p);
    sds_free(sds_realloc(NULL, 5));
    sds_free(NULL);
    traced("forwarded", 0);
    hiredisSetAllocators(&before);
}

int main(void) {
    dirty_blocks();
    room();
    preallocation();
    one_by_one();
    appended();
    counted();
    counted_nothing();
    allocator_calls();
    return 0;
}

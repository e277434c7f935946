/* Allocators that count, trace and fail; blocks carry nothing, so they mix with libc's. */
#ifndef ALLOCATORS_H
#define ALLOCATORS_H

#include <hiredis/alloc.h>
#include "report.h"

static long live;        /* blocks handed out and not yet freed */
static long attempts;    /* allocations asked for since the last reset */
static long fail_nth;    /* this one fails; 0: none */
static const char *trace; /* key of the trace, NULL: silent */
static int traced;

static int refuse(void) {
    attempts++;
    return attempts == fail_nth;
}

static void *track(void *p) {
    if (p != NULL)
        live++;
    return p;
}

static void note(const char *what, size_t n, size_t size) {
    if (trace == NULL)
        return;
    say("%s.alloc%d", trace, ++traced);
    printf(" %s %zu x %zu", what, n, size);
    end();
}

static void *trace_malloc(size_t size) {
    note("malloc", 1, size);
    return refuse() ? NULL : track(malloc(size));
}

static void *trace_calloc(size_t n, size_t size) {
    note("calloc", n, size);
    return refuse() ? NULL : track(calloc(n, size));
}

static void *trace_realloc(void *p, size_t size) {
    note("realloc", 1, size);
    if (refuse())
        return NULL;
    return p == NULL ? track(realloc(p, size)) : realloc(p, size);
}

static char *trace_strdup(const char *s) {
    note("strdup", 1, strlen(s));
    return refuse() ? NULL : track(strdup(s));
}

static void trace_free(void *p) {
    if (p != NULL) {
        live--;
        if (trace != NULL)
            note("free", 0, 0);
    }
    free(p);
}

UNUSED_OK static void allocators_install(void) {
    hiredisAllocFuncs table = {trace_malloc, trace_calloc, trace_realloc, trace_strdup, trace_free};
    hiredisSetAllocators(&table);
}

/* From here on the nth allocation fails. */
UNUSED_OK static void allocators_fail(long nth) {
    attempts = 0;
    fail_nth = nth;
}

UNUSED_OK static void allocators_trace(const char *key) {
    trace = key;
    traced = 0;
}

#endif

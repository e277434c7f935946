/* Runs a scenario again and again: its first allocation fails, then its second, … until a run has no failure. Twice: with
 * one allocation failing, and with all from that one on. A scenario calls arm() where failures may begin and disarm() where
 * they end; all its blocks must be freed by its end. */
#ifndef TESTS_OOM_H
#define TESTS_OOM_H

#include <hiredis/hiredis.h>
#include "../differential/allocators.h"

static const char *scenario;
static long nth;     /* the allocation that fails in this run */
static int from_then_on;

/* Ends the program with the place of the first condition that does not hold, and the run. */
#define CHECK(condition)                                                                                              \
    do {                                                                                                              \
        if (!(condition)) {                                                                                           \
            fprintf(stderr, "%s, allocation %ld%s: %s:%d: %s\n", scenario, nth, from_then_on ? " and later" : "",     \
                __FILE__, __LINE__, #condition);                                                                      \
            exit(1);                                                                                                  \
        }                                                                                                             \
    } while (0)

/* Moves the failure along with the attempts once it has happened. */
static void keep_failing(void) {
    if (from_then_on && fail_nth != 0 && attempts >= fail_nth)
        fail_nth = attempts + 1;
}

static void *oom_malloc(size_t size) {
    keep_failing();
    return trace_malloc(size);
}

static void *oom_calloc(size_t n, size_t size) {
    keep_failing();
    return trace_calloc(n, size);
}

static void *oom_realloc(void *p, size_t size) {
    keep_failing();
    return trace_realloc(p, size);
}

static char *oom_strdup(const char *s) {
    keep_failing();
    return trace_strdup(s);
}

static long failures; /* of this run */

static void arm(void) {
    allocators_fail(nth);
}

UNUSED_OK static int has_failed(void) {
    return failures != 0 || (fail_nth != 0 && attempts >= fail_nth);
}

static void disarm(void) {
    failures = has_failed();
    allocators_fail(0);
}

UNUSED_OK static void each_failure(const char *name, void (*run)(void)) {
    hiredisAllocFuncs table = {oom_malloc, oom_calloc, oom_realloc, oom_strdup, trace_free};
    hiredisSetAllocators(&table);
    scenario = name;
    long runs = 0;
    for (from_then_on = 0; from_then_on < 2; from_then_on++) {
        /* Each allocation near the start, later ones by and by: valgrind is slow. */
        for (nth = 1;; nth += under_valgrind() ? 1 + nth / 6 : 1) {
            failures = 0;
            run();
            runs++;
            CHECK(fail_nth == 0);
            CHECK(live == 0);
            if (!failures)
                break;
        }
    }
    printf("%s: %ld runs\n", name, runs);
}

/* What an object says when memory has run out. */
#define IS_OUT_OF_MEMORY(object) ((object)->err == REDIS_ERR_OOM && strcmp((object)->errstr, "Out of memory") == 0)

#endif

/* Runs a scenario again and again: its first allocation fails, then its second, … until a run has no failure. Twice: with
 * one allocation failing, and with all from that one on. A scenario calls arm() where failures may begin and disarm() where
 * they end; all its blocks must be freed by its end.
 *
 * Failing are the functions of hiredisSetAllocators; compiled with -DFAILING_MALLOC -D_GNU_SOURCE -fno-builtin, malloc itself.
 *
 * Every function that is called between arm() and disarm() counts as tried: `oom.rs` puts a macro before each exported function, and fails
 * where one is tried by no program. So a new function needs a scenario that calls it there, and nothing else. */
#ifndef TESTS_OOM_H
#define TESTS_OOM_H

#include <hiredis/hiredis.h>
#include "../differential/allocators.h"
#ifdef FAILING_MALLOC
#include "failing_malloc.h"
#endif

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

static long failures; /* of this run */

#ifdef FAILING_MALLOC

static void arm(void) {
    malloc_attempts = 0;
    malloc_fails_on = from_then_on;
    malloc_fails_at = nth;
}

static int armed(void) {
    return malloc_fails_at != 0;
}

UNUSED_OK static int has_failed(void) {
    return failures != 0 || (armed() && malloc_attempts >= nth);
}

static void disarm(void) {
    failures = has_failed();
    malloc_fails_at = 0;
}

static void set_up(void) {}

/* The free lists, too, give back what they keep. */
static long left_over(void) {
    hiredisAllocFuncs own = {trace_malloc, trace_calloc, trace_realloc, trace_strdup, trace_free};
    hiredisSetAllocators(&own);
    freeReplyObject(hi_calloc(1, sizeof(redisReply)));
    hiredisResetAllocators();
    return malloc_live;
}

#else

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

static void arm(void) {
    allocators_fail(nth);
}

static int armed(void) {
    return fail_nth != 0;
}

UNUSED_OK static int has_failed(void) {
    return failures != 0 || (armed() && attempts >= fail_nth);
}

static void disarm(void) {
    failures = has_failed();
    allocators_fail(0);
}

static void set_up(void) {
    hiredisAllocFuncs table = {oom_malloc, oom_calloc, oom_realloc, oom_strdup, trace_free};
    hiredisSetAllocators(&table);
}

static long left_over(void) {
    return live;
}

#endif

enum { MOST_FUNCTIONS = 300 };
static const char *tried[MOST_FUNCTIONS];
static int tried_count;

/* Called by the macros before each exported function. */
UNUSED_OK static void on_call(const char *function) {
    if (!armed())
        return;
    for (int i = 0; i < tried_count; i++)
        if (strcmp(tried[i], function) == 0)
            return;
    if (tried_count < MOST_FUNCTIONS)
        tried[tried_count++] = function;
}

__attribute__((destructor)) static void say_what_was_tried(void) {
    for (int i = 0; i < tried_count; i++)
        printf("tried %s\n", tried[i]);
}

/* As many allocations fail each, of the later ones some; 0: each of all. */
static long most_in_a_row;

UNUSED_OK static void each_failure(const char *name, void (*run)(void)) {
    set_up();
    if (under_valgrind()) /* which is slow */
        most_in_a_row = 6;
    scenario = name;
    long failed = 0;
    for (from_then_on = 0; from_then_on < 2; from_then_on++) {
        for (nth = 1;; nth += 1 + (most_in_a_row > 0 ? nth / most_in_a_row : 0)) {
            failures = 0;
            run();
            CHECK(!armed());
            CHECK(left_over() == 0);
            if (!failures)
                break;
            failed++;
        }
    }
    printf("%s: %ld failures\n", name, failed);
}

/* What an object says when memory has run out: the library itself, or the resolver, whose words it passes on. */
#define IS_OUT_OF_MEMORY(object) is_out_of_memory((object)->err, (object)->errstr)

UNUSED_OK static int is_out_of_memory(int err, const char *errstr) {
    if (err == REDIS_ERR_OOM)
        return strcmp(errstr, "Out of memory") == 0;
#ifdef FAILING_MALLOC
    const char *resolver = strstr(errstr, "Memory allocation failure");
    if (err == REDIS_ERR_OTHER && resolver != NULL)
        return resolver == errstr || strcmp(errstr, "Can't get addr: Memory allocation failure") == 0;
#endif
    fprintf(stderr, "err %d '%s'\n", err, errstr);
    return 0;
}

#endif

/* How many bytes the library holds, at most and now, and how much processor time something takes. */
#ifndef MEASURE_H
#define MEASURE_H

#include <hiredis/hiredis.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static size_t held, peak;

__attribute__((unused)) static void *hold(void *p) {
    if (p != NULL)
        held += malloc_usable_size(p);
    if (held > peak)
        peak = held;
    return p;
}

__attribute__((unused)) static void drop(void *p) {
    if (p != NULL)
        held -= malloc_usable_size(p);
    free(p);
}

__attribute__((unused)) static void *measured_malloc(size_t size) {
    return hold(malloc(size));
}

__attribute__((unused)) static void *measured_calloc(size_t n, size_t size) {
    return hold(calloc(n, size));
}

__attribute__((unused)) static void *measured_realloc(void *p, size_t size) {
    size_t before = p != NULL ? malloc_usable_size(p) : 0;
    void *moved = realloc(p, size);
    if (moved == NULL)
        return NULL;
    held -= before;
    return hold(moved);
}

__attribute__((unused)) static char *measured_strdup(const char *s) {
    return hold(strdup(s));
}

__attribute__((unused)) static void measure_memory(void) {
    hiredisAllocFuncs table = {measured_malloc, measured_calloc, measured_realloc, measured_strdup, drop};
    hiredisSetAllocators(&table);
}

__attribute__((unused)) static double processor_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Ends the program with the place of the first condition that does not hold. */
#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                        \
        }                                                                   \
    } while (0)

#endif

/* Programs of many small works, for callgrind and for the clock. `PROGRAM` lists its works; `PROGRAM WORK [TIMES]` does one as
 * often as its table says, TIMES over, and prints how often that was and what processor time one took. Below
 * `valgrind --tool=callgrind --collect-atstart=no` only what stands between begin() and end() is counted. */
#ifndef BENCH_COLLECT_H
#define BENCH_COLLECT_H

#include <valgrind/callgrind.h>

#include "bench.h"

struct work {
    const char *name;
    long count;
    void (*work)(const struct work *, long count); /* calls begin() and end() */
    void (*make)(const struct work *);             /* makes the input, or NULL */
    const char *text;                              /* for either of them */
    size_t number;
};

static double collected;

static inline void begin(void) {
    start();
    CALLGRIND_TOGGLE_COLLECT;
}

static inline void end(void) {
    CALLGRIND_TOGGLE_COLLECT;
    collected += clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - began.cpu;
}

static inline int run_works(const struct work *works, size_t many, int argc, char **argv) {
    for (size_t i = 0; i < many; i++) {
        const struct work *w = &works[i];
        if (argc == 1) puts(w->name);
        if (argc == 1 || strcmp(w->name, argv[1]) != 0) continue;
        long count = w->count * (argc > 2 ? atol(argv[2]) : 1);
        if (w->make) w->make(w);
        w->work(w, count);
        printf("count %ld cpu_ns %.2f\n", count, collected * 1e9 / (double)count);
        return 0;
    }
    return argc != 1;
}

#endif

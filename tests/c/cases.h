/* A program of named cases: run all of them, or those named on the command line. */
#ifndef TESTS_CASES_H
#define TESTS_CASES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define check(condition) \
    ((condition) ? (void)0 : (void)(failures++, fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, __func__, #condition)))

#define same(got, wanted) same_text(__FILE__, __LINE__, __func__, got, wanted)
#define contains(got, wanted) contains_text(__FILE__, __LINE__, __func__, got, wanted)

static inline void same_text(const char *file, int line, const char *where, const char *got, const char *wanted) {
    if (strcmp(got, wanted) == 0) return;
    failures++;
    fprintf(stderr, "%s:%d: %s:\n  wanted %s\n  got    %s\n", file, line, where, wanted, got);
}

static inline void contains_text(const char *file, int line, const char *where, const char *got, const char *wanted) {
    if (strstr(got, wanted)) return;
    failures++;
    fprintf(stderr, "%s:%d: %s:\n  wanted ... %s ...\n  got    %s\n", file, line, where, wanted, got);
}

struct test_case {
    const char *name;
    void (*run)(void);
};
#define CASE(function) {#function, function}

static inline int run_cases(const struct test_case *cases, size_t count, int argc, char **argv) {
    int ran = 0;
    for (size_t i = 0; i < count; i++) {
        int wanted = argc < 2;
        for (int j = 1; j < argc; j++) wanted |= strcmp(argv[j], cases[i].name) == 0;
        if (!wanted) continue;
        cases[i].run();
        ran++;
    }
    if (ran < (argc < 2 ? (int)count : argc - 1)) {
        fprintf(stderr, "no such case\n");
        return 2;
    }
    return failures != 0;
}

#endif

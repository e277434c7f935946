/* Contract section 7: sdscatprintf, sdscatvprintf, sdscatfmt. */
#include "sds_state.h"
#include <limits.h>

static sds through_list(sds s, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    s = sdscatvprintf(s, format, ap);
    va_end(ap);
    return s;
}

/* Both forms of the same format. */
#define PRINT(key, ...)                                                                                                          \
    do {                                                                                                                         \
        sds a = sdscatprintf(sdsnew("<"), __VA_ARGS__);                                                                          \
        show_all(a, "printf.%s", key);                                                                                           \
        sdsfree(a);                                                                                                              \
        a = through_list(sdsnew("<"), __VA_ARGS__);                                                                              \
        show_all(a, "vprintf.%s", key);                                                                                          \
        sdsfree(a);                                                                                                              \
    } while (0)

static void printed(void) {
    PRINT("literal", "hello");
    PRINT("percent", "%%");
    PRINT("d", "%d %i", 1, -2);
    PRINT("u", "%u", UINT_MAX);
    PRINT("lld", "%lld %llu", LLONG_MIN, ULLONG_MAX);
    PRINT("narrow", "%hhd %hd %ld %zd %jd %td", 300, 70000, LONG_MIN, (ssize_t)-1, (intmax_t)5, (ptrdiff_t)6);
    PRINT("x", "%x %X %#o %08x", 255, 255, 8, 48879);
    PRINT("s", "%s|%10s|%-10s|%.2s", "abc", "abc", "abc", "abc");
    PRINT("star", "%*d %-*d %.*s", 5, 42, 5, 42, 2, "abc");
    PRINT("f", "%f %.2f %e %g %a", 1.5, 3.14159, 12345.678, 0.0001, 1.0);
    PRINT("lf", "%Lf", (long double)2.25);
    PRINT("c", "%c%c", 'a', 'b');
    PRINT("p", "%p", (void *)0);
    PRINT("refused", "abc%ls", L"x\x20ac");
    PRINT("nul", "a%cb", 0);
    PRINT("nul_first", "%ca", 0);
    PRINT("many_ints", "%d %d %d %d %d %d %d %d %d %d", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    PRINT("many_doubles", "%g %g %g %g %g %g %g %g %g %g", 1., 2., 3., 4., 5., 6., 7., 8., 9., 10.);
    PRINT("mixed", "%d %g %s %d %g %s %d %g %s %d %g %s", 1, 1.5, "a", 2, 2.5, "b", 3, 3.5, "c", 4, 4.5, "d");
    static const int widths[] = {0, 1, 30, 31, 32, 254, 255, 1022, 1023, 1024, 1025, 2046, 2047, 2048, 65535, 70000, 1200000};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        char key[32];
        sprintf(key, "width%d", widths[i]);
        PRINT(key, "%*d", widths[i], 7);
        sprintf(key, "behind%d", widths[i]);
        PRINT(key, "%*s%c%s", widths[i], "", 0, "unseen");
    }
    for (size_t i = 0; i < SIZES; i++) {
        sds s = sdscatprintf(sdsnewlen(NULL, sizes[i]), "%s %d", "text", 12);
        show_all(s, "printf.onto.%zu", sizes[i]);
        sdsfree(s);
    }
    sds s = sdsnew("self");
    s = sdscatprintf(s, "%s %s", s, s);
    show_all(s, "printf.self");
    sdsfree(s);
}

#define FORMAT(key, ...)                                                                                                         \
    do {                                                                                                                         \
        sds a = sdscatfmt(sdsnew("<"), __VA_ARGS__);                                                                             \
        show(a, "fmt.%s", key);                                                                                                  \
        sdsfree(a);                                                                                                              \
    } while (0)

static void formatted(void) {
    sds text = sdsnewlen("x\0y", 3), empty = sdsempty(), large = sdsnewlen(NULL, 70000);
    FORMAT("empty", "");
    FORMAT("literal", "hello");
    FORMAT("percent", "%%");
    FORMAT("percents", "%%%%a%%");
    FORMAT("s", "%s", "abc");
    FORMAT("s_empty", "[%s]", "");
    FORMAT("S", "%S", text);
    FORMAT("S_empty", "[%S]", empty);
    FORMAT("S_large", "[%S]", large);
    FORMAT("unknown", "%a %q %d %%", 1);
    FORMAT("unknown_keeps", "%x%i", 7);
    FORMAT("unknown_blank", "100% sure %i", 5);
    FORMAT("mixed", "--%s %S %i %I %u %U %%--", "abc", text, INT_MIN, LLONG_MIN, UINT_MAX, ULLONG_MAX);
    FORMAT("many", "%i,%i,%i,%i,%i,%i,%i,%i,%i,%i", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    FORMAT("many_strings", "%s%s%s%s%s%s%s%s%s", "a", "b", "c", "d", "e", "f", "g", "h", "i");
    static const int ints[] = {0, 1, -1, 9, 10, 99, 100, INT_MAX, INT_MIN, 12345, -12345};
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        char key[16];
        sprintf(key, "i.%zu", i);
        FORMAT(key, "%i %u|", ints[i], (unsigned)ints[i]);
        sprintf(key, "I.%zu", i);
        FORMAT(key, "%I %U|", (long long)ints[i] * 1000003, (unsigned long long)ints[i]);
    }
    for (size_t i = 0; i < SIZES; i++) {
        if (sizes[i] == 0) continue;
        char *word = malloc(sizes[i] + 1);
        memset(word, 'f', sizes[i]);
        word[sizes[i]] = 0;
        char key[32];
        sprintf(key, "long.%zu", sizes[i]);
        FORMAT(key, "%s%i", word, 5);
        sds s = sdscatfmt(sdsnew(word), "%s|%i", "a", 1);
        show(s, "fmt.onto.%zu", sizes[i]);
        sdsfree(s);
        free(word);
    }
    sdsfree(text);
    sdsfree(empty);
    sdsfree(large);
}

int main(void) {
    dirty_blocks();
    printed();
    formatted();
    return 0;
}

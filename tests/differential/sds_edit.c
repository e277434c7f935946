/* Contract section 7: changing text in place, comparing, numbers. */
#include "sds_state.h"
#include <limits.h>

/* Exported, but in no header. */
int sdsll2str(char *s, long long value);
int sdsull2str(char *s, unsigned long long v);
int hex_digit_to_int(char c);

static void trimmed(void) {
    static const char *texts[] = {"",           " ",         "x",        "xx",         "  x",      "x  ",      "  x  ", "xxciaoyyy",
                                  "ciao",       "xyxyx",     " a b ",    "\t\n a \r",  "aaa bbb aaa", "AbA",  "a\xff\x80" "a",
                                  "0123456789012345678901234567890123456789"};
    static const char *sets[] = {"", " ", "xy", "abc", " \t\r\n", "\xff", "\x80" "a", "0123456789", "ciao"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t j = 0; j < sizeof sets / sizeof *sets; j++) {
            sds s = sdsnew(texts[i]);
            fact(sdstrim(s, sets[j]) == s, "trim.%zu.%zu.same", i, j);
            show_all(s, "trim.%zu.%zu", i, j);
            sdsfree(s);
        }
    sds s = sdsnewlen("\0\0 a\0b \0", 8);
    sdstrim(s, "");
    show_all(s, "trim.nul");
    sdstrim(s, " ");
    show_all(s, "trim.nul.blank");
    sdsfree(s);
    s = sdsnewlen(NULL, 50);
    sdstrim(s, "x");
    show_all(s, "trim.all_nul");
    sdsfree(s);
}

static void ranges(void) {
    static const ssize_t at[] = {-100, -6, -5, -4, -1, 0, 1, 3, 4, 5, 6, 100};
    static const size_t lengths[] = {0, 1, 5, 31, 32, 255, 256};
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
        for (size_t i = 0; i < sizeof at / sizeof *at; i++)
            for (size_t j = 0; j < sizeof at / sizeof *at; j++) {
                char *text = pattern(lengths[l]);
                sds s = sdsnewlen(text, lengths[l]);
                fact(sdsrange(s, at[i], at[j]), "range.%zu.%zd.%zd.result", lengths[l], at[i], at[j]);
                show_all(s, "range.%zu.%zd.%zd", lengths[l], at[i], at[j]);
                sdsfree(s);
                free(text);
            }
    static const ssize_t far[] = {SSIZE_MAX, SSIZE_MAX - 1, -SSIZE_MAX - 1, -SSIZE_MAX};
    for (size_t i = 0; i < 4; i++) {
        sds s = sdsnew("hello");
        sdsrange(s, far[i], 2);
        show(s, "range.far.start.%zu", i);
        s = sdscpy(s, "hello");
        sdsrange(s, 2, far[i]);
        show(s, "range.far.end.%zu", i);
        s = sdscpy(s, "hello");
        sdsrange(s, far[i], far[i]);
        show(s, "range.far.both.%zu", i);
        sdsfree(s);
    }
    sds s = sdsMakeRoomFor(sdsnewlen(NULL, 70000), 70000);
    for (size_t i = 0; i < 70000; i++) s[i] = (char)(i % 251);
    sdsrange(s, 12345, -12345);
    show_all(s, "range.large");
    sdsrange(s, 1, 10);
    show_all(s, "range.small");
    sdsfree(s);
}

static void letters(void) {
    char all[256];
    for (int i = 0; i < 256; i++) all[i] = (char)i;
    sds s = sdsnewlen(all, 256);
    sdstolower(s);
    show_all(s, "lower");
    fact(sdscmp(s, s), "lower.cmp");
    sdstoupper(s);
    show_all(s, "upper");
    sdsfree(s);
    s = sdsnew("Hello World 123 aZ@[`{");
    sdstolower(s);
    show(s, "lower.text");
    sdstoupper(s);
    show(s, "upper.text");
    sdsfree(s);
    s = sdsempty();
    sdstolower(s);
    sdstoupper(s);
    show(s, "case.empty");
    sdsfree(s);
    static const struct {
        const char *text, *from, *to;
        size_t n;
    } maps[] = {{"hello", "ho", "01", 2},    {"hello", "l", "L", 1},      {"hello", "", "", 0},        {"hello", "ll", "12", 2},
                {"hello", "leo", "elx", 3}, {"", "a", "b", 1},           {"aabbcc", "abc", "bca", 3}, {"a\xff", "\xff", "\x01", 1},
                {"hello", "hello", "HELLO", 5}, {"hello", "ho", "01", 1}, {"hello", "ab\0", "xyz", 3}};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        s = sdsnew(maps[i].text);
        fact(sdsmapchars(s, maps[i].from, maps[i].to, maps[i].n) == s, "map.%zu.same", i);
        show_all(s, "map.%zu", i);
        sdsfree(s);
    }
    s = sdsnewlen("a\0b\0", 4);
    sdsmapchars(s, "\0a", "0A", 2);
    show(s, "map.nul");
    sdsfree(s);
}

static int sign(int n) { return (n > 0) - (n < 0); }

static void compared(void) {
    static const struct {
        const char *text;
        size_t len;
    } texts[] = {{"", 0},      {"a", 1},       {"ab", 2},      {"abc", 3}, {"b", 1},
                 {"A", 1},     {"\xff", 1},    {"\x7f", 1},    {"a\0", 2}, {"a\0b", 3},
                 {"a\0c", 3},  {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 40}, {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 40}};
    size_t n = sizeof texts / sizeof *texts;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            sds a = sdsnewlen(texts[i].text, texts[i].len), b = sdsnewlen(texts[j].text, texts[j].len);
            fact(sign(sdscmp(a, b)), "cmp.%zu.%zu", i, j);
            sdsfree(a);
            sdsfree(b);
        }
}

static void numbers(void) {
    static const long long values[] = {0,     1,      -1,        9,          10,        -10,           99,          100,
                                       12345, -12345, INT_MAX,   INT_MIN,    UINT_MAX,  LLONG_MAX,     LLONG_MIN,   LLONG_MIN + 1,
                                       1000000000000000000LL,    999999999999999999LL,  -1000000000000000000LL};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[32];
        memset(text, '#', sizeof text);
        fact(sdsll2str(text, values[i]), "ll2str.%zu.len", i);
        say("ll2str.%zu", i);
        bytes(text, 24);
        end();
        memset(text, '#', sizeof text);
        fact(sdsull2str(text, (unsigned long long)values[i]), "ull2str.%zu.len", i);
        say("ull2str.%zu", i);
        bytes(text, 24);
        end();
        sds s = sdsfromlonglong(values[i]);
        show_all(s, "fromlonglong.%zu", i);
        sdsfree(s);
    }
    for (int c = -128; c < 128; c++) fact(hex_digit_to_int((char)c), "hex.%d", c);
}

int main(void) {
    dirty_blocks();
    trimmed();
    ranges();
    letters();
    compared();
    numbers();
    return 0;
}

/* Contract section 7: splitting, joining and quoting. */
#include "sds_state.h"

static void show_tokens(sds *tokens, int count, const char *key, int i) {
    fact(tokens != NULL, "%s.%d.result", key, i);
    fact(count, "%s.%d.count", key, i);
    for (int j = 0; tokens && j < count; j++) show(tokens[j], "%s.%d.token%d", key, i, j);
    sdsfreesplitres(tokens, count);
}

static void lengths(void) {
    static const struct {
        const char *text;
        int len;
        const char *separator;
        int separator_len;
    } cases[] = {
        {"", 0, ",", 1},          {"a", 1, ",", 1},           {",", 1, ",", 1},          {",,", 2, ",", 1},
        {"a,b,c", 5, ",", 1},     {"a,b,c,", 6, ",", 1},      {",a", 2, ",", 1},         {"a,,b", 4, ",", 1},
        {"_-_", 3, "_-_", 3},     {"a_-_b", 5, "_-_", 3},     {"a_-_-_b", 7, "_-_", 3},  {"aaaa", 4, "aa", 2},
        {"aaaaa", 5, "aa", 2},    {"ab", 2, "abc", 3},        {"abc", 3, "abc", 3},      {"abcabc", 6, "abc", 3},
        {"a\0b\0c", 5, "\0", 1},  {"a\0\0b", 4, "\0\0", 2},   {"a,b", 3, "", 0},         {"a,b", 3, ",", -1},
        {"a,b", -1, ",", 1},      {"a,b", 0, ",", 0},         {"a,b,c,d,e,f,g,h", 15, ",", 1}, {"aab", 3, "ab", 2},
        {"ababac", 6, "abac", 4}, {"x", 1, "xx", 2},          {"a,b", 2, ",", 1},        {"\xff,\xff", 3, "\xff", 1},
    };
    for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
        int count = 77;
        sds *tokens = sdssplitlen(cases[i].text, cases[i].len, cases[i].separator, cases[i].separator_len, &count);
        if (tokens == NULL) {
            fact(count, "splitlen.%d.refused", i);
            continue;
        }
        show_tokens(tokens, count, "splitlen", i);
    }
    char *many = malloc(20000);
    for (int i = 0; i < 20000; i++) many[i] = "abcd;"[i % 5];
    int count = 0;
    sds *tokens = sdssplitlen(many, 20000, ";", 1, &count);
    fact(count, "splitlen.many");
    show(tokens[3999], "splitlen.many.3999");
    show(tokens[4000], "splitlen.many.last");
    sdsfreesplitres(tokens, count);
    tokens = sdssplitlen(many, 20000, "none", 4, &count);
    show(tokens[0], "splitlen.none");
    sdsfreesplitres(tokens, count);
    free(many);
}

static const char *lines[] = {
    "", " ", "\t\r\n ", "a", " a", "a ", "a b", "  a   b  ", "a\tb\nc\rd", "\"\"", "''", "\"a\"", "'a'", "\"a b\"", "'a b'",
    "\"a\" \"b\"", "\"a\"b", "'a'b", "a\"b\"", "a'b'", "foo\"bar\"", "foo\"bar\" x", "foo'bar baz' x", "a\"b\"\"c\"", "a\"b\"'c'", "\"", "'",
    "\"a", "'a", "a\"", "a'", "\"a\\\"", "\"\\\"\"", "'\\''", "'\\\"'", "'\\n'", "\"\\n\\r\\t\\b\\a\"", "\"\\v\\f\\0\\e\\q\"",
    "\"\\x41\\x7a\"", "\"\\xff\\xFF\\xaB\"", "\"\\x00\"", "\"\\xg1\"", "\"\\x1\"", "\"\\x1g\"", "\"\\x\"", "\"\\\\\"", "\\n", "a\\ b",
    "\\x41", "\"a\"\t'b'", "\"a\"\n", "\"a\"\r", "\"a\" ", "'a' ", "'a'\n'b'", "\"'\"", "'\"'", "\"a'b\"", "'a\"b'",
    "set key \"hello world\" EX 10", "set \"\\xff\\x00\" 'it\\'s' \"\\\"quoted\\\"\"", "\x80\xff", "a\x0b" "b", "a\x0c" "b", "a\x0b", "=", "a=\"b c\"d",
    "\"a\"\"b\"", "'a''b'", "'a'\"b\"", "a b \"c", "a b 'c", "\"unbalanced\\", "'unbalanced\\", "'a\\", "\"\\\\\\\\\" x", "'\\\\'", "'\\\\' x",
    "  \"  \"  ", "'\n'", "\"\t\"", "a \"\" b", "a '' b", "''''", "\"\\x4\\x41\"", "-1 +2 #3 ;4", "\"\\'\"", "a\"\"", "a''", "\"\\X41\"", "\"\\N\"",
};

static void arguments(void) {
    for (int i = 0; i < (int)(sizeof lines / sizeof *lines); i++) {
        int count = 77;
        sds *tokens = sdssplitargs(lines[i], &count);
        show_tokens(tokens, count, "splitargs", i);
    }
    /* Lines of the bytes that matter, at random but the same everywhere. */
    unsigned state = 12345;
    for (int i = 0; i < (under_valgrind() ? 50 : 400); i++) {
        char line[16];
        size_t len = 1 + (state >> 16) % 14;
        for (size_t j = 0; j < len; j++) {
            state = state * 1103515245u + 12345u;
            line[j] = "\"'\\ xnab4\t\"' \\"[(state >> 16) % 14];
        }
        line[len] = 0;
        int count = 77;
        say("splitargs.line%d", i);
        text(line);
        end();
        sds *tokens = sdssplitargs(line, &count);
        show_tokens(tokens, count, "splitargs.random", i);
    }
    char line[3000];
    for (size_t i = 0; i < sizeof line - 1; i++) line[i] = i % 3 == 2 ? ' ' : 'k';
    line[sizeof line - 1] = 0;
    int count;
    sds *tokens = sdssplitargs(line, &count);
    fact(count, "splitargs.many");
    sdsfreesplitres(tokens, count);
    memset(line, 'z', sizeof line - 1);
    tokens = sdssplitargs(line, &count);
    show_tokens(tokens, count, "splitargs.long", 0);
}

/* The blanks that isspace knows more of (see 37): leading ones, as the C library treats them. */
static void odd_blanks(void) {
    static const char *odd[] = {"\x0b" "a", "\x0c" "a", "a \x0b", "\"a\"\x0b", "'a'\x0c", "\x0b", "a \x0c b"};
    for (int i = 0; i < (int)(sizeof odd / sizeof *odd); i++) {
        int count = 77;
        sds *tokens = sdssplitargs(odd[i], &count);
        show_tokens(tokens, count, "splitargs.odd", i);
    }
}

static void joined(void) {
    char *words[] = {"a", "", "bcd", "e f", "0123456789012345678901234567890123456789", "z"};
    static const char *separators[] = {"", ",", ", ", "----"};
    for (int n = 0; n <= 6; n++)
        for (int i = 0; i < 4; i++) {
            sds s = sdsjoin(words, n, (char *)separators[i]);
            show_all(s, "join.%d.%d", n, i);
            sdsfree(s);
            sds parts[6];
            for (int j = 0; j < n; j++) parts[j] = sdsnew(words[j]);
            s = sdsjoinsds(parts, n, separators[i], strlen(separators[i]));
            show_all(s, "joinsds.%d.%d", n, i);
            sdsfree(s);
            for (int j = 0; j < n; j++) sdsfree(parts[j]);
        }
    sds parts[] = {sdsnewlen("a\0b", 3), sdsempty(), sdsnewlen(NULL, 300)};
    sds s = sdsjoinsds(parts, 3, "\0\0", 2);
    show_all(s, "joinsds.nul");
    for (int j = 0; j < 3; j++) sdsfree(parts[j]);
    sdsfree(s);
    s = sdsjoin(words, -1, ",");
    show(s, "join.negative");
    sdsfree(s);
    s = sdsjoinsds(NULL, 0, NULL, 0);
    show(s, "joinsds.nothing");
    sdsfree(s);
}

static void quoted(void) {
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        sds s = sdscatrepr(sdsempty(), &byte, 1);
        show(s, "repr.%d", c);
        int count;
        sds *tokens = sdssplitargs(s, &count);
        fact(tokens && count == 1 && sdslen(tokens[0]) == 1 && tokens[0][0] == byte, "repr.%d.back", c);
        sdsfreesplitres(tokens, count);
        sdsfree(s);
    }
    sds s = sdscatrepr(sdsnew("prefix "), "", 0);
    show(s, "repr.empty");
    s = sdscatrepr(s, "a\0b\"c\\d\n", 9);
    show(s, "repr.text");
    char *all = pattern(1000);
    s = sdscatrepr(s, all, 1000);
    show(s, "repr.long");
    free(all);
    s = sdscatrepr(s, NULL, 0);
    show(s, "repr.null");
    sdsfree(s);
}

int main(void) {
    dirty_blocks();
    lengths();
    arguments();
    odd_blanks();
    joined();
    quoted();
    return 0;
}

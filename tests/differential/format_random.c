/* Contract section 3: random formats over a fixed sequence of argument types. */
#include "command.h"
#include <stdint.h>

static uint64_t state = 20250101;

static unsigned below(unsigned n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

static void append(char *format, const char *text) {
    strcat(format, text);
}

/* Some text without a conversion that takes an argument. */
static void literal(char *format) {
    static const char *const pieces[] = {"", " ", "  ", "a", "key:", "%%", " b ", "\r\n", "\t", "{x}", "a long piece of text",
                                         "0123456789", "-", "$3", "*2\r\n"};
    for (unsigned n = below(4); n > 0; n--)
        append(format, pieces[below(sizeof(pieces) / sizeof(*pieces))]);
}

/* "%", flags, width and precision that leave room for letters within 13 characters. */
static void number(char *format, const char *letters) {
    static const char *const flags[] = {"", "", "", "", "-", "0", "+", " ", "#", "+-", "0+"};
    static const char *const widths[] = {"", "", "", "1", "5", "20", "105"};
    static const char *const precisions[] = {"", "", "", ".", ".0", ".3", ".25"};
    append(format, "%");
    append(format, flags[below(sizeof(flags) / sizeof(*flags))]);
    append(format, widths[below(sizeof(widths) / sizeof(*widths))]);
    append(format, precisions[below(sizeof(precisions) / sizeof(*precisions))]);
    append(format, letters);
}

#define PICK(...) ((const char *const[]){__VA_ARGS__}[below(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))])

/* What ends a format before its arguments are used up. */
static void broken(char *format) {
    append(format, PICK("%n", "%ls", "% ", "%-b", "%hf", "%zs", "%1$d", "%h", "%", "%.3%"));
}

static void one(int i) {
    static const char data[] = "binary\0data\r\n with $ and * and a tail that is longer than any small buffer would be";
    static const char *const strings[] = {"", "x", "two words", "\r\n", "%s%d", "0123456789"};
    char format[512] = "", key[32];
    int breaks = below(6) == 0 ? (int)below(6) : -1;
    for (int argument = 0; argument < 6; argument++) {
        literal(format);
        if (argument == breaks) {
            broken(format);
            break;
        }
        switch (argument) {
        case 0: number(format, PICK("lld", "llu", "llx", "llX", "lli", "llo")); break;
        case 1: append(format, "%s"); break;
        case 2: append(format, "%b"); break;
        case 3: number(format, PICK("f", "e", "g", "a", "F", "E", "G", "A")); break;
        case 4: number(format, PICK("d", "i", "u", "x", "o", "hd", "hhu", "hhX")); break;
        case 5: number(format, PICK("ld", "lu", "lx")); break;
        }
    }
    literal(format);
    say("random.%d.format", i);
    text(format);
    end();
    snprintf(key, sizeof(key), "random.%d", i);
    long long wide = (long long)(((uint64_t)below(1u << 30) << 34) >> below(60)) - below(1000);
    const char *string = strings[below(6)];
    size_t len = below(sizeof(data));
    double real = ((double)below(1000000) - 500000) * (below(2) ? 1e-3 : 1e12);
    int small = (int)below(1u << 31) - (1 << 30);
    long middle = (long)below(1000) - 500;
    FORMAT(key, format, wide, string, data, len, real, small, middle);
}

int main(void) {
    for (int i = 0; i < (under_valgrind() ? 100 : 600); i++)
        one(i);
    return 0;
}

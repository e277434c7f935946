/* Contract section 3: flags, widths, precisions, modifiers and letters in all combinations. */
#include "command.h"

static const char *const flags[] = {"", "-", "0", "+", " ", "#", "-+", "0#", "+0", "-#", "+ -0#"};
static const char *const sizes[] = {"", "1", "12", ".", ".0", ".5", "12.5", "3.12"};

/* Calls print(key, format) for "<before>%<flags><size><letters><after>", if libc takes it as it is. */
static void each(const char *letters, void (*print)(const char *, const char *)) {
    for (size_t f = 0; f < sizeof(flags) / sizeof(*flags); f++)
        for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
            char conversion[40], format[100];
            snprintf(conversion, sizeof(conversion), "%%%s%s%s", flags[f], sizes[s], letters);
            if (strlen(conversion) > 13)
                continue; /* format_long.c */
            snprintf(format, sizeof(format), "a %s:%s b", conversion, conversion);
            print(conversion, format);
        }
}

static void as_int(const char *key, const char *format) {
    FORMAT(key, format, -123, 1234567);
}

static void as_long(const char *key, const char *format) {
    FORMAT(key, format, -1234567890123L, 0L);
}

static void as_long_long(const char *key, const char *format) {
    FORMAT(key, format, 1234567890123456789LL, -5LL);
}

static void as_double(const char *key, const char *format) {
    FORMAT(key, format, -1234.5678, 1e-5);
}

int main(void) {
    static const char integers[] = "diouxX";
    static const char doubles[] = "eEfFgGaA";
    for (const char *c = integers; *c != '\0'; c++) {
        char letters[4] = {*c, 0};
        each(letters, as_int);
        snprintf(letters, sizeof(letters), "h%c", *c);
        each(letters, as_int);
        snprintf(letters, sizeof(letters), "hh%c", *c);
        each(letters, as_int);
        snprintf(letters, sizeof(letters), "l%c", *c);
        each(letters, as_long);
        snprintf(letters, sizeof(letters), "ll%c", *c);
        each(letters, as_long_long);
    }
    for (const char *c = doubles; *c != '\0'; c++) {
        char letters[2] = {*c, 0};
        each(letters, as_double);
    }
    return 0;
}

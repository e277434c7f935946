/* Contract section 11, number 18: conversions of 13 characters and more. */
#include "command.h"

/* "%", so many zeros as make `len` characters, and the letters. */
static void zeros(size_t len, const char *letters) {
    char format[128] = "a %", key[64];
    memset(format + 3, '0', len - 1 - strlen(letters));
    strcpy(format + 2 + len - strlen(letters), letters);
    strcat(format, " b");
    snprintf(key, sizeof(key), "zeros.%zu.%s", len, letters);
    if (strchr("aAeEfFgG", letters[0]))
        FORMAT(key, format, 1.5);
    else if (letters[0] == 'l')
        FORMAT(key, format, 7LL);
    else
        FORMAT(key, format, 7);
}

int main(void) {
    static const char *const letters[] = {"d", "hhu", "llx", "g"};
    for (size_t len = 10; len <= 40; len += len < 16 ? 1 : 12)
        for (size_t i = 0; i < 4; i++)
            zeros(len, letters[i]);
    F("%-+ #0123.4d|", 7);
    F("%-+ #00123.4d|", 7);
    F("%+-0+-0+-0+-03lld|%s", 7LL, "x");
    F("%0000000000000000000012.5f %s", 2.5, "x");
    F("%99999999999d", 7);
    F("%.99999999999d", 7);
    F("%2147483648d", 7);
    return 0;
}

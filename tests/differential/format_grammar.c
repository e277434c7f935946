/* Contract section 3: every row of the format grammar. */
#include "command.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <sys/types.h>

static void separators(void) {
    F("");
    F(" ");
    F("     ");
    F("PING");
    F(" PING");
    F("PING ");
    F("  PING  ");
    F("a b");
    F("a  b");
    F("a   b    c");
    F(" a b ");
    F("a\tb");
    F("a\nb");
    F("a\r\nb c");
    F("\t");
    F("\t \t");
    F("\v\f");
    F("*1\r\n$4\r\nPING\r\n");
    F("\"a b\"");
    F("'a b'");
    F("a\\ b");
    F("\x01\x7f\x80\xff");
    F("caf\xc3\xa9 \xe2\x82\xac");
    F("a b c d e f g h i");
    F("a b c d e f g h i j");
    F("a b c d e f g h i j k");
    F("SET key value EX 10 NX");
}

static void percents(void) {
    F("%");
    F("%%");
    F("%%%");
    F("%%%%");
    F("a%");
    F("a %");
    F("a%%");
    F("%%a");
    F("a%%b");
    F("a %% b");
    F("100%% of %s", "x");
    F("%% %");
    F("%%s", "x");
    F("%s%%", "x");
    F("%%%s", "x");
    F("%s%", "x");
}

static void strings(void) {
    F("%s", "");
    F("%s", "x");
    F("%s", "two words");
    F("%s", " ");
    F("%s", "\r\n");
    F("%s", "%s %d");
    F("%s%s", "", "");
    F("%s%s", "a", "b");
    F("%s %s", "", "");
    F(" %s ", "");
    F("%s ", "x");
    F("a%s", "");
    F("%sa", "");
    F("a%sb", "x");
    F("a%sb%sc", "x", "y");
    F("a %s b", "x y");
    F("SET %s %s", "foo", "bar");
    F("SET foo %s", "");
    F("SET %s:%s %s", "user", "1000", "name");
    F("%s%s%s%s%s", "a", "b", "c", "d", "e");
    F("%s %s %s %s %s %s %s %s %s %s %s", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10");
}

static void buffers(void) {
    F("%b", "x", (size_t)1);
    F("%b", "x", (size_t)0);
    F("%b", (char *)NULL, (size_t)0);
    F("%b", "a\0b", (size_t)3);
    F("%b", "\0", (size_t)1);
    F("%b", "\0\0\0\0", (size_t)4);
    F("%b", "abcdef", (size_t)3);
    F("%b", "two words", (size_t)9);
    F("%b%b", "a", (size_t)1, "b", (size_t)1);
    F("%b%b", "a", (size_t)0, "b", (size_t)0);
    F("%b %b", "a\0", (size_t)2, "\0b", (size_t)2);
    F("SET %b %b", "foo", (size_t)3, "b\0r", (size_t)3);
    F("a%bb", "x", (size_t)1);
    F("%b%s", "x", (size_t)1, "y");
    F("%s%b", "y", "x", (size_t)1);
    F("%s:%b:%d", "a", "b", (size_t)1, 3);
    F("%b %", "x", (size_t)1);
    F("%bb", "x", (size_t)1);
}

static void integers(void) {
    F("%d", 0);
    F("%d", -1);
    F("%d", 9);
    F("%d", 10);
    F("%d", 99);
    F("%d", 100);
    F("%d", INT_MAX);
    F("%d", INT_MIN);
    F("%i", 123456789);
    F("%i", -123456789);
    F("%u", 0u);
    F("%u", UINT_MAX);
    F("%u", -1);
    F("%o", 8);
    F("%x", 255);
    F("%X", 255);
    F("%x", -1);
    F("%hhd", 127);
    F("%hhd", 128);
    F("%hhd", 300);
    F("%hhi", -129);
    F("%hhu", 255);
    F("%hhu", 256);
    F("%hhx", -1);
    F("%hho", 511);
    F("%hhX", 0xabc);
    F("%hd", 32767);
    F("%hd", 32768);
    F("%hi", -32769);
    F("%hu", 65536);
    F("%hx", -1);
    F("%ho", 65537);
    F("%hX", 0xabcdef);
    F("%ld", LONG_MAX);
    F("%ld", LONG_MIN);
    F("%li", -1L);
    F("%lu", ULONG_MAX);
    F("%lo", 8L);
    F("%lx", LONG_MIN);
    F("%lX", LONG_MAX);
    F("%lld", LLONG_MAX);
    F("%lld", LLONG_MIN);
    F("%lli", 0LL);
    F("%llu", ULLONG_MAX);
    F("%llo", ULLONG_MAX);
    F("%llx", ULLONG_MAX);
    F("%llX", 0x123456789abcdefLL);
    F("%.0d", 0);
    F("%.d", 0);
    F("%#x", 0);
    F("%#o", 0);
    F("%d%d%d", 1, 2, 3);
    F("%d %d %d", 1, 2, 3);
    F("key:%d %d", 1, -2);
    F("key:%d:x %lld:%s", 12345, -1LL, "y");
    F("%d%s", 1, "x");
    F("%s%d", "x", 1);
    F("%dd", 1);
    F("%lldd", 1LL);
    F("a%db", 7);
    F("%d\xe9", 1);
    F("%d %d %d %d %d %d %d %d", 1, 2, 3, 4, 5, 6, 7, 8);
    F("%d %s %d %s %d %s %d %s", 1, "a", 2, "b", 3, "c", 4, "d");
    F("%hhi %ho %llX %lo", 1, 2, 3LL, 4L);
}

static void doubles(void) {
    F("%f", 0.0);
    F("%f", -0.0);
    F("%f", 1.5);
    F("%f", -1.5);
    F("%f", 1e15);
    F("%f", 1e300);
    F("%f", -1e308);
    F("%f", (double)INFINITY);
    F("%f", -(double)INFINITY);
    F("%F", (double)INFINITY);
    F("%f", (double)NAN);
    F("%F", (double)NAN);
    F("%e", 12345.678);
    F("%E", 12345.678);
    F("%g", 12345.678);
    F("%G", 1e-10);
    F("%g", 1e100);
    F("%g", 0.1);
    F("%a", 1.5);
    F("%A", -0.1);
    F("%.17g", 0.1);
    F("%.0f", 2.5);
    F("%.1f", 0.25);
    F("%.f", 3.7);
    F("%#.f", 3.7);
    F("%.40f", 0.1);
    F("%.400f", 0.1);
    F("%100f", 0.1);
    F("% foo", 2.0);
    F("% f", 2.0);
    F("%+f", 2.0);
    F("%012.3f|", -2.0);
    F("%-12.3f|", -2.0);
    F("%f %f %f %f %f %f %f %f %f %f", 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0);
    F("%d %f %s %f %lld %f", 1, 1.5, "x", 2.5, 3LL, 3.5);
    F("ZADD z %f %s", 1.25, "m");
    F("ZADD z %.17g %b", 1.25, "m", (size_t)1);
    F("%f%f", 1.0, 2.0);
}

/* Widths move the header's digits after the text was begun. */
static void widths(void) {
    static const int list[] = {1, 2, 8, 9, 10, 11, 31, 32, 33, 98, 99, 100, 101, 500, 998, 999, 1000, 1001, 4096, 9999, 10000, 65535};
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        char format[40], key[60];
        snprintf(format, sizeof(format), "k:%%%dd", list[i]);
        snprintf(key, sizeof(key), "width.%s", format);
        FORMAT(key, format, 7);
        snprintf(format, sizeof(format), "%%-%dlld|%%s", list[i]);
        snprintf(key, sizeof(key), "width.%s", format);
        FORMAT(key, format, -7LL, "x");
        snprintf(format, sizeof(format), "%%.%dd %%b", list[i]);
        snprintf(key, sizeof(key), "width.%s", format);
        FORMAT(key, format, 7, "y", (size_t)1);
    }
}

/* What printf takes and the C library refuses. */
static void printf_alone(void) {
    errno = ENOENT;
    F("%m");
    F("%c", 'x');
    F("SET %s %5c", "k", 'x');
    F("%p", (void *)0);
    F("%zd", (ssize_t)-1);
    F("%zu", (size_t)1);
    F("%jd", (intmax_t)-1);
    F("%td", (ptrdiff_t)-1);
    F("%qd", -1LL);
    F("%Ld", -1LL);
    F("%Lf", 1.5L);
    F("%d %Lg %f", 1, 1e400L, 1.5);
    F("%lf", 1.5);
    F("%lg", 1.5);
    F("%'d", 1000000);
    F("%I5d", 1);
    F("%*d", 3, 1);
    F("%*d|", -3, 1);
    F("%.*d", 3, 1);
    F("%.*d", -3, 1);
    F("%-*.*f|", 8, 2, 1.5);
    F("%5s", "x");
    F("%-5s|", "x");
    F("%.3s", "abcdef");
    F("%.*s %*s", 3, "abcdef", 8, "ab");
    F("%.0s", (char *)NULL);
    F("% s", "x");
}

static void refused(void) {
    F("%n", (void *)0);
    F("%qf", 1.0);
    F("%zf", 1.0);
    F("%lp", (void *)0);
    F("%w8d", 1);
    F("%*b", 1, "x", (size_t)1);
    F("%**d", 1, 1, 1);
    F("%*5d", 1, 1);
    F("%*1$d", 1, 1);
    F("%1$s", "x");
    F("%hf", 1.0);
    F("%llf", 1.0);
    F("%ls", "x");
    F("%hs", "x");
    F("%hhs", "x");
    F("%lls", "x");
    F("%lb", "x", (size_t)1);
    F("%lc", 'x');
    F("%S", "x");
    F("%C", 'x');
    F("%B", "x", (size_t)1);
    F("%D", 1);
    F("%U", 1);
    F("%O", 1);
    F("%I", 1);
    F("%q", 1);
    F("%v", 1);
    F("%1$d", 1);
    F("%5b", "x", (size_t)1);
    F("%-b", "x", (size_t)1);
    F("%5%");
    F("%-%");
    F("% %");
    F("% b", "x", (size_t)1);
    F("%.-5d", 1);
    F("%5.5.5d", 1);
    F("%..5d", 1);
    F("%-5-d", 1);
    F("%hld", 1);
    F("%lhd", 1);
    F("%hhhd", 1);
    F("%llld", 1);
    F("%lhhd", 1);
    F("% ");
    F("%  ");
    F("%-");
    F("%#");
    F("%0");
    F("%5");
    F("%.");
    F("%.5");
    F("%5.5");
    F("%h");
    F("%hh");
    F("%l");
    F("%ll");
    F("%h d", 1);
    F("%l d", 1);
    F("%\td", 1);
    F("%\n");
    F("%\xff");
    F("%_d", 1);
    F("%\x01");
    F("%{}");
    F("SET %s %n", "k", (void *)0);
    F("SET %s %b %", "k", "v", (size_t)1);
    F("SET %s %b %q", "k", "v", (size_t)1);
    F("%d %z", 1);
    F("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%n", (void *)0);
}

static void no_target(void) {
    fact(redisFormatCommand(NULL, "PING"), "target.null.format");
    const char *argv[] = {"PING"};
    fact(redisFormatCommandArgv(NULL, 1, argv, NULL), "target.null.argv");
    fact(redisFormatSdsCommandArgv(NULL, 1, argv, NULL), "target.null.sds");
    redisFreeCommand(NULL);
    redisFreeSdsCommand(NULL);
    fact(0, "free.null");
}

int main(void) {
    separators();
    percents();
    strings();
    buffers();
    integers();
    doubles();
    widths();
    printf_alone();
    refused();
    no_target();
    return 0;
}

/* Contract section 2: strict integers, doubles and lengths at their edges. */
#include "reply.h"
#include <math.h>

static const char *const integers[] = {
    "0", "1", "-1", "9", "10", "99", "100", "2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295",
    "4294967296", "999999999999999999", "1000000000000000000", "9223372036854775806", "9223372036854775807",
    "-9223372036854775807", "-9223372036854775808", "9223372036854775810", "-9223372036854775810", "18446744073709551615",
    "18446744073709551616", "99999999999999999999", "1.0", "1e3", "--1", "-01", "1-", "1,000", "\t1", "1\t", "0b1", "007",
};

static const char *const doubles[] = {
    "0", "-0", "0.0", "-0.0", "1", "-1", "1.5", "-1.5", "3.14159265358979", "2.718281828459045", "0.1", "0.2", "0.3",
    "123456789.123456789", "1e0", "1e1", "1E1", "1e+1", "1e-1", "1.5e3", "1.5E-3", "-2.5e+10", "1e22", "1e23", "1e308",
    "1.7976931348623157e308", "1.7976931348623159e308", "2.2250738585072014e-308", "2.2250738585072011e-308", "4.9e-324",
    "5e-324", "2e-324", "1e-400", "1e400", "-1e400", "0e999", "0e-999", "0.0e999", "9007199254740993", "9007199254740992",
    "9007199254740991", "1.00000000000000011102230246251565", "1.00000000000000011102230246251566",
    "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880",
    ".5", "5.", "-.5", "-5.", "00", "007", "007.5", "-00.5", ".", "-", "-.", "", "e", "e5", ".e5", "1e", "1e+", "1e-", "1ee1",
    "1e1.5", "1.5.5", "--1", "1-", "+1", "+.5", "0x10", "0x1p3", " 1", "1 ", "1\t", "1,5", "1_000", "1f", "1d", "inf", "INF",
    "Inf", "iNf", "-inf", "-INF", "+inf", "infinity", "-infinity", "in", "inff", "nan", "NaN", "NAN", "-nan", "-NAN", "+nan",
    "nan(1)", "nan0", "abc", "1abc", "1e99999999999999999999", "1e-99999999999999999999", "0e99999999999999999999",
    "0.000000000000000000000000000000000000000000000000000000000000000000000000000001", "1e-323", "1.2345678901234567e-310",
    "0.3e-10", "12345678901234567890123456789012345678901234567890", "8.41", "1e5", "100e-2", "6.02214076e23", "1.6e-35",
};

static const char *const bignums[] = {"", "-", "0", "-0", "+1", "3492890328409238509324850943850943825024385"};

static const char *const lengths[] = {"0", "1", "3", "5", "-1", "-2", "-0", "00", "01", "+1", "1 ", "", "x", "9223372036854775807",
                                      "9223372036854775808", "18446744073709551616", "-9223372036854775809"};

static void wire_line(const char *key, const char *wire, size_t len) {
    redisReader *r = redisReaderCreate();
    void *out = NULL;
    redisReaderFeed(r, wire, len);
    int rc = redisReaderGetReply(r, &out);
    say("%s", key);
    redisReply *reply = out;
    if (reply == NULL) {
        printf(" rc=%d err=%d %s", rc, r->err, r->errstr[0] ? r->errstr : "waits");
    } else {
        printf(" rc=%d type=%d integer=%lld dval=%.17g sign=%d elements=%zu str=", rc, reply->type, reply->integer, reply->dval,
               !!signbit(reply->dval), reply->elements);
        text(reply->str);
    }
    end();
    freeReplyObject(reply);
    redisReaderFree(r);
}

static void number(char type, const char *key, const char *value) {
    char wire[1024];
    int len = snprintf(wire, sizeof(wire), "%c%s\r\n", type, value);
    wire_line(key, wire, (size_t)len);
}

/* The key is the subject and the text, a tab in it as T. */
static void line(char type, const char *subject, const char *value) {
    char key[400];
    snprintf(key, sizeof(key), "%s.\"%s\"", subject, value);
    for (char *c = strchr(key, '\t'); c != NULL; c = strchr(c, '\t'))
        *c = 'T';
    number(type, key, value);
}

/* A double's text may be 325 bytes long, whatever it says. */
static void long_doubles(void) {
    for (int len = 320; len <= 330; len++) {
        char digits[400], key[64];
        memset(digits, '0', sizeof(digits));
        digits[len - 1] = '7';
        digits[len] = '\0';
        snprintf(key, sizeof(key), "double.bytes.%d", len);
        number(',', key, digits);
        digits[1] = '.';
        snprintf(key, sizeof(key), "double.fraction.bytes.%d", len);
        number(',', key, digits);
    }
}

#define EACH(list, type, subject)                              \
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) \
    line(type, subject, list[i])

int main(void) {
    EACH(integers, ':', "integer");
    EACH(doubles, ',', "double");
    long_doubles();
    EACH(lengths, '$', "bulk");
    EACH(lengths, '=', "verb");
    EACH(lengths, '*', "array");
    EACH(lengths, '%', "map");
    EACH(lengths, '~', "set");
    EACH(lengths, '>', "push");
    EACH(lengths, '|', "attr");
    EACH(integers, '(', "bignum.integer");
    EACH(bignums, '(', "bignum");
    wire_line("bool.nul", "#\0\r\n", 4);
    return 0;
}

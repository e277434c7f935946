/* Strings without memory: NULL, and the string as it was. */
#include "oom.h"
#include <hiredis/sds.h>

static char big[70000];

static void check_string(sds s, const char *bytes, size_t len) {
    CHECK(sdslen(s) == len && memcmp(s, bytes, len) == 0 && s[len] == 0);
}

/* A function that makes a string. */
#define MAKES(name, call, bytes, len)      \
    static void name##_(void) {            \
        arm();                             \
        sds s = call;                      \
        disarm();                          \
        CHECK((s == NULL) == (failures != 0)); \
        if (s != NULL) check_string(s, bytes, len); \
        sdsfree(s);                        \
    }

/* A function that changes a string `s`, from "before" to what is given. */
#define CHANGES(name, call, bytes, len)    \
    static void name##_(void) {            \
        sds s = sdsnew("before");          \
        arm();                             \
        sds changed = call;                \
        disarm();                          \
        CHECK((changed == NULL) == (failures != 0)); \
        if (changed == NULL) check_string(s, "before", 6); \
        else check_string(changed, bytes, len); \
        sdsfree(changed == NULL ? s : changed); \
    }

/* A function that needs no memory: `s` is "before" first. */
#define NEEDS_NONE(name, call, condition)  \
    static void name##_(void) {            \
        sds s = sdsnew("before");          \
        arm();                             \
        call;                              \
        disarm();                          \
        CHECK(!failures && (condition));   \
        sdsfree(s);                        \
    }

static sds by_list(sds s, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    s = sdscatvprintf(s, format, ap);
    va_end(ap);
    return s;
}

static char *words[] = {"one", "two", "three"};

MAKES(sdsnewlen, sdsnewlen(big, sizeof big), big, sizeof big)
MAKES(sdsnew, sdsnew("text"), "text", 4)
MAKES(sdsempty, sdsempty(), "", 0)
MAKES(sdsfromlonglong, sdsfromlonglong(-1234567890123), "-1234567890123", 14)
MAKES(sdsjoin, sdsjoin(words, 3, ", "), "one, two, three", 15)
CHANGES(sdscatlen, sdscatlen(s, big, 3), "beforexxx", 9)
CHANGES(sdscat, sdscat(s, " and after"), "before and after", 16)
CHANGES(sdscpylen, sdscpylen(s, big, sizeof big), big, sizeof big)
CHANGES(sdscpy, sdscpy(s, "something quite a bit longer"), "something quite a bit longer", 28)
CHANGES(sdscatfmt, sdscatfmt(s, " %s", "and after"), "before and after", 16)
CHANGES(sdscatprintf, sdscatprintf(s, "%*d", 2, 7), "before 7", 8)
CHANGES(sdscatvprintf, by_list(s, " %s", "and after"), "before and after", 16)
CHANGES(sdsgrowzero, sdsgrowzero(s, 9), "before\0\0\0", 9)
CHANGES(sdsMakeRoomFor, sdsMakeRoomFor(s, sizeof big), "before", 6)
NEEDS_NONE(sdsIncrLen, sdsIncrLen(s, -2), sdslen(s) == 4)
NEEDS_NONE(sdsAllocSize, size_t size = sdsAllocSize(s), size > 6)
NEEDS_NONE(sdsAllocPtr, char *start = sdsAllocPtr(s), start < s)
NEEDS_NONE(sdstrim, sds t = sdstrim(s, "be"), sdslen(t) == 3)
NEEDS_NONE(sdsrange, int status = sdsrange(s, 1, 3), status == 0 && sdslen(s) == 3)
NEEDS_NONE(sdsupdatelen, (s[3] = 0, sdsupdatelen(s)), sdslen(s) == 3)
NEEDS_NONE(sdsclear, sdsclear(s), sdslen(s) == 0)
NEEDS_NONE(sdscmp, int order = sdscmp(s, s), order == 0)
NEEDS_NONE(sdstolower, sdstolower(s), strcmp(s, "before") == 0)
NEEDS_NONE(sdstoupper, sdstoupper(s), strcmp(s, "BEFORE") == 0)
NEEDS_NONE(sdsmapchars, sdsmapchars(s, "e", "i", 1), strcmp(s, "bifori") == 0)
NEEDS_NONE(sdsll2str, char t[32]; int len = sdsll2str(t, -12), len == 3)
NEEDS_NONE(sdsull2str, char t[32]; int len = sdsull2str(t, 12), len == 2)
NEEDS_NONE(hex_digit_to_int, int digit = hex_digit_to_int('b'), digit == 11)

static void sdsdup_(void) {
    sds s = sdsnewlen(big, 300);
    arm();
    sds copy = sdsdup(s);
    disarm();
    CHECK((copy == NULL) == (failures != 0));
    if (copy != NULL) check_string(copy, big, 300);
    check_string(s, big, 300);
    arm();
    sdsfree(copy);
    sdsfree(s);
    disarm();
}

static void sdscatsds_(void) {
    sds s = sdsnew("before"), other = sdsnewlen(big, 400);
    arm();
    sds longer = sdscatsds(s, other);
    disarm();
    CHECK((longer == NULL) == (failures != 0));
    if (longer == NULL) check_string(s, "before", 6);
    else CHECK(sdslen(longer) == 406);
    check_string(other, big, 400);
    sdsfree(longer == NULL ? s : longer);
    sdsfree(other);
}

/* Gives room back, or keeps it. */
static void sdsRemoveFreeSpace_(void) {
    sds s = sdsMakeRoomFor(sdsnew("before"), 100000);
    arm();
    sds tight = sdsRemoveFreeSpace(s);
    disarm();
    CHECK(tight != NULL || failures);
    check_string(tight != NULL ? tight : s, "before", 6);
    sdsfree(tight != NULL ? tight : s);
}

/* Quotes piece by piece: the string is grown to all that the quoted text takes before the first is appended. */
static void sdscatrepr_(void) {
    char text[600];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)i;
    sds s = sdsnew("before");
    arm();
    sds quoted = sdscatrepr(s, text, sizeof text);
    disarm();
    CHECK((quoted == NULL) == (failures != 0));
    if (quoted == NULL) check_string(s, "before", 6);
    else CHECK(memcmp(quoted, "before\"\\x00\\x01", 15) == 0 && quoted[sdslen(quoted) - 1] == '"');
    sdsfree(quoted == NULL ? s : quoted);
}

static void sdsjoinsds_(void) {
    sds parts[] = {sdsnew("a"), sdsnewlen(big, 3000), sdsnew("c")};
    arm();
    sds all = sdsjoinsds(parts, 3, "::", 2);
    disarm();
    CHECK((all == NULL) == (failures != 0) && (all == NULL || sdslen(all) == 3006));
    sdsfree(all);
    for (int i = 0; i < 3; i++) sdsfree(parts[i]);
}

static void splits(sds *(*split)(int *count), int expected) {
    int count = 77;
    arm();
    sds *parts = split(&count);
    disarm();
    CHECK((parts == NULL) == (failures != 0) && count == (parts != NULL ? expected : 0));
    arm();
    sdsfreesplitres(parts, count);
    disarm();
}

static sds *split_length(int *count) {
    static char text[200];
    memset(text, ',', sizeof text);
    return sdssplitlen(text, sizeof text, ",", 1, count);
}
static sds *split_arguments(int *count) {
    return sdssplitargs("one \"two \\x41\" 'three' four five six seven eight nine ten a-rather-long-argument-than-a-short-one", count);
}
static void sdssplitlen_(void) { splits(split_length, 201); }
static void sdssplitargs_(void) { splits(split_arguments, 11); }

static void sds_malloc_(void) {
    arm();
    char *block = sds_malloc(10), *larger = block != NULL ? sds_realloc(block, 1000) : NULL;
    CHECK((larger == NULL) == (has_failed() != 0));
    sds_free(larger != NULL ? larger : block);
    disarm();
}

int main(void) {
    memset(big, 'x', sizeof big);
#define RUN(name) each_failure(#name, name##_)
    RUN(sdsnewlen);
    RUN(sdsnew);
    RUN(sdsempty);
    RUN(sdsfromlonglong);
    RUN(sdsjoin);
    RUN(sdscatlen);
    RUN(sdscat);
    RUN(sdscpylen);
    RUN(sdscpy);
    RUN(sdscatfmt);
    RUN(sdscatprintf);
    RUN(sdscatvprintf);
    RUN(sdsgrowzero);
    RUN(sdsMakeRoomFor);
    RUN(sdsIncrLen);
    RUN(sdsAllocSize);
    RUN(sdsAllocPtr);
    RUN(sdstrim);
    RUN(sdsrange);
    RUN(sdsupdatelen);
    RUN(sdsclear);
    RUN(sdscmp);
    RUN(sdstolower);
    RUN(sdstoupper);
    RUN(sdsmapchars);
    RUN(sdsll2str);
    RUN(sdsull2str);
    RUN(hex_digit_to_int);
    RUN(sdsdup);
    RUN(sdscatsds);
    RUN(sdsRemoveFreeSpace);
    RUN(sdscatrepr);
    RUN(sdsjoinsds);
    RUN(sdssplitlen);
    RUN(sdssplitargs);
    RUN(sds_malloc);
    return 0;
}

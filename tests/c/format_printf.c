/* Random commands with printf's conversions, compared with vsnprintf byte for byte: format_printf COUNT [SEED [LOCALE]].
 * Both get the same va_list, laid out as the ABI has a caller do it, so that arguments lie in registers and on the stack in any mixture. */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORDS = 64, SEPARATOR = 1 /* in no text and no %c */ };

static uint64_t state;

static unsigned below(unsigned n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)((state >> 20) % n);
}

static uint64_t bits(void) {
    return ((uint64_t)below(1u << 31) << 40 ^ (uint64_t)below(1u << 31) << 20 ^ below(1u << 31)) >> below(64);
}

#define PICK(list) list[below(sizeof(list) / sizeof(*list))]

/* The arguments of a call: general-purpose registers, vector registers, stack. */
static struct {
    _Alignas(16) uint64_t stack[MOST_WORDS];
#ifdef __x86_64__
    struct { uint64_t general[6]; _Alignas(16) uint64_t vector[8][2]; } registers;
#else
    struct { uint64_t general[8]; _Alignas(16) uint64_t vector[8][2]; } registers;
#endif
    unsigned general, vector, words;
} call;

enum { GENERAL = sizeof(call.registers.general) / 8, VECTOR = 8 };

static void begin_call(void) {
    call.general = below(GENERAL + 1); /* as if arguments before these had taken so many */
    call.vector = below(VECTOR + 1);
    call.words = 0;
}

static void pass_word(uint64_t word) {
    if (call.general < GENERAL)
        call.registers.general[call.general++] = word;
    else
        call.stack[call.words++] = word;
}

/* What is above an int in its register is undefined. */
static void pass_int(int number) {
    pass_word((uint32_t)number | (uint64_t)below(1u << 31) << 32);
}

static void pass_double(double number) {
    if (call.vector < VECTOR)
        memcpy(call.registers.vector[call.vector++], &number, sizeof(number));
    else
        memcpy(&call.stack[call.words++], &number, sizeof(number));
}

static void pass_long_double(long double number) {
#ifdef __x86_64__
    int in_register = 0;
#else
    int in_register = call.vector < VECTOR;
#endif
    if (in_register) {
        memcpy(call.registers.vector[call.vector++], &number, sizeof(number));
        return;
    }
    call.words += call.words % 2;
    memcpy(&call.stack[call.words], &number, sizeof(number));
    call.words += 2;
}

/* A va_list after so many arguments of either kind. */
static void arguments(va_list *list, unsigned general, unsigned vector) {
#ifdef __x86_64__
    struct { unsigned general, vector; void *stack, *registers; } made = {
        general * 8, sizeof(call.registers.general) + vector * 16, call.stack, &call.registers};
    _Static_assert(sizeof(call.registers) == 176, "as the ABI has it");
#else
    struct { void *stack, *general_end, *vector_end; int general, vector; } made = {
        call.stack, call.registers.general + GENERAL, call.registers.vector + VECTOR,
        ((int)general - GENERAL) * 8, ((int)vector - VECTOR) * 16};
#endif
    _Static_assert(sizeof(made) == sizeof(*list), "as the ABI has it");
    memcpy(list, &made, sizeof(made));
}

static char format[4096];

static void add(const char *text) {
    strcat(format, text);
}

static void literal(void) {
    static const char *const pieces[] = {"", "", "", "a", "key:", "%%", "\r\n", "\t", "{x}", "caf\xc3\xa9", "0", "l", "d", "$3", "long enough to be one"};
    add(PICK(pieces));
}

static int number(void) {
    static const int usual[] = {0, 1, 2, 3, 5, 8, 13, 20, 31, 32, 33, 64, 99, 120};
    return below(400) == 0 ? 4000 + (int)below(1000) : PICK(usual);
}

/* Flags, width and precision; returns the precision, negative if there is none. */
static int head(const char *flags) {
    char text[16];
    int precision = -1;
    add("%");
    for (unsigned n = below(4); n > 0 && below(3) > 0; n--) {
        text[0] = flags[below((unsigned)strlen(flags))];
        text[1] = '\0';
        add(text);
    }
    switch (below(4)) {
    case 0: snprintf(text, sizeof(text), "%d", number() + 1), add(text); break;
    case 1: add("*"), pass_int(below(3) ? number() : -number()); break;
    default: break;
    }
    switch (below(5)) {
    case 0: snprintf(text, sizeof(text), ".%d", precision = number()), add(text); break;
    case 1: add(".*"), pass_int(precision = below(4) ? number() : -1 - number()); break;
    case 2: if (below(3) == 0) add("."), precision = 0; break;
    default: break;
    }
    return precision;
}

static void integer(void) {
    static const char *const modifiers[] = {"", "hh", "h", "l", "ll", "j", "z", "t", "q", "L", "Z"};
    static const char *const letters[] = {"d", "i", "o", "u", "x", "X"};
    const char *modifier = PICK(modifiers);
    head(below(8) == 0 ? "I'" : "#0-+ '");
    add(modifier);
    add(PICK(letters));
    if (*modifier == '\0' || *modifier == 'h')
        pass_int((int)(below(2) ? bits() : -bits()));
    else
        pass_word(below(2) ? bits() : -bits());
}

static long double real(void) {
    static const long double odd[] = {0.0L, -0.0L, 0.5L, 2.5L, 1e15L, -1e-5L, 1e300L, 5e-324L, INFINITY, -INFINITY, NAN};
    if (below(4) == 0)
        return PICK(odd);
    return ldexpl((long double)(int64_t)bits(), (int)below(140) - 100) * (below(2) ? 1 : -1);
}

static void floating(void) {
    static const char *const letters[] = {"e", "E", "f", "F", "g", "G", "a", "A"};
    int large = below(3) == 0;
    head("#0-+ '");
    if (large)
        add("L");
    else if (below(3) == 0)
        add("l");
    add(PICK(letters));
    if (large)
        pass_long_double(real());
    else
        pass_double((double)real());
}

/* Of a string with a precision no more than that is there to be read. */
static void string(void) {
    static char texts[8][128];
    static const char *const strings[] = {"", "x", "two words", "\r\n", "%s%d", "a text that is longer than what most numbers take", "\xff\xfe"};
    static unsigned turn;
    char *own = texts[turn++ % 8];
    const char *source = PICK(strings);
    int precision = head("-0");
    add("s");
    if (precision >= 0 && (size_t)precision < strlen(source)) {
        char *end = own + sizeof(texts[0]);
        memcpy(end - precision, source, (size_t)precision);
        pass_word((uint64_t)(uintptr_t)(precision == 0 && below(2) ? NULL : end - precision));
    } else {
        strcpy(own, source);
        pass_word((uint64_t)(uintptr_t)own);
    }
}

static void conversion(void) {
    switch (below(12)) {
    case 0: case 1: case 2: case 3: integer(); break;
    case 4: case 5: case 6: floating(); break;
    case 7: case 8: string(); break;
    case 9: head("-0"), add("c"), pass_int(below(20) ? 2 + (int)below(254) : 0); break;
    case 10: head("#0-+ "), add("p"), pass_word(below(5) ? bits() : 0); break;
    default: head("-"), add("m"); break;
    }
}

/* The format for vsnprintf: what separates arguments is SEPARATOR there. A blank behind `%` is a flag. */
static void for_printf(char *to) {
    int inside = 0;
    for (const char *from = format; *from != '\0'; from++, to++) {
        *to = *from == ' ' && !inside ? SEPARATOR : *from;
        if (inside ? strchr("#0-+ '123456789.*IhljztqLZ", *from) == NULL : *from == '%')
            inside = !inside;
    }
    *to = '\0';
}

/* The command of the arguments in `text`. */
static size_t expected(char *to, const char *text, size_t len) {
    char *start = to;
    int count = 1;
    for (size_t i = 0; i < len; i++)
        count += text[i] == SEPARATOR;
    to += sprintf(to, "*%d\r\n", count);
    for (const char *end = text + len; count > 0; count--) {
        const char *stop = memchr(text, SEPARATOR, (size_t)(end - text));
        size_t size = (size_t)((stop ? stop : end) - text);
        to += sprintf(to, "$%zu\r\n", size);
        memcpy(to, text, size);
        to += size;
        to += sprintf(to, "\r\n");
        text = stop ? stop + 1 : end;
    }
    return (size_t)(to - start);
}

static int one(void) {
    static char other[4096], text[1 << 17], wanted[1 << 18];
    va_list list, again;
    format[0] = '\0';
    begin_call();
    unsigned general = call.general, vector = call.vector;
    for (unsigned n = 1 + below(6); n > 0; n--) {
        literal();
        conversion();
        literal();
        if (n > 1 && below(2) == 0)
            add(" x"); /* no argument is empty: `%.0d` alone would be one, and "" none */
    }
    for_printf(other);
    int code = (int)below(130);
    arguments(&list, general, vector);
    errno = code;
    int len = vsnprintf(text, sizeof(text), other, list);
    if (len < 0 || (size_t)len >= sizeof(text)) {
        printf("printf refuses %s\n", format);
        return 1;
    }
    size_t size = expected(wanted, text, (size_t)len);
    char *command = NULL;
    arguments(&again, general, vector);
    errno = code;
    int got = redisvFormatCommand(&command, format, again);
    int differs = got != (int)size || memcmp(command, wanted, size) != 0 || command[size] != '\0';
    static char place[1 << 18];
    size_t room = below(3) ? below((unsigned)size + 2) : sizeof(place);
    arguments(&again, general, vector);
    errno = code;
    memset(place, '#', room + 1 < sizeof(place) ? room + 1 : room);
    long long said = redisvFormatCommandTo(place, room, format, again);
    size_t fits = room == 0 ? 0 : room - 1 < size ? room - 1 : size;
    differs |= said != (long long)size || memcmp(place, wanted, fits) != 0 || (room > 0 && place[fits] != '\0');
    differs |= room < sizeof(place) && place[room] != '#';
    if (differs)
        printf("differs: %s\n got %d: %s\n wanted %zu: %s\n", format, got, got >= 0 ? command : "", size, wanted);
    if (got >= 0)
        redisFreeCommand(command);
    return differs;
}

/* Real calls, for the compiler's own way to pass what the others only imitate. */
static int calls(void) {
    char *command = NULL, wanted[512], text[400];
    const char *shape = "%.*Lf|%d|%c|%Lg|%f|%zu|%s|%La|%hhd";
    size_t seven = 7;
    int len = snprintf(text, sizeof(text), shape, 3, 1.5L, -1, 'x', 1e400L, 2.5, seven, "text", -0.1L, 300);
    size_t size = expected(wanted, text, (size_t)len);
    int got = redisFormatCommand(&command, shape, 3, 1.5L, -1, 'x', 1e400L, 2.5, seven, "text", -0.1L, 300);
    int differs = got != (int)size || memcmp(command, wanted, size) != 0;
    if (got >= 0)
        redisFreeCommand(command);
    return differs;
}

int main(int argc, char **argv) {
    long count = argc > 1 ? atol(argv[1]) : 1000;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) * 2 + 1 : 20261201;
    if (argc > 3 && setlocale(LC_ALL, argv[3]) == NULL) {
        printf("no locale %s\n", argv[3]);
        return 1;
    }
    long differences = calls();
    for (long i = 0; i < count && differences < 10; i++)
        differences += one();
    printf("%ld formats, %ld differences, 1000.5 is %.1f, 1000000 is %'d\n", count, differences, 1000.5, 1000000);
    return differences != 0;
}

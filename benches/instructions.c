/* Work for callgrind: `instructions WORK COUNT` does one kind of work COUNT times. The difference
 * between two counts, divided, is the cost of one, whatever start-up costs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <hiredis/hiredis.h>

static char *input;
static size_t input_len;

static void add(const char *text, size_t len) {
    input = realloc(input, input_len + len + 1);
    memcpy(input + input_len, text, len);
    input_len += len;
}

static void add_text(const char *text) { add(text, strlen(text)); }

static void make_array(void) {
    add_text("*1000\r\n");
    for (int i = 0; i < 1000; i++) add_text("$16\r\n0123456789abcdef\r\n");
}

static void make_nested(void) {
    add_text("*100\r\n");
    for (int i = 0; i < 100; i++) {
        add_text("*2\r\n$15\r\n1700000000000-0\r\n*10\r\n");
        for (int j = 0; j < 10; j++) add_text("$8\r\nfield-xx\r\n");
    }
}

static void make_map(void) {
    add_text("%500\r\n");
    for (int i = 0; i < 500; i++) add_text("$8\r\nmember-x\r\n,3.14159\r\n");
}

static void make_big_bulk(void) {
    static char payload[1 << 20];
    memset(payload, 'x', sizeof(payload));
    add_text("$1048576\r\n");
    add(payload, sizeof(payload));
    add_text("\r\n");
}

static void parse(int count) {
    redisReader *reader = redisReaderCreate();
    for (int i = 0; i < count; i++) {
        void *reply = NULL;
        for (size_t at = 0; at < input_len; at += 16384) {
            size_t left = input_len - at;
            redisReaderFeed(reader, input + at, left < 16384 ? left : 16384);
            if (redisReaderGetReply(reader, &reply) != REDIS_OK) abort();
        }
        if (reply == NULL) abort();
        freeReplyObject(reply);
    }
    redisReaderFree(reader);
}

static void format(int count) {
    for (int i = 0; i < count; i++) {
        char *command;
        if (redisFormatCommand(&command, "SET %s %b", "key:000000001", "0123456789abcdef", (size_t)16) < 0) abort();
        redisFreeCommand(command);
    }
}

static void format_argv(int count) {
    const char *argv[] = {"SET", "key:000000001", "0123456789abcdef"};
    size_t lengths[] = {3, 13, 16};
    for (int i = 0; i < count; i++) {
        char *command;
        if (redisFormatCommandArgv(&command, 3, argv, lengths) < 0) abort();
        redisFreeCommand(command);
    }
}

static const struct {
    const char *name;
    void (*make)(void);
    const char *text;
    void (*work)(int);
} works[] = {
    {"array-1000", make_array, NULL, parse},
    {"nested-100", make_nested, NULL, parse},
    {"map-500", make_map, NULL, parse},
    {"status", NULL, "+OK\r\n", parse},
    {"integer", NULL, ":12345\r\n", parse},
    {"bulk-5", NULL, "$5\r\nhello\r\n", parse},
    {"bulk-1MiB", make_big_bulk, NULL, parse},
    {"format", NULL, "", format},
    {"format-argv", NULL, "", format_argv},
};

int main(int argc, char **argv) {
    for (size_t i = 0; argc == 3 && i < sizeof(works) / sizeof(*works); i++) {
        if (strcmp(works[i].name, argv[1]) != 0) continue;
        if (works[i].make) works[i].make(); else add_text(works[i].text);
        works[i].work(atoi(argv[2]));
        free(input);
        return 0;
    }
    if (argc == 1) {
        for (size_t i = 0; i < sizeof(works) / sizeof(*works); i++) puts(works[i].name);
        return 0;
    }
    fprintf(stderr, "usage: instructions [WORK COUNT]\n");
    return 2;
}

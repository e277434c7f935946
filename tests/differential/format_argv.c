/* Contract section 3: commands from argument vectors. */
#include "command.h"
#include <hiredis/sds.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

static void block(const char *key, int argc, const char **argv, const size_t *argvlen) {
    char *target = &untouched;
    long long len = redisFormatCommandArgv(&target, argc, argv, argvlen);
    say("%s.block", key);
    command_result(len, target);
    end();
}

static void string(const char *key, int argc, const char **argv, const size_t *argvlen) {
    sds target = (sds)&untouched;
    long long len = redisFormatSdsCommandArgv(&target, argc, argv, argvlen);
    say("%s.sds", key);
    if (len >= 0) {
        printf(" %lld len=%zu", len, sdslen(target));
        command_text(target, len);
        printf(target[len] == '\0' ? " terminated" : " NOT TERMINATED");
        redisFreeSdsCommand(target);
    } else {
        printf(" %lld %s", len, target == (sds)&untouched ? "untouched" : "TOUCHED");
    }
    end();
}

static void both(const char *key, int argc, const char **argv, const size_t *argvlen) {
    block(key, argc, argv, argvlen);
    string(key, argc, argv, argvlen);
}

static void counts(void) {
    static const int list[] = {0, 1, 2, 3, 9, 10, 11, 99, 100, 101, 999, 1000, 1001, 10000};
    static const char *argv[10000];
    for (int i = 0; i < 10000; i++)
        argv[i] = i % 3 == 0 ? "" : i % 3 == 1 ? "word" : "longer word";
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        char key[40];
        snprintf(key, sizeof(key), "count.%d", list[i]);
        both(key, list[i], argv, NULL);
    }
    both("count.0.null", 0, NULL, NULL);
}

static void lengths(void) {
    static const size_t list[] = {0, 1, 9, 10, 11, 99, 100, 101, 254, 255, 256, 999, 1000, 1001, 9999, 10000, 65534, 65535, 65536, 1000000};
    static char data[1000001];
    for (size_t i = 0; i < sizeof(data) - 1; i++)
        data[i] = (char)('a' + i % 26);
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        const char *argv[] = {"SET", data, data};
        size_t argvlen[] = {3, list[i], list[i] / 2};
        char key[40];
        snprintf(key, sizeof(key), "length.%zu", list[i]);
        both(key, 3, argv, argvlen);
        data[list[i]] = '\0';
        snprintf(key, sizeof(key), "strlen.%zu", list[i]);
        both(key, 3, argv, NULL);
        data[list[i]] = (char)('a' + list[i] % 26);
    }
}

static void contents(void) {
    const char *binary[] = {"S\0T", "\0", "a\r\nb", "%s %b", " ", "\xff\x80"};
    const size_t binarylen[] = {3, 1, 4, 5, 1, 2};
    both("binary", 6, binary, binarylen);
    const char *nulls[] = {"SET", NULL, "x", NULL};
    const size_t nullslen[] = {3, 0, 0, 0};
    both("unread", 4, nulls, nullslen);
    const char *parts[] = {"abcdef", "abcdef"};
    const size_t partslen[] = {2, 0};
    both("part", 2, parts, partslen);
}

static uint64_t state = 7;

static unsigned below(unsigned n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

static void random_vectors(void) {
    static char data[2048];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)below(256);
    for (int i = 0; i < (under_valgrind() ? 50 : 200); i++) {
        const char *argv[20];
        size_t argvlen[20];
        int argc = (int)below(20);
        for (int j = 0; j < argc; j++) {
            argvlen[j] = below(4) == 0 ? below(1000) : below(12);
            argv[j] = data + below(1000);
        }
        char key[40];
        snprintf(key, sizeof(key), "random.%d", i);
        both(key, argc, argv, argvlen);
    }
}

/* The C library aborts, so a child does it. */
static void negative(void) {
    static const int list[] = {-1, -2, -2147483647 - 1};
    const char *argv[] = {"PING"};
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
        for (int sds = 0; sds < 2; sds++) {
            pid_t child = fork();
            if (child == 0) {
                char *target = &untouched;
                long long len = sds ? redisFormatSdsCommandArgv(&target, list[i], argv, NULL)
                                    : redisFormatCommandArgv(&target, list[i], argv, NULL);
                _exit(len == -1 && target == &untouched ? 10 : 11);
            }
            int status = 0;
            waitpid(child, &status, 0);
            say("negative.%d.%s", list[i], sds ? "sds" : "block");
            if (WIFSIGNALED(status))
                printf(" signal %d", WTERMSIG(status));
            else
                printf(" %s", WEXITSTATUS(status) == 10 ? "-1 untouched" : "something else");
            end();
        }
}

int main(void) {
    counts();
    lengths();
    contents();
    random_vectors();
    negative();
    return 0;
}

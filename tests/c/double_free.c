/* Replies freed twice, and freed blocks that are written to: the process ends and says why, as with glibc alone. What only looks freed is
 * freed. Each case runs in a child process. With the free lists off, glibc ends the process in its own words. */
#include "replies.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const char TWICE[] = "free(): double free detected in hiredis\n";
static const char CHANGED[] = "malloc(): block used after it was freed, noticed by hiredis\n";

static const char *const wires[] = {
    "+OK\r\n", "-ERR no\r\n", ":7\r\n", "$5\r\nalpha\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "*2\r\n:1\r\n$1\r\nx\r\n", "_\r\n", "#t\r\n", ",1.5\r\n",
    "(12345678901234567890\r\n", "=7\r\ntxt:abc\r\n", "%1\r\n+k\r\n+v\r\n", "~1\r\n:1\r\n", ">1\r\n+p\r\n", "|1\r\n+a\r\n:1\r\n", "*1\r\n*1\r\n*1\r\n+deep\r\n",
    "$100\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n",
};
enum { WIRES = sizeof(wires) / sizeof(*wires) };

static redisReply *volatile subject, *volatile bystander;

static void free_some(int many) {
    for (int i = 0; i < many; i++)
        freeReplyObject(sample((size_t)(i * 37 % 600)));
}

static void at_once(const char *wire) {
    subject = parse(wire);
    freeReplyObject(subject);
    freeReplyObject(subject);
}

/* Others of the same kind lie above it in its list. */
static void below_others(const char *wire) {
    redisReply *others[10];
    for (int i = 0; i < 10; i++)
        others[i] = parse(wire);
    subject = parse(wire);
    freeReplyObject(subject);
    for (int i = 0; i < 10; i++)
        freeReplyObject(others[i]);
    freeReplyObject(subject);
}

static void as_element(const char *wire) {
    redisReply *parent = parse("*2\r\n+a\r\n+b\r\n");
    freeReplyObject(parent->element[1]);
    parent->element[1] = subject = parse(wire);
    freeReplyObject(subject);
    freeReplyObject(parent);
}

static void twice_in_one_vector(const char *wire) {
    redisReply *parent = parse("*2\r\n+a\r\n+b\r\n");
    freeReplyObject(parent->element[0]);
    freeReplyObject(parent->element[1]);
    parent->element[0] = parent->element[1] = subject = parse(wire);
    freeReplyObject(parent);
}

/* As many as the lists keep, so that what is freed is not kept any more. */
static void with_full_lists(const char *wire) {
    static redisReply *many[20000];
    subject = parse(wire);
    for (int i = 0; i < 20000; i++)
        many[i] = parse(":1\r\n");
    freeReplyObject(subject);
    for (int i = 0; i < 20000; i++)
        freeReplyObject(many[i]);
    freeReplyObject(subject);
}

static void (*const doubles[])(const char *) = {at_once, below_others, as_element, twice_in_one_vector, with_full_lists};

/* A string that its program has freed by hand, after the reply. */
static void string_after_reply(void) {
    subject = parse("$40\r\n0123456789012345678901234567890123456789\r\n");
    char *volatile text = subject->str;
    freeReplyObject(subject);
    hi_free(text);
    bystander = parse("$40\r\n0123456789012345678901234567890123456789\r\n");
}

static void written_to_after_free(void) {
    subject = parse(":7\r\n");
    freeReplyObject(subject);
    subject->integer = 8;
    bystander = parse(":7\r\n");
}

/* What a freed block of the calling thread has in its second word. */
static uint64_t mark(void) {
    subject = parse(":7\r\n");
    freeReplyObject(subject);
    return ((volatile uint64_t *)subject)[1];
}

/* Content that looks like that of a freed block is content. */
static void looks_freed(void) {
    uint64_t word = mark();
    for (int i = 0; i < 3; i++) {
        char wire[64];
        snprintf(wire, sizeof(wire), ":%lld\r\n", (long long)word);
        redisReply *number = parse(wire);
        CHECK((uint64_t)number->integer == word);
        memcpy(wire, "$24\r\n________________________\r\n", 31);
        memcpy(wire + 5 + 8, &word, 8);
        redisReply *text = parse_bytes(wire, 31);
        CHECK(memcmp(text->str + 8, &word, 8) == 0);
        freeReplyObject(number);
        freeReplyObject(text);
    }
    /* Nor does what it held before matter. */
    redisReply *again[4];
    for (int i = 0; i < 4; i++)
        again[i] = parse("$2\r\nab\r\n");
    for (int i = 0; i < 4; i++) {
        CHECK(((uint64_t *)again[i]->str)[1] != word);
        freeReplyObject(again[i]);
    }
    free_some(5000);
}

/* A link in a freed block shows no address. */
static void links_are_disguised(void) {
    redisReply *first = parse(":1\r\n"), *second = parse(":1\r\n");
    freeReplyObject(first);
    freeReplyObject(second);
    uint64_t link = *(volatile uint64_t *)second;
    CHECK(link != (uint64_t)(uintptr_t)first && (link ^ (uint64_t)(uintptr_t)second >> 12) == (uint64_t)(uintptr_t)first);
}

static void (*alone)(void);
static void (*with_wire)(const char *);
static const char *wire_of_child;

static void run_alone(const char *unused) { (void)unused, alone(); }

/* How a child ends that does this, and what it says on stderr. */
static int child(char *said, size_t size) {
    int ends[2], status;
    CHECK(pipe(ends) == 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        free_some(20); /* so that blocks come from the lists */
        with_wire(wire_of_child);
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    for (ssize_t n; len + 1 < size && (n = read(ends[0], said + len, size - 1 - len)) > 0;)
        len += (size_t)n;
    said[len] = '\0';
    close(ends[0]);
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

static void aborts(const char *what, const char *in_lists, int lists) {
    char said[256];
    int status = child(said, sizeof(said));
    int aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    if (!aborted || (lists ? strcmp(said, in_lists) != 0 : strstr(said, "double free") == NULL)) {
        printf("%s: status %x, said '%s'\n", what, (unsigned)status, said);
        exit(1);
    }
}

static void goes_on(const char *what) {
    char said[256];
    int status = child(said, sizeof(said));
    if (status != 0 || *said != '\0') {
        printf("%s: status %x, said '%s'\n", what, (unsigned)status, said);
        exit(1);
    }
}

int main(int argc, char **argv) {
    int lists = argc > 1 && strcmp(argv[1], "lists") == 0;
    with_wire = NULL;
    for (size_t way = 0; way < sizeof(doubles) / sizeof(*doubles); way++)
        for (size_t i = 0; i < WIRES; i++) {
            with_wire = doubles[way];
            wire_of_child = wires[i];
            if (lists)
                aborts(wires[i], TWICE, 1);
        }
    with_wire = run_alone;
    if (!lists) {
        with_wire = at_once, wire_of_child = "$5\r\nalpha\r\n";
        aborts("without lists", NULL, 0);
        return 0;
    }
    alone = string_after_reply, aborts("string after reply", CHANGED, 1);
    alone = written_to_after_free, aborts("written to", CHANGED, 1);
    alone = looks_freed, goes_on("looks freed");
    alone = links_are_disguised, goes_on("links");
    return 0;
}

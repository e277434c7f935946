/* The library comes and goes while threads that have used it live: what it left with them (its free lists, their end) must not be
 * missed by anybody. Linked with nothing of it. Prints how often it was opened. */
#include <dlfcn.h>
#include <hiredis/read.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 50, THREADS = 4 };

static pthread_barrier_t opened, closed;

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                        \
        }                                                                   \
    } while (0)

static struct {
    redisReader *(*create)(void);
    int (*feed)(redisReader *, const char *, size_t);
    int (*get)(redisReader *, void **);
    void (*free_reader)(redisReader *);
    void (*free_reply)(void *);
} lib;

static void *function(void *library, const char *name) {
    void *found = dlsym(library, name);
    CHECK(found != NULL);
    return found;
}

static void *open_library(void) {
    void *library = dlopen("libhiredis.so", RTLD_NOW | RTLD_LOCAL);
    CHECK(library != NULL);
    lib.create = function(library, "redisReaderCreate");
    lib.feed = function(library, "redisReaderFeed");
    lib.get = function(library, "redisReaderGetReply");
    lib.free_reader = function(library, "redisReaderFree");
    lib.free_reply = function(library, "freeReplyObject");
    return library;
}

static void use_library(void) {
    const char *wire = "*3\r\n$5\r\nhello\r\n:1\r\n+OK\r\n+OK\r\n";
    redisReader *reader = lib.create();
    void *reply;
    for (int i = 0; i < 100; i++) {
        CHECK(lib.feed(reader, wire, strlen(wire)) == 0);
        while (lib.get(reader, &reply) == 0 && reply != NULL) lib.free_reply(reply);
    }
    lib.free_reader(reader);
}

/* Ends after the library was closed. */
static void *thread(void *unused) {
    pthread_barrier_wait(&opened);
    use_library();
    pthread_barrier_wait(&closed);
    pthread_barrier_wait(&closed);
    return unused;
}

int main(void) {
    pthread_t threads[THREADS];
    pthread_barrier_init(&opened, NULL, THREADS + 1);
    pthread_barrier_init(&closed, NULL, THREADS + 1);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, thread, NULL) == 0);
        void *library = open_library();
        pthread_barrier_wait(&opened);
        if (round % 2) use_library();
        pthread_barrier_wait(&closed);
        CHECK(dlclose(library) == 0);
        pthread_barrier_wait(&closed);
        for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    }
    printf("opened %d times\n", ROUNDS);
    return 0;
}

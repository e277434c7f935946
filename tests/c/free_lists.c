/* What freed replies leave behind with libc's malloc: a bounded number of bytes per thread, nothing of a thread that has ended or
 * that only frees, nothing once other allocators are in force, and nothing at all where the lists are switched off. Run with malloc's
 * own caches off (GLIBC_TUNABLES), so that mallinfo2 counts exactly what is not freed. Prints the bytes kept. */
#include "replies.h"
#include <pthread.h>

enum { COUNT = 3000 };

static size_t in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static size_t use_many(void) {
    static _Thread_local redisReply *all[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        all[i] = sample(i % 600);
    size_t most = in_use();
    for (size_t i = 0; i < COUNT; i++)
        freeReplyObject(all[i]);
    return most;
}

static void *in_thread(void *unused) {
    use_many();
    return unused;
}

static void run_threads(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, in_thread, NULL) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

static size_t kept_since(size_t before) {
    size_t now = in_use();
    return now > before ? now - before : 0;
}

static redisReply *handed[COUNT];
static size_t kept_by_freeing;

static void *only_free(void *bytes) {
    size_t without = in_use() - *(size_t *)bytes;
    for (size_t i = 0; i < COUNT; i++)
        freeReplyObject(handed[i]);
    kept_by_freeing = kept_since(without);
    return NULL;
}

/* To be called while this thread keeps next to nothing: the replies are made of new blocks, then, which all must go. */
static void run_freeing_thread(void) {
    pthread_t thread;
    freeReplyObject(parse(":1\r\n")); /* what a thread's first reply allocates for the lists themselves stays */
    size_t before = in_use();
    for (size_t i = 0; i < COUNT; i++)
        handed[i] = sample(i % 600);
    size_t bytes = kept_since(before);
    CHECK(bytes > 1 << 19);
    CHECK(pthread_create(&thread, NULL, only_free, &bytes) == 0 && pthread_join(thread, NULL) == 0);
}

static void *own_malloc(size_t size) {
    return malloc(size);
}

static void *own_calloc(size_t n, size_t size) {
    return calloc(n, size);
}

static void *own_realloc(void *block, size_t size) {
    return realloc(block, size);
}

static char *own_strdup(const char *s) {
    return strdup(s);
}

static void own_free(void *block) {
    free(block);
}

int main(void) {
    static char buffer[BUFSIZ];
    setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MXFAST, 0);
    run_freeing_thread();
    run_threads();
    size_t before = in_use(), most = use_many(), kept = kept_since(before);
    CHECK(most - before > 1 << 20);
    printf("kept %zu\n", kept);
    for (int again = 0; again < 3; again++)
        use_many();
    CHECK(kept_since(before) <= kept + 1024);
    run_threads();
    printf("kept_by_ended_threads %zu\n", kept_since(before) > kept ? kept_since(before) - kept : 0);
    printf("kept_by_a_thread_that_only_frees %zu\n", kept_by_freeing);
    for (int member = 0; member < 5; member++) {
        use_many();
        switch (member) {
        case 0: hiredisAllocFns.mallocFn = own_malloc; break;
        case 1: hiredisAllocFns.callocFn = own_calloc; break;
        case 2: hiredisAllocFns.reallocFn = own_realloc; break;
        case 3: hiredisAllocFns.strdupFn = own_strdup; break;
        case 4: hiredisAllocFns.freeFn = own_free; break;
        }
        freeReplyObject(parse("+one use under the program's functions\r\n"));
        printf("kept_beside_own_functions_%d %zu\n", member, kept_since(before));
        use_many();
        CHECK(kept_since(before) < 1024);
        hiredisResetAllocators();
    }
    return 0;
}

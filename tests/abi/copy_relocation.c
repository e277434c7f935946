/* A non-PIE program holds hiredisAllocFns itself: the library must see what is written there. */
#include <hiredis/hiredis.h>
#include <stdlib.h>

static int calls;

static void *count_calloc(size_t n, size_t size) {
    calls++;
    return calloc(n, size);
}

int main(void) {
    if (hiredisAllocFns.mallocFn != malloc || hiredisAllocFns.freeFn != free)
        return 1;
    hiredisAllocFns.callocFn = count_calloc;
    redisReader *reader = redisReaderCreate();
    redisReaderFree(reader);
    if (reader == NULL || calls == 0)
        return 2;
    hiredisAllocFuncs refusing = {NULL, NULL, NULL, NULL, NULL};
    refusing = hiredisSetAllocators(&refusing);
    if (refusing.callocFn != count_calloc || hiredisAllocFns.callocFn != NULL)
        return 3;
    hiredisResetAllocators();
    return hiredisAllocFns.callocFn == calloc ? 0 : 4;
}

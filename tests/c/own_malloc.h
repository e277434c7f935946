/* A program's own malloc, of which malloc_usable_size knows nothing: each block is marked, and one that is not is refused.
 * To be put before a program by `-include`, with -fno-builtin. */
#ifndef OWN_MALLOC_H
#define OWN_MALLOC_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

enum { OWN_HEAD = 16 };
static const uint64_t own_mark = 0x6f776e206d616c6c;

static void *own_begin(char *block) {
    if (block == NULL)
        return NULL;
    memcpy(block, &own_mark, sizeof(own_mark));
    /* Where glibc has a block's size: nonsense. */
    memset(block + sizeof(own_mark), 0xfd, OWN_HEAD - sizeof(own_mark));
    return block + OWN_HEAD;
}

static char *own_start(void *block) {
    char *start = (char *)block - OWN_HEAD;
    if (memcmp(start, &own_mark, sizeof(own_mark)) != 0)
        abort();
    return start;
}

void *malloc(size_t size) {
    return own_begin(__libc_malloc(size + OWN_HEAD));
}

void *calloc(size_t n, size_t size) {
    void *block = size != 0 && n > (SIZE_MAX - OWN_HEAD) / size ? NULL : malloc(n * size);
    return block != NULL ? memset(block, 0, n * size) : NULL;
}

void *realloc(void *block, size_t size) {
    return block != NULL ? own_begin(__libc_realloc(own_start(block), size + OWN_HEAD)) : malloc(size);
}

void free(void *block) {
    if (block == NULL)
        return;
    char *start = own_start(block);
    memset(start, 0, OWN_HEAD);
    __libc_free(start);
}

#endif

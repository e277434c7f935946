/* malloc as the program's own: how many bytes are held at most, and any call of it can be made to fail: the library's through hiredisAllocFns, its Rust code's, and those of
 * libc on its behalf (getaddrinfo, pthread_create, the end of threads). malloc_usable_size belongs to it, so that the free lists are in use.
 * The program is compiled with -fno-builtin. */
#ifndef FAILING_MALLOC_H
#define FAILING_MALLOC_H

#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

/* In front of every block. */
struct head {
    size_t size;
    uint32_t offset; /* from the beginning of glibc's block */
    uint32_t counted;
};

static size_t malloc_held, malloc_peak; /* bytes that all blocks take, and the most there were */
static long malloc_live;                /* blocks of the library and the program, not yet freed */
static long malloc_attempts; /* since it was armed */
static long malloc_fails_at; /* which attempt fails; 0: none */
static int malloc_fails_on;  /* and all after it */

static int openssl_fails; /* otherwise it is spared */

/* Whose calls they are: of the program or libhiredis, whose blocks are counted; of libraries that call malloc for them; and of those that end
 * the process where memory is short, which are spared. */
enum caller { OURS, OTHER, SPARED };

static enum caller caller_in(const char *library) {
    static const char *const fatal[] = {"/libuv.", "/libev.", "/libglib-"};
    if (library[0] == 0 || strstr(library, "/libhiredis")) return OURS;
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        if (strstr(library, fatal[i])) return SPARED;
    if (strstr(library, "/libssl.") || strstr(library, "/libcrypto.")) return openssl_fails ? OTHER : SPARED;
    return OTHER;
}

static int find_caller(struct dl_phdr_info *object, size_t size, void *data) {
    uintptr_t *caller = data;
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t begin = object->dlpi_addr + segment->p_vaddr;
        if (segment->p_type != PT_LOAD || caller[0] < begin || caller[0] >= begin + segment->p_memsz) continue;
        caller[1] = caller_in(object->dlpi_name);
        return 1;
    }
    return 0;
}

static enum caller caller_of(void *address) {
    uintptr_t caller[2] = {(uintptr_t)address, SPARED};
    dl_iterate_phdr(find_caller, caller);
    return (enum caller)caller[1];
}

static int malloc_refuses(enum caller caller) {
    long at = __atomic_load_n(&malloc_fails_at, __ATOMIC_SEQ_CST);
    if (at == 0 || caller == SPARED) return 0;
    long attempt = __atomic_add_fetch(&malloc_attempts, 1, __ATOMIC_SEQ_CST);
    return malloc_fails_on ? attempt >= at : attempt == at;
}

/* What glibc takes for a block. */
static size_t taken_by(size_t size) { return size < 25 ? 32 : (size + 8 + 15) / 16 * 16; }

static void note_held(size_t more) {
    size_t held = __atomic_add_fetch(&malloc_held, more, __ATOMIC_SEQ_CST);
    if (held > malloc_peak) malloc_peak = held;
}

static void *new_block(size_t alignment, size_t size, void *address) {
    /* While nothing fails and nothing is counted yet, the dynamic linker may hold the lock that finding out takes. */
    enum caller caller = __atomic_load_n(&malloc_fails_at, __ATOMIC_SEQ_CST) ? caller_of(address) : SPARED;
    char *start = NULL;
    size_t offset = alignment > sizeof(struct head) ? alignment : sizeof(struct head);
    if (!malloc_refuses(caller) && size < SIZE_MAX - offset)
        start = alignment > sizeof(struct head) ? __libc_memalign(alignment, size + offset) : __libc_malloc(size + offset);
    if (start == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    struct head *head = (struct head *)(start + offset) - 1;
    *head = (struct head){size, (uint32_t)offset, caller == OURS};
    __atomic_add_fetch(&malloc_live, head->counted, __ATOMIC_SEQ_CST);
    note_held(taken_by(size));
    return head + 1;
}

#define HERE __builtin_return_address(0)

void *malloc(size_t size) { return new_block(1, size, HERE); }
void *aligned_alloc(size_t alignment, size_t size) { return new_block(alignment, size, HERE); }
void *memalign(size_t alignment, size_t size) { return new_block(alignment, size, HERE); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    void *made = new_block(alignment, size, HERE);
    if (made == NULL) return ENOMEM;
    *block = made;
    return 0;
}

void *calloc(size_t n, size_t size) {
    void *block = size != 0 && n > SIZE_MAX / size ? NULL : new_block(1, n * size, HERE);
    return block != NULL ? memset(block, 0, n * size) : NULL;
}

void free(void *block) {
    if (block == NULL) return;
    struct head *head = (struct head *)block - 1;
    __atomic_sub_fetch(&malloc_live, head->counted, __ATOMIC_SEQ_CST);
    __atomic_sub_fetch(&malloc_held, taken_by(head->size), __ATOMIC_SEQ_CST);
    __libc_free((char *)block - head->offset);
}

/* As glibc does it, where nothing is to fail: large blocks are grown by mremap. Otherwise the block moves, so that nobody relies on it
 * staying. */
void *realloc(void *block, size_t size) {
    struct head *head = (struct head *)block - 1;
    if (block != NULL && !malloc_fails_at && head->offset == sizeof *head && size < SIZE_MAX - sizeof *head) {
        size_t before = head->size;
        if ((head = __libc_realloc(head, size + sizeof *head)) == NULL) return NULL;
        head->size = size;
        note_held(taken_by(size) - taken_by(before));
        return head + 1;
    }
    void *moved = new_block(1, size, HERE);
    if (block == NULL || moved == NULL) return moved;
    memcpy(moved, block, head->size < size ? head->size : size);
    free(block);
    return moved;
}

char *strdup(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = new_block(1, size, HERE);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

size_t malloc_usable_size(void *block) { return block != NULL ? ((struct head *)block - 1)->size : 0; }

#endif

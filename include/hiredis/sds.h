/* sds.h: strings that know their length.
 *
 * An sds points at its first byte, so it is a C string too; its length and capacity stand in a small header in front.
 * It may hold NUL bytes, and always has one behind the last byte.
 *
 * Ownership: sdsnew and its kin make a string, sdsfree frees it. A function that returns an sds and takes one may move
 * it: use the result, `s = sdscat(s, "x")`. When memory is short such a function returns NULL and leaves the string it
 * was given intact and owned by the caller. Memory comes from hiredisAllocFns (alloc.h). */

#ifndef __SDS_H
#define __SDS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

// Strings grow to twice what is needed, but by no more than this.
#define SDS_MAX_PREALLOC (1024 * 1024)

typedef char *sds;

#if defined __cplusplus && defined __GNUC__
// The casts and the flexible arrays of C are meant, in C++ too.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Wc99-extensions"
#endif
#endif

// The headers, by the width of their fields. `len` is the string's length and `alloc` its capacity, without header and
// final NUL. The low three bits of `flags` are the type; the others belong to the library, save in sdshdr5, where they
// are the length.
struct __attribute__((__packed__)) sdshdr5 {
  unsigned char flags;
  __extension__ char buf[];
};
struct __attribute__((__packed__)) sdshdr8 {
  uint8_t len;
  uint8_t alloc;
  unsigned char flags;
  __extension__ char buf[];
};
struct __attribute__((__packed__)) sdshdr16 {
  uint16_t len;
  uint16_t alloc;
  unsigned char flags;
  __extension__ char buf[];
};
struct __attribute__((__packed__)) sdshdr32 {
  uint32_t len;
  uint32_t alloc;
  unsigned char flags;
  __extension__ char buf[];
};
struct __attribute__((__packed__)) sdshdr64 {
  uint64_t len;
  uint64_t alloc;
  unsigned char flags;
  __extension__ char buf[];
};

#define SDS_TYPE_5 0
#define SDS_TYPE_8 1
#define SDS_TYPE_16 2
#define SDS_TYPE_32 3
#define SDS_TYPE_64 4
#define SDS_TYPE_MASK 7
#define SDS_TYPE_BITS 3

// The header of `s`, whose type has width T; SDS_HDR_VAR declares `sh` as a pointer to it.
#ifdef __cplusplus
#define SDS_HDR(T, s) (const_cast<struct sdshdr##T *>(reinterpret_cast<const struct sdshdr##T *>((s) - sizeof(struct sdshdr##T))))
#else
#define SDS_HDR(T, s) ((struct sdshdr##T *)((s) - sizeof(struct sdshdr##T)))
#endif
#define SDS_HDR_VAR(T, s) struct sdshdr##T *sh = SDS_HDR(T, s);
#define SDS_TYPE_5_LEN(f) ((f) >> SDS_TYPE_BITS)

// Length in bytes.
static inline size_t sdslen(const sds s) {
  unsigned char flags = (unsigned char)s[-1];
  switch (flags & SDS_TYPE_MASK) {
    case SDS_TYPE_5: return SDS_TYPE_5_LEN(flags);
    case SDS_TYPE_8: return SDS_HDR(8, s)->len;
    case SDS_TYPE_16: return SDS_HDR(16, s)->len;
    case SDS_TYPE_32: return SDS_HDR(32, s)->len;
    case SDS_TYPE_64: return (size_t)SDS_HDR(64, s)->len;
  }
  return 0;
}

// Bytes that the string can hold without moving.
static inline size_t sdsalloc(const sds s) {
  unsigned char flags = (unsigned char)s[-1];
  switch (flags & SDS_TYPE_MASK) {
    case SDS_TYPE_5: return SDS_TYPE_5_LEN(flags);
    case SDS_TYPE_8: return SDS_HDR(8, s)->alloc;
    case SDS_TYPE_16: return SDS_HDR(16, s)->alloc;
    case SDS_TYPE_32: return SDS_HDR(32, s)->alloc;
    case SDS_TYPE_64: return (size_t)SDS_HDR(64, s)->alloc;
  }
  return 0;
}

// Bytes that can be appended without moving.
static inline size_t sdsavail(const sds s) { return sdsalloc(s) - sdslen(s); }

// Writes the length into the header; the bytes and the final NUL are up to the caller.
static inline void sdssetlen(sds s, size_t newlen) {
  switch ((unsigned char)s[-1] & SDS_TYPE_MASK) {
    case SDS_TYPE_5: s[-1] = (char)(SDS_TYPE_5 | (newlen << SDS_TYPE_BITS)); break;
    case SDS_TYPE_8: SDS_HDR(8, s)->len = (uint8_t)newlen; break;
    case SDS_TYPE_16: SDS_HDR(16, s)->len = (uint16_t)newlen; break;
    case SDS_TYPE_32: SDS_HDR(32, s)->len = (uint32_t)newlen; break;
    case SDS_TYPE_64: SDS_HDR(64, s)->len = (uint64_t)newlen; break;
  }
}

// Adds to the length in the header, as sdssetlen.
static inline void sdsinclen(sds s, size_t inc) { sdssetlen(s, sdslen(s) + inc); }

// Writes the capacity into the header.
static inline void sdssetalloc(sds s, size_t newlen) {
  switch ((unsigned char)s[-1] & SDS_TYPE_MASK) {
    case SDS_TYPE_5: break;
    case SDS_TYPE_8: SDS_HDR(8, s)->alloc = (uint8_t)newlen; break;
    case SDS_TYPE_16: SDS_HDR(16, s)->alloc = (uint16_t)newlen; break;
    case SDS_TYPE_32: SDS_HDR(32, s)->alloc = (uint32_t)newlen; break;
    case SDS_TYPE_64: SDS_HDR(64, s)->alloc = (uint64_t)newlen; break;
  }
}

#if defined __cplusplus && defined __GNUC__
#pragma GCC diagnostic pop
#endif

// Making and freeing. NULL when memory is short.

// A copy of `initlen` bytes; zero bytes when `init` is NULL.
sds sdsnewlen(const void *init, size_t initlen);
// A copy of a C string; empty when `init` is NULL.
sds sdsnew(const char *init);
sds sdsempty(void);
sds sdsdup(const sds s);
sds sdsfromlonglong(long long value);
// NULL is allowed.
void sdsfree(sds s);

// Appending and replacing. The result takes the place of `s`; NULL when memory is short, and `s` is intact.

sds sdscatlen(sds s, const void *t, size_t len);
sds sdscat(sds s, const char *t);
sds sdscatsds(sds s, const sds t);
sds sdscpylen(sds s, const char *t, size_t len);
sds sdscpy(sds s, const char *t);
// Appends zero bytes until the length is `len`; a longer string stays as it is.
sds sdsgrowzero(sds s, size_t len);
// Appends what printf would print.
sds sdscatvprintf(sds s, const char *fmt, va_list ap);
#ifdef __GNUC__
__attribute__((format(printf, 2, 3)))
#endif
sds sdscatprintf(sds s, const char *fmt, ...);
// Appends by a smaller and faster format: %s C string, %S sds, %i int, %I long long, %u unsigned int,
// %U unsigned long long, %% a percent sign.
sds sdscatfmt(sds s, const char *fmt, ...);
// Appends `len` bytes as a quoted string with C escapes, which sdssplitargs reads back.
sds sdscatrepr(sds s, const char *p, size_t len);

// Changing in place.

// Takes away the bytes of the C string `cset` from both ends; NUL bytes count as members.
sds sdstrim(sds s, const char *cset);
// Keeps bytes `start` to `end`, inclusive; negative positions count from the end. Returns 0, or -1 when the string is
// longer than SSIZE_MAX.
int sdsrange(sds s, ssize_t start, ssize_t end);
// Sets the length to that of the C string in it.
void sdsupdatelen(sds s);
// Sets the length to 0; the capacity stays.
void sdsclear(sds s);
void sdstolower(sds s);
void sdstoupper(sds s);
// Replaces each byte that occurs among the `setlen` bytes of `from` by the one at that place in `to`.
sds sdsmapchars(sds s, const char *from, const char *to, size_t setlen);

// Compares as memcmp, then by length: less than, equal to or more than 0.
int sdscmp(const sds s1, const sds s2);

// Splitting and joining. Vectors of tokens are freed with sdsfreesplitres.

// The parts of `len` bytes of `s` between occurrences of `sep`; their number in `*count`. NULL when `seplen` is less
// than 1, `len` is negative, or memory is short.
sds *sdssplitlen(const char *s, int len, const char *sep, int seplen, int *count);
// The words of a line, with quotes and escapes as in a shell; their number in `*argc`. NULL when quotes are unbalanced
// or memory is short; an empty line gives no words, but not NULL.
sds *sdssplitargs(const char *line, int *argc);
// NULL is allowed.
void sdsfreesplitres(sds *tokens, int count);
sds sdsjoin(char **argv, int argc, char *sep);
sds sdsjoinsds(sds *argv, int argc, const char *sep, size_t seplen);

// Writing into a string directly: make room, write behind its end, then say how much was written.

// Makes room for `addlen` more bytes; the length stays. The result takes the place of `s`; NULL when memory is short.
sds sdsMakeRoomFor(sds s, size_t addlen);
// Adds to the length and sets the final NUL; negative values cut the end off.
void sdsIncrLen(sds s, int incr);
// Gives back unused capacity. The result takes the place of `s`; NULL when memory is short.
sds sdsRemoveFreeSpace(sds s);
// Bytes of memory behind the string, header and final NUL included.
size_t sdsAllocSize(sds s);
// Where that memory begins.
void *sdsAllocPtr(sds s);

// The functions that strings are allocated with, those of alloc.h.
void *sds_malloc(size_t size);
void *sds_realloc(void *ptr, size_t size);
void sds_free(void *ptr);

#ifdef __cplusplus
}
#endif

#endif

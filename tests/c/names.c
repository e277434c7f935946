/* names NAME...: loads the library by each name. What they lead to is one and the same, in one file. */
/* cc: -ldl */
#define _GNU_SOURCE
#include <hiredis/hiredis.h>
#include <assert.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const functions[] = {"redisCommand", "freeReplyObject", "hiredisAllocFns", "redisMioRun"};

static const char *file_of(void *address) {
  Dl_info info;
  assert(address && dladdr(address, &info));
  char *path = realpath(info.dli_fname, NULL);
  return path ? path : "";
}

int main(int argc, char **argv) {
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    void *found = dlsym(RTLD_DEFAULT, functions[i]); /* by the program's own need, or a preloaded name */
    for (int n = 1; n < argc; n++) {
      void *handle = dlopen(argv[n], RTLD_NOW);
      if (!handle) return fprintf(stderr, "%s\n", dlerror()), 1;
      void *address = dlsym(handle, functions[i]);
      if (!address) return fprintf(stderr, "%s is not in %s\n", functions[i], argv[n]), 1;
      if (found && found != address) return fprintf(stderr, "%s is another in %s\n", functions[i], argv[n]), 1;
      found = address;
    }
    if (!found) return fprintf(stderr, "%s is not there\n", functions[i]), 1;
    if (strcmp(functions[i], "hiredisAllocFns") != 0) printf("%s\n", file_of(found));
  }
  return 0;
}

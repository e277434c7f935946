/* A resolver for which "both.test" has an address of each family, "four.test" is known to IPv4 alone, and "several.test" has three addresses
 * of IPv4: the library asks it instead of libc's. */
#ifndef TESTS_TWO_FAMILIES_H
#define TESTS_TWO_FAMILIES_H

#include <dlfcn.h>
#include <netdb.h>
#include <string.h>

#ifndef RTLD_NEXT
#define RTLD_NEXT ((void *)-1L)
#endif

typedef int (*resolver)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* How often names were looked up, of each family. */
static int looked_up_v4, looked_up_v6;

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    resolver real = (resolver)dlsym(RTLD_NEXT, "getaddrinfo");
    int both = host && !strcmp(host, "both.test"), several = host && !strcmp(host, "several.test");
    int four = several || (host && !strcmp(host, "four.test"));
    static const char *const addresses[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3"};
    struct addrinfo numeric, **end = found;
    if (!both && !four) return real(host, service, hints, found);
    if (hints->ai_flags & AI_NUMERICHOST) return EAI_NONAME;
    numeric = *hints;
    numeric.ai_flags |= AI_NUMERICHOST;
    *found = NULL;
    if (hints->ai_family != AF_INET6) {
        looked_up_v4++;
        for (int i = 0; i < (several ? 3 : 1); i++) {
            int code = real(addresses[i], service, &numeric, end);
            if (code != 0) return code;
            while (*end) end = &(*end)->ai_next;
        }
    }
    if (hints->ai_family != AF_INET) {
        looked_up_v6++;
        if (both) return real("::1", service, &numeric, end);
    }
    return *found ? 0 : EAI_NONAME;
}

#endif

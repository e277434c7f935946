/* What the benchmarks share: what client and peer say to each other, where they meet, the clocks, and the line of results
 * `name value name value …` that each of them prints. Included after the library's headers, or without them. */
#ifndef BENCH_H
#define BENCH_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef CHECK
/* Ends the program with the place of the first condition that does not hold: what is wrong must not be measured. */
#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                        \
        }                                                                   \
    } while (0)
#endif

#define VALUE "0123456789abcdef"
#define GET_COMMAND "*2\r\n$3\r\nGET\r\n$9\r\nbench:key\r\n"
#define GET_REPLY "$16\r\n" VALUE "\r\n"
#define LRANGE_COMMAND "*4\r\n$6\r\nLRANGE\r\n$10\r\nbench:list\r\n$1\r\n0\r\n$3\r\n999\r\n"
#define LRANGE_HEAD "*1000\r\n"
#define SUBSCRIBE_COMMAND "*2\r\n$9\r\nSUBSCRIBE\r\n$10\r\nbench:news\r\n"
#define SUBSCRIBE_REPLY "*3\r\n$9\r\nsubscribe\r\n$10\r\nbench:news\r\n:1\r\n"
#define MESSAGE "*3\r\n$7\r\nmessage\r\n$10\r\nbench:news\r\n" GET_REPLY
enum { SET_COMMAND_LEN = 1024, SET_VALUE_LEN = SET_COMMAND_LEN - 36 }; /* SET bench:set, and its value */

static struct {
    double wall, cpu;
} began;

static inline double clock_seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline void start(void) {
    began.wall = clock_seconds(CLOCK_MONOTONIC);
    began.cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID); /* user and system time of all threads */
}

/* What was done since start(), for each of `count`. The line is not ended: more may follow. */
static inline void stop(double count) {
    double cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - began.cpu;
    double wall = clock_seconds(CLOCK_MONOTONIC) - began.wall;
    printf("wall_ns %.1f cpu_ns %.1f", wall * 1e9 / count, cpu * 1e9 / count);
}

/* An endpoint is the path of a unix socket, or a port of 127.0.0.1. */
struct endpoint {
    union {
        struct sockaddr any;
        struct sockaddr_un local;
        struct sockaddr_in tcp;
    } at;
    socklen_t len;
};

static inline struct endpoint endpoint(const char *text) {
    struct endpoint e;
    memset(&e, 0, sizeof(e));
    if (text[0] == '/') {
        CHECK(strlen(text) < sizeof(e.at.local.sun_path));
        e.at.local.sun_family = AF_UNIX;
        strcpy(e.at.local.sun_path, text);
        e.len = sizeof(e.at.local);
    } else {
        e.at.tcp.sin_family = AF_INET;
        e.at.tcp.sin_port = htons((uint16_t)atoi(text));
        e.at.tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        e.len = sizeof(e.at.tcp);
    }
    return e;
}

static inline int open_socket(const struct endpoint *e) {
    int fd = socket(e->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    return fd;
}

static inline void without_delay(const struct endpoint *e, int fd) {
    int on = 1;
    if (e->at.any.sa_family == AF_INET) CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
}

#endif

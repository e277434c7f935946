/* A peer that answers without thinking: `replay ENDPOINT WORK [COUNT]` sends the same bytes for every command's worth of bytes
 * that arrives, so that the client is what a benchmark measures. Runs until it is killed. */
#define _GNU_SOURCE
#include "bench.h"

#include <sys/epoll.h>
#include <sys/resource.h>

enum { CONNECTIONS = 20000, ROOM = 1 << 20 };

static size_t command_len, reply_len, held_replies;
static char *replies;         /* as many of them as one write may need */
static size_t pending[CONNECTIONS]; /* by descriptor: bytes that are not a whole command yet */

static void make_replies(const char *head, const char *unit, size_t count, size_t copies) {
    size_t head_len = strlen(head), unit_len = strlen(unit);
    reply_len = head_len + unit_len * count;
    held_replies = copies;
    replies = malloc(reply_len * copies);
    CHECK(replies != NULL);
    for (char *at = replies; at < replies + reply_len * copies;) {
        memcpy(at, head, head_len);
        at += head_len;
        for (size_t i = 0; i < count; i++, at += unit_len) memcpy(at, unit, unit_len);
    }
}

static void learn(const char *work, size_t count) {
    if (strcmp(work, "get") == 0) {
        command_len = strlen(GET_COMMAND);
        make_replies("", GET_REPLY, 1, 4096);
    } else if (strcmp(work, "set") == 0) {
        command_len = SET_COMMAND_LEN;
        make_replies("", "+OK\r\n", 1, 4096);
    } else if (strcmp(work, "lrange") == 0) {
        command_len = strlen(LRANGE_COMMAND);
        make_replies(LRANGE_HEAD, GET_REPLY, 1000, 16);
    } else if (strcmp(work, "messages") == 0) {
        command_len = strlen(SUBSCRIBE_COMMAND);
        make_replies(SUBSCRIBE_REPLY, MESSAGE, count, 1);
    } else {
        CHECK(!"a known work");
    }
}

/* Clients that have gone are no failure. */
static int send_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0) return 0;
        bytes += n;
        len -= (size_t)n;
    }
    return 1;
}

static int answer(int fd) {
    static char room[ROOM];
    ssize_t n = recv(fd, room, sizeof(room), 0);
    if (n <= 0) return 0;
    pending[fd] += (size_t)n;
    size_t due = pending[fd] / command_len;
    pending[fd] %= command_len;
    for (size_t now; due > 0; due -= now) {
        now = due < held_replies ? due : held_replies;
        if (!send_all(fd, replies, now * reply_len)) return 0;
    }
    return 1;
}

static void watch(int epoll, int fd) {
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0);
}

int main(int argc, char **argv) {
    CHECK(argc >= 3);
    struct endpoint here = endpoint(argv[1]);
    struct rlimit files = {CONNECTIONS, CONNECTIONS};
    int on = 1, listener = open_socket(&here), epoll = epoll_create1(EPOLL_CLOEXEC);
    learn(argv[2], argc > 3 ? (size_t)atol(argv[3]) : 0);
    setrlimit(RLIMIT_NOFILE, &files);
    CHECK(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
    CHECK(bind(listener, &here.at.any, here.len) == 0 && listen(listener, 4096) == 0);
    watch(epoll, listener);
    for (;;) {
        struct epoll_event ready[256];
        int count = epoll_wait(epoll, ready, 256, -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener) {
                fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                CHECK(fd >= 0 && fd < CONNECTIONS);
                without_delay(&here, fd);
                pending[fd] = 0;
                watch(epoll, fd);
            } else if (!answer(fd)) {
                close(fd);
            }
        }
    }
}

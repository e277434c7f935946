/* A scripted peer: the other end of the connection, played by the test itself.
 *
 * The kernel completes connections in the listen backlog and keeps bytes that nobody has asked for yet, so most
 * scripts need no second thread: the test sends the reply first and calls the library afterwards. A peer that has
 * to act while the library blocks runs in a thread (peer_start, peer_join). */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct peer {
    int listener; /* -1 once closed */
    int fd;       /* the accepted connection, -1 when there is none */
    int port;     /* 0 for a unix socket */
    char path[108];
    pthread_t thread;
    void (*script)(struct peer *);
};

static inline void peer_die(const char *what) {
    fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
    exit(99);
}

/* A port of ADDRESS, of either family, that is taken but not listened on: connecting to it is refused. */
static inline void peer_bind(struct peer *p, const char *address) {
    struct sockaddr_in a = {.sin_family = AF_INET};
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6};
    int is_v6 = strchr(address, ':') != NULL, on = 1;
    struct sockaddr *at = is_v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a;
    socklen_t len = is_v6 ? sizeof a6 : sizeof a;
    memset(p, 0, sizeof *p);
    p->fd = -1;
    p->listener = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(at->sa_family, address, is_v6 ? (void *)&a6.sin6_addr : (void *)&a.sin_addr);
    setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (is_v6) setsockopt(p->listener, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(p->listener, at, len)) peer_die("bind");
    if (getsockname(p->listener, at, &len)) peer_die("getsockname");
    p->port = ntohs(is_v6 ? a6.sin6_port : a.sin_port);
}

static inline void peer_refuse(struct peer *p) { peer_bind(p, "127.0.0.1"); }

static inline void peer_listen_backlog(struct peer *p, int backlog) {
    peer_bind(p, "127.0.0.1");
    if (listen(p->listener, backlog)) peer_die("listen");
}

/* Listens, but takes no further connection: a connect stays in progress. Returns the number of descriptors in FDS
 * that hold the places. */
static inline int peer_listen_full(struct peer *p, int fds[8]) {
    struct sockaddr_in a = {.sin_family = AF_INET};
    int n = 0, waits = 0;
    peer_listen_backlog(p, 0);
    inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
    a.sin_port = htons((unsigned short)p->port);
    while (n < 8 && !waits) {
        struct pollfd f = {.fd = -1, .events = POLLOUT};
        f.fd = fds[n++] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        waits = connect(f.fd, (struct sockaddr *)&a, sizeof a) && poll(&f, 1, 100) == 0;
    }
    if (!waits) peer_die("a backlog that is never full");
    return n;
}

static inline void peer_listen(struct peer *p) { peer_listen_backlog(p, 64); }

/* NAME is completed to a path in the temporary directory that is unique to this process. */
static inline void peer_listen_unix(struct peer *p, const char *name, int backlog) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    const char *dir = getenv("TMPDIR");
    memset(p, 0, sizeof *p);
    p->fd = -1;
    snprintf(p->path, sizeof p->path, "%s/%s-%d.sock", dir ? dir : "/tmp", name, (int)getpid());
    unlink(p->path);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", p->path);
    p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(p->listener, (struct sockaddr *)&a, sizeof a)) peer_die("bind unix");
    if (listen(p->listener, backlog)) peer_die("listen unix");
}

static inline int peer_ready(int fd, short events, int ms) {
    struct pollfd f = {.fd = fd, .events = events};
    int n;
    do n = poll(&f, 1, ms);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

static inline void peer_accept(struct peer *p) {
    if (p->fd >= 0) close(p->fd);
    if (!peer_ready(p->listener, POLLIN, 5000)) peer_die("nobody connects");
    p->fd = accept(p->listener, NULL, NULL);
    if (p->fd < 0) peer_die("accept");
    fcntl(p->fd, F_SETFD, FD_CLOEXEC);
}

static inline void peer_send(struct peer *p, const void *bytes, size_t len) {
    const char *at = (const char *)bytes;
    while (len > 0) {
        ssize_t n = send(p->fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) peer_die("send");
        at += n;
        len -= (size_t)n;
    }
}

static inline void peer_say(struct peer *p, const char *text) { peer_send(p, text, strlen(text)); }

/* Reads exactly LEN bytes, or fewer when the other side ends the connection. */
static inline size_t peer_read(struct peer *p, char *into, size_t len) {
    size_t got = 0;
    while (got < len && peer_ready(p->fd, POLLIN, 5000)) {
        ssize_t n = recv(p->fd, into + got, len - got, 0);
        if (n <= 0) break;
        got += (size_t)n;
    }
    return got;
}

/* Reads and forgets exactly LEN bytes. */
static inline size_t peer_swallow(struct peer *p, size_t len) {
    static char waste[65536];
    size_t got = 0;
    while (got < len) {
        size_t n = peer_read(p, waste, len - got < sizeof waste ? len - got : sizeof waste);
        if (n == 0) break;
        got += n;
    }
    return got;
}

/* Reads and forgets what has arrived. */
static inline size_t peer_swallow_present(struct peer *p) {
    static char waste[65536];
    size_t got = 0;
    ssize_t n;
    while ((n = recv(p->fd, waste, sizeof waste, MSG_DONTWAIT)) > 0) got += (size_t)n;
    return got;
}

/* What has arrived, as printable text; waits MS milliseconds for the first byte. Valid until the next call. */
static inline const char *peer_heard(struct peer *p, int ms) {
    static char text[8192], raw[1024];
    size_t at = 0;
    text[0] = 0;
    while (peer_ready(p->fd, POLLIN, at ? 0 : ms)) {
        ssize_t n = recv(p->fd, raw, sizeof raw, 0);
        if (n == 0) at += (size_t)snprintf(text + at, sizeof text - at, "%s<eof>", at && text[at - 1] != ' ' ? " " : "");
        if (n < 0) at += (size_t)snprintf(text + at, sizeof text - at, "<%s>", strerror(errno));
        if (n <= 0) break;
        for (ssize_t i = 0; i < n && at + 8 < sizeof text; i++) {
            if (raw[i] == '\r') continue;
            if (raw[i] == '\n') text[at++] = ' ';
            else if (raw[i] >= 32 && raw[i] < 127) text[at++] = raw[i];
            else at += (size_t)snprintf(text + at, sizeof text - at, "\\x%02x", (unsigned char)raw[i]);
        }
        text[at] = 0;
    }
    if (at && text[at - 1] == ' ') text[at - 1] = 0;
    return text;
}

static inline void peer_close(struct peer *p) {
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
}

static inline void peer_half_close(struct peer *p) { shutdown(p->fd, SHUT_WR); }

/* Ends the connection with RST instead of FIN. */
static inline void peer_reset(struct peer *p) {
    struct linger l = {1, 0};
    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    peer_close(p);
}

static inline void peer_stop_listening(struct peer *p) {
    if (p->listener >= 0) close(p->listener);
    p->listener = -1;
    if (p->path[0]) unlink(p->path);
}

static inline void peer_end(struct peer *p) {
    peer_close(p);
    peer_stop_listening(p);
}

static inline void *peer_thread_main(void *arg) {
    struct peer *p = (struct peer *)arg;
    p->script(p);
    return NULL;
}

static inline void peer_start(struct peer *p, void (*script)(struct peer *)) {
    p->script = script;
    if (pthread_create(&p->thread, NULL, peer_thread_main, p)) peer_die("thread");
}

static inline void peer_join(struct peer *p) { pthread_join(p->thread, NULL); }

static inline int fd_is_open(int fd) { return fd >= 0 && fcntl(fd, F_GETFD) != -1; }

#endif

/* A proxy in front of a redis-server. It forwards one connection after the other, keeps what went through where that is
 * wanted, and does to connections what networks and their boxes do; it never reorders. */
#ifndef TESTS_PROXY_H
#define TESTS_PROXY_H

#include <signal.h>
#include <time.h>

#include "peer.h"

enum fault { PLAIN, DELAYED, SINGLE_BYTES, STALLED, RESET, CLOSED, HALF_CLOSED_CLIENT, HALF_CLOSED_SERVER, FAULTS };
enum { TO_SERVER, TO_CLIENT };

__attribute__((unused)) static const char *const fault_names[FAULTS] = {
    "plain", "delayed", "single bytes", "stalled", "reset", "closed", "half-closed to the client", "half-closed to the server",
};

struct proxy {
    struct peer peer; /* first, so that the thread's argument is this */
    int server_port;  /* where it forwards to, unless there is a path */
    const char *server_path;
    int stop[2];                   /* a pipe: readable, and the proxy ends */
    int faulty;                    /* chooses a fault for each connection */
    unsigned long long random;
    long happened[FAULTS];
    struct {
        char *bytes; /* NULL: not kept */
        size_t len, room;
    } kept[2];
};

/* What is to become of one connection: after so many bytes in a direction, the fault. */
struct schedule {
    enum fault fault;
    int direction;
    long left;
};

static inline unsigned proxy_below(struct proxy *p, unsigned limit) {
    p->random = p->random * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(p->random >> 33) % limit;
}

static inline struct schedule proxy_choose(struct proxy *p) {
    struct schedule s = {PLAIN, TO_CLIENT, 0};
    if (!p->faulty) return s;
    s.fault = (enum fault)proxy_below(p, FAULTS);
    s.direction = (int)proxy_below(p, 2);
    s.left = 1 + proxy_below(p, proxy_below(p, 2) ? 3000 : 100000);
    return s;
}

static inline int proxy_upstream(struct proxy *p) {
    struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_port = htons((uint16_t)p->server_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    int fd = socket(p->server_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), failed;
    if (p->server_path) {
        snprintf(local.sun_path, sizeof local.sun_path, "%s", p->server_path);
        failed = connect(fd, (struct sockaddr *)&local, sizeof local);
    } else failed = connect(fd, (struct sockaddr *)&tcp, sizeof tcp);
    if (!failed) return fd;
    close(fd);
    return -1;
}

static inline void proxy_undelayed(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* means nothing on unix sockets */
}

static inline void proxy_keep(struct proxy *p, int direction, const char *bytes, size_t len) {
    if (p->kept[direction].bytes == NULL) return;
    if (p->kept[direction].len + len > p->kept[direction].room) peer_die("too much to keep");
    memcpy(p->kept[direction].bytes + p->kept[direction].len, bytes, len);
    p->kept[direction].len += len;
}

/* Forwards at most MOST bytes. Returns how many; 0 or less when one of the two has ended. */
static inline long proxy_forward(struct proxy *p, int direction, int from, int to, size_t most, int singly) {
    char bytes[16384];
    ssize_t n = recv(from, bytes, most < sizeof bytes ? most : sizeof bytes, 0);
    for (ssize_t at = 0, sent; at < n; at += sent)
        if ((sent = send(to, bytes + at, singly ? 1 : (size_t)(n - at), MSG_NOSIGNAL)) <= 0) return -1;
    if (n > 0) proxy_keep(p, direction, bytes, (size_t)n);
    return n;
}

/* Swallows what the client still says until it gives up. */
static inline void proxy_outwait(struct proxy *p, int client) {
    char waste[4096];
    struct pollfd f[2] = {{.fd = client, .events = POLLIN}, {.fd = p->stop[0], .events = POLLIN}};
    do
        if (poll(f, 2, -1) < 0) continue;
    while (!f[1].revents && recv(client, waste, sizeof waste, 0) > 0);
}

/* Does it. Returns whether the connection goes on; the gentle faults end like any other connection. */
static inline int proxy_strike(struct proxy *p, enum fault fault, int client, int server) {
    p->happened[fault]++;
    switch (fault) {
    case STALLED: proxy_outwait(p, client); return 0;
    case RESET:
        setsockopt(client, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        setsockopt(server, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        return 0;
    case HALF_CLOSED_CLIENT: shutdown(client, SHUT_WR); return 1;
    case HALF_CLOSED_SERVER: shutdown(server, SHUT_WR); return 1;
    default: return 0;
    }
}

static inline void proxy_serve(struct proxy *p, int client, int server) {
    struct schedule s = proxy_choose(p);
    int fds[2] = {client, server}, ended = -1; /* the direction that a half-close has ended */
    for (;;) {
        struct pollfd f[3] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}, {.fd = p->stop[0], .events = POLLIN}};
        if (ended == TO_CLIENT) f[1].fd = -1;
        if (poll(f, 3, -1) < 0) continue;
        if (f[2].revents) return;
        for (int d = TO_SERVER; d <= TO_CLIENT; d++) {
            size_t most = p->faulty ? 1 + proxy_below(p, proxy_below(p, 2) ? 100 : 16384) : 16384;
            long n;
            if (!f[d].revents) continue;
            if (s.fault == DELAYED) nanosleep(&(struct timespec){0, (long)proxy_below(p, 3) * 1000000}, NULL);
            if (s.left > 0 && s.direction == d && most > (size_t)s.left) most = (size_t)s.left;
            if (ended == d) n = recv(fds[d], (char[4096]){0}, 4096, 0);
            else n = proxy_forward(p, d, fds[d], fds[!d], most, s.fault == SINGLE_BYTES);
            if (n <= 0) return;
            if (s.left == 0 || s.direction != d || (s.left -= n) > 0) continue;
            s.left = 0;
            if (!proxy_strike(p, s.fault, client, server)) return;
            if (s.fault == HALF_CLOSED_CLIENT) ended = TO_CLIENT;
            if (s.fault == HALF_CLOSED_SERVER) ended = TO_SERVER;
        }
    }
}

static inline void proxy_run(struct peer *peer) {
    struct proxy *p = (struct proxy *)(void *)peer;
    sigset_t all;
    sigfillset(&all); /* signals are for the client */
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (;;) {
        struct pollfd f[2] = {{.fd = peer->listener, .events = POLLIN}, {.fd = p->stop[0], .events = POLLIN}};
        int client, server;
        if (poll(f, 2, -1) < 0) continue;
        if (f[1].revents) return;
        if ((client = accept(peer->listener, NULL, NULL)) < 0) continue;
        if ((server = proxy_upstream(p)) >= 0) {
            proxy_undelayed(client);
            proxy_undelayed(server);
            proxy_serve(p, client, server);
            close(server);
        }
        close(client);
    }
}

/* Begins to forward to the server of the environment: from a port, or from a unix socket where LOCAL. */
static inline void proxy_begin(struct proxy *p, int local, unsigned long long seed) {
    memset(p, 0, sizeof *p);
    if (local) peer_listen_unix(&p->peer, "proxy", 64);
    else peer_listen(&p->peer);
    if (local) p->server_path = getenv("REDIS_SOCK");
    else p->server_port = atoi(getenv("REDIS_PORT"));
    p->random = seed;
    p->faulty = seed != 0;
    if (pipe(p->stop)) peer_die("pipe");
    if (!p->faulty)
        for (int d = 0; d < 2; d++) p->kept[d].bytes = malloc(p->kept[d].room = 1 << 20);
    peer_start(&p->peer, proxy_run);
}

/* Ends it; what it kept stays. */
static inline void proxy_end(struct proxy *p) {
    close(p->stop[1]);
    peer_join(&p->peer);
    close(p->stop[0]);
    peer_end(&p->peer);
}

#endif

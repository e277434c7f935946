/* What a client cannot go below: `bare ENDPOINT IN-FLIGHT COUNT` writes commands made beforehand and only scans the replies for
 * their ends, one write and one read per round, without a loop. */
#include "bench.h"

static void send_commands(int fd, const char *commands, size_t count) {
    size_t len = count * strlen(GET_COMMAND);
    CHECK(send(fd, commands, len, MSG_NOSIGNAL) == (ssize_t)len);
}

int main(int argc, char **argv) {
    static char room[1 << 16];
    CHECK(argc == 4);
    struct endpoint peer = endpoint(argv[1]);
    size_t in_flight = (size_t)atol(argv[2]), count = (size_t)atol(argv[3]), sent = 0, lines = 0;
    int fd = open_socket(&peer);
    char *commands = malloc(in_flight * strlen(GET_COMMAND));
    for (size_t i = 0; i < in_flight; i++) memcpy(commands + i * strlen(GET_COMMAND), GET_COMMAND, strlen(GET_COMMAND));
    CHECK(connect(fd, &peer.at.any, peer.len) == 0);
    without_delay(&peer, fd);
    start();
    while (lines < 2 * count) {
        size_t due = in_flight - (sent - lines / 2);
        if (due > count - sent) due = count - sent;
        if (due > 0) send_commands(fd, commands, due);
        sent += due;
        ssize_t n = recv(fd, room, sizeof(room), 0);
        CHECK(n > 0 && (room[0] == '$' || sent > 1));
        for (const char *at = room; (at = memchr(at, '\n', (size_t)(room + n - at))) != NULL; at++) lines++;
    }
    stop((double)count);
    printf("\n");
    return 0;
}

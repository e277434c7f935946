/* A connection that the program makes itself, for a context to be given. */
#ifndef TESTS_OOM_SOCKET_H
#define TESTS_OOM_SOCKET_H

#include "oom.h"
#include <sys/socket.h>
#include <sys/un.h>

static int socket_to(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

#endif

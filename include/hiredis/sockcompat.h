/* sockcompat.h: the system's socket headers, for adapters and programs that wait on a context's descriptor themselves. */

#ifndef __SOCKCOMPAT_H
#define __SOCKCOMPAT_H

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#endif

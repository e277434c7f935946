/* Contract section 0 and clients.md: obuf is a true sds at every moment, after partial writes too. Programs measure it, append to
 * it, cut it and replace it. How much a socket takes is the kernel's business: only what must follow from it is printed. */
#include "sds_state.h"
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGE = 4 * 1024 * 1024 };

static char *sent;      /* every byte that was put into obuf, in order */
static size_t sent_len;
static size_t received;
static int wrong;
static int fds[2];

static void expect(const char *text, size_t len) {
    memcpy(sent + sent_len, text, len);
    sent_len += len;
}

static void drain(size_t most) {
    static char buf[65536];
    while (most) {
        ssize_t n = recv(fds[1], buf, most < sizeof buf ? most : sizeof buf, MSG_DONTWAIT);
        if (n <= 0) return;
        if (memcmp(buf, sent + received, (size_t)n) != 0) wrong++;
        received += (size_t)n;
        most -= (size_t)n;
    }
}

/* What a program sees through the header's own functions. */
static int sound(redisContext *c) {
    size_t len = sdslen(c->obuf);
    return sdsalloc(c->obuf) >= len && sdsavail(c->obuf) == sdsalloc(c->obuf) - len && c->obuf[len] == 0 &&
           memcmp(c->obuf, sent + sent_len - len, len) == 0 && sdsAllocSize(c->obuf) > sdsalloc(c->obuf);
}

static redisContext *begin(void) {
    sent_len = received = 0;
    wrong = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) exit(2);
    int small = 64 * 1024;
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    redisContext *c = redisConnectFd(fds[0]);
    char *text = pattern(LARGE);
    c->flags &= ~REDIS_BLOCK;
    redisAppendFormattedCommand(c, text, LARGE);
    expect(text, LARGE);
    free(text);
    return c;
}

static void finish(redisContext *c, const char *key) {
    int done = 0, turns = 0, unsound = 0;
    while (!done && turns < 100000) {
        if (redisBufferWrite(c, &done) != REDIS_OK) break;
        unsound += !sound(c);
        drain(SIZE_MAX);
        turns++;
    }
    drain(SIZE_MAX);
    fact(c->err, "%s.err", key);
    fact(unsound, "%s.unsound", key);
    fact(wrong, "%s.wrong", key);
    fact(received == sent_len, "%s.complete", key);
    fact((long long)sdslen(c->obuf), "%s.left", key);
    redisFree(c);
    close(fds[1]);
}

/* One partial write, so that obuf stands somewhere in the middle. */
static redisContext *midway(const char *key) {
    redisContext *c = begin();
    int done = -1;
    for (int i = 0; i < 3; i++) {
        fact(redisBufferWrite(c, &done), "%s.write%d", key, i);
        fact(done, "%s.write%d.done", key, i);
        fact(sdslen(c->obuf) > 0 && sdslen(c->obuf) < LARGE, "%s.write%d.partial", key, i);
        fact(sound(c), "%s.write%d.sound", key, i);
        drain(10000u << i);
    }
    return c;
}

int main(void) {
    sent = malloc(2 * LARGE);
    char *text = pattern(100000);

    finish(midway("plain"), "plain");

    redisContext *c = midway("append");
    for (size_t n = 1; n <= 100000; n *= 10) {
        c->obuf = sdscatlen(c->obuf, text, n);
        expect(text, n);
        fact(sound(c), "append.%zu.sound", n);
    }
    c->obuf = sdscatfmt(c->obuf, "%s%i", "tail", 5);
    expect("tail5", 5);
    c->obuf = sdscatprintf(c->obuf, "%s", "printed");
    expect("printed", 7);
    redisAppendFormattedCommand(c, text, 50000);
    expect(text, 50000);
    fact(sound(c), "append.sound");
    finish(c, "append");

    c = midway("room");
    c->obuf = sdsMakeRoomFor(c->obuf, 1000000);
    fact(sdsavail(c->obuf) >= 1000000, "room.avail");
    fact(sound(c), "room.sound");
    memcpy(c->obuf + sdslen(c->obuf), text, 1000);
    sdsIncrLen(c->obuf, 1000);
    expect(text, 1000);
    c->obuf = sdsRemoveFreeSpace(c->obuf);
    fact(sdsavail(c->obuf), "room.removed");
    fact(sound(c), "room.removed.sound");
    finish(c, "room");

    c = midway("cut");
    sent_len -= sdslen(c->obuf) - 200000;
    sdssetlen(c->obuf, 200000);
    c->obuf[200000] = 0;
    fact(sound(c), "cut.sound");
    finish(c, "cut");

    c = midway("replace");
    sds copy = sdsdup(c->obuf);
    fact(sdscmp(copy, c->obuf), "replace.cmp");
    sdsfree(c->obuf);
    c->obuf = copy;
    fact(sound(c), "replace.sound");
    finish(c, "replace");

    c = midway("drop");
    sdsfree(c->obuf);
    c->obuf = sdsempty();
    c->obuf = sdscpy(c->obuf, "");
    int done = 0;
    fact(redisBufferWrite(c, &done), "drop.write");
    fact(done, "drop.done");
    redisFree(c);
    close(fds[1]);

    c = midway("free");
    redisFree(c);
    close(fds[1]);

    c = begin();
    sdsfree(c->obuf);
    c->obuf = sdsnew("hi");
    sent_len = 0;
    expect("hi", 2);
    finish(c, "type5");

    free(text);
    free(sent);
    return 0;
}

/* An asynchronous context, its loop, and what became of the commands that were issued on it. */
#ifndef TESTS_OOM_ASYNC_H
#define TESTS_OOM_ASYNC_H

#include "oom.h"
#include <hiredis/async.h>
#include <poll.h>

static int port;
UNUSED_OK static const char *path;
static const struct timeval TIMEOUT = {5, 0};

/* The connection under test and its loop. */
static redisAsyncContext *ac; /* NULL once freed */
static int reading, writing, connects, disconnects, last_status;

static void add_read(void *data) { reading = 1; }
static void del_read(void *data) { reading = 0; }
static void add_write(void *data) { writing = 1; }
static void del_write(void *data) { writing = 0; }
static void no_events(void *data) { reading = writing = 0; }
static void set_timer(void *data, struct timeval tv) { CHECK(tv.tv_sec <= 5); }

static void on_freed(void *data) { ac = NULL; }
static void on_connect(const redisAsyncContext *c, int status) { connects++; }
static void on_disconnect(const redisAsyncContext *c, int status) {
    disconnects++;
    last_status = status;
    CHECK(status == REDIS_OK || (has_failed() && IS_OUT_OF_MEMORY(c)));
}

/* Takes over a context that was made, or not. */
static int start_with(redisAsyncContext *made) {
    reading = writing = connects = disconnects = 0;
    ac = made;
    if (ac == NULL) {
        CHECK(has_failed());
        return 0;
    }
    CHECK(ac->err == 0 || (has_failed() && IS_OUT_OF_MEMORY(ac)));
    ac->dataCleanup = on_freed;
    ac->ev.data = &ac;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = no_events;
    ac->ev.scheduleTimer = set_timer;
    CHECK(redisAsyncSetConnectCallback(ac, on_connect) == REDIS_OK);
    CHECK(redisAsyncSetDisconnectCallback(ac, on_disconnect) == REDIS_OK);
    return 1;
}

UNUSED_OK static int start(redisOptions *options) { return start_with(redisAsyncConnectWithOptions(options)); }

/* What was issued, what became of it. */
struct issued {
    const char *text; /* of the reply, or the channel */
    int status, calls, nulls, confirmed, messages, ended;
};
enum { MOST = 16 };
static struct issued issued[MOST];
static int count;

/* A server that answers does not leave a client waiting for long. */
static void stalled(void) {
    for (struct issued *i = issued; i < issued + count; i++)
        fprintf(stderr, "%s: status %d, calls %d, nulls %d, confirmed %d, messages %d, ended %d\n", i->text, i->status,
            i->calls, i->nulls, i->confirmed, i->messages, i->ended);
    fprintf(stderr, "flags %x, pending_unsubs %d, unsent '%s'\n", ac->c.flags, ac->sub.pending_unsubs, ac->c.obuf);
    CHECK(!"the loop waits for something");
}

/* Serves events until done() or the context is gone. */
static void serve(int (*done)(void)) {
    while (ac != NULL && !done()) {
        if (ac->err != 0 && !writing) { /* Nothing is on its way: the program gives the connection up. */
            redisAsyncFree(ac);
            return;
        }
        struct pollfd f = {.fd = ac->c.fd, .events = (short)((reading ? POLLIN : 0) | (writing ? POLLOUT : 0))};
        CHECK(ac->err != 0 || f.events != 0);
        if (poll(&f, 1, 5000) != 1)
            stalled();
        if (f.revents & (POLLIN | POLLHUP | POLLERR))
            redisAsyncHandleRead(ac);
        if (ac != NULL && (f.revents & POLLOUT))
            redisAsyncHandleWrite(ac);
    }
}

UNUSED_OK static int is_connected(void) { return connects != 0; }

static void finish(void) {
    if (ac != NULL)
        redisAsyncFree(ac);
    CHECK(ac == NULL && connects <= 1 && disconnects <= 1);
    disarm();
}

static struct issued *note_issued(const char *text) {
    CHECK(count < MOST);
    issued[count] = (struct issued){.text = text};
    return &issued[count++];
}

static void settle(struct issued *i, int status) {
    i->status = status;
    CHECK(status == REDIS_OK || has_failed());
}

static int all_called(void) {
    for (int i = 0; i < count; i++)
        if (issued[i].status == REDIS_OK && issued[i].calls == 0)
            return 0;
    return 1;
}

UNUSED_OK static void check_each_called_once(void) {
    for (int i = 0; i < count; i++) {
        CHECK(issued[i].calls == (issued[i].status == REDIS_OK));
        CHECK(failures || issued[i].nulls == 0);
    }
}

static void issue_echo(const char *text, int function, int more);
static int more_echoes;

static void on_echo(redisAsyncContext *c, void *r, void *privdata) {
    redisReply *reply = r;
    struct issued *i = privdata;
    CHECK(c == ac);
    i->calls++;
    if (reply == NULL) {
        i->nulls++;
        CHECK(has_failed());
        return;
    }
    CHECK(reply->type == REDIS_REPLY_STRING && strcmp(reply->str, i->text) == 0);
    if (more_echoes > 0) {
        more_echoes--;
        issue_echo("from a callback", more_echoes, 0);
    }
}

static void issue_echo(const char *text, int function, int more) {
    const char *argv[] = {"ECHO", text};
    char command[64];
    struct issued *i = note_issued(text);
    size_t before = sdslen(ac->c.obuf);
    int status;
    more_echoes += more;
    switch (function % 3) {
    case 0: status = redisAsyncCommand(ac, on_echo, i, "ECHO %s", text); break;
    case 1: status = redisAsyncCommandArgv(ac, on_echo, i, 2, argv, NULL); break;
    default:
        status = redisAsyncFormattedCommand(ac, on_echo, i, command,
            (size_t)sprintf(command, "*2\r\n$4\r\nECHO\r\n$%zu\r\n%s\r\n", strlen(text), text));
    }
    settle(i, status);
    if (status != REDIS_OK)
        CHECK(sdslen(ac->c.obuf) == before && (IS_OUT_OF_MEMORY(ac) || ac->c.flags & REDIS_DISCONNECTING));
}

#endif

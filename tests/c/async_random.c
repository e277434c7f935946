/* An asynchronous context and a server of our own in one process, driven at random but repeatably: commands of every
 * kind, replies in any portions, callbacks that issue, free, disconnect and change hooks, servers that keep to the
 * protocol or do not. What must hold in the end, whatever happened, is checked throughout.
 *
 *   async_random FIRST COUNT    runs COUNT seeds from FIRST
 *
 * The fuzz target `async` takes its choices from the fuzzer's bytes instead. */
#include <signal.h>

#include "async_random.h"

ssize_t redisNetRead(redisContext *, char *, size_t);
ssize_t redisNetWrite(redisContext *);
void redisNetClose(redisContext *);
void redisAsyncRead(redisAsyncContext *);
void redisAsyncWrite(redisAsyncContext *);
void redisProcessCallbacks(redisAsyncContext *);
void __redisAsyncDisconnect(redisAsyncContext *);

/* The event loop. */

static void hook_check(struct loop *loop) { check(r.ac && loop == r.loop && !loop->gone); }
static void add_read(void *data) { hook_check(data), ((struct loop *)data)->reading = 1; }
static void del_read(void *data) { hook_check(data), ((struct loop *)data)->reading = 0; }
static void add_write(void *data) { hook_check(data), ((struct loop *)data)->writing = 1; }
static void del_write(void *data) { hook_check(data), ((struct loop *)data)->writing = 0; }
static void clean_up(void *data) {
    hook_check(data);
    *(struct loop *)data = (struct loop){.gone = 1};
}
static void schedule_timer(void *data, struct timeval tv) {
    hook_check(data);
    check(tv.tv_sec >= 0 && tv.tv_usec >= 0 && tv.tv_usec < 1000000 && (tv.tv_sec || tv.tv_usec));
    ((struct loop *)data)->timer = now() + (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

/* Attaches the context to the next loop, which begins with what the program can know. */
static void attach(void) {
    if (r.attached == sizeof r.loops / sizeof *r.loops || (r.loop && r.loop->gone)) return;
    r.loop = &r.loops[r.attached++];
    r.loop->reading = r.loop->writing = r.attached > 1;
    r.has_hooks = 1;
    r.ac->ev.data = r.loop;
    r.ac->ev.addRead = add_read;
    r.ac->ev.delRead = del_read;
    r.ac->ev.addWrite = add_write;
    r.ac->ev.delWrite = del_write;
    r.ac->ev.cleanup = clean_up;
    r.ac->ev.scheduleTimer = schedule_timer;
}
/* The program goes on without a loop, looking itself. */
static void detach(void) {
    if (r.loop->gone) return;
    memset(&r.ac->ev, 0, sizeof r.ac->ev);
    r.has_hooks = 0;
    r.loop->timer = 0;
    r.loop->reading = r.loop->writing = 1;
}

/* Transports: one that takes little at a time, and one that does everything itself, as TLS does. */

static ssize_t frugal_write(redisContext *c) {
    size_t most = 1 + below(below(4) < 3 ? 9 : 5000), len = sdslen(c->obuf);
    ssize_t n;
    if (one_in(4)) return 0;
    n = send(c->fd, c->obuf, most < len ? most : len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) return n;
    return errno == EAGAIN ? 0 : redisNetWrite(c);
}
static ssize_t frugal_read(redisContext *c, char *into, size_t room) {
    size_t most = 1 + below(below(4) < 3 ? 9 : 5000);
    return one_in(4) ? 0 : redisNetRead(c, into, most < room ? most : room);
}
static void own_timer(redisAsyncContext *ac) {
    const struct timeval *tv = ac->c.flags & REDIS_CONNECTED ? ac->c.command_timeout : ac->c.connect_timeout;
    if (ac->ev.scheduleTimer && tv && (tv->tv_sec || tv->tv_usec)) ac->ev.scheduleTimer(ac->ev.data, *tv);
}
static void own_add_read(redisAsyncContext *ac) {
    own_timer(ac);
    if (ac->ev.addRead) ac->ev.addRead(ac->ev.data);
}
static void own_read(redisAsyncContext *ac) {
    if (redisBufferRead(&ac->c) == REDIS_ERR) {
        __redisAsyncDisconnect(ac);
        return;
    }
    own_add_read(ac);
    redisProcessCallbacks(ac);
}
static void own_write(redisAsyncContext *ac) {
    int done = 0;
    if (redisBufferWrite(&ac->c, &done) == REDIS_ERR) {
        __redisAsyncDisconnect(ac);
        return;
    }
    if (done) {
        if (ac->ev.delWrite) ac->ev.delWrite(ac->ev.data);
    } else {
        own_timer(ac);
        if (ac->ev.addWrite) ac->ev.addWrite(ac->ev.data);
    }
    own_add_read(ac);
}
static const redisContextFuncs frugal = {redisNetClose, NULL, redisAsyncRead, redisAsyncWrite, frugal_read, frugal_write};
static const redisContextFuncs own = {redisNetClose, NULL, own_read, own_write, frugal_read, frugal_write};

/* The program. */

static void act(void);

static int is_going(void) {
    return r.asked_free || r.asked_disconnect || r.ac->err || r.ac->c.err || (r.ac->c.flags & (REDIS_FREEING | REDIS_DISCONNECTING));
}

/* The number that ends a text, or that the last part of a reply is. */
static unsigned id_of(const redisReply *reply) {
    const char *digits;
    if (reply->type == REDIS_REPLY_INTEGER) return (unsigned)reply->integer;
    if (reply->elements) return id_of(reply->element[reply->elements - 1]);
    if (reply->str == NULL) return ~0u;
    digits = strrchr(reply->str, ':');
    return (unsigned)atoi(digits ? digits + 1 : reply->str);
}

static void enter(redisAsyncContext *ac) {
    check(ac == r.ac && (ac->c.flags & REDIS_IN_CALLBACK) && ac->errstr == ac->c.errstr);
    check(r.disconnects == 0 && r.data_cleanups == 0);
    r.inside++;
}
static void leave(void) {
    act();
    r.inside--;
}

static void give_back(redisReply *reply) {
    if (r.owns_replies) freeReplyObject(reply);
}

static void on_reply(redisAsyncContext *ac, void *answer, void *privdata) {
    redisReply *reply = answer;
    struct call *call = privdata;
    unsigned id = (unsigned)(call - r.calls);
    enter(ac);
    check(id < r.issued && !call->done);
    if (reply == NULL) {
        check(call->silent || is_going());
        seen.nulls++;
        seen.silent += call->silent && !is_going();
    } else if (!r.tainted) {
        check(!call->silent);
        if (!call->plain) check(id_of(reply) == id);
        else if (call->feed == 0) check(!strcmp(reply->str, "OK"));
        else check((unsigned)atoi(strchr(reply->str, '.') + 1) == call->feed && ++seen.feed);
        seen.replies++;
    }
    /* MONITOR goes on once it is confirmed. */
    call->done = !(reply && call->monitor && (reply->type == REDIS_REPLY_STATUS || call->feed));
    call->feed++;
    give_back(reply);
    leave();
}

static void on_event(struct sub *sub, const redisReply *reply) {
    const char *event;
    struct entry *entry;
    if (reply->type == REDIS_REPLY_ERROR) {
        check(sub->target == SHARD && !strcmp(reply->str, "MOVED c"));
        entry = &r.entries[SHARD][2];
        if (--entry->pending == 0 && !entry->confirmed) entry->exists = 0;
        return;
    }
    check(reply->type == (r.resp3 ? REDIS_REPLY_PUSH : REDIS_REPLY_ARRAY) && reply->elements >= 3);
    event = reply->element[0]->str;
    check(target_of(&event) == sub->target);
    entry = &r.entries[sub->target][reply->element[1]->str[0] - 'a'];
    check(entry->exists && entry->owner == sub);
    if (!strcmp(event, "subscribe")) {
        entry->pending--;
        entry->confirmed = 1;
    } else if (!strcmp(event, "unsubscribe")) {
        if (entry->pending == 0) memset(entry, 0, offsetof(struct entry, seen));
    } else check(id_of(reply) == ++entry->seen && ++seen.messages);
}

static void on_subscription(redisAsyncContext *ac, void *answer, void *privdata) {
    redisReply *reply = answer;
    struct sub *sub = privdata;
    enter(ac);
    if (reply == NULL) {
        /* Without replies a refusal is not told, and a server that lies may look like one that refuses. */
        check(is_going() || (sub->unheard && r.tainted));
        sub->ends++;
    } else if (!r.tainted) on_event(sub, reply);
    give_back(reply);
    leave();
}

static void on_push(redisAsyncContext *ac, void *answer) {
    redisReply *reply = answer;
    enter(ac);
    check(reply->type == REDIS_REPLY_PUSH);
    /* What confirms that nothing is unsubscribed has no other taker. */
    if (!r.tainted && strcmp(reply->element[0]->str, "sunsubscribe")) check(id_of(reply) == ++r.pushes && ++seen.pushes);
    leave();
}
static void on_connect(redisAsyncContext *ac, int status) {
    enter(ac);
    check(r.connects++ == 0);
    check((status == REDIS_OK) == ((ac->c.flags & REDIS_CONNECTED) != 0));
    r.connected = status == REDIS_OK;
    leave();
}
static void on_disconnect(const redisAsyncContext *ac, int status) {
    enter((redisAsyncContext *)ac);
    check(r.connected && (status == REDIS_OK || ac->err));
    check(fd_is_open(ac->c.fd));
    leave();
    r.disconnects++;
}
static void on_data_cleanup(void *data) {
    check(data == &r && r.ac && r.data_cleanups++ == 0 && r.connected == r.disconnects);
    if (one_in(4)) redisAsyncFree(r.ac);
    if (one_in(4)) redisAsyncDisconnect(r.ac);
}
static void on_freed(void *data) {
    check(data == &r && r.ac);
    r.ac = NULL;
}

/* Writes down that a command was accepted, as a server will see it; returns whether it is answered. */
static int passes(enum mode sets, int has_mode) {
    enum mode mode = r.mode;
    if (mode == SKIP) r.mode = ON;
    if (has_mode && !(sets == SKIP && mode == OFF)) r.mode = sets;
    return has_mode ? sets == ON : mode == ON;
}

/* Makes one of the ways to issue a command of up to 6 arguments. */
static int issue(redisCallbackFn *fn, void *privdata, int argc, const char **argv) {
    static const char *const formats[] = {"", "%s", "%s %s", "%s %s %s", "%s %s %s %s"};
    size_t lengths[8];
    char *formatted;
    long long len;
    int status;
    for (int i = 0; i < argc; i++) lengths[i] = strlen(argv[i]);
    switch (argc > 4 ? 1 + below(2) : below(3)) {
    case 0: return redisAsyncCommand(r.ac, fn, privdata, formats[argc], argv[0], argv[1], argv[2], argv[3]);
    case 1: return redisAsyncCommandArgv(r.ac, fn, privdata, argc, argv, one_in(2) ? lengths : NULL);
    }
    if ((len = redisFormatCommandArgv(&formatted, argc, argv, lengths)) < 0) return REDIS_ERR;
    status = redisAsyncFormattedCommand(r.ac, fn, privdata, formatted, (size_t)len);
    redisFreeCommand(formatted);
    return status;
}

static void issue_call(int argc, const char **argv, enum mode sets, int has_mode) {
    struct call *call = &r.calls[r.issued];
    enum mode before = r.mode;
    char id[16];
    if (r.issued == MAX_CALLS) return;
    sprintf(id, "%u", r.issued);
    argv[argc++] = id;
    call->monitor = argv[0][0] == 'M';
    call->plain = call->monitor || argv[0][0] == 'C';
    r.issued++;
    call->silent = !passes(sets, has_mode);
    if (issue(on_reply, call, argc - call->plain, argv) == REDIS_OK) return;
    check(is_going() || failing);
    check(!call->done);
    call->done = 1;
    r.mode = before;
}

static int any_entry(void) {
    for (int t = 0; t < TARGETS; t++)
        for (int i = 0; i < NAMES; i++)
            if (r.entries[t][i].exists) return 1;
    return 0;
}

static void issue_subscribe(enum target target) {
    struct sub *sub = &r.subs[r.subscribed];
    const char *argv[5] = {(const char *[]){"subscribe", "psubscribe", "ssubscribe"}[target]};
    int argc = 1;
    if (r.subscribed == MAX_SUBS) return;
    sub->target = target;
    sub->unheard = r.mode != ON;
    if (target == SHARD && r.mode == ON && !r.entries[SHARD][2].exists && one_in(5)) argv[argc++] = "c";
    else
        for (int n = 1 + (int)below(3); n > 0; n--) argv[argc++] = (const char *[]){"a", "b", "c"}[below(target == SHARD ? 2 : 3)];
    if (issue(on_subscription, sub, argc, argv) != REDIS_OK) {
        check(is_going() || failing);
        return;
    }
    r.subscribed++;
    passes(ON, 0);
    for (int i = 1; i < argc; i++) {
        struct entry *entry = &r.entries[target][argv[i][0] - 'a'];
        entry->exists = 1;
        entry->pending++;
        entry->owner = sub;
    }
}
static void issue_unsubscribe(enum target target) {
    const char *argv[5] = {(const char *[]){"unsubscribe", "punsubscribe", "sunsubscribe"}[target]};
    int argc = 1;
    for (int n = (int)below(3); n > 0; n--) argv[argc++] = (const char *[]){"a", "b", "c"}[below(3)];
    if (issue(NULL, NULL, argc, argv) == REDIS_OK) passes(ON, 0);
}

static void issue_nonsense(void) {
    static const char *const texts[] = {"PING", "", "*1\r\n$100000", "*2\r\n$9\r\nSUBSCRIBE\r\n$100000\r\nX\r\n", "*0\r\n", "*-1\r\n",
                                        "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n", "$4\r\nPING\r\n", "*1\r\n$4\r\nPI", "*1\r\n$4\r\nPINGxx"};
    const char *text = texts[below(sizeof texts / sizeof *texts)];
    size_t before = sdslen(r.ac->c.obuf);
    check(redisAsyncFormattedCommand(r.ac, on_reply, NULL, text, strlen(text)) == REDIS_ERR);
    check(redisAsyncCommand(r.ac, on_reply, NULL, one_in(2) ? "GET %y" : "") == REDIS_ERR);
    check(redisAsyncCommandArgv(r.ac, on_reply, NULL, -1, NULL, NULL) == REDIS_ERR);
    check(sdslen(r.ac->c.obuf) == before);
}

static void issue_any(void) {
    const char *argv[6] = {"T", (const char *[]){"0", "1", "2", "3", "4", "5", "6", "7"}[below(8)]};
    const char *ping[6] = {"PING"}, *monitor[6] = {"MONITOR"}, *client[6] = {"CLIENT", "REPLY"};
    unsigned what = below(20);
    if (what < 4 && r.pubsub) issue_subscribe(below(2));
    else if (what < 7 && r.pubsub) issue_unsubscribe(below(2));
    else if (what < 9 && r.shards) issue_subscribe(SHARD);
    else if (what < 11 && r.shards) issue_unsubscribe(SHARD);
    else if (what < 12 && r.monitors && r.mode == ON) {
        r.monitors = 0;
        issue_call(1, monitor, ON, 0);
    } else if (what < 14 && r.silences && (r.resp3 || !any_entry())) {
        enum mode mode = below(3);
        client[2] = (const char *[]){"ON", "SKIP", "OFF"}[mode];
        issue_call(3, client, mode, 1);
    } else if (what < 15) issue_nonsense();
    else if (what < 17) issue_call(1, ping, ON, 0);
    else issue_call(2, argv, ON, 0);
}

/* What a program does at any moment, in callbacks too. */
static void act(void) {
    while (r.ac && one_in(2)) {
        switch (below(r.quiet ? 40 : 24)) {
        case 0:
            if (r.quiet) break;
            r.asked_free = r.inside > 0;
            seen.freed_inside += r.inside > 0;
            redisAsyncFree(r.ac);
            break;
        case 1:
            if (r.quiet) break;
            r.asked_disconnect = 1;
            redisAsyncDisconnect(r.ac);
            break;
        case 2: if (!is_going()) detach(); break;
        case 3: if (!is_going()) attach(); break;
        case 4: if (r.timeouts) redisAsyncSetTimeout(r.ac, (struct timeval){0, 1000 * (1 + (int)below(3))}); break;
        case 5: redisAsyncHandleRead(r.ac); break;
        case 6: redisAsyncHandleWrite(r.ac); break;
        default: issue_any();
        }
        if (r.ac == NULL && r.inside) check(!"freed within a callback");
    }
}

/* Whether the socket is as the loop waits for it to be. */
static int is_ready(short events) { return r.ac && r.ac->c.fd >= 0 && peer_ready(r.ac->c.fd, events, 0); }

static void after_event(void) {
    check(!r.asked_free || r.asked_disconnect || r.ac == NULL);
    if (r.ac && r.ac->err && r.keeps) r.loop->reading = r.loop->writing = 0;
}
static int read_event(void) {
    if (!r.ac || !r.loop->reading || !is_ready(POLLIN)) return 0;
    redisAsyncHandleRead(r.ac);
    after_event();
    return 1;
}
static int write_event(void) {
    int full;
    if (!r.ac || !r.loop->writing || !is_ready(POLLOUT)) return 0;
    full = sdslen(r.ac->c.obuf) > 0;
    redisAsyncHandleWrite(r.ac);
    after_event();
    return full;
}
static void timer_event(void) {
    go_on();
    if (!r.ac || r.loop->timer == 0 || (now() < r.loop->timer && !one_in(20))) return;
    r.loop->timer = 0;
    redisAsyncHandleTimeout(r.ac);
    after_event();
}

static void turn(void) {
    switch (below(10)) {
    case 0:
    case 1: act(), after_event(); break;
    case 2:
    case 3: write_event(); break;
    case 4:
    case 5: read_event(); break;
    case 6: server_read(one_in(2) ? sizeof in : 1 + below(60)); break;
    case 7: server_write(one_in(2) ? sizeof out : 1 + below(60)); break;
    case 8: server_event(); break;
    default:
        if (!r.honest && one_in(10)) server_misbehaves();
        timer_event();
    }
}

/* Goes on, without anything new from the program itself, until nothing happens any more. */
static void settle(void) {
    for (int idle = 0; r.ac && idle < 50; idle++)
        if (write_event() | server_read(sizeof in) | server_write(sizeof out) | read_event()) idle = 0;
}

static int waits(const struct call *call) { return !call->done && !call->silent && !(call->monitor && call->feed); }

static int any_waits(void) {
    for (unsigned i = 0; i < r.issued; i++)
        if (waits(&r.calls[i])) return 1;
    return 0;
}

/* The server says nothing more: what waits for it times out, by the timer alone. */
static void stall(void) {
    if (!r.ac || r.ac->err || !r.connected || !r.ac->c.command_timeout) return;
    for (int i = 0; r.ac && !r.ac->err && r.has_hooks && (i == 0 || any_waits()); i++) {
        check(i < 8);
        if (r.loop->timer == 0) {
            /* A loop that the context has moved to gets its timer with the next event. */
            redisAsyncHandleRead(r.ac);
        } else {
            while (now() < r.loop->timer) pass(1);
            r.loop->timer = 0;
            redisAsyncHandleTimeout(r.ac);
            seen.timeouts += !r.ac || r.ac->err == REDIS_ERR_TIMEOUT;
        }
        after_event();
    }
}

static struct peer tcp, local, refusing;

static void set_up(redisOptions *o, struct timeval *timeout) {
    int pair[2], size = 4608;
    struct peer *p = NULL;
    char missing[160];
    static const redisContextFuncs *transport;
    switch (below(12)) {
    case 0:
        REDIS_OPTIONS_SET_TCP(o, "127.0.0.1", tcp.port);
        p = &tcp;
        break;
    case 1: REDIS_OPTIONS_SET_TCP(o, "127.0.0.1", refusing.port); break;
    case 2:
        snprintf(missing, sizeof missing, "%s-none", local.path);
        REDIS_OPTIONS_SET_UNIX(o, missing);
        break;
    case 3:
    case 4:
    case 5:
        REDIS_OPTIONS_SET_UNIX(o, local.path);
        p = &local;
        break;
    default:
        check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
        if (one_in(2)) setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        o->type = REDIS_CONN_USERFD;
        o->endpoint.fd = pair[0];
        r.fd = pair[1];
    }
    if (r.timeouts || one_in(8)) o->connect_timeout = timeout;
    if (r.timeouts && one_in(2)) o->command_timeout = timeout;
    REDIS_OPTIONS_SET_PRIVDATA(o, &r, on_freed);
    o->async_push_cb = on_push;
    r.ac = redisAsyncConnectWithOptions(o);
    if (p && !(r.ac && r.ac->err)) {
        p->fd = -1;
        peer_accept(p);
        r.fd = p->fd;
        /* Otherwise the kernel keeps small replies back for a while. */
        setsockopt(r.fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    }
    if (r.ac == NULL) return;
    r.ac->data = &r;
    r.ac->dataCleanup = on_data_cleanup;
    transport = (const redisContextFuncs *[]){r.ac->c.funcs, &frugal, &own}[below(3)];
    r.ac->c.funcs = transport;
    attach();
    check(redisAsyncSetDisconnectCallback(r.ac, on_disconnect) == REDIS_OK);
    check(redisAsyncSetConnectCallbackNC(r.ac, on_connect) == REDIS_OK);
    check(redisAsyncSetConnectCallbackNC(r.ac, on_connect) == REDIS_ERR);
}

/* All that had to happen has. */
static void check_settled(void) {
    if (r.ac == NULL || r.ac->err || !r.honest || r.tainted) return;
    /* Nothing tells that a transport of its own kind has sent commands that are not answered. */
    if (r.asked_disconnect && r.ac->c.funcs == &own && r.silences) return;
    check(!r.asked_disconnect);
    check(sdslen(r.ac->c.obuf) == 0);
    for (unsigned i = 0; i < r.issued; i++) check(!waits(&r.calls[i]) && (r.calls[i].done || !r.calls[i].silent || r.ac->c.funcs == &own));
    for (int t = 0; t < TARGETS; t++)
        for (int i = 0; i < NAMES; i++) check(r.entries[t][i].pending == 0);
    if (r.monitors == 0 && !any_entry()) check(!(r.ac->c.flags & REDIS_SUBSCRIBED));
    r.quiet = 2;
    r.asked_disconnect = 1;
    redisAsyncDisconnect(r.ac);
    check(r.ac == NULL);
    seen.disconnected++;
}

static void check_ended(void) {
    for (unsigned i = 0; i < r.issued; i++) check(r.calls[i].done);
    check(r.data_cleanups == 1 && r.disconnects == r.connected);
    check(!r.has_hooks || r.loop->gone);
    for (unsigned i = 0; i < r.subscribed && !r.tainted; i++) {
        int entries = 0;
        for (int t = 0; t < TARGETS; t++)
            for (int n = 0; n < NAMES; n++) entries += r.entries[t][n].exists && r.entries[t][n].owner == &r.subs[i];
        check(r.subs[i].ends == entries || (r.subs[i].unheard && r.tainted));
    }
}

static void run(void) {
    struct timeval timeout = {0, 2000};
    struct linger reset = {1, 0};
    redisOptions o = {0};
    int spoils;
    memset(&r, 0, sizeof r);
    r.fd = -1;
    spoils = one_in(2);
    r.resp3 = (int)below(2);
    r.honest = !one_in(3);
    r.quiet = one_in(2);
    r.pubsub = one_in(2);
    r.shards = one_in(3);
    r.monitors = !r.pubsub && !r.shards && one_in(4);
    r.silences = one_in(4);
    r.timeouts = one_in(8);
    if ((r.keeps = one_in(4))) o.options |= REDIS_OPT_NOAUTOFREE;
    if ((r.owns_replies = one_in(4))) o.options |= REDIS_OPT_NOAUTOFREEREPLIES;
    live_blocks = 0;
    if (spoils) hiredisSetAllocators(&spoiling);
    set_up(&o, &timeout);
    if (spoils && one_in(3)) failing = 20 + below(200), r.tainted = 1;
    for (unsigned n = 20 + below(400); r.ac && n > 0 && choices_remain(); n--) turn();
    failing = 0;
    if (r.ac && r.ac->err) seen.errors++;
    if (r.timeouts) stall();
    r.quiet = 1;
    settle();
    check_settled();
    if (r.ac) redisAsyncFree(r.ac);
    check(r.ac == NULL);
    check_ended();
    hiredisResetAllocators();
    if (r.fd >= 0) {
        setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(r.fd);
    }
    check(live_blocks == 0);
}

static void listen_for_all(void) {
    memset(big, 'x', BIG);
    peer_listen(&tcp);
    peer_listen_unix(&local, "async-random", 64);
    peer_refuse(&refusing);
}

#ifdef FUZZED

void async_random(const unsigned char *bytes, size_t len) {
    if (!tcp.port) listen_for_all();
    choices.bytes = bytes;
    choices.left = len;
    run();
}

#else

static void hangs(int signal) {
    char text[64];
    int len = snprintf(text, sizeof text, "seed %llu: hangs\n", seed);
    (void)signal;
    (void)!write(2, text, (size_t)len);
    abort();
}

int main(int argc, char **argv) {
    unsigned long long first = argc > 1 ? strtoull(argv[1], NULL, 10) : 0, count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
    signal(SIGALRM, hangs);
    listen_for_all();
    tracing = count == 1;
    for (seed = first; seed < first + count; seed++) {
        alarm(getenv("UNDER_VALGRIND") ? 120 : 10);
        choose_from(seed);
        run();
    }
    peer_end(&tcp);
    peer_end(&local);
    peer_end(&refusing);
    printf("replies: %lu\nnulls: %lu\nmessages: %lu\npushes: %lu\nsilent: %lu\nfeed: %lu\ntimeouts: %lu\n", seen.replies, seen.nulls,
           seen.messages, seen.pushes, seen.silent, seen.feed, seen.timeouts);
    printf("freed in callbacks: %lu\nkept after errors: %lu\ndisconnected: %lu\n", seen.freed_inside, seen.errors, seen.disconnected);
    return 0;
}

#endif

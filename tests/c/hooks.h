/* An event loop driven by hand: hooks that write down when they are called, and callbacks that write down what they
 * were given. One step of a test ends with step(), which prints
 *
 *   NAME.hooks: everything in order, hooks as <hook>, callbacks as {callback}
 *   NAME.calls: the same without the hooks that only express interest and timers
 *
 * so that an intended change of when interest is announced cannot hide a change in the order of callbacks. */
#ifndef TESTS_HOOKS_H
#define TESTS_HOOKS_H

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdarg.h>

#include "peer.h"

struct session {
    redisAsyncContext *ac; /* NULL once freed: the destructor of the context's privdata says so */
    int reading, writing;  /* interest as announced by the hooks */
    double timer;          /* last scheduled, 0 when none */
    int calls;             /* callbacks seen since the start */
    int frees_replies;     /* opened with NOAUTOFREEREPLIES: the callback owns its reply */
    void (*on_connect)(struct session *, int status);
    void (*on_disconnect)(struct session *, int status);
    void (*on_push)(struct session *, redisReply *);
    void (*on_data_cleanup)(struct session *);
};

/* The privdata of a command: the name it is traced by, and what its callback does besides. */
struct expect {
    const char *name;
    void (*act)(struct session *, redisReply *);
};

static struct session *current; /* what a callback that is given no context belongs to */
static struct {
    char hooks[65536], calls[65536];
} trace;
static char scope[64]; /* prefix of every key */

static inline void trace_append(char *into, const char *text) {
    size_t at = strlen(into);
    snprintf(into + at, sizeof trace.hooks - at, "%s", text);
}

static inline void trace_call(const char *format, ...) {
    char text[16384];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    trace_append(trace.hooks, text);
    trace_append(trace.calls, text);
}

static inline void trace_hook(const char *text) { trace_append(trace.hooks, text); }

static inline void step(const char *name) {
    printf("%s.%s.hooks: %s\n", scope, name, trace.hooks[0] ? trace.hooks : "none");
    if (trace.calls[0]) printf("%s.%s.calls: %s\n", scope, name, trace.calls);
    trace.hooks[0] = trace.calls[0] = 0;
}

/* For steps whose number of events is up to the kernel or a real server: only what the callbacks saw. */
static inline void step_calls(const char *name) {
    printf("%s.%s.calls: %s\n", scope, name, trace.calls);
    trace.hooks[0] = trace.calls[0] = 0;
}

static inline void note(const char *name, const char *format, ...) {
    char text[16384];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    printf("%s.%s: %s\n", scope, name, text);
}

static inline const char *flags_text(int flags) {
    static char text[16];
    static const struct {
        int bit;
        char letter;
    } names[] = {{REDIS_BLOCK, 'B'},        {REDIS_CONNECTED, 'C'},  {REDIS_DISCONNECTING, 'D'}, {REDIS_FREEING, 'F'},
                 {REDIS_IN_CALLBACK, 'I'},  {REDIS_SUBSCRIBED, 'S'}, {REDIS_MONITORING, 'M'},    {REDIS_REUSEADDR, 'R'},
                 {REDIS_SUPPORTS_PUSH, 'P'}, {REDIS_NO_AUTO_FREE, 'N'}, {REDIS_NO_AUTO_FREE_REPLIES, 'n'},
                 {REDIS_PREFER_IPV4, '4'},  {REDIS_PREFER_IPV6, '6'}};
    char *at = text;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (flags & names[i].bit) *at++ = names[i].letter;
    if (at == text) *at++ = '-';
    *at = 0;
    return text;
}

static inline void reply_text_at(const redisReply *r, char *into, size_t cap) {
    size_t at;
    if (cap < 8) return;
    if (r == NULL) {
        snprintf(into, cap, "NULL");
        return;
    }
    switch (r->type) {
    case REDIS_REPLY_INTEGER: snprintf(into, cap, ":%lld", r->integer); return;
    case REDIS_REPLY_BOOL: snprintf(into, cap, "#%lld", r->integer); return;
    case REDIS_REPLY_NIL: snprintf(into, cap, "nil"); return;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
    case REDIS_REPLY_DOUBLE:
    case REDIS_REPLY_BIGNUM:
    case REDIS_REPLY_VERB:
        at = r->len > 60 ? 60 : r->len;
        snprintf(into, cap, "%c%.*s%s", "?$*:_+-,#%~|>(="[r->type], (int)at, r->str, r->len > 60 ? "..." : "");
        if (r->len > 60) snprintf(into + strlen(into), cap - strlen(into), "(%zu)", r->len);
        return;
    default:
        at = (size_t)snprintf(into, cap, "%c[", "?$*:_+-,#%~|>(="[r->type]);
        for (size_t i = 0; i < r->elements && at + 16 < cap; i++) {
            if (i) into[at++] = ' ';
            reply_text_at(r->element[i], into + at, cap - at - 2);
            at += strlen(into + at);
        }
        snprintf(into + at, cap - at, "]");
    }
}

static inline const char *reply_text(const redisReply *r) {
    static char text[4096];
    text[0] = 0;
    reply_text_at(r, text, sizeof text);
    return text;
}

/* Hooks. */

static inline void hook_add_read(void *data) {
    ((struct session *)data)->reading = 1;
    trace_hook("<addRead>");
}
static inline void hook_del_read(void *data) {
    ((struct session *)data)->reading = 0;
    trace_hook("<delRead>");
}
static inline void hook_add_write(void *data) {
    ((struct session *)data)->writing = 1;
    trace_hook("<addWrite>");
}
static inline void hook_del_write(void *data) {
    ((struct session *)data)->writing = 0;
    trace_hook("<delWrite>");
}
static inline void hook_cleanup(void *data) {
    struct session *s = data;
    s->reading = s->writing = 0;
    s->timer = 0;
    trace_call("<cleanup>");
}
static inline void hook_timer(void *data, struct timeval tv) {
    char text[32];
    ((struct session *)data)->timer = (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
    snprintf(text, sizeof text, "<timer %g>", ((struct session *)data)->timer);
    trace_hook(text);
}

static inline void hooks_attach(struct session *s) {
    s->ac->ev.data = s;
    s->ac->ev.addRead = hook_add_read;
    s->ac->ev.delRead = hook_del_read;
    s->ac->ev.addWrite = hook_add_write;
    s->ac->ev.delWrite = hook_del_write;
    s->ac->ev.cleanup = hook_cleanup;
    s->ac->ev.scheduleTimer = hook_timer;
}

/* Callbacks. */

static inline void on_reply(redisAsyncContext *ac, void *reply, void *privdata) {
    struct expect *e = privdata;
    struct session *s = current;
    s->calls++;
    if (reply) trace_call("{%s %s}", e ? e->name : "?", reply_text(reply));
    else trace_call("{%s NULL err %d %s}", e ? e->name : "?", ac->err, flags_text(ac->c.flags));
    if (e && e->act) e->act(s, reply);
    if (s->frees_replies) freeReplyObject(reply);
}

static inline void on_connect(const redisAsyncContext *ac, int status) {
    current->calls++;
    trace_call("{onConnect %d err %d '%s' %s}", status, ac->err, ac->errstr, flags_text(ac->c.flags));
    if (current->on_connect) current->on_connect(current, status);
}
static inline void on_connect_nc(redisAsyncContext *ac, int status) { on_connect(ac, status); }

static inline void on_disconnect(const redisAsyncContext *ac, int status) {
    current->calls++;
    trace_call("{onDisconnect %d err %d '%s' %s fd %s}", status, ac->err, ac->errstr, flags_text(ac->c.flags),
               fd_is_open(ac->c.fd) ? "open" : "closed");
    if (current->on_disconnect) current->on_disconnect(current, status);
}

static inline void on_push(redisAsyncContext *ac, void *reply) {
    (void)ac;
    current->calls++;
    trace_call("{push %s}", reply_text(reply));
    if (current->on_push) current->on_push(current, reply);
}

static inline void on_data_cleanup(void *data) {
    struct session *s = data;
    trace_call("{dataCleanup}");
    if (s->on_data_cleanup) s->on_data_cleanup(s);
}

static inline void on_privdata_freed(void *privdata) {
    trace_call("{privdata dtor}");
    ((struct session *)privdata)->ac = NULL;
}

/* Life of a session. */

static inline void session_open(struct session *s, redisOptions *o) {
    memset(s, 0, sizeof *s);
    current = s;
    o->privdata = s;
    o->free_privdata = on_privdata_freed;
    s->frees_replies = (o->options & REDIS_OPT_NOAUTOFREEREPLIES) != 0;
    s->ac = redisAsyncConnectWithOptions(o);
    if (s->ac == NULL) peer_die("no context");
    s->ac->data = s;
    s->ac->dataCleanup = on_data_cleanup;
    hooks_attach(s);
}

static inline void session_tcp(struct session *s, struct peer *p, int options) {
    redisOptions o = {0};
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p->port);
    o.options = options;
    session_open(s, &o);
}

static inline int ask(struct session *s, struct expect *e, const char *command) {
    return redisAsyncCommand(s->ac, on_reply, e, command);
}

/* Waits for the socket, then hands the event over, as a level-triggered loop would. After an error there are no more. */
static inline void drive_write(struct session *s) {
    if (s->ac && !s->ac->err && peer_ready(s->ac->c.fd, POLLOUT, 5000)) redisAsyncHandleWrite(s->ac);
}
static inline void drive_read(struct session *s) {
    if (s->ac && !s->ac->err && peer_ready(s->ac->c.fd, POLLIN, 5000)) redisAsyncHandleRead(s->ac);
}
static inline void drive_flush(struct session *s) {
    for (int i = 0; i < 100 && s->ac && s->writing; i++) drive_write(s);
}

/* Serves events until CALLS callbacks have been seen in all, or nothing happens for a while. */
static inline void drive_until(struct session *s, int calls) {
    while (s->ac && s->calls < calls) {
        struct pollfd f = {.fd = s->ac->c.fd, .events = (short)((s->reading ? POLLIN : 0) | (s->writing ? POLLOUT : 0))};
        if (poll(&f, 1, 2000) <= 0) {
            trace_call("{nothing happens}");
            return;
        }
        if (f.revents & (POLLIN | POLLERR | POLLHUP)) {
            if (s->reading || !(s->ac->c.flags & REDIS_CONNECTED)) redisAsyncHandleRead(s->ac);
        }
        if (s->ac && s->writing && (f.revents & POLLOUT)) redisAsyncHandleWrite(s->ac);
    }
}

static inline void state(const char *name, struct session *s) {
    redisAsyncContext *ac = s->ac;
    if (ac == NULL) {
        note(name, "freed");
        return;
    }
    note(name, "err %d '%s' c.err %d '%s' same errstr %d flags %s fd %s replies %s/%s sub %s/%s pending_unsubs %d", ac->err,
        ac->errstr, ac->c.err, ac->c.errstr, ac->errstr == ac->c.errstr, flags_text(ac->c.flags),
        fd_is_open(ac->c.fd) ? "open" : "closed", ac->replies.head ? "head" : "-", ac->replies.tail ? "tail" : "-",
        ac->sub.replies.head ? "head" : "-", ac->sub.replies.tail ? "tail" : "-", ac->sub.pending_unsubs);
}

static inline void begin(const char *name, ...) {
    va_list ap;
    va_start(ap, name);
    vsnprintf(scope, sizeof scope, name, ap);
    va_end(ap);
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    trace.hooks[0] = trace.calls[0] = 0;
}

/* Opens a connection to the peer and brings it to the connected state, tracing nothing of that. */
static inline void session_connected(struct session *s, struct peer *p, int options) {
    peer_listen(p);
    session_tcp(s, p, options);
    redisAsyncSetConnectCallback(s->ac, on_connect);
    redisAsyncSetDisconnectCallback(s->ac, on_disconnect);
    drive_write(s);
    peer_accept(p);
    trace.hooks[0] = trace.calls[0] = 0;
}

static inline void session_end(struct session *s, struct peer *p) {
    if (s->ac) redisAsyncFree(s->ac);
    step("end");
    peer_end(p);
}

#endif

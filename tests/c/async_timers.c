/* When timers are armed, when writes are announced, and when a wait ends: what is ours in the async API and differs from
 * the C library on purpose. Callbacks, hooks and timers together, as contract section 6 writes traces. */
#include <time.h>

#include "cases.h"
#include "hooks.h"

static struct session s;
static struct peer p;
static struct expect a = {"a", NULL}, b = {"b", NULL}, sub = {"sub", NULL};
static struct timeval soon = {0, 100000}, later = {0, 200000};

static void open_session(struct timeval *connect, struct timeval *command) {
    redisOptions o = {0};
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    o.connect_timeout = connect;
    o.command_timeout = command;
    session_open(&s, &o);
    redisAsyncSetConnectCallback(s.ac, on_connect);
    redisAsyncSetDisconnectCallback(s.ac, on_disconnect);
}
static void opened(struct timeval *connect, struct timeval *command) {
    begin("timers");
    peer_listen(&p);
    open_session(connect, command);
}
static void connected(struct timeval *command) {
    opened(NULL, command);
    drive_write(&s);
    peer_accept(&p);
    trace.hooks[0] = trace.calls[0] = 0;
}
static void end(void) {
    if (s.ac) redisAsyncFree(s.ac);
    peer_end(&p);
}
static void sleep_for(struct timeval tv, int extra) { usleep((useconds_t)(tv.tv_usec + extra)); }

static void armed_once_for_many_commands(void) {
    struct timeval far_off = {60, 0};
    connected(&far_off);
    ask(&s, &a, "A");
    ask(&s, &b, "B");
    /* For a little less than the timeout if the machine has paused in between. */
    check(strncmp(trace.hooks, "<timer ", 7) == 0);
    same(trace.hooks + strcspn(trace.hooks, ">"), "><addWrite><addWrite>");
    drive_flush(&s);
    peer_say(&p, "+1\r\n+2\r\n");
    trace.hooks[0] = 0;
    drive_read(&s);
    same(trace.hooks, "<addRead>{a +1}{b +2}");
    end();
}

static void early_timer_is_armed_again(void) {
    connected(&later);
    ask(&s, &a, "A");
    drive_flush(&s);
    trace.hooks[0] = 0;
    redisAsyncHandleTimeout(s.ac);
    check(s.ac != NULL && s.ac->err == 0);
    contains(trace.hooks, "<timer 0.");
    check(trace.calls[0] == 0);
    sleep_for(later, 20000);
    redisAsyncHandleTimeout(s.ac);
    contains(trace.calls, "{a NULL err 6 ");
    contains(trace.calls, "{onDisconnect -1 err 6 'Timeout'");
    check(s.ac == NULL);
    end();
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
/* Loops round to milliseconds, and no timer is early by more. A busy machine may be too slow to be early. */
static void some_milliseconds_early_is_early(void) {
    struct timeval limit = {0, 18000};
    int was_early = 0;
    for (int i = 0; i < 200 && !was_early; i++) {
        double begun;
        connected(&limit);
        begun = now();
        ask(&s, &a, "A");
        drive_flush(&s);
        redisAsyncHandleTimeout(s.ac);
        was_early = now() - begun < 0.014;
        check(!was_early || (s.ac && s.ac->err == 0));
        end();
    }
    check(was_early);
}

/* The next event tells the loop, whose timer is still to go off by the old one. */
static void a_new_timeout_is_armed(void) {
    connected(&later);
    ask(&s, &a, "A");
    drive_flush(&s);
    check(redisAsyncSetTimeout(s.ac, soon) == REDIS_OK);
    trace.hooks[0] = 0;
    peer_say(&p, "+");
    drive_read(&s);
    contains(trace.hooks, "<timer 0.");
    check(s.timer <= 0.1 && trace.calls[0] == 0);
    end();
}

/* A program that has timers of its own and no hook for them is believed at once. */
static void own_timer_is_believed(void) {
    connected(&later);
    s.ac->ev.scheduleTimer = NULL;
    ask(&s, &a, "A");
    redisAsyncHandleTimeout(s.ac);
    contains(trace.calls, "{a NULL err 6 ");
    check(s.ac == NULL);
    end();
}

static void connecting_times_out(void) {
    int held[8], holds;
    begin("timers");
    holds = peer_listen_full(&p, held);
    open_session(&soon, &later);
    ask(&s, &a, "A");
    contains(trace.hooks, "<timer 0.1><addWrite>");
    sleep_for(soon, 20000);
    redisAsyncHandleTimeout(s.ac);
    same(trace.calls, "{onConnect -1 err 6 'Timeout' I}{a NULL err 6 I}<cleanup>{dataCleanup}{privdata dtor}");
    while (holds > 0) close(held[--holds]);
    end();
}

/* What has happened by the end of a wait counts, although the loop reports the end first. */
/* The command timeout begins when the connection is made, not when it was asked for. */
static void a_slow_connect_leaves_commands_their_time(void) {
    struct timeval longer = {5, 0};
    opened(&longer, &later);
    ask(&s, &a, "A");
    sleep_for(soon, 0);
    trace.hooks[0] = 0;
    drive_write(&s);
    contains(trace.hooks, "<timer 0.2>");
    end();
}

static void other_timer(void *data, struct timeval tv) { hook_timer(data, tv); }

/* A program may move a context to another loop, whose timer is set for what is left of the wait. */
static void a_wait_moves_to_another_loop(void) {
    connected(&later);
    ask(&s, &a, "A");
    drive_flush(&s);
    sleep_for(soon, 0);
    s.ac->ev.scheduleTimer = other_timer;
    ask(&s, &b, "B");
    check(s.timer > 0 && s.timer <= 0.1);
    end();
}

static void reads_nothing(redisAsyncContext *ac) { (void)ac; }

/* What has arrived is read before a wait ends; of a transport that does not read, the end is asked for once more. */
static void a_transport_that_does_not_read_times_out(void) {
    redisContextFuncs funcs;
    connected(&soon);
    funcs = *s.ac->c.funcs;
    funcs.async_read = reads_nothing;
    s.ac->c.funcs = &funcs;
    ask(&s, &a, "A");
    drive_flush(&s);
    peer_say(&p, "+1\r\n");
    sleep_for(soon, 20000);
    trace.hooks[0] = 0;
    redisAsyncHandleTimeout(s.ac);
    same(trace.hooks, "<timer 0.01>");
    redisAsyncHandleTimeout(s.ac);
    contains(trace.calls, "{a NULL err 6 ");
    end();
}

/* The same of a wait of which nothing is left. */
static void a_wait_that_is_over_moves_to_another_loop(void) {
    connected(&soon);
    ask(&s, &a, "A");
    drive_flush(&s);
    sleep_for(soon, 20000);
    s.ac->ev.scheduleTimer = other_timer;
    trace.hooks[0] = 0;
    ask(&s, &b, "B");
    contains(trace.hooks, "<timer 0.001>");
    end();
}

static void done_connect_counts(void) {
    opened(&soon, &later);
    ask(&s, &a, "A");
    sleep_for(soon, 20000);
    redisAsyncHandleTimeout(s.ac);
    same(trace.calls, "{onConnect 0 err 0 '' CI}");
    peer_accept(&p);
    peer_say(&p, "+1\r\n");
    drive_read(&s);
    contains(trace.calls, "{a +1}");
    end();
}
static void arrived_reply_counts(void) {
    connected(&soon);
    ask(&s, &a, "A");
    ask(&s, &b, "B");
    drive_flush(&s);
    peer_say(&p, "+1\r\n");
    sleep_for(soon, 20000);
    redisAsyncHandleTimeout(s.ac);
    same(trace.calls, "{a +1}");
    /* The next wait began with the reply; at its end there is nothing to be read. */
    sleep_for(soon, 20000);
    redisAsyncHandleTimeout(s.ac);
    contains(trace.calls, "{b NULL err 6 ");
    check(s.ac == NULL);
    end();
}
/* Bytes that answer nothing do not put the end off, whether a timer of the loop's watches or one of the program's. */
static void arrived_push_does_not_count(int own_timer) {
    connected(&soon);
    if (own_timer) s.ac->ev.scheduleTimer = NULL;
    ask(&s, &a, "A");
    drive_flush(&s);
    peer_say(&p, ">1\r\n$1\r\nx\r\n");
    sleep_for(soon, 20000);
    redisAsyncHandleTimeout(s.ac);
    contains(trace.calls, "{a NULL err 6 ");
    check(s.ac == NULL);
    end();
}
static void arrived_pushes_do_not_count(void) {
    arrived_push_does_not_count(0);
    arrived_push_does_not_count(1);
}
/* A timer that fires within a callback is set again: it would not fire once more by itself. */
static void fires_in_callback(struct session *t, redisReply *r) {
    if (r == NULL) return;
    trace.hooks[0] = 0;
    redisAsyncHandleTimeout(t->ac);
    contains(trace.hooks, "<timer 0.0");
}
static void timer_within_a_callback(void) {
    static struct expect acting = {"acting", fires_in_callback};
    connected(&soon);
    ask(&s, &acting, "A");
    ask(&s, &b, "B");
    drive_flush(&s);
    peer_say(&p, "+1\r\n");
    drive_read(&s);
    sleep_for(soon, 20000);
    redisAsyncHandleTimeout(s.ac);
    contains(trace.calls, "{b NULL err 6 ");
    check(s.ac == NULL);
    end();
}

static void idle_never_times_out(void) {
    connected(&soon);
    redisAsyncHandleTimeout(s.ac);
    sleep_for(soon, 20000);
    redisAsyncHandleTimeout(s.ac);
    check(s.ac != NULL && s.ac->err == 0);
    ask(&s, &sub, "SUBSCRIBE ch");
    drive_flush(&s);
    peer_say(&p, "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n");
    drive_read(&s);
    sleep_for(soon, 20000);
    redisAsyncHandleTimeout(s.ac);
    check(s.ac != NULL && s.ac->err == 0);
    end();
}

/* Writing on does not postpone the end of a wait, and the deadline is also looked at by read and write events. */
static void writes_do_not_postpone(void) {
    connected(&soon);
    ask(&s, &a, "A");
    for (int i = 0; i < 30 && s.ac; i++) {
        ask(&s, &b, "B");
        drive_flush(&s);
        usleep(10000);
    }
    check(s.ac == NULL);
    contains(trace.calls, "{a NULL err 6 ");
    contains(trace.calls, "{onDisconnect -1 err 6");
    end();
}

static void answers_do_postpone(void) {
    connected(&later);
    ask(&s, &a, "A");
    ask(&s, &b, "B");
    drive_flush(&s);
    usleep(120000);
    peer_say(&p, "+1\r\n");
    drive_read(&s);
    usleep(20000);
    check(s.ac != NULL && s.ac->err == 0);
    peer_say(&p, "+2\r\n");
    drive_read(&s);
    same(trace.calls, "{a +1}{b +2}");
    end();
}

static void ask_b(struct session *t, redisReply *r) {
    if (r) ask(t, &b, "B");
}

/* What callbacks issue leaves in one write when the dispatch ends. */
static void written_when_the_dispatch_ends(void) {
    static struct expect asking = {"asking", ask_b};
    connected(NULL);
    ask(&s, &asking, "A");
    ask(&s, &asking, "A");
    drive_flush(&s);
    peer_heard(&p, 1000);
    trace.hooks[0] = 0;
    peer_say(&p, "+1\r\n+2\r\n");
    drive_read(&s);
    same(trace.hooks, "<addRead>{asking +1}{asking +2}");
    same(peer_heard(&p, 1000), "*1 $1 B *1 $1 B");
    check(sdslen(s.ac->c.obuf) == 0);
    end();
}

static char large[8000000];
static void ask_large(struct session *t, redisReply *r) {
    if (r) redisAsyncCommand(t->ac, on_reply, &b, "SET k %b", large, sizeof large);
}
static void rest_is_announced(void) {
    static struct expect asking = {"asking", ask_large};
    connected(NULL);
    ask(&s, &asking, "A");
    drive_flush(&s);
    peer_heard(&p, 1000);
    trace.hooks[0] = 0;
    peer_say(&p, "+1\r\n");
    drive_read(&s);
    same(trace.hooks, "<addRead>{asking +1}<addWrite>");
    check(sdslen(s.ac->c.obuf) > 0 && sdslen(s.ac->c.obuf) < sizeof large);
    while (s.writing) {
        peer_swallow_present(&p);
        drive_write(&s);
    }
    check(sdslen(s.ac->c.obuf) == 0);
    end();
}

static void announced_when_a_write_is_armed(void) {
    static struct expect asking = {"asking", ask_b};
    connected(NULL);
    ask(&s, &asking, "A");
    drive_flush(&s);
    peer_heard(&p, 1000);
    ask(&s, &a, "ARMED");
    trace.hooks[0] = 0;
    peer_say(&p, "+1\r\n");
    drive_read(&s);
    same(trace.hooks, "<addRead>{asking +1}<addWrite>");
    same(peer_heard(&p, 20), "");
    drive_flush(&s);
    same(peer_heard(&p, 1000), "*1 $5 ARMED *1 $1 B");
    end();
}

static const struct test_case cases[] = {
    CASE(armed_once_for_many_commands),
    CASE(early_timer_is_armed_again),
    CASE(some_milliseconds_early_is_early),
    CASE(a_new_timeout_is_armed),
    CASE(own_timer_is_believed),
    CASE(a_slow_connect_leaves_commands_their_time),
    CASE(a_transport_that_does_not_read_times_out),
    CASE(a_wait_moves_to_another_loop),
    CASE(a_wait_that_is_over_moves_to_another_loop),
    CASE(connecting_times_out),
    CASE(done_connect_counts),
    CASE(arrived_reply_counts),
    CASE(arrived_pushes_do_not_count),
    CASE(timer_within_a_callback),
    CASE(idle_never_times_out),
    CASE(writes_do_not_postpone),
    CASE(answers_do_postpone),
    CASE(written_when_the_dispatch_ends),
    CASE(rest_is_announced),
    CASE(announced_when_a_write_is_armed),
};

int main(int argc, char **argv) {
    return run_cases(cases, sizeof cases / sizeof *cases, argc, argv);
}

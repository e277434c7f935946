// What is still to be done when a task, a timer or a callback throws, or runs the loop: nothing is lost, nothing is done twice.
#include <hiredis/adapters/mio.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

extern "C" {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include "peer.h"
#pragma GCC diagnostic pop
}

#define check(condition)                                                                   \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            std::exit(1);                                                                  \
        }                                                                                  \
    } while (0)

#define run(scenario)          \
    do {                       \
        scenario();            \
        std::puts(#scenario);  \
        std::fflush(stdout);   \
    } while (0)

struct thrown {};

static redisMioLoop *loop;
static std::string order; // a letter for each function, in the order of the calls

static int redis_port() { return std::atoi(std::getenv("REDIS_PORT")); }
static void note(void *letter) { order += *static_cast<const char *>(letter); }
static void note_and_throw(void *letter) {
    note(letter);
    throw thrown{};
}
// Turns that do not wait: all that there is to do is known to the loop already.
static void turn(int count) {
    for (int i = 0; i < count; i++) check(redisMioRunOnce(loop, 0) >= 0);
}
static void note_and_turn(void *letter) {
    note(letter);
    turn(3);
    order += '.';
}
static void note_and_catch(void *letter) {
    note(letter);
    for (int caught = 0; caught < 2;) {
        try {
            turn(1);
        } catch (const thrown &) {
            caught++;
            order += '!';
        }
    }
}

static char *letter(char which) {
    static char letters[128];
    letters[static_cast<unsigned char>(which)] = which;
    return &letters[static_cast<unsigned char>(which)];
}
static void post(redisMioFn *function, char which) { check(redisMioPost(loop, function, letter(which)) == REDIS_OK); }
static void add_timer(redisMioFn *function, char which, long ms = 0) {
    check(redisMioTimerAdd(loop, timeval{ms / 1000, ms % 1000 * 1000}, function, letter(which)) != 0);
}

// Runs until nothing is left to do; how many exceptions came.
static int run_all() {
    int caught = 0;
    for (;;) {
        try {
            check(redisMioRun(loop) == REDIS_OK);
            return caught;
        } catch (const thrown &) {
            caught++;
        }
    }
}

static void came(const char *expected) {
    if (order != expected) std::fprintf(stderr, "%s, not %s\n", order.c_str(), expected);
    check(order == expected);
    order.clear();
}

static void tasks_behind_some_that_throw() {
    post(note, 'a');
    post(note_and_throw, 'b');
    post(note, 'c');
    post(note_and_throw, 'd');
    post(note_and_throw, 'e');
    post(note, 'f');
    check(run_all() == 3);
    came("abcdef");
}

// The loop is not told anew of what was left: the first turn must not wait.
static void a_turn_finds_what_was_left() {
    post(note_and_throw, 'a');
    post(note, 'b');
    try {
        redisMioRunOnce(loop, 1000);
        check(false);
    } catch (const thrown &) {
    }
    check(redisMioRunOnce(loop, 1000) == 1);
    came("ab");
    check(redisMioRunOnce(loop, 0) == 0);
}

static void tasks_before_a_loop_in_a_task() {
    post(note_and_turn, 'a');
    post(note, 'b');
    post(note_and_turn, 'c');
    post(note, 'd');
    check(run_all() == 0);
    came("abcd..");
}

static void tasks_that_throw_in_a_loop_in_a_task() {
    post(note_and_catch, 'a');
    post(note_and_throw, 'b');
    post(note, 'c');
    post(note_and_throw, 'd');
    post(note, 'e');
    check(run_all() == 0);
    came("ab!cd!e");
}

static void post_two(void *data) {
    note(data);
    post(note_and_turn, 'x');
    post(note, 'y');
    turn(2);
}

static void tasks_that_are_posted_meanwhile() {
    post(post_two, 'a');
    post(note, 'b');
    check(run_all() == 0);
    came("abxy.");
}

// All are due at once.
static void timers_of_which_some_throw() {
    add_timer(note, 'a');
    add_timer(note_and_throw, 'b');
    add_timer(note, 'c');
    add_timer(note_and_throw, 'd');
    add_timer(note, 'e', 1);
    check(run_all() == 2);
    came("abcde");
}

static void timers_and_a_loop_in_a_timer() {
    add_timer(note_and_turn, 'a');
    add_timer(note, 'b');
    add_timer(note_and_turn, 'c');
    add_timer(note, 'd');
    usleep(1000);
    check(run_all() == 0);
    came("abcd..");
}

static void timers_that_throw_in_a_loop_in_a_timer() {
    add_timer(note_and_catch, 'a');
    add_timer(note_and_throw, 'b');
    add_timer(note, 'c');
    add_timer(note_and_throw, 'd');
    add_timer(note, 'e');
    usleep(1000);
    check(run_all() == 0);
    came("ab!cd!e");
}

// A timer that throws is before the mail of the same turn, which stays.
static void tasks_and_timers() {
    post(note, 'b');
    add_timer(note_and_throw, 'a');
    usleep(1000);
    check(run_all() == 1);
    came("ab");
}

// Contexts: a PING is answered by the peer, and the reply is in the socket.
struct line {
    peer p;
    redisAsyncContext *ac;
    int answered, failed;
};

static void on_reply(redisAsyncContext *ac, void *reply, void *) {
    line *l = static_cast<line *>(ac->data);
    if (reply) l->answered++;
    else l->failed++;
}
static void on_reply_throw(redisAsyncContext *ac, void *reply, void *) {
    on_reply(ac, reply, nullptr);
    if (reply) throw thrown{};
}
static void on_freed(void *privdata) { static_cast<line *>(privdata)->ac = nullptr; }

static void open_line(line *l, redisCallbackFn *fn) {
    redisOptions o = {};
    l->answered = l->failed = 0;
    peer_listen(&l->p);
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", l->p.port);
    REDIS_OPTIONS_SET_PRIVDATA(&o, l, on_freed);
    l->ac = redisMioConnect(loop, &o);
    l->ac->data = l;
    redisAsyncCommand(l->ac, fn, nullptr, "PING");
    for (int i = 0; i < 50 && !(l->ac->c.flags & REDIS_CONNECTED); i++) redisMioRunOnce(loop, 100);
    redisMioRunOnce(loop, 10);
    peer_accept(&l->p);
    check(peer_swallow(&l->p, 14) == 14);
}

// The mark of the callback that never returned is taken away; then the context can be freed.
static void end_line(line *l) {
    l->ac->c.flags &= ~REDIS_IN_CALLBACK;
    redisAsyncFree(l->ac);
    check(l->ac == nullptr);
    peer_end(&l->p);
}

// One wait brings the events of all; some of the callbacks throw.
static void replies_of_which_some_throw() {
    enum { LINES = 8 };
    static line lines[LINES];
    int caught = 0;
    for (int i = 0; i < LINES; i++) open_line(&lines[i], i % 3 == 1 ? on_reply_throw : on_reply);
    for (line &l : lines) peer_say(&l.p, "+PONG\r\n");
    usleep(20000);
    for (int i = 0; i < 4; i++) {
        try {
            check(redisMioRunOnce(loop, 0) >= 0);
        } catch (const thrown &) {
            caught++;
        }
    }
    check(caught == 3);
    for (line &l : lines) check(l.answered == 1);
    for (line &l : lines) end_line(&l);
}

static std::vector<line *> others;
static void on_reply_turn(redisAsyncContext *ac, void *reply, void *) {
    on_reply(ac, reply, nullptr);
    if (reply) turn(2);
    if (reply)
        for (line *l : others) check(l->answered == 1);
}

// The events of one wait, of which a callback's own loop is to handle the rest: the kernel does not tell of them again.
static void replies_and_a_loop_in_a_callback() {
    static line first, second, third;
    open_line(&first, on_reply_turn);
    open_line(&second, on_reply);
    open_line(&third, on_reply);
    others = {&second, &third};
    for (line *l : {&first, &second, &third}) peer_say(&l->p, "+PONG\r\n");
    post(note, 'a');
    usleep(20000);
    turn(1);
    check(first.answered == 1);
    came("a");
    for (line *l : {&first, &second, &third}) end_line(l);
}

// What arrives for a context while its own callback runs the loop is read when that returns.
static void on_reply_more(redisAsyncContext *ac, void *reply, void *) {
    line *l = static_cast<line *>(ac->data);
    on_reply(ac, reply, nullptr);
    if (!reply) return;
    redisAsyncCommand(ac, on_reply, nullptr, "PING");
    peer_say(&l->p, "+PONG\r\n");
    usleep(20000);
    turn(1);
    check(l->answered == 1);
}

static void a_reply_for_the_context_whose_callback_runs_the_loop() {
    static line l;
    open_line(&l, on_reply_more);
    peer_say(&l.p, "+PONG\r\n");
    usleep(20000);
    turn(1);
    check(l.answered == 2); /* at once, and not when somebody looks again */
    end_line(&l);
}

// The same where the loop has no part in the call whose callback runs it.
static void a_reply_while_the_program_itself_reads() {
    static line l;
    open_line(&l, on_reply_more);
    peer_say(&l.p, "+PONG\r\n");
    usleep(20000);
    redisAsyncHandleRead(l.ac);
    for (int i = 0; i < 50 && l.answered < 2; i++) check(redisMioRunOnce(loop, 100) >= 0);
    check(l.answered == 2);
    end_line(&l);
}

// What was told of a context while it was marked, because a callback never returned, is read when the mark is gone.
static void a_reply_after_an_exception() {
    static line l;
    open_line(&l, on_reply_throw);
    redisAsyncCommand(l.ac, on_reply, nullptr, "PING");
    peer_say(&l.p, "+PONG\r\n");
    usleep(20000);
    try {
        redisMioRunOnce(loop, 0);
        check(false);
    } catch (const thrown &) {
    }
    peer_say(&l.p, "+PONG\r\n");
    usleep(20000);
    turn(3);
    check(l.answered == 1);
    l.ac->c.flags &= ~REDIS_IN_CALLBACK;
    for (int i = 0; i < 50 && l.answered < 2; i++) check(redisMioRunOnce(loop, 100) >= 0);
    check(l.answered == 2);
    end_line(&l);
}

// A name that is looked up while a task runs the loop: the answer is behind that task.
static redisAsyncContext *named;
static int connected;
static void on_connect(const redisAsyncContext *, int status) { connected = status == REDIS_OK ? 1 : -1; }
static void connect_and_wait(void *) {
    redisOptions o = {};
    REDIS_OPTIONS_SET_TCP(&o, "localhost", redis_port());
    named = redisMioConnect(loop, &o);
    redisAsyncSetConnectCallback(named, on_connect);
    for (int i = 0; i < 100 && connected == 0; i++) redisMioRunOnce(loop, 100);
}

static void a_name_that_a_loop_in_a_task_waits_for() {
    check(redisMioPost(loop, connect_and_wait, nullptr) == REDIS_OK);
    turn(2);
    check(connected == 1);
    redisAsyncFree(named);
}

// A task throws before the resolver's answer, which is in the mailbox by then.
static void a_name_behind_a_task_that_throws() {
    redisOptions o = {};
    REDIS_OPTIONS_SET_TCP(&o, "localhost", redis_port());
    connected = 0;
    post(note_and_throw, 'a');
    named = redisMioConnect(loop, &o);
    redisAsyncSetConnectCallback(named, on_connect);
    usleep(100000);
    for (int i = 0, caught = 0; i < 50 && connected == 0; i++) {
        try {
            check(redisMioRunOnce(loop, 100) >= 0);
        } catch (const thrown &) {
            check(caught++ == 0);
        }
    }
    check(connected == 1);
    came("a");
    redisAsyncFree(named);
}

// The loop is freed again when a callback has thrown in it, and goes on with the contexts that are left.
static void on_end_throw(redisAsyncContext *, void *reply, void *data) {
    check(reply == nullptr);
    note(data);
    throw thrown{};
}

static void freed_with_callbacks_that_throw() {
    int caught = 0;
    for (char which : {'a', 'b', 'c'}) {
        redisOptions o = {};
        REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", redis_port());
        redisAsyncCommand(redisMioConnect(loop, &o), on_end_throw, letter(which), "BLPOP event-loop:nothing 0");
    }
    turn(2);
    for (bool freed = false; !freed;) {
        try {
            redisMioLoopFree(loop);
            freed = true;
        } catch (const thrown &) {
            check(++caught <= 3);
        }
    }
    check(caught == 3);
    came("abc");
}

int main() {
    loop = redisMioLoopCreate();
    run(tasks_behind_some_that_throw);
    run(a_turn_finds_what_was_left);
    run(tasks_before_a_loop_in_a_task);
    run(tasks_that_throw_in_a_loop_in_a_task);
    run(tasks_that_are_posted_meanwhile);
    run(timers_of_which_some_throw);
    run(timers_and_a_loop_in_a_timer);
    run(timers_that_throw_in_a_loop_in_a_timer);
    run(tasks_and_timers);
    run(replies_of_which_some_throw);
    run(replies_and_a_loop_in_a_callback);
    run(a_reply_for_the_context_whose_callback_runs_the_loop);
    run(a_reply_while_the_program_itself_reads);
    run(a_reply_after_an_exception);
    run(a_name_that_a_loop_in_a_task_waits_for);
    run(a_name_behind_a_task_that_throws);
    run(freed_with_callbacks_that_throw);
    return 0;
}

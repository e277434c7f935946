/* Timers, tasks, stopping; freeing and disconnecting from every callback; loops within callbacks. */
#include "event_loop.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

/* The library wakes its loop by this. Also a call that succeeds may leave another errno behind. */
static int spoils_errno;
ssize_t write(int fd, const void *bytes, size_t len) {
    ssize_t written = syscall(SYS_write, fd, bytes, len);
    if (spoils_errno) errno = ECHILD;
    return written;
}

static int called[8], count;
static void note(void *data) { called[count++] = (int)(long)data; }

static void timers_in_order(void) {
    static const int ms[] = {300, 100, 200, 100, 0}; /* far apart for a busy machine */
    unsigned long long id[5];
    double begun = seconds();
    count = 0;
    for (long i = 0; i < 5; i++) check((id[i] = redisMioTimerAdd(loop, in_ms(ms[i]), note, (void *)i)) != 0);
    check(redisMioTimerCancel(loop, id[2]) == REDIS_OK && redisMioTimerCancel(loop, id[2]) == REDIS_ERR);
    check(redisMioRun(loop) == REDIS_OK);
    check(count == 4 && called[0] == 4 && called[1] == 1 && called[2] == 3 && called[3] == 0);
    check(seconds() - begun >= 0.3 && seconds() - begun < 5);
    for (int i = 0; i < 5; i++) check(redisMioTimerCancel(loop, id[i]) == REDIS_ERR);
    check(redisMioTimerAdd(loop, (struct timeval){0, 1000000}, note, NULL) == 0);
    check(redisMioTimerAdd(loop, (struct timeval){-1, 0}, note, NULL) == 0);
    check(redisMioTimerAdd(loop, in_ms(1), NULL, NULL) == 0 && redisMioTimerCancel(loop, 0) == REDIS_ERR);
}

/* Contexts have timers, too, which no number takes back. */
static void only_timers_of_the_program_are_cancelled(void) {
    redisOptions o = {0};
    struct timeval tv = in_ms(100);
    struct peer p;
    struct client c;
    peer_listen(&p);
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", p.port);
    o.command_timeout = &tv;
    open_with(&c, &o);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.connected == REDIS_OK);
    for (unsigned long long use = 0; use < 2000; use++)
        for (unsigned long long place = 0; place < 20; place++) check(redisMioTimerCancel(loop, use << 32 | place) == REDIS_ERR);
    loop_until(c.ac == NULL);
    check(c.failed == 1 && c.err == REDIS_ERR_TIMEOUT);
    peer_end(&p);
}

/* What was to come for a context that is gone keeps nobody waiting. */
static void nothing_is_left_of_a_context(void) {
    redisOptions o = {0};
    struct timeval tv = in_ms(60000);
    struct client c;
    double begun = seconds();
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", redis_port());
    o.connect_timeout = o.command_timeout = &tv;
    open_with(&c, &o);
    redisAsyncCommand(c.ac, on_reply, NULL, "BLPOP event-loop:nothing 0");
    loop_until(c.connected == REDIS_OK && sdslen(c.ac->c.obuf) == 0);
    redisAsyncFree(c.ac);
    check(redisMioRun(loop) == REDIS_OK && seconds() - begun < 8);
}

/* A child has a copy of the loop, and shares what the kernel knows of it. */
static void a_child_leaves_its_parent_s_sockets_alone(void) {
    struct client c;
    int status;
    pid_t child;
    open_redis(&c);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.answered == 1);
    child = fork();
    if (child == 0) {
        redisAsyncFree(c.ac);
        if (c.ac == NULL) raise(SIGKILL); /* so that nobody looks for what the child leaves behind */
        _exit(1);
    }
    check(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.answered == 2);
    redisAsyncFree(c.ac);
}

static unsigned long long other;
static void cancel_other(void *data) {
    note(data);
    check(redisMioTimerCancel(loop, other) == REDIS_OK);
    redisMioTimerAdd(loop, in_ms(0), note, (void *)7);
}

static unsigned long long itself;
static void cancel_itself(void *data) {
    note(data);
    check(redisMioTimerCancel(loop, itself) == REDIS_ERR);
}

static void timers_in_timers(void) {
    count = 0;
    itself = redisMioTimerAdd(loop, in_ms(1), cancel_itself, (void *)3);
    check(redisMioRun(loop) == REDIS_OK && count == 1 && called[0] == 3);
    count = 0;
    redisMioTimerAdd(loop, in_ms(5), cancel_other, (void *)1);
    other = redisMioTimerAdd(loop, in_ms(5), note, (void *)2);
    check(redisMioRun(loop) == REDIS_OK && count == 2 && called[0] == 1 && called[1] == 7);
}

static void waits_no_longer_than_asked(void) {
    double begun = seconds();
    check(redisMioRunOnce(loop, 0) == 0 && redisMioRunOnce(loop, 50) == 0);
    check(seconds() - begun > 0.049 && seconds() - begun < 1);
    check(redisMioRun(loop) == REDIS_OK); /* there is nothing to wait for */
}

/* Nor does a context that has nothing to do end the wait, whatever it asks for. */
static void waits_with_an_idle_context(void) {
    struct client c;
    double begun;
    open_redis(&c);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.answered == 1);
    while (redisMioRunOnce(loop, 20) > 0) {}
    begun = seconds();
    c.ac->ev.addRead(c.ac->ev.data);
    check(redisMioRunOnce(loop, 50) == 0 && seconds() - begun > 0.049);
    redisAsyncFree(c.ac);
}

/* Four threads post in turns; the tasks of each come in order. */
enum { POSTS = 2500 };
static int next_of[4], posted;

static void task(void *data) {
    int number = (int)(long)data;
    check(next_of[number / POSTS]++ == number % POSTS);
    if (++posted == 4 * POSTS) redisMioStop(loop);
}

static void *post_all(void *data) {
    for (long i = 0; i < POSTS; i++) check(redisMioPost(loop, task, (void *)((long)data * POSTS + i)) == REDIS_OK);
    return NULL;
}

static void posts_from_threads(void) {
    pthread_t threads[4];
    unsigned long long stays = redisMioTimerAdd(loop, in_ms(60000), note, NULL);
    for (long i = 0; i < 4; i++) pthread_create(&threads[i], NULL, post_all, (void *)i);
    check(redisMioRun(loop) == REDIS_OK && posted == 4 * POSTS);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    redisMioTimerCancel(loop, stays);
    check(redisMioPost(loop, NULL, NULL) == REDIS_ERR);
}

static void tasks_in_tasks(void);

/* No more tasks wait than the program allows, whoever posts them; names that are looked up are no tasks. */
static atomic_int ran, kept, refused;
static void ran_one(void *data) { (void)data, ran++; }

static void *post_much(void *data) {
    (void)data;
    for (int i = 0; i < 10000; i++) {
        errno = 0;
        if (redisMioPost(loop, ran_one, NULL) == REDIS_OK) {
            kept++;
        } else {
            check(errno == ENOBUFS);
            refused++;
        }
    }
    return NULL;
}

static void posts_up_to_a_limit(void) {
    pthread_t threads[4];
    redisOptions o = {0};
    struct client c;
    redisMioSetPostLimit(loop, 3);
    count = 0;
    for (long i = 0; i < 3; i++) check(redisMioPost(loop, note, (void *)i) == REDIS_OK);
    errno = 0;
    check(redisMioPost(loop, note, NULL) == REDIS_ERR && errno == ENOBUFS);
    REDIS_OPTIONS_SET_TCP(&o, "localhost", redis_port());
    o.options |= REDIS_OPT_PREFER_IP_UNSPEC;
    open_with(&c, &o);
    loop_until(c.connected == REDIS_OK);
    check(count == 3 && called[0] == 0 && called[1] == 1 && called[2] == 2);
    redisAsyncFree(c.ac);

    /* A task counts until it is called: it may post in its own place. */
    redisMioSetPostLimit(loop, 1);
    tasks_in_tasks();

    /* A lower limit takes nothing away. */
    redisMioSetPostLimit(loop, 0);
    for (int i = 0; i < 10; i++) check(redisMioPost(loop, ran_one, NULL) == REDIS_OK);
    redisMioSetPostLimit(loop, 5);
    check(redisMioPost(loop, ran_one, NULL) == REDIS_ERR);
    while (ran < 10) check(redisMioRunOnce(loop, 0) >= 0);
    check(redisMioPost(loop, ran_one, NULL) == REDIS_OK);

    redisMioSetPostLimit(loop, 100);
    check(redisMioRunOnce(loop, 0) == 1 && ran == 11);
    ran = 0;
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, post_much, NULL);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    check(kept == 100 && refused == 40000 - 100);
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, post_much, NULL);
    while (kept + refused < 80000) check(redisMioRunOnce(loop, 1) >= 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    while (redisMioRunOnce(loop, 0) > 0) {}
    check(ran == kept && refused > 0);
    redisMioSetPostLimit(loop, 0);
}

/* What is posted meanwhile is for the next turn, else a task that posts itself would keep everything else waiting. */
static void post_again(void *data) {
    note(data);
    if (count < 3) redisMioPost(loop, post_again, data);
}

static void tasks_in_tasks(void) {
    count = 0;
    redisMioPost(loop, post_again, NULL);
    for (int i = 1; i <= 3; i++) check(redisMioRunOnce(loop, 1000) == 1 && count == i);
    check(redisMioRunOnce(loop, 0) == 0);
}

static void *stop_later(void *data) {
    (void)data;
    usleep(50000);
    redisMioStop(loop);
    return NULL;
}

static void on_alarm(int signal) {
    (void)signal;
    redisMioStop(loop);
}

static void stops(void) {
    struct sigaction act = {0};
    struct itimerval soon = {{0, 0}, {0, 50000}};
    pthread_t thread;
    double begun = seconds();
    unsigned long long stays = redisMioTimerAdd(loop, in_ms(60000), note, NULL);

    pthread_create(&thread, NULL, stop_later, NULL);
    check(redisMioRun(loop) == REDIS_OK);
    pthread_join(thread, NULL);

    act.sa_handler = on_alarm;
    sigaction(SIGALRM, &act, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    check(redisMioRun(loop) == REDIS_OK);
    check(seconds() - begun > 0.09 && seconds() - begun < 5);

    redisMioStop(loop); /* before it runs */
    check(redisMioRun(loop) == REDIS_OK && seconds() - begun < 5);
    redisMioTimerCancel(loop, stays);
}

/* Signal handlers call it, which keep errno, and so do tasks' senders. */
static void waking_keeps_errno(void) {
    spoils_errno = 1;
    errno = EDOM;
    redisMioStop(loop);
    check(errno == EDOM);
    count = 0;
    check(redisMioPost(loop, note, NULL) == REDIS_OK && errno == EDOM);
    spoils_errno = 0;
    check(redisMioRun(loop) == REDIS_OK && count == 0);
    check(redisMioRunOnce(loop, 1000) == 1 && count == 1);
}

/* Further away than the kernel can be asked to wait at once. */
static void a_timer_that_is_far_away(void) {
    unsigned long long far = redisMioTimerAdd(loop, (struct timeval){100 * 86400, 0}, note, NULL);
    pthread_t thread;
    double begun;
    check(redisMioRunOnce(loop, 0) == 0); /* what woke the loop earlier is forgotten */
    begun = seconds();
    pthread_create(&thread, NULL, stop_later, NULL);
    check(redisMioRunOnce(loop, -1) == 0 && seconds() - begun > 0.04 && seconds() - begun < 5);
    check(redisMioRun(loop) == REDIS_OK); /* the stop is still to be heeded */
    pthread_join(thread, NULL);
    check(redisMioTimerCancel(loop, far) == REDIS_OK);
}

static void on_signal(int signal) { (void)signal; }

static void a_signal_ends_the_wait(void) {
    struct sigaction act = {0};
    struct itimerval soon = {{0, 0}, {0, 50000}};
    double begun = seconds();
    act.sa_handler = on_signal;
    sigaction(SIGALRM, &act, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    check(redisMioRunOnce(loop, 8000) == 0 && seconds() - begun < 4);
}

/* What a callback does to its own context, or to another one. */
static void (*act)(redisAsyncContext *);
static struct client *target;
static void in_connect(const redisAsyncContext *ac, int status) {
    on_connect(ac, status);
    act(target->ac);
}
static void in_disconnect(const redisAsyncContext *ac, int status) {
    on_disconnect(ac, status);
    if (target->ac) act(target->ac);
}
static void in_reply(redisAsyncContext *ac, void *reply, void *privdata) {
    on_reply(ac, reply, privdata);
    if (target->ac) act(target->ac);
}
static void in_push(redisAsyncContext *ac, void *reply) {
    (void)ac, (void)reply;
    act(target->ac);
}
static void in_loop(void *data) { act(((struct client *)data)->ac); }

static void ask(struct client *c) {
    for (int i = 0; i < 3; i++) redisAsyncCommand(c->ac, on_reply, NULL, "PING");
}

/* TARGET's end comes from a callback of C, which may be the same one. */
static void end_in(struct client *c, int where) {
    switch (where) {
    case 0: c->ac->onConnect = in_connect; break;
    case 1: redisAsyncCommand(c->ac, in_reply, NULL, "PING"); break;
    case 2:
        redisAsyncSetPushCallback(c->ac, in_push);
        redisAsyncCommand(c->ac, on_reply, NULL, "HELLO 3");
        redisAsyncCommand(c->ac, on_reply, NULL, "CLIENT TRACKING ON");
        redisAsyncCommand(c->ac, on_reply, NULL, "GET event-loop:tracked");
        redisAsyncCommand(c->ac, on_reply, NULL, "SET event-loop:tracked 1");
        break;
    case 3: redisMioPost(loop, in_loop, target); break;
    case 4: redisMioTimerAdd(loop, in_ms(3), in_loop, target); break;
    case 5: /* the disconnect callback of another one */
        c->ac->onDisconnect = in_disconnect;
        redisAsyncCommand(c->ac, on_reply, NULL, "QUIT");
        break;
    case 6: redisAsyncCommand(c->ac, in_reply, NULL, "SUBSCRIBE event-loop:news"); break;
    }
}

static void ends_in_every_callback(void) {
    static void (*const ends[])(redisAsyncContext *) = {redisAsyncFree, redisAsyncDisconnect};
    for (int how = 0; how < 2; how++) {
        for (int where = 0; where < 7; where++) {
            for (int own = 0; own < 2; own++) {
                struct client a, b;
                if (own && where == 5) continue;
                act = ends[how];
                target = own ? &a : &b;
                open_redis(&a);
                open_redis(&b);
                ask(&b);
                end_in(&a, where);
                if (where != 6) ask(&a);
                ask(&b);
                loop_until(target->ac == NULL);
                if (a.ac) redisAsyncFree(a.ac);
                if (b.ac) redisAsyncFree(b.ac);
                check(a.ac == NULL && b.ac == NULL && b.answered + b.failed == 6);
            }
        }
    }
}

/* Connecting again from the disconnect callback, and from a failed connect's. */
static int again;
static struct client renewed;
static void connect_again(const redisAsyncContext *ac, int status) {
    (void)ac, (void)status;
    if (again-- > 0) {
        open_redis(&renewed);
        renewed.ac->onDisconnect = connect_again;
        redisAsyncDisconnect(renewed.ac);
    }
}

static void connects_again(void) {
    struct client c;
    again = 5;
    open_redis(&c);
    c.ac->onDisconnect = connect_again;
    redisAsyncCommand(c.ac, on_reply, NULL, "QUIT");
    loop_until(c.ac == NULL && renewed.ac == NULL && again >= 0);
    again = 0;
}

/* A callback runs the loop: the others go on, its own context waits until it returns. */
static struct client inner;
static void run_inside(redisAsyncContext *ac, void *reply, void *privdata) {
    on_reply(ac, reply, privdata);
    open_redis(&inner);
    ask(&inner);
    loop_until(inner.answered == 3);
    redisAsyncFree(inner.ac);
}

static void loop_in_a_callback(void) {
    struct client c;
    open_redis(&c);
    ask(&c);
    redisAsyncCommand(c.ac, run_inside, NULL, "PING");
    ask(&c);
    loop_until(c.answered == 7);
    redisAsyncDisconnect(c.ac);
    check(c.ac == NULL);
}

/* The n-th allocation of the program's allocator fails: a NULL or an error, and nothing is left behind. */
static int allowed;
static void *limited_malloc(size_t size) { return allowed-- > 0 ? malloc(size) : NULL; }
static void *limited_calloc(size_t count, size_t size) { return allowed-- > 0 ? calloc(count, size) : NULL; }
static void *limited_realloc(void *block, size_t size) { return allowed-- > 0 ? realloc(block, size) : NULL; }
static char *limited_strdup(const char *text) { return allowed-- > 0 ? strdup(text) : NULL; }

static void without_memory(void) {
    hiredisAllocFuncs limited = {limited_malloc, limited_calloc, limited_realloc, limited_strdup, free};
    int failed = 0, worked = 0;
    hiredisSetAllocators(&limited);
    for (int limit = 0; limit < 40; limit++) {
        redisOptions o = {0};
        struct timeval second = in_ms(1000);
        struct client c = {.connected = NONE, .disconnected = NONE};
        redisMioLoop *own;
        REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", redis_port());
        REDIS_OPTIONS_SET_PRIVDATA(&o, &c, on_freed);
        o.connect_timeout = o.command_timeout = &second;
        allowed = limit;
        own = redisMioLoopCreate();
        c.ac = own ? redisMioConnect(own, &o) : NULL;
        if (c.ac == NULL) {
            failed++;
        } else {
            redisAsyncSetConnectCallback(c.ac, on_connect);
            if (redisAsyncCommand(c.ac, on_reply, NULL, "PING") == REDIS_OK) redisAsyncDisconnect(c.ac);
            else redisAsyncFree(c.ac);
            check(redisMioRun(own) == REDIS_OK && c.ac == NULL);
            worked += c.answered;
        }
        redisMioLoopFree(own);
    }
    hiredisResetAllocators();
    check(failed > 3 && worked > 10);
}

/* What a context does while the loop is freed goes to nobody. */
static redisMioLoop *second;

/* A context has one loop at a time. */
static void no_context_of_another_loop(void) {
    struct client c;
    void *data;
    second = redisMioLoopCreate();
    open_redis(&c);
    loop_until(c.connected == REDIS_OK);
    data = c.ac->ev.data;
    check(redisMioAttach(c.ac, second) == REDIS_ERR && c.ac->ev.data == data);
    redisMioLoopFree(second);
    redisAsyncCommand(c.ac, on_reply, NULL, "PING");
    loop_until(c.answered == 1);
    redisAsyncFree(c.ac);
}

static void free_second(redisAsyncContext *ac, void *reply, void *privdata) {
    on_reply(ac, reply, privdata);
    if (!second) return;
    redisMioLoopFree(second);
    second = NULL;
    /* It goes when this returns, and calls no loop. */
    check(ac->ev.data == NULL && ac->ev.addRead == NULL && ac->ev.cleanup == NULL && ac->ev.scheduleTimer == NULL);
}

/* The program itself has called the context whose callback frees the loop. */
static void freed_beside_the_loop(void) {
    redisMioLoop *first = loop;
    struct peer p;
    struct client c;
    peer_listen(&p);
    loop = second = redisMioLoopCreate();
    open_tcp(&c, "127.0.0.1", p.port);
    redisAsyncCommand(c.ac, free_second, NULL, "PING");
    loop_until(c.connected == REDIS_OK && sdslen(c.ac->c.obuf) == 0);
    peer_accept(&p);
    peer_say(&p, "+PONG\r\n");
    check(peer_ready(c.ac->c.fd, POLLIN, 5000));
    redisAsyncHandleRead(c.ac);
    check(second == NULL && c.ac == NULL && c.answered == 1 && c.disconnected == REDIS_OK);
    peer_end(&p);
    loop = first;
}

static void connect_at_the_end(const redisAsyncContext *ac, int status) {
    redisOptions o = {0};
    (void)ac, (void)status;
    REDIS_OPTIONS_SET_TCP(&o, "127.0.0.1", redis_port());
    check(redisMioConnect(loop, &o) == NULL);
    count = 77;
}

static void freed_with_the_loop(void) {
    struct client c;
    open_redis(&c);
    loop_until(c.connected == REDIS_OK);
    c.ac->onDisconnect = connect_at_the_end;
    redisMioTimerAdd(loop, in_ms(1000), note, NULL);
    redisMioPost(loop, note, NULL);
    redisMioLoopFree(loop);
    redisMioLoopFree(NULL);
    check(c.ac == NULL && count == 77);
}

int main(void) {
    begin();
    run(timers_in_order);
    run(timers_in_timers);
    run(only_timers_of_the_program_are_cancelled);
    run(nothing_is_left_of_a_context);
    run(a_child_leaves_its_parent_s_sockets_alone);
    run(waits_no_longer_than_asked);
    run(waits_with_an_idle_context);
    run(posts_from_threads);
    run(posts_up_to_a_limit);
    run(tasks_in_tasks);
    run(stops);
    run(waking_keeps_errno);
    run(a_timer_that_is_far_away);
    run(a_signal_ends_the_wait);
    run(ends_in_every_callback);
    run(connects_again);
    run(loop_in_a_callback);
    run(without_memory);
    run(no_context_of_another_loop);
    run(freed_beside_the_loop);
    run(freed_with_the_loop);
    return 0;
}

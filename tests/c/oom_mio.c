/* The library's own loop without memory: made or not, attached or the context as it was, connected or told why not, called or refused. */
#include "oom.h"
#include <hiredis/adapters/mio.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

static int port;
static const char *path;
static redisMioLoop *loop;

/* What became of a context. */
static redisAsyncContext *ac; /* NULL once freed */
static int connected, disconnected, err, answers, nulls;
static char errstr[128];
enum { NOT_YET = 99 };

static void on_freed(void *privdata) { ac = NULL; }

static void on_connect(const redisAsyncContext *c, int status) {
    CHECK(connected == NOT_YET);
    connected = status;
    err = c->err;
    snprintf(errstr, sizeof errstr, "%s", c->errstr);
}

static void on_disconnect(const redisAsyncContext *c, int status) {
    CHECK(disconnected == NOT_YET);
    disconnected = status;
    err = c->err;
    snprintf(errstr, sizeof errstr, "%s", c->errstr);
}

static void on_reply(redisAsyncContext *c, void *reply, void *privdata) {
    if (reply != NULL)
        answers++;
    else
        nulls++;
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Serves until the condition holds. */
#define UNTIL(condition)                               \
    for (double begun_ = seconds(); !(condition);) {   \
        CHECK(seconds() - begun_ < 20);                \
        CHECK(redisMioRunOnce(loop, 100) >= 0);        \
    }

static void begin(void) {
    CHECK((loop = redisMioLoopCreate()) != NULL);
    connected = disconnected = NOT_YET;
    err = answers = nulls = 0;
}

/* The threads that look up names outlive the loop by a moment, and so does what they share with it. */
static int threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    int count = -2; /* "." and ".." */
    while (readdir(tasks) != NULL) count++;
    closedir(tasks);
    return count;
}

static void free_loop(void) {
    redisMioLoopFree(loop);
    while (threads() > 1) usleep(200);
}

static void create(void) {
    arm();
    redisMioLoop *made = redisMioLoopCreate();
    CHECK((made == NULL) == has_failed());
    redisMioLoopFree(made);
    disarm();
}

/* Connects, has commands and a subscription answered, and ends; whatever fails is told. */
static void connects(redisOptions *options, int by_name) {
    int accepted = 0;
    begin();
    options->free_privdata = on_freed;
    options->privdata = &ac;
    options->connect_timeout = options->command_timeout = &(struct timeval){10, 0};
    arm();
    ac = redisMioConnect(loop, options);
    CHECK(ac != NULL || has_failed());
    if (ac != NULL) {
        CHECK(ac->err == 0 || (has_failed() && IS_OUT_OF_MEMORY(ac)));
        CHECK(redisAsyncSetConnectCallback(ac, on_connect) == REDIS_OK);
        CHECK(redisAsyncSetDisconnectCallback(ac, on_disconnect) == REDIS_OK);
        for (int i = 0; i < 3; i++)
            accepted += redisAsyncCommand(ac, on_reply, NULL, i == 1 ? "SUBSCRIBE channel" : "PING") == REDIS_OK;
        CHECK(accepted == 3 || (has_failed() && IS_OUT_OF_MEMORY(ac)));
        UNTIL(ac == NULL || answers + nulls >= accepted);
        if (ac != NULL)
            redisAsyncFree(ac);
        CHECK(ac == NULL && answers + nulls >= accepted);
    }
    disarm();
    if (connected == REDIS_ERR)
        CHECK(failures && ((by_name && err == REDIS_ERR_OTHER && errstr[0] != 0) || is_out_of_memory(err, errstr)));
    else if (disconnected == REDIS_ERR)
        CHECK(failures && is_out_of_memory(err, errstr));
    CHECK(failures || (connected == REDIS_OK && answers == 3));
    free_loop();
}

static void connect_number(void) {
    redisOptions options = {0};
    REDIS_OPTIONS_SET_TCP(&options, "127.0.0.1", port);
    connects(&options, 0);
}

static void connect_unix(void) {
    redisOptions options = {0};
    REDIS_OPTIONS_SET_UNIX(&options, path);
    connects(&options, 0);
}

static void connect_name(void) {
    redisOptions options = {0};
    REDIS_OPTIONS_SET_TCP(&options, "localhost", port);
    connects(&options, 1);
}

static int is_free_of_hooks(const redisAsyncContext *c) {
    return !c->ev.data && !c->ev.addRead && !c->ev.delRead && !c->ev.addWrite && !c->ev.delWrite && !c->ev.cleanup && !c->ev.scheduleTimer;
}

/* As many as make the loop's tables grow. One that is refused is as it was, and attaches when there is memory. */
static void attach(void) {
    enum { MANY = 12 };
    redisAsyncContext *contexts[MANY];
    begin();
    for (int i = 0; i < MANY; i++) CHECK((contexts[i] = redisAsyncConnectUnix(path)) != NULL && contexts[i]->err == 0);
    arm();
    for (int i = 0; i < MANY; i++) {
        int attached = redisMioAttach(contexts[i], loop) == REDIS_OK;
        CHECK(attached || (has_failed() && is_free_of_hooks(contexts[i]) && contexts[i]->err == 0));
    }
    disarm();
    for (int i = 0; i < MANY; i++) {
        if (contexts[i]->ev.data == NULL) CHECK(redisMioAttach(contexts[i], loop) == REDIS_OK);
        CHECK(redisAsyncCommand(contexts[i], on_reply, NULL, "PING") == REDIS_OK);
    }
    UNTIL(answers == MANY);
    free_loop();
    CHECK(nulls == 0);
}

static int called;
static void on_call_of(void *data) {
    called++;
    if (data != NULL) redisMioStop(loop);
}

static void timers(void) {
    unsigned long long added[20];
    int count = 0, wanted;
    begin();
    called = 0;
    arm();
    for (int i = 0; i < 20; i++) {
        unsigned long long timer = redisMioTimerAdd(loop, (struct timeval){0, i * 10}, on_call_of, NULL);
        CHECK(timer != 0 || has_failed());
        if (timer != 0) added[count++] = timer;
    }
    wanted = count;
    if (count > 3) {
        CHECK(redisMioTimerCancel(loop, added[2]) == REDIS_OK && redisMioTimerCancel(loop, added[2]) == REDIS_ERR);
        wanted--;
    }
    CHECK(redisMioRun(loop) == REDIS_OK && called == wanted);
    disarm();
    free_loop();
}

static void *post_from_a_thread(void *posted) {
    for (int i = 0; i < 10; i++) *(int *)posted += redisMioPost(loop, on_call_of, NULL) == REDIS_OK;
    return NULL;
}

/* Posted by the loop's thread and another; the last task stops the loop. */
static void posts(void) {
    pthread_t thread;
    int posted = 0;
    begin();
    called = 0;
    arm();
    int stops = redisMioPost(loop, on_call_of, loop) == REDIS_OK;
    CHECK(stops || has_failed());
    if (pthread_create(&thread, NULL, post_from_a_thread, &posted) == 0)
        pthread_join(thread, NULL);
    CHECK(posted == 10 || has_failed());
    if (!stops) redisMioStop(loop);
    CHECK(redisMioRun(loop) == REDIS_OK);
    UNTIL(called == posted + stops);
    disarm();
    free_loop();
}

/* With room for one: the second is refused for that, the first may be for want of memory. */
static void posts_up_to_a_limit(void) {
    begin();
    called = 0;
    arm();
    redisMioSetPostLimit(loop, 1);
    errno = 0;
    int posted = redisMioPost(loop, on_call_of, NULL) == REDIS_OK;
    CHECK(posted || (has_failed() && errno == ENOMEM));
    errno = 0;
    int second = redisMioPost(loop, on_call_of, NULL) == REDIS_OK;
    CHECK(second ? !posted : errno == ENOMEM ? has_failed() : posted && errno == ENOBUFS);
    disarm();
    UNTIL(called == posted + second);
    free_loop();
}

int main(void) {
    port = atoi(getenv("REDIS_PORT"));
    path = getenv("REDIS_SOCK");
    each_failure("create", create);
    each_failure("attach", attach);
    each_failure("timers", timers);
    each_failure("posts", posts);
    each_failure("posts up to a limit", posts_up_to_a_limit);
    each_failure("connect by number", connect_number);
    each_failure("connect unix", connect_unix);
    each_failure("connect by name", connect_name);
    return 0;
}

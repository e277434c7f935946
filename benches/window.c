/* What a window costs: the processor time of a program that keeps its commands and hands over at most 64 KiB, refilled by the drain
 * callback, against one that hands every command over at once. Both run in turns, on one real server and the loop of mio.h:
 *
 *     gcc -O2 -I target/stage/include benches/window.c target/stage/lib/libhiredis.so -o target/bench/window
 *     LD_LIBRARY_PATH=target/stage/lib target/bench/window PORT-OR-PATH [TURNS [COUNT]]
 */
#include <hiredis/adapters/mio.h>
#include <hiredis/async.h>

#include "bench.h"

enum { WINDOW = 64 << 10, LOW = 32 << 10, KEY = 100, MOST_TURNS = 99 };

static redisMioLoop *mio;
static redisAsyncContext *ac;
static char key[KEY + 1];

/* Commands that are wanted, and how many of them were issued and answered. `windowed`: what is not issued yet is the program's. */
static long count, in_flight, wanted, issued, answered;
static int windowed;

static void on_get(redisAsyncContext *context, void *answer, void *privdata);

static void fill(redisAsyncContext *context, void *privdata) {
    (void)privdata;
    while (issued < wanted && (!windowed || sdslen(context->c.obuf) < WINDOW)) {
        issued++;
        CHECK(redisAsyncCommand(context, on_get, NULL, "GET %s", key) == REDIS_OK);
    }
}

static void on_get(redisAsyncContext *context, void *answer, void *privdata) {
    redisReply *reply = answer;
    CHECK(reply != NULL && reply->type == REDIS_REPLY_NIL);
    answered++;
    if (wanted < count) wanted++;
    if (answered == count) redisMioStop(mio);
    else fill(context, privdata);
}

static double processor(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double turn(int with_window) {
    double begun = processor();
    windowed = with_window;
    issued = answered = 0;
    wanted = in_flight < count ? in_flight : count;
    redisAsyncSetDrainCallback(ac, LOW, with_window ? fill : NULL, NULL);
    fill(ac, NULL);
    CHECK(redisMioRun(mio) == REDIS_OK && answered == count);
    return processor() - begun;
}

static int by_size(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : 1; }

static double median(double *values, int many) {
    qsort(values, (size_t)many, sizeof *values, by_size);
    return values[many / 2];
}

static void compare(const char *name, int turns) {
    double at_once[MOST_TURNS], window[MOST_TURNS], ratio[MOST_TURNS];
    turn(0), turn(1);
    for (int i = 0; i < turns; i++) {
        /* Each goes first as often as the other. */
        if (i % 2) window[i] = turn(1);
        at_once[i] = turn(0);
        if (i % 2 == 0) window[i] = turn(1);
        ratio[i] = window[i] / at_once[i];
    }
    double middle = median(ratio, turns), all = median(at_once, turns), some = median(window, turns);
    printf("%-44s %8.1f ns %8.1f ns %8.3f %8.3f\n", name, all / (double)count * 1e9, some / (double)count * 1e9, some / all, middle);
}

int main(int argc, char **argv) {
    int turns = argc > 2 ? atoi(argv[2]) : 21;
    redisOptions options = {0};
    CHECK(argc > 1 && turns <= MOST_TURNS);
    count = argc > 3 ? atol(argv[3]) : 200000;
    if (argv[1][0] == '/') REDIS_OPTIONS_SET_UNIX(&options, argv[1]);
    else REDIS_OPTIONS_SET_TCP(&options, "127.0.0.1", atoi(argv[1]));
    mio = redisMioLoopCreate();
    ac = redisMioConnect(mio, &options);
    CHECK(ac != NULL && ac->err == 0);
    printf("%-44s %11s %11s %8s %8s\n", "GET, processor time for each", "at once", "window", "ratio", "paired");
    in_flight = 1000;
    strcpy(key, "bench:nothing");
    compare("1,000 in flight", turns);
    memset(key, 'k', KEY);
    compare("1,000 in flight, keys of 100 bytes", turns);
    in_flight = count;
    compare("all at once, keys of 100 bytes", turns);
    redisAsyncFree(ac);
    redisMioLoopFree(mio);
    return 0;
}

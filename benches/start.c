/* What the library costs before its first reply: `start ENDPOINT COUNT` has that many fresh processes load it, connect, send a
 * PING and free everything, and prints the median time of that. */
#include <dlfcn.h>
#include <hiredis/hiredis.h>
#include <sys/wait.h>

#include "bench.h"

static void *function(void *library, const char *name) {
    void *found = dlsym(library, name);
    CHECK(found != NULL);
    return found;
}

/* In a process that has only libc, and tells how long it took. */
static void once(const char *at) {
    start();
    void *library = dlopen("libhiredis.so.1.1.0", RTLD_NOW);
    CHECK(library != NULL);
    redisContext *(*connect_unix)(const char *) = function(library, "redisConnectUnix");
    redisContext *(*connect_tcp)(const char *, int) = function(library, "redisConnect");
    void *(*command)(redisContext *, const char *, ...) = function(library, "redisCommand");
    void (*free_reply)(void *) = function(library, "freeReplyObject");
    void (*free_context)(redisContext *) = function(library, "redisFree");
    redisContext *c = at[0] == '/' ? connect_unix(at) : connect_tcp("127.0.0.1", atoi(at));
    CHECK(c != NULL && c->err == 0);
    redisReply *reply = command(c, "PING");
    CHECK(reply != NULL && reply->type == REDIS_REPLY_STATUS);
    free_reply(reply);
    free_context(c);
    stop(1);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void run(const char *program, const char *at, double *wall, double *cpu) {
    char line[128] = "";
    int ends[2], status;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        dup2(ends[1], 1);
        execl(program, program, at, (char *)NULL);
        _exit(1);
    }
    close(ends[1]);
    CHECK(read(ends[0], line, sizeof(line) - 1) > 0 && sscanf(line, "wall_ns %lf cpu_ns %lf", wall, cpu) == 2);
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv) {
    enum { MOST = 10000 };
    static double wall[MOST], cpu[MOST];
    if (argc == 2) return once(argv[1]), 0;
    CHECK(argc == 3);
    int count = atoi(argv[2]);
    CHECK(count > 0 && count <= MOST);
    for (int i = 0; i < count; i++) run(argv[0], argv[1], &wall[i], &cpu[i]);
    qsort(wall, (size_t)count, sizeof(*wall), by_size);
    qsort(cpu, (size_t)count, sizeof(*cpu), by_size);
    printf("wall_ns %.1f cpu_ns %.1f\n", wall[count / 2], cpu[count / 2]);
    return 0;
}

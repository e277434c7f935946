/* One context in two threads at once, which debug builds report, and what looks like it but is allowed (docs/threads.md). */
#include "measure.h"
#include "peer.h"
#include <hiredis/async.h>
#include <semaphore.h>
#include <setjmp.h>
#include <sys/wait.h>

static sem_t inside, go_on;

static void meet(void) {
    sem_post(&inside);
    sem_wait(&go_on);
}

/* A blocking context at the other end of a peer, by a transport that does something on each read. */
static void (*on_read)(redisContext *c);
static redisContextFuncs plain, transport;

static ssize_t read_and_act(redisContext *c, char *buf, size_t cap) {
    if (on_read) on_read(c);
    return plain.read(c, buf, cap);
}

static redisContext *connected(struct peer *p) {
    peer_listen(p);
    redisContext *c = redisConnect("127.0.0.1", p->port);
    CHECK(c != NULL && c->err == 0);
    peer_accept(p);
    plain = transport = *c->funcs;
    transport.read = read_and_act;
    c->funcs = &transport;
    return c;
}

static void *get_reply(void *c) {
    void *reply;
    CHECK(redisGetReply(c, &reply) == REDIS_OK);
    freeReplyObject(reply);
    return NULL;
}

static void stop_there(redisContext *c) {
    (void)c;
    meet();
}

static void blocking(void) {
    struct peer p;
    pthread_t thread;
    redisContext *c = connected(&p);
    peer_say(&p, "+OK\r\n");
    on_read = stop_there;
    CHECK(pthread_create(&thread, NULL, get_reply, c) == 0);
    sem_wait(&inside);
    for (int i = 0; i < 3; i++) CHECK(redisAppendCommand(c, "PING") == REDIS_OK);
    sem_post(&go_on);
    pthread_join(thread, NULL);
    redisFree(c);
    peer_end(&p);
}

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata) {
    (void)ac, (void)privdata;
    if (reply) meet();
}

static void *handle(void *ac) {
    redisAsyncHandleWrite(ac);
    redisAsyncHandleRead(ac);
    return NULL;
}

static void asynchronous(void) {
    struct peer p;
    pthread_t thread;
    peer_listen(&p);
    redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", p.port);
    peer_accept(&p);
    CHECK(redisAsyncCommand(ac, on_reply, NULL, "PING") == REDIS_OK);
    peer_say(&p, "+PONG\r\n");
    CHECK(pthread_create(&thread, NULL, handle, ac) == 0);
    sem_wait(&inside);
    redisAsyncCommand(ac, NULL, NULL, "PING");
    sem_post(&go_on);
    pthread_join(thread, NULL);
    redisAsyncFree(ac);
    peer_end(&p);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *take_turns(void *c) {
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&mutex);
        CHECK(redisAppendCommand(c, "PING") == REDIS_OK);
        CHECK(redisBufferWrite(c, NULL) == REDIS_OK);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void *make_and_free(void *port) {
    for (int i = 0; i < 300; i++) {
        redisOptions options = {0};
        int ends[2];
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        options.type = REDIS_CONN_USERFD;
        options.endpoint.fd = ends[0];
        if (i % 2) {
            redisContext *c = redisConnectWithOptions(&options);
            CHECK(redisAppendCommand(c, "PING") == REDIS_OK);
            redisFree(c);
        } else {
            redisAsyncContext *ac = redisAsyncConnectWithOptions(&options);
            CHECK(redisAsyncCommand(ac, NULL, NULL, "PING") == REDIS_OK);
            close(ends[1]);
            ends[1] = -1;
            /* Frees itself at the end of the connection. */
            if (i % 4) redisAsyncHandleRead(ac);
            else redisAsyncHandleWrite(ac);
        }
        if (ends[1] >= 0) close(ends[1]);
    }
    return port;
}

static void in_threads(int count, void *(*run)(void *), void *argument) {
    pthread_t threads[8];
    for (int i = 0; i < count; i++) CHECK(pthread_create(&threads[i], NULL, run, argument) == 0);
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

static void call_again(redisContext *c) {
    CHECK(redisAppendCommand(c, "PING") == REDIS_OK);
}

static void fork_and_free(redisContext *c) {
    int status;
    on_read = NULL;
    pid_t child = fork();
    if (child == 0) {
        CHECK(redisAppendCommand(c, "PING") == REDIS_OK);
        redisFree(c);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static jmp_buf out;

static void jump(redisContext *c) {
    (void)c;
    longjmp(out, 1);
}

/* Handed over by a mutex; used by a callback of its own; freed and made anew at the same address; in a forked child; left by longjmp. */
static void proper(void) {
    struct peer p;
    void *reply;
    redisContext *c = connected(&p);
    in_threads(4, take_turns, c);
    peer_swallow(&p, 4 * 2000 * strlen("*1\r\n$4\r\nPING\r\n"));
    on_read = call_again;
    peer_say(&p, "+OK\r\n+OK\r\n+OK\r\n");
    get_reply(c);
    on_read = NULL;
    in_threads(8, make_and_free, NULL);
    get_reply(c);
    get_reply(c);
    on_read = jump;
    if (setjmp(out) == 0) redisGetReply(c, &reply);
    CHECK(redisAppendCommand(c, "PING") == REDIS_OK);
    on_read = NULL;
    in_threads(1, take_turns, c);
    on_read = fork_and_free;
    peer_say(&p, "+OK\r\n");
    get_reply(c);
    redisFree(c);
    peer_end(&p);
}

int main(int argc, char **argv) {
    sem_init(&inside, 0, 0);
    sem_init(&go_on, 0, 0);
    CHECK(argc == 2);
    if (strcmp(argv[1], "blocking") == 0) blocking();
    else if (strcmp(argv[1], "asynchronous") == 0) asynchronous();
    else if (strcmp(argv[1], "proper") == 0) proper();
    else return 2;
    return 0;
}

/* Commands formatted ahead of sending them, into memory of the program's own: nothing is allocated for them, and the same bytes can be sent
 * as often as wanted. Of the C library's functions redisFormatCommand does it, with a block of its own for each command.
 *
 *     cc formatted.c $(pkg-config --cflags --libs hiredis) -o formatted
 *     ./formatted 127.0.0.1 6379      or      ./formatted /path/to/redis.sock
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef HIREDIS_RS
#error "redisvFormatCommandTo is there in hiredis-rs alone"
#endif

static redisContext *connect_or_exit(int argc, char **argv) {
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    int port = argc > 2 ? atoi(argv[2]) : 6379;
    struct timeval patience = {2, 0};
    redisContext *c = host[0] == '/' ? redisConnectUnixWithTimeout(host, patience) : redisConnectWithTimeout(host, port, patience);
    if (c == NULL || c->err) {
        fprintf(stderr, "There is no Redis at %s: %s\n", host, c ? c->errstr : "out of memory");
        redisFree(c);
        exit(1);
    }
    return c;
}

struct buffer {
    char *text;
    size_t size, len;
};

/* Appends a command; the buffer grows only if the command does not fit, which its whole length tells. */
static void add(struct buffer *to, const char *format, ...) {
    for (;;) {
        va_list ap;
        long long len;
        va_start(ap, format);
        len = redisvFormatCommandTo(to->text + to->len, to->size - to->len, format, ap);
        va_end(ap);
        if (len < 0) {
            fprintf(stderr, "The format is not valid: %s\n", format);
            exit(1);
        }
        if (to->len + (size_t)len < to->size) {
            to->len += (size_t)len;
            return;
        }
        to->size = to->len + (size_t)len + 1;
        to->text = realloc(to->text, to->size);
        if (to->text == NULL) exit(1);
        printf("The buffer has grown to %zu bytes\n", to->size);
    }
}

/* Sends bytes that hold so many commands, and prints the answer to the last. */
static void send_all(redisContext *c, const char *text, size_t len, int commands) {
    redisReply *reply = NULL;
    int sent = redisAppendFormattedCommand(c, text, len) == REDIS_OK;
    while (sent && commands-- > 0) {
        freeReplyObject(reply);
        reply = NULL;
        sent = redisGetReply(c, (void **)&reply) == REDIS_OK;
    }
    if (!sent) {
        fprintf(stderr, "The connection failed: %s\n", c->errstr);
        exit(1);
    }
    printf("%lld\n", reply->integer);
    freeReplyObject(reply);
}

int main(int argc, char **argv) {
    const char *incr[] = {"INCR", "example:formatted"}, *del[] = {"DEL", "example:formatted"};
    struct buffer all = {NULL, 0, 0};
    char once[64];
    long long len;
    int i;

    redisContext *c = connect_or_exit(argc, argv);
    add(&all, "SET example:formatted %d", 40);
    add(&all, "INCRBY example:formatted %zu", (size_t)2);
    send_all(c, all.text, all.len, 2);

    len = redisFormatCommandArgvTo(once, sizeof(once), 2, incr, NULL);
    for (i = 0; i < 3; i++) send_all(c, once, (size_t)len, 1);
    len = redisFormatCommandArgvTo(once, sizeof(once), 2, del, NULL);
    send_all(c, once, (size_t)len, 1);

    free(all.text);
    redisFree(c);
    return 0;
}

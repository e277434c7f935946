/* Part of scenarios.h: commands that a real server's access control refuses, among others that it answers. */
#ifndef CONFORMANCE_DENIED_H
#define CONFORMANCE_DENIED_H

/* A user who may do everything but what is tried here: channels and keys that begin with "secret", and some commands. */
static void limit_user(void) {
    struct client c;
    open_redis(&c);
    redisAsyncCommand(c.ac, on_reply, NULL,
        "ACL SETUSER conformance reset on nopass allcommands ~conformance:* &conformance:* -monitor -client|reply -flushall");
    for (int i = 0; i < 3; i++) redisAsyncCommand(c.ac, on_reply, NULL, "SET conformance:value:%d value-%d", i, i);
    loop_until(c.answered == 4);
    redisAsyncFree(c.ac);
}

/* What the callbacks of one conversation saw. */
static struct heard {
    int errors;       /* at the refused command */
    int values;       /* at a GET, its own */
    int foreign;      /* at either, what belongs to another command */
    int cancelled;    /* NULLs */
} heard;

static void on_denied(redisAsyncContext *ac, void *reply, void *privdata) {
    redisReply *r = (redisReply *)reply;
    (void)ac;
    (void)privdata;
    if (r == NULL) heard.cancelled++;
    else if (r->type == REDIS_REPLY_ERROR && !strncmp(r->str, "NOPERM", 6)) heard.errors++;
    else heard.foreign++;
}

/* `privdata` is what is expected, up to its length. */
static void on_expected(redisAsyncContext *ac, void *reply, void *privdata) {
    redisReply *r = (redisReply *)reply;
    const char *expected = (const char *)privdata;
    (void)ac;
    if (r == NULL) heard.cancelled++;
    else if (r->str && !strncmp(r->str, expected, strlen(expected))) heard.values++;
    else heard.foreign++;
}

static void ask_for_value(redisAsyncContext *ac, int number) {
    static const char *const values[] = {"value-0", "value-1", "value-2"};
    redisAsyncCommand(ac, on_expected, (void *)values[number], "GET conformance:value:%d", number);
}

static void open_as_user(struct client *c, int protocol) {
    open_redis(c);
    redisAsyncCommand(c->ac, on_reply, NULL, protocol == 3 ? "HELLO 3 AUTH conformance x" : "AUTH conformance x");
    loop_until(c->answered == 1);
    memset(&heard, 0, sizeof heard);
}

/* The refused command alone, several times, between others, and in a transaction. */
enum { ALONE, TWICE, AMONG_OTHERS, IN_A_TRANSACTION, PLACES };

static int ask_denied(redisAsyncContext *ac, const char *command, int place) {
    const int twice = place == TWICE;
    if (place == AMONG_OTHERS) ask_for_value(ac, 0);
    if (place == IN_A_TRANSACTION) redisAsyncCommand(ac, on_expected, (void *)"OK", "MULTI");
    for (int i = 0; i <= twice; i++) redisAsyncCommand(ac, on_denied, NULL, command);
    if (place == IN_A_TRANSACTION) redisAsyncCommand(ac, on_expected, (void *)"QUEUED", "GET conformance:value:0");
    if (place == IN_A_TRANSACTION) redisAsyncCommand(ac, on_expected, (void *)"EXECABORT", "EXEC");
    ask_for_value(ac, 1);
    ask_for_value(ac, 2);
    return place == AMONG_OTHERS ? 3 : place == IN_A_TRANSACTION ? 5 : 2;
}

static void told_of_denied(const char *command, const struct client *c) {
    printf("%s.%s: errors %d, values %d, foreign %d, cancelled %d, %s\n", scenario, command, heard.errors, heard.values,
        heard.foreign, heard.cancelled, c->ac ? "stays" : "gone");
}

/* Its callback gets the error, once for each name of the command; every other command gets its own reply; the connection stays. */
static void commands_denied(void) {
    static const struct {
        const char *command;
        int errors;
    } all[] = {
        {"SUBSCRIBE secret", 1},
        {"SUBSCRIBE secret:1 secret:2 secret:3", 3},
        {"SUBSCRIBE conformance:1 secret", 2}, /* refused as a whole */
        {"PSUBSCRIBE secret*", 1},
        {"PSUBSCRIBE secret:1* secret:2*", 2},
        {"SSUBSCRIBE secret", 1},
        {"SSUBSCRIBE secret:1 secret:2", 2},
        {"PUBLISH secret text", 1},
        {"GET secret", 1},
        {"FLUSHALL", 1},
        {"MONITOR", 1},
    };
    limit_user();
    for (int protocol = 2; protocol <= 3; protocol++) {
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            for (int place = 0; place < PLACES; place++) {
                const int errors = all[i].errors * (place == TWICE ? 2 : 1);
                struct client c;
                int values;
                open_as_user(&c, protocol);
                values = ask_denied(c.ac, all[i].command, place);
                loop_until(c.ac == NULL || (heard.values + heard.foreign >= values && heard.errors >= errors));
                /* It still does what it should, a subscription included. */
                if (c.ac) redisAsyncCommand(c.ac, on_expected, (void *)"value-0", "GET conformance:value:0");
                loop_until(c.ac == NULL || heard.values + heard.foreign > values);
                if (heard.errors != errors || heard.values != values + 1) told_of_denied(all[i].command, &c);
                check(heard.errors == errors && heard.values == values + 1);
                check(heard.foreign == 0 && heard.cancelled == 0 && c.ac != NULL);
                redisAsyncFree(c.ac);
                check(heard.cancelled == 0); /* none of the names is subscribed to */
            }
        }
    }
    printf("%s: each got its own\n", scenario);
}

/* The server answers what follows although it was told not to. No callback gets another command's reply: each gets its own, or
 * NULL when the connection ends with an error that says why. */
static void client_reply_denied(void) {
    static const char *const all[] = {"CLIENT REPLY SKIP", "CLIENT REPLY OFF", "CLIENT REPLY ON"};
    limit_user();
    for (int protocol = 2; protocol <= 3; protocol++) {
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            struct client c;
            open_as_user(&c, protocol);
            ask_for_value(c.ac, 0);
            redisAsyncCommand(c.ac, on_denied, NULL, all[i]);
            for (int k = 0; k < 3; k++) ask_for_value(c.ac, k);
            loop_until(c.ac == NULL || heard.values + heard.foreign + heard.cancelled >= 4);
            for (int k = 0; k < 3 && c.ac; k++) ask_for_value(c.ac, k);
            loop_until(c.ac == NULL || heard.values + heard.foreign + heard.cancelled >= 7);
            if (heard.foreign || heard.values < 1) told_of_denied(all[i], &c);
            check(heard.foreign == 0 && heard.values >= 1 && heard.errors <= 1);
            if (c.ac == NULL) check(c.err != 0 && c.disconnected == REDIS_ERR);
            if (c.ac) redisAsyncFree(c.ac);
        }
    }
    printf("%s: none got another's\n", scenario);
}

#endif

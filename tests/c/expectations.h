/* What is expected of whom in a conversation: which callback gets which of its items. */
#ifndef TESTS_EXPECTATIONS_H
#define TESTS_EXPECTATIONS_H

#include "conversations.h"

static struct conversation *talk; /* the one that is tried */

/* The nth push, or the nth of the others. */
static const redisReply *nth_of_kind(int nth, int is_push) {
    for (int i = 0; i < talk->count; i++)
        if ((talk->items[i]->type == REDIS_REPLY_PUSH) == is_push && nth-- == 0) return talk->items[i];
    check(!"more replies than were recorded");
    return NULL;
}

/* What is expected of a command's callback, or of a channel's. */
struct expected {
    const char *name; /* the channel, the pattern; NULL for other commands */
    int silent, shard, confirmed, left, calls, nulls, items[ITEMS], count;
};
static struct expected expected[TURNS * 2];
static int expectations;

static int count_channels(const char *command) {
    int n = 0;
    for (const char *at = command; (at = strchr(at, ' ')); at++) n++;
    return n;
}

static void expect_of(const struct turn *t) {
    static char names[TURNS * 2][16];
    const char *at = command_of(t);
    if (strstr(at, "SUBSCRIBE ") && !strstr(at, "UNSUB")) {
        for (int i = count_channels(at), shard = *at == 'S' && at[1] == 'S'; i > 0; i--) {
            at = strchr(at, ' ') + 1;
            snprintf(names[expectations], sizeof *names, "%.*s", (int)strcspn(at, " "), at);
            expected[expectations] = (struct expected){.name = names[expectations], .shard = shard};
            expectations++;
        }
    } else if (!strstr(at, "UNSUB")) expected[expectations++] = (struct expected){.silent = is_silent(t)};
}

static int is_pubsub(const redisReply *r) {
    static const char *const kinds[] = {"subscribe", "message", "unsubscribe"};
    if (r->type != REDIS_REPLY_PUSH && r->type != REDIS_REPLY_ARRAY) return 0;
    if (r->elements < 3 || r->element[0]->type != REDIS_REPLY_STRING) return 0;
    for (int i = 0; i < 3; i++)
        if (!strcmp(r->element[0]->str, kinds[i]) || !strcmp(r->element[0]->str + 1, kinds[i])) return 1;
    return 0;
}

static struct expected *subscription(const char *name) {
    for (int i = 0; i < expectations; i++)
        if (expected[i].name && !strcmp(expected[i].name, name)) return &expected[i];
    check(!"an item of no subscription");
    return NULL;
}

/* The nth push that is not about a subscription. */
static const redisReply *nth_out_of_band(int nth) {
    for (int i = 0; i < talk->count; i++)
        if (talk->items[i]->type == REDIS_REPLY_PUSH && !is_pubsub(talk->items[i]) && nth-- == 0) return talk->items[i];
    check(!"more pushes than were recorded");
    return NULL;
}

static void give_to_subscription(int item) {
    const redisReply *r = talk->items[item];
    struct expected *e = subscription(r->element[1]->str);
    e->items[e->count++] = item;
    e->confirmed = 1;
    e->left = strstr(r->element[0]->str, "unsubscribe") != NULL;
}

/* Who gets which of the first so many items. Returns how many pushes there are among them. */
static int distribute(int items) {
    int out_of_band = 0, next = 0;
    for (int i = 0; i < items; i++) {
        if (talk->items[i]->type == REDIS_REPLY_ATTR) continue;
        if (is_pubsub(talk->items[i])) give_to_subscription(i);
        else if (talk->items[i]->type == REDIS_REPLY_PUSH) out_of_band++;
        else {
            while (expected[next].name || expected[next].silent) next++;
            expected[next].items[expected[next].count++] = i;
            next++;
        }
    }
    return out_of_band;
}

/* Whether a reply is due: then silence is a timeout. */
static int is_waiting(void) {
    for (int i = 0; i < expectations; i++) {
        const struct expected *e = &expected[i];
        if (e->name ? e->shard && !e->confirmed : !e->silent && e->count == 0) return 1;
    }
    return 0;
}

#endif

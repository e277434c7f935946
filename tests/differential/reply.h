/* Replies and the reader's state as lines. */
#ifndef REPLY_H
#define REPLY_H

#include <hiredis/hiredis.h>
#include "report.h"

/* One line per object with every field, children as KEY.0, KEY.1 and so on. */
UNUSED_OK static void dump(const char *key, const redisReply *r) {
    say("%s", key);
    if (r == NULL) {
        printf(" NULL");
        end();
        return;
    }
    printf(" type=%d integer=%lld dval=%.17g len=%zu str=", r->type, r->integer, r->dval, r->len);
    bytes(r->str, r->len);
    if (r->str != NULL)
        printf(r->str[r->len] == '\0' ? " nul" : " NO NUL");
    printf(" vtype=");
    bytes(r->vtype, sizeof(r->vtype));
    printf(" elements=%zu element=%s", r->elements, r->element ? "set" : "NULL");
    end();
    for (size_t i = 0; r->element != NULL && i < r->elements; i++) {
        char child[256];
        snprintf(child, sizeof(child), "%s.%zu", key, i);
        dump(child, r->element[i]);
    }
}

/* The fields that programs read, and the unread bytes while they are few. */
UNUSED_OK static void state(const char *key, redisReader *r) {
    say("%s.state", key);
    printf(" err=%d errstr=", r->err);
    text(r->errstr);
    printf(" pos=%zu len=%zu ridx=%d reply=%s buf=", r->pos, r->len, r->ridx, r->reply ? "set" : "NULL");
    if (r->buf == NULL)
        printf("NULL");
    else if (r->len - r->pos > 64)
        printf("%zu more bytes", r->len - r->pos);
    else
        bytes(r->buf + r->pos, r->len - r->pos);
    end();
}

/* Everything that comes out of one feed: replies until there is none, then the state. */
UNUSED_OK static void replies(const char *key, redisReader *r) {
    for (int i = 0;; i++) {
        char one[256];
        void *reply = r;
        int rc = redisReaderGetReply(r, &reply);
        snprintf(one, sizeof(one), "%s.reply%d", key, i);
        fact(rc, "%s.rc", one);
        dump(one, reply);
        if (rc != REDIS_OK || reply == NULL)
            break;
        freeReplyObject(reply);
    }
    state(key, r);
}

UNUSED_OK static void parse(const char *key, const char *wire, size_t len) {
    redisReader *r = redisReaderCreate();
    fact(redisReaderFeed(r, wire, len), "%s.feed", key);
    replies(key, r);
    redisReaderFree(r);
}

#endif

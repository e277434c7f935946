/* What a table's functions see in their own task (contract 11.15): no object that an earlier sibling has left behind. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

static int strings, stale;

static void *create_string(const redisReadTask *task, char *str, size_t len) {
    (void)str;
    (void)len;
    strings++;
    stale += task->obj != NULL;
    return &strings;
}

static void *create_array(const redisReadTask *task, size_t elements) {
    (void)elements;
    stale += task->obj != NULL;
    return &strings;
}

int main(void) {
    const char *replies = "*3\r\n*1\r\n+a\r\n+b\r\n*1\r\n+c\r\n+d\r\n";
    redisReplyObjectFunctions table = {create_string, create_array, NULL, NULL, NULL, NULL, NULL};
    redisReader *reader = redisReaderCreateWithFunctions(&table);
    void *reply;
    redisReaderFeed(reader, replies, strlen(replies));
    for (int i = 0; i < 2; i++) {
        if (redisReaderGetReply(reader, &reply) != REDIS_OK || reply != &strings) return 1;
    }
    redisReaderFree(reader);
    printf("%d strings, %d stale objects\n", strings, stale);
    return strings == 4 && stale == 0 ? 0 : 1;
}

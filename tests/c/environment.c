/* Whether the process has more rights than its user's, and whether freed replies are kept for the next ones. */
#include "replies.h"
#include <sys/auxv.h>

enum { COUNT = 1000 };

int main(void) {
    static redisReply *all[COUNT];
    mallopt(M_MXFAST, 0);
    freeReplyObject(parse("+OK\r\n"));
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < COUNT; i++)
        all[i] = parse("+OK\r\n");
    for (int i = 0; i < COUNT; i++)
        freeReplyObject(all[i]);
    /* malloc's own caches keep a few blocks of each size. */
    printf("secure %lu, kept %d\n", getauxval(AT_SECURE), mallinfo2().uordblks > before + COUNT * sizeof(redisReply) / 2);
    return 0;
}

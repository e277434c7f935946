/* Linked with libhiredis, and wants a function that none has. */
#include <hiredis/hiredis.h>

void redisNoSuchFunction(redisContext *c);

int main(void) {
    redisNoSuchFunction(redisConnect("127.0.0.1", 6379));
    return 0;
}

/* As a user's first program: formats one command and prints its length. */
#include <hiredis/hiredis.h>
#include <stdio.h>

int main(void) {
    char *command;
    int len = redisFormatCommand(&command, "SET %s %b", "key", "value", (size_t)5);
    printf("%d\n", len);
    redisFreeCommand(command);
    return 0;
}

/* cc: -std=c99 -U_REENTRANT */
#include <hiredis/adapters/poll.h>
#include <stdio.h>

#ifdef CLOCK_MONOTONIC
#error strict C99 is meant to hide it
#endif

/* The time of day is beyond the thousand millionth second; a clock that nobody sets has counted since the machine started. */
int main(void) {
    double begun = redisPollGetNow(), waited;
    poll(NULL, 0, 100);
    waited = redisPollGetNow() - begun;
    printf("%f, %f later\n", begun, waited);
    return begun < 1e9 && waited > 0.085 && waited < 10 ? 0 : 1;
}

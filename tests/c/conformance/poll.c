#include <hiredis/adapters/poll.h>

#include "scenarios.h"

/* poll.h drives one context at a time, so this is a loop over all of them. */
static struct {
    redisAsyncContext *ac;
    void *data;
    void (*cleanup)(void *data);
} attached[256];
enum { SLOTS = sizeof attached / sizeof *attached };

static void on_cleanup(void *data) {
    for (int i = 0; i < SLOTS; i++) {
        if (attached[i].ac == NULL || attached[i].data != data) continue;
        attached[i].ac = NULL;
        attached[i].cleanup(data);
        return;
    }
}

static int loop_attach(redisAsyncContext *ac) {
    int i = 0;
    if (redisPollAttach(ac) != REDIS_OK) return REDIS_ERR;
    while (attached[i].ac != NULL) check(++i < SLOTS);
    attached[i].ac = ac;
    attached[i].data = ac->ev.data;
    attached[i].cleanup = ac->ev.cleanup;
    ac->ev.cleanup = on_cleanup;
    return REDIS_OK;
}

static void loop_ended(const redisAsyncContext *ac) { (void)ac; }

static void loop_once(void) {
    int many = -1, handled = 0;
    for (int i = 0; i < SLOTS; i++) many += attached[i].ac != NULL;
    for (int i = 0; i < SLOTS; i++)
        if (attached[i].ac) handled |= redisPollTick(attached[i].ac, many > 0 ? 0 : 0.02);
    check(handled >= 0);
    if (many != 0 && handled == 0) pause_ms(1);
}

int main(int argc, char **argv) {
    conformance(argc - 1, argv + 1);
    return 0;
}

/* The scenarios; qt_loop.cpp has the loop. */
#include <hiredis/async.h>

#include "scenarios.h"

int qt_attach(redisAsyncContext *ac);
void qt_detach(void);
void qt_once(void);
void qt_begin(void);
void qt_end(void);

static int loop_attach(redisAsyncContext *ac) { return qt_attach(ac); }
static void loop_ended(const redisAsyncContext *ac) { (void)ac; }
static void loop_once(void) { qt_once(); }

static void loop_detach(void) { qt_detach(); }

int main(int argc, char **argv) {
    qt_begin();
    conformance(argc - 1, argv + 1);
    outlives_its_adapter(loop_detach);
    qt_end();
    return 0;
}

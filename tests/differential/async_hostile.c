/* Peers that break the protocol: what the callbacks see, row by row (c/hostile_peers.h). Where the C library aborts there is nothing to
 * compare, so each row has a process of its own. */
// valgrind: off, hostile_async.rs runs the same rows under it, and memcheck is silent of children
#include <sys/resource.h>
#include <sys/wait.h>

#include "../c/hostile_peers.h"

static void row(const struct peer_row *row) {
    static struct session s;
    static struct peer p;
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    /* The assertion's text is no fact to compare. */
    if (freopen("/dev/null", "w", stderr) == NULL) exit(1);
    play(row, &s, &p);
    printf("%s: %s\n", row->name, trace.calls);
    fflush(stdout);
    _exit(0);
}

int main(void) {
    for (size_t i = 0; i < PEER_ROWS; i++) {
        int status;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) row(&peer_rows[i]);
        if (waitpid(child, &status, 0) != child) return 1;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) printf("%s.died: signal %d\n", peer_rows[i].name, WTERMSIG(status));
    }
    return 0;
}

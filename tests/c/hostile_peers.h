/* Peers that break the protocol, row by row: what the program has asked for, what the peer says and does then, and what the callbacks see of
 * it, to the end. `hostile_async.c` asserts that, `differential/async_hostile.c` compares it where the C library survives. */
#ifndef TESTS_HOSTILE_PEERS_H
#define TESTS_HOSTILE_PEERS_H

#include "hooks.h"

enum ending { STAYS, CLOSES, RESETS };

#define END "{dataCleanup}{privdata dtor}"
#define FREED "<cleanup>{onDisconnect 0 err 0 '' CFI fd open}" END
#define UNEXPECTED "<cleanup>{onDisconnect -1 err 4 'Unexpected reply, no command is waiting for one' CDI fd open}" END
#define MALFORMED(flags) "<cleanup>{a NULL err 4 " flags "}{onDisconnect -1 err 4 'Unexpected pub/sub reply' " flags " fd open}" END

static const struct peer_row {
    const char *name;
    const char *commands[3];
    const char *bytes, *more; /* in two events, where there is more */
    enum ending ending;
    const char *calls; /* of the callbacks, to the end of the context */
} peer_rows[] = {
    {"reply_to_nobody", {NULL}, "+OK\r\n", NULL, STAYS,
     UNEXPECTED},
    {"second_reply_to_one_command", {"PING"}, "+PONG\r\n+PONG\r\n", NULL, STAYS,
     "{a +PONG}" UNEXPECTED},
    {"second_reply_in_a_later_event", {"PING"}, "+PONG\r\n", "+PONG\r\n", STAYS,
     "{a +PONG}" UNEXPECTED},
    {"error_to_nobody", {NULL}, "-ERR max number of clients reached\r\n", NULL, CLOSES,
     "<cleanup>{onDisconnect -1 err 2 'ERR max number of clients reached' CDI fd open}" END},
    {"message_without_subscription.push", {NULL}, ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n", NULL, STAYS,
     "{push >[$message $c $x]}{free}<cleanup>{onDisconnect 0 err 0 '' CFIP fd open}" END},
    {"message_without_subscription.array", {NULL}, "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n", NULL, STAYS,
     UNEXPECTED},
    {"malformed_after_subscribe.one_element", {"SUBSCRIBE ch"}, ">1\r\n$9\r\nsubscribe\r\n", NULL, STAYS,
     MALFORMED("CDISP")},
    {"malformed_after_subscribe.two_elements", {"SUBSCRIBE ch"}, ">2\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n", NULL, STAYS,
     MALFORMED("CDISP")},
    {"malformed_after_subscribe.empty", {"SUBSCRIBE ch"}, ">0\r\n", NULL, STAYS,
     MALFORMED("CDISP")},
    {"malformed_after_subscribe.integers", {"SUBSCRIBE ch"}, "*3\r\n:1\r\n:2\r\n:3\r\n", NULL, STAYS,
     MALFORMED("CDIS")},
    {"malformed_after_subscribe.arrays", {"SUBSCRIBE ch"}, "*3\r\n*0\r\n*0\r\n*0\r\n", NULL, STAYS,
     MALFORMED("CDIS")},
    {"malformed_after_subscribe.string_count", {"SUBSCRIBE ch"}, ">3\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n$1\r\n0\r\n", NULL, STAYS,
     MALFORMED("CDISP")},
    {"malformed_after_subscribe.string_count_resp2", {"SUBSCRIBE ch"}, "*3\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n$1\r\n0\r\n", NULL, STAYS,
     MALFORMED("CDIS")},
    {"malformed_after_subscribe.short_message", {"SUBSCRIBE ch"}, ">1\r\n$7\r\nmessage\r\n", NULL, STAYS,
     MALFORMED("CDISP")},
    {"subscription_never_asked_for.push", {"SUBSCRIBE ch"}, ">3\r\n$9\r\nsubscribe\r\n$5\r\nother\r\n:1\r\n", NULL, STAYS,
     MALFORMED("CDISP")},
    {"subscription_never_asked_for.array", {"SUBSCRIBE ch"}, "*3\r\n$9\r\nsubscribe\r\n$5\r\nother\r\n:1\r\n", NULL, STAYS,
     MALFORMED("CDIS")},
    {"sharded_message_resp2", {"SSUBSCRIBE ch"}, "*3\r\n$10\r\nssubscribe\r\n$2\r\nch\r\n:1\r\n", "*3\r\n$8\r\nsmessage\r\n$2\r\nch\r\n$1\r\nx\r\n", STAYS,
     "{a *[$ssubscribe $ch :1]}{a *[$smessage $ch $x]}{free}{a NULL err 0 CFI}" FREED},
    {"attribute_takes_no_callback.apart", {"PING"}, "|1\r\n$1\r\na\r\n$1\r\nb\r\n", "+PONG\r\n", STAYS,
     "{a +PONG}{free}" FREED},
    {"attribute_takes_no_callback.together", {"PING"}, "|1\r\n$1\r\na\r\n$1\r\nb\r\n+PONG\r\n", NULL, STAYS,
     "{a +PONG}{free}" FREED},
    {"attribute_takes_no_callback.to_nobody", {NULL}, "|1\r\n$1\r\na\r\n$1\r\nb\r\n", NULL, STAYS,
     "{free}" FREED},
    {"three_pending.close", {"A", "B", "C"}, NULL, NULL, CLOSES,
     "<cleanup>{a NULL err 3 CDI}{b NULL err 3 CDI}{c NULL err 3 CDI}{onDisconnect -1 err 3 'Server closed the connection' CDI fd open}" END},
    {"three_pending.reset", {"A", "B", "C"}, NULL, NULL, RESETS,
     "<cleanup>{a NULL err 1 CDI}{b NULL err 1 CDI}{c NULL err 1 CDI}{onDisconnect -1 err 1 'Connection reset by peer' CDI fd open}" END},
    {"three_pending.half_reply_close", {"A", "B", "C"}, "$100\r\nhalf", NULL, CLOSES,
     "<cleanup>{a NULL err 3 CDI}{b NULL err 3 CDI}{c NULL err 3 CDI}{onDisconnect -1 err 3 'Server closed the connection' CDI fd open}" END},
    {"three_pending.one_reply_close", {"A", "B", "C"}, "+1\r\n", NULL, CLOSES,
     "{a +1}<cleanup>{b NULL err 3 CDI}{c NULL err 3 CDI}{onDisconnect -1 err 3 'Server closed the connection' CDI fd open}" END},
};
enum { PEER_ROWS = sizeof peer_rows / sizeof *peer_rows };

static inline void play(const struct peer_row *row, struct session *s, struct peer *p) {
    static struct expect asked[3] = {{"a", NULL}, {"b", NULL}, {"c", NULL}};
    begin("%s", row->name);
    session_connected(s, p, 0);
    redisAsyncSetPushCallback(s->ac, on_push);
    for (int i = 0; i < 3 && row->commands[i]; i++) ask(s, &asked[i], row->commands[i]);
    drive_flush(s);
    if (row->commands[0]) peer_heard(p, 1000);
    trace.hooks[0] = trace.calls[0] = 0;
    if (row->bytes) peer_say(p, row->bytes);
    if (row->ending == CLOSES) peer_close(p);
    if (row->ending == RESETS) peer_reset(p);
    drive_read(s);
    if (row->more && s->ac) {
        peer_say(p, row->more);
        drive_read(s);
    }
    /* Behind the last bytes there is the end. */
    for (int i = 0; i < 3 && row->ending != STAYS; i++) drive_read(s);
    if (s->ac) {
        trace_call("{free}");
        redisAsyncFree(s->ac);
    }
    peer_end(p);
}

#endif

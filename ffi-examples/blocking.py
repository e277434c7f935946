"""From Python, through ctypes.

    python3 blocking.py 127.0.0.1 6379
"""
from libhiredis import POINTER, Context, Reply, Timeval, address, arguments, c_char_p, c_int, lib, value

lib.redisConnectWithTimeout.argtypes = [c_char_p, c_int, Timeval]
lib.redisConnectWithTimeout.restype = POINTER(Context)
lib.redisCommandArgv.restype = POINTER(Reply)


def command(context, *words):
    reply = lib.redisCommandArgv(context, *arguments(words))
    if not reply:
        raise ConnectionError(context.contents.errstr.decode())
    try:
        return value(reply.contents)
    finally:
        lib.freeReplyObject(reply)


host, port = address()
context = lib.redisConnectWithTimeout(host.encode(), port, Timeval(2, 0))
if not context or context.contents.err:
    raise SystemExit(f"There is no Redis at {host}: {context.contents.errstr.decode() if context else 'out of memory'}")
print("SET", command(context, "SET", "example:greeting", "hello"))
print("GET", command(context, "GET", "example:greeting"))
print("DEL", command(context, "DEL", "example:greeting"))
try:
    command(context, "NO SUCH")
except RuntimeError as error:
    print("Error:", error)
lib.redisFree(context)

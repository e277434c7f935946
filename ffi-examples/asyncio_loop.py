"""From Python's asyncio, through ctypes: the loop watches the socket, and each command is awaited.

    python3 asyncio_loop.py 127.0.0.1 6379
"""
import asyncio
from ctypes import CFUNCTYPE, Structure

from libhiredis import POINTER, Context, Reply, address, arguments, c_char_p, c_int, c_void_p, lib, value

Hook = CFUNCTYPE(None, c_void_p)


class AsyncContext(Structure):
    _fields_ = [("c", Context), ("err", c_int), ("errstr", c_char_p), ("data", c_void_p), ("dataCleanup", c_void_p),
                ("ev_data", c_void_p), ("addRead", Hook), ("delRead", Hook), ("addWrite", Hook), ("delWrite", Hook),
                ("cleanup", Hook), ("scheduleTimer", c_void_p)]


Replied = CFUNCTYPE(None, c_void_p, POINTER(Reply), c_void_p)
Changed = CFUNCTYPE(None, POINTER(AsyncContext), c_int)  # connected, or disconnected
lib.redisAsyncConnect.argtypes = [c_char_p, c_int]
lib.redisAsyncConnect.restype = POINTER(AsyncContext)
lib.redisAsyncCommandArgv.argtypes = [c_void_p, Replied, c_void_p, c_int, c_void_p, c_void_p]


class Redis:
    """One connection. It keeps every callback that it gave to the library, for as long as that may call it."""

    def __init__(self, host, port):
        self.loop = asyncio.get_running_loop()
        self.connected, self.disconnected = self.loop.create_future(), self.loop.create_future()
        self.waiting = {}  # the futures of the commands under way, by number
        self.last = 0
        self.context = lib.redisAsyncConnect(host.encode(), port)
        if not self.context or self.context.contents.err:
            raise ConnectionError(self.context.contents.errstr.decode() if self.context else "out of memory")
        self.attach(self.context.contents)
        self.callbacks = Changed(self.on_connect), Changed(self.on_disconnect), Replied(self.on_reply)
        lib.redisAsyncSetConnectCallback(self.context, self.callbacks[0])
        lib.redisAsyncSetDisconnectCallback(self.context, self.callbacks[1])

    def attach(self, context):
        """What an adapter of the C library does: tells the loop what to watch, and the library what has happened."""
        loop, fd = self.loop, lambda: context.c.fd
        context.addRead = Hook(lambda _: loop.add_reader(fd(), lib.redisAsyncHandleRead, self.context))
        context.delRead = Hook(lambda _: loop.remove_reader(fd()))
        context.addWrite = Hook(lambda _: loop.add_writer(fd(), lib.redisAsyncHandleWrite, self.context))
        context.delWrite = Hook(lambda _: loop.remove_writer(fd()))
        context.cleanup = Hook(lambda _: (loop.remove_reader(fd()), loop.remove_writer(fd())))
        self.hooks = [context.addRead, context.delRead, context.addWrite, context.delWrite, context.cleanup]

    def on_connect(self, context, status):
        if status == 0:
            self.connected.set_result(None)
        else:
            self.connected.set_exception(ConnectionError(context.contents.errstr.decode()))

    def on_disconnect(self, context, status):
        self.disconnected.set_result(status)

    def on_reply(self, _, reply, number):
        future = self.waiting.pop(number)
        try:
            if not reply:
                raise ConnectionError("disconnected")
            future.set_result(value(reply.contents))
        except Exception as error:
            future.set_exception(error)

    async def command(self, *words):
        self.last += 1
        future = self.waiting[self.last] = self.loop.create_future()
        if lib.redisAsyncCommandArgv(self.context, self.callbacks[2], self.last, *arguments(words)) != 0:
            del self.waiting[self.last]
            raise ConnectionError("disconnected")
        return await future

    async def close(self):
        lib.redisAsyncDisconnect(self.context)
        await self.disconnected


async def main():
    host, port = address()
    try:
        redis = Redis(host, port)
        await asyncio.wait_for(redis.connected, 2)
    except (ConnectionError, asyncio.TimeoutError) as error:
        raise SystemExit(f"There is no Redis at {host}: {error or 'it does not answer'}")
    print("SET", await redis.command("SET", "example:counter", 0))
    counts = await asyncio.gather(*(redis.command("INCR", "example:counter") for _ in range(1000)))
    print("INCR, a thousand at once:", counts[0], "to", counts[-1])
    print("DEL", await redis.command("DEL", "example:counter"))
    try:
        await redis.command("NO SUCH")
    except RuntimeError as error:
        print("Error:", error)
    await redis.close()


asyncio.run(main())

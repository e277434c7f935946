"""What both Python examples need: the library, its structures (as in hiredis.h and async.h), a reply as a Python value.

    python3 blocking.py 127.0.0.1 6379
    python3 asyncio_loop.py 127.0.0.1 6379
"""
import sys
from ctypes import CDLL, POINTER, Structure, c_char, c_char_p, c_double, c_int, c_long, c_longlong, c_size_t, c_void_p

lib = CDLL("libhiredis.so.1")


class Reply(Structure):
    pass


Reply._fields_ = [("type", c_int), ("integer", c_longlong), ("dval", c_double), ("len", c_size_t), ("str", POINTER(c_char)),
                  ("vtype", c_char * 4), ("elements", c_size_t), ("element", POINTER(POINTER(Reply)))]


class Context(Structure):
    _fields_ = [("funcs", c_void_p), ("err", c_int), ("errstr", c_char * 128), ("fd", c_int), ("flags", c_int), ("obuf", c_void_p),
                ("reader", c_void_p), ("connection_type", c_int), ("connect_timeout", c_void_p), ("command_timeout", c_void_p),
                ("host", c_void_p), ("source_addr", c_void_p), ("port", c_int), ("path", c_void_p), ("saddr", c_void_p),
                ("addrlen", c_size_t), ("privdata", c_void_p), ("free_privdata", c_void_p), ("privctx", c_void_p),
                ("push_cb", c_void_p)]


class Timeval(Structure):
    _fields_ = [("tv_sec", c_long), ("tv_usec", c_long)]


STATUS, ERROR, INTEGER, NIL, ARRAY = 5, 6, 3, 4, 2


def value(reply):
    """The value of a RESP2 reply, copied; an error reply is raised."""
    if reply.type == ERROR:
        raise RuntimeError(reply.str[:reply.len].decode())
    if reply.type == ARRAY:
        return [value(reply.element[i].contents) for i in range(reply.elements)]
    if reply.type == NIL:
        return None
    return reply.integer if reply.type == INTEGER else reply.str[:reply.len].decode()


def arguments(words):
    """The last three arguments of redisCommandArgv and redisAsyncCommandArgv."""
    words = [str(word).encode() for word in words]
    count = len(words)
    return count, (c_char_p * count)(*words), (c_size_t * count)(*map(len, words))


def address():
    """Host and port, as given on the command line."""
    return sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 6379

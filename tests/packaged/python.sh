# packages: python3-hiredis
# hiredis-py packs commands and reads the replies of a socket of Python's. (The packaged redis-py wants a newer one.)
python3 - "$port" <<'PY'
import hiredis, socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
reader = hiredis.Reader(encoding="utf-8")
def ask(*commands):
    s.sendall(b"".join(map(hiredis.pack_command, commands)))
    replies = []
    while len(replies) < len(commands):
        while (reply := reader.gets()) is not False:
            replies.append(reply)
        if len(replies) < len(commands):
            reader.feed(s.recv(4096))
    return replies
ask(*[("RPUSH", "numbers", n) for n in range(1000)])
print(sum(map(int, ask(("LRANGE", "numbers", 0, -1))[0])))
print(ask(("SET", "big", "x" * 1000000), ("STRLEN", "big"), ("INCR", "big")))
print(sum(map(len, ask(("GET", "big")))))
print(ask(("HELLO", 3), ("HSET", "h", "a", 1), ("HGETALL", "h"))[1:])
print("on ours" if " /hiredis-rs/libhiredis.so" in open("/proc/self/maps").read() else "not on ours")
PY

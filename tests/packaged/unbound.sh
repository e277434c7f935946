# packages: unbound python3
# cachedb: an answer goes into Redis, and the next unbound, which may ask nobody, has it from there.
cat > server.py <<'PY'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
while True:
    q, peer = s.recvfrom(512)
    end = q.index(b"\0", 12) + 5
    s.sendto(q[:2] + b"\x84\x00\0\1\0\1\0\0\0\0" + q[12:end] + b"\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\x0a\1\2\3", peer)
PY
python3 server.py > upstream &
until_true '[ -s upstream ]'
conf() {
  cat <<CONF
server: 
  interface: 127.0.0.1@$free
  port: $free
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  module-config: "cachedb iterator"
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@$1
cachedb:
  backend: redis
  redis-server-host: 127.0.0.1
  redis-server-port: $port
CONF
}
ask() {
  python3 - "$free" <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(b"\0\7\1\0\0\1\0\0\0\0\0\0\4some\5thing\0\0\1\0\1", ("127.0.0.1", int(sys.argv[1])))
print(".".join(map(str, s.recv(512)[-4:])))
PY
}
resolve() {
  conf "$1" > unbound.conf
  unbound -d -c unbound.conf 2>> log &
  until_true "grep -q 'start of service' log"
  ask
  ours $!
  kill $!
  wait $! || true
  : > log
}
resolve "$(cat upstream)"
redis DBSIZE
resolve 9 # the port where nobody answers

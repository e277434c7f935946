# packages: kamailio-redis-modules python3
# ndb_redis: what the script for a SIP request does to Redis, and answers from it.
cat > kamailio.cfg <<CONF
#!KAMAILIO
debug=2
log_stderror=yes
children=1
listen=udp:127.0.0.1:$free
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "ndb_redis.so"
modparam("ndb_redis", "server", "name=r;addr=127.0.0.1;port=$port;db=0")
request_route {
  redis_cmd("r", "INCR calls:%s", "\$rU", "n");
  redis_cmd("r", "HGETALL user:%s", "\$rU", "user");
  append_to_reply("X-Calls: \$redis(n=>value)\r\nX-Name: \$redis(user=>value[1])\r\n");
  sl_send_reply("200", "Counted");
}
CONF
redis HSET user:ann name Ann
kamailio -DD -E -m 16 -M 4 -f kamailio.cfg -P /tmp/pid -w /tmp -Y /tmp > log 2>&1 &
call() {
  python3 - "$free" <<'PY'
import re, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect(("127.0.0.1", int(sys.argv[1])))
here = "127.0.0.1:%d" % s.getsockname()[1]
s.send(f"OPTIONS sip:ann@here SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK1\r\nFrom: <sip:b@here>;tag=1\r\nTo: <sip:ann@here>\r\n"
       f"Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 9\r\nContent-Length: 0\r\n\r\n".encode())
print("\n".join(re.findall(r"^(?:SIP/2.0 .*|X-.*)$", s.recv(4096).decode().replace("\r", ""), re.M)))
PY
}
until_true 'call' # refused at once until kamailio listens
redis GET calls:ann
ours $!

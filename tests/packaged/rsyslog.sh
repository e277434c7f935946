# packages: rsyslog-hiredis python3
# omhiredis: three logged lines arrive in a list of Redis, one in a key.
cat > rsyslog.conf <<CONF
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="/tmp/log.sock" CreatePath="on")
module(load="omhiredis")
template(name="line" type="string" string="%msg%")
action(type="omhiredis" server="127.0.0.1" serverport="$port" mode="queue" key="lines" template="line")
action(type="omhiredis" server="127.0.0.1" serverport="$port" mode="set" key="last" template="line")
CONF
rsyslogd -n -f rsyslog.conf -i /tmp/pid > log 2>&1 &
until_true '[ -S log.sock ]'
for line in one two three; do python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"<13>test: " + sys.argv[1].encode(), "log.sock")' "$line"; done
until_true '[ "$(redis LLEN lines)" = :3 ]'
redis LLEN lines
until_true '[[ $(redis GET last) = *three ]]'
redis LINDEX lines 0
redis GET last
ours $!

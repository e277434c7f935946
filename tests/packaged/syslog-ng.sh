# packages: syslog-ng-mod-redis
# The redis() destination counts what it reads in a hash.
cat > syslog-ng.conf <<CONF
@version: 4.8
source lines { file("/tmp/lines" flags(no-parse) follow-freq(0.1)); };
destination redis { redis(host("127.0.0.1") port($port) command("HINCRBY", "words", "\$MSG", "1")); };
log { source(lines); destination(redis); };
CONF
printf '%s\n' a b a > lines
syslog-ng -F -f syslog-ng.conf -R persist -p pid -c ctl --no-caps > log 2>&1 &
until_true '[ "$(redis HGET words a)" = 2 ]'
redis HGET words a
redis HGET words b
ours $!

# packages: gearman-job-server gearman-tools
# A job that waits in Redis outlives the gearmand that took it, and the next one hands it to a worker.
serve() {
  gearmand --listen 127.0.0.1 --port "$free" --queue-type redis --redis-server 127.0.0.1 --redis-port "$port" --log-file stderr --verbose INFO 2> log &
  disown # bash says nothing when it is killed
  until_true '(exec 4<>/dev/tcp/127.0.0.1/$free)'
}
serve
gearman -h 127.0.0.1 -p "$free" -b -f shout hello
redis DBSIZE
ours $!
kill -KILL $!
until_true '! (exec 4<>/dev/tcp/127.0.0.1/$free)'
serve
gearman -h 127.0.0.1 -p "$free" -w -c 1 -f shout -- tee done > worker &
worker=$!
until_true '[ "$(cat done)" = hello ]'
cat done
echo
wait $worker || true
until_true '[ "$(redis DBSIZE)" = :0 ]'
redis DBSIZE

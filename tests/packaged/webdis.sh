# packages: webdis
# HTTP to Redis and back, errors too.
cat > webdis.json <<CONF
{ "redis_host": "127.0.0.1", "redis_port": $port, "http_host": "127.0.0.1", "http_port": $free, "threads": 2, "pool_size": 2,
  "daemonize": false, "verbosity": 3, "logfile": "/tmp/log" }
CONF
webdis webdis.json &
get() {
  exec 4<>"/dev/tcp/127.0.0.1/$free"
  printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&4
  tail -n 1 <&4
  echo
}
until_true '(exec 4<>/dev/tcp/127.0.0.1/$free)'
get /SET/hello/world
get /GET/hello
get /LPUSH/list/a%20b
get /LRANGE/list/0/-1
get /INCR/hello
redis GET hello
ours $!

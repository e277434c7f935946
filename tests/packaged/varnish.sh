# packages: varnish varnish-redis curl gcc
# The module for Redis, in the cache's own threads: each answer has what Redis says.
cat > redis.vcl <<VCL
vcl 4.1;
import redis;
backend default none;
sub vcl_init { new db = redis.db(location = "127.0.0.1:$port", type = master, shared_connections = false); }
sub vcl_recv { return (synth(200)); }
sub vcl_synth {
  db.command("INCR");
  db.push("hits");
  db.execute();
  set resp.http.X-Hits = db.get_integer_reply();
  return (deliver);
}
VCL
varnishd -F -j none -T none -n /tmp/varnish -a "127.0.0.1:$free" -f "$PWD/redis.vcl" > log 2>&1 &
until_true 'curl -s -o answer "http://127.0.0.1:$free/"'
curl -s -D - -o answer "http://127.0.0.1:$free/" "http://127.0.0.1:$free/" | tr -d '\r' | grep X-Hits
for process in /proc/[0-9]*; do
  if [ "$(cat "$process/comm")" = cache-main ]; then ours "${process#/proc/}"; fi
done

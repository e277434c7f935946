# packages: collectd-core
# write_redis: the load of the machine goes into sorted sets.
cat > collectd.conf <<CONF
BaseDir "/tmp"
PluginDir "/usr/lib/collectd"
TypesDB "/usr/share/collectd/types.db"
PIDFile "/tmp/pid"
Hostname "here"
Interval 1
LoadPlugin load
LoadPlugin write_redis
<Plugin write_redis>
  <Node "test">
    Host "127.0.0.1"
    Port "$port"
  </Node>
</Plugin>
CONF
collectd -f -C collectd.conf > log 2>&1 &
until_true '[ "$(redis SCARD collectd/values)" = :1 ]'
until_true '[ "$(redis ZCARD collectd/here/load/load)" = :2 ]'
redis SCARD collectd/values
redis ZCARD collectd/here/load/load
ours $!

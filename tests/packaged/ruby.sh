# packages: ruby-hiredis
# hiredis-rb's own connection: a pipeline, errors and a reply nested in another.
ruby - "$port" <<'RUBY'
require "hiredis/ext/connection"
c = Hiredis::Ext::Connection.new
c.connect("127.0.0.1", ARGV[0].to_i)
1000.times { |n| c.write(["RPUSH", "numbers", n]) }
1000.times { c.read }
c.write(["LRANGE", "numbers", 0, -1])
puts c.read.sum(&:to_i)
c.write(["INCR", "numbers"])
puts c.read.message[0, 9]
c.write(["EVAL", "return {1, {2, {'three'}}}", 0])
p c.read
puts "on ours" if File.read("/proc/self/maps").include?(" /hiredis-rs/libhiredis.so")
RUBY

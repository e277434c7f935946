# packages: libredis-fast-perl
# Redis::Fast, which drives an asynchronous context with a poll of its own.
perl - "$port" <<'PERL'
use Redis::Fast;
my $r = Redis::Fast->new(server => "127.0.0.1:$ARGV[0]");
print $r->set(key => "x" x 100000), "\n", length $r->get("key"), "\n";
my $sum = 0;
$r->incrby("n", $_, sub { $sum = $_[0] }) for 1 .. 1000;
$r->wait_all_responses;
print "$sum\n";
$r->multi; $r->rpush("list", "a", "b"); $r->lrange("list", 0, -1);
my @replies = $r->exec;
print "$replies[0] @{$replies[1]}\n";
eval { $r->incr("list") };
print $@ =~ /(WRONGTYPE)/ ? "$1\n" : "no error\n";
my $got;
my $s = Redis::Fast->new(server => "127.0.0.1:$ARGV[0]");
$s->subscribe("news", sub { $got = "$_[1]: $_[0]" });
$r->publish("news", "hello");
$s->wait_for_messages(1);
print "$got\n";
open my $maps, "<", "/proc/self/maps";
print "on ours\n" if grep m{ /hiredis-rs/libhiredis.so}, <$maps>;
PERL

# packages: freeradius-redis freeradius-utils
# unlang asks Redis for the password that a request must have.
mkdir conf
cat > conf/radiusd.conf <<CONF
libdir = /usr/lib/freeradius
name = radiusd
logdir = /tmp
raddbdir = /tmp/conf
run_dir = /tmp
modconfdir = /tmp/conf
pidfile = /tmp/pid
proxy_requests = no
log {
  destination = stdout
}
thread pool {
  start_servers = 1
  max_servers = 2
  min_spare_servers = 1
  max_spare_servers = 2
}
modules {
  redis {
    server = 127.0.0.1
    port = $port
    pool {
      start = 1
      min = 1
      max = 4
      spare = 1
    }
  }
  pap {
  }
}
client here {
  ipaddr = 127.0.0.1
  secret = s3cret
  require_message_authenticator = no
}
server default {
  listen {
    type = auth
    ipaddr = 127.0.0.1
    port = $free
  }
  authorize {
    update control {
      Cleartext-Password := "%{redis:GET user:%{User-Name}}"
    }
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
  }
  post-auth {
    update reply {
      Reply-Message := "%{redis:INCR logins}"
    }
  }
}
CONF
redis SET user:ann secret
freeradius -f -l stdout -d conf -n radiusd > log 2>&1 &
until_true 'grep -q "Ready to process" log'
login() { echo "User-Name=ann,User-Password=$1" | radclient -x -r 1 -t 3 "127.0.0.1:$free" auth s3cret 2>&1 | grep -o 'Received Access-[A-Z][a-z]*\|Reply-Message.*' || true; }
login secret
login wrong
redis GET logins
ours $!

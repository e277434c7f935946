# Begins every script here, which scripts/in-debian13 runs as `bash -c SCRIPT NAME PORT FREE`: where Redis is, and a free port.
set -eu
port=$1 free=$2
cd /tmp

# redis COMMAND: the first line of Redis's answer, or the string if it is one; over a socket of bash's, not over hiredis.
redis() {
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf '%s\r\n' "$*" >&3
  IFS= read -r -t 5 answer <&3
  case $answer in '$-1'*) ;; '$'*) IFS= read -r -t 5 answer <&3 ;; esac
  exec 3>&-
  printf '%s\n' "${answer%$'\r'}"
}

# ours PID: the process has our library loaded.
ours() { grep -q ' /hiredis-rs/libhiredis.so' "/proc/$1/maps" && echo "on ours"; }

# until CONDITION: waits for it.
until_true() {
  for _ in {1..200}; do eval "$1" 2>/dev/null && return; sleep 0.1; done
  echo "in vain: $1" >&2
  tail -n 20 log >&2
  exit 1
}

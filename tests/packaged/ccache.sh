# packages: ccache gcc
# The second compilation, by a ccache that has nothing of its own, gets the object from Redis.
export CCACHE_REMOTE_STORAGE="redis://127.0.0.1:$port" CCACHE_LOGFILE=log
echo 'int answer(void) { return 42; }' > answer.c
CCACHE_DIR=/tmp/first ccache gcc -c answer.c -o first.o
redis DBSIZE
CCACHE_DIR=/tmp/second ccache gcc -c answer.c -o second.o
cmp first.o second.o
CCACHE_DIR=/tmp/second ccache --print-stats | grep -E '^(direct_cache_hit|cache_miss|remote_storage_(hit|error))\b'

-- From LuaJIT, through its FFI: one command at a time, then a pipeline.
--
--     luajit blocking.lua 127.0.0.1 6379
local ffi = require "ffi"
ffi.cdef [[
  typedef struct { const void *funcs; int err; char errstr[128]; } redisContext; /* its first members */
  typedef struct redisReply {
    int type; long long integer; double dval; size_t len; char *str; char vtype[4]; size_t elements; struct redisReply **element;
  } redisReply;
  struct timeval { long sec, usec; };
  redisContext *redisConnectWithTimeout(const char *ip, int port, const struct timeval timeout);
  void *redisCommand(redisContext *c, const char *format, ...);
  int redisAppendCommand(redisContext *c, const char *format, ...);
  int redisGetReply(redisContext *c, void **reply);
  void freeReplyObject(void *reply);
  void redisFree(redisContext *c);
]]
local lib = ffi.load "libhiredis.so.1"
local ARRAY, INTEGER, NIL, ERROR = 2, 3, 4, 6

local function fail(...)
  io.stderr:write(string.format(...), "\n")
  os.exit(1)
end

local host, port = arg[1] or "127.0.0.1", tonumber(arg[2] or 6379)
local c = lib.redisConnectWithTimeout(host, port, ffi.new("struct timeval", 2, 0))
if c == nil or c.err ~= 0 then fail("There is no Redis at %s: %s", host, c ~= nil and ffi.string(c.errstr) or "out of memory") end
c = ffi.gc(c, lib.redisFree)

-- The value of a RESP2 reply, copied: nil and a text for an error.
local function value(reply)
  if reply.type == ERROR then return nil, ffi.string(reply.str, reply.len) end
  if reply.type == NIL then return nil end
  if reply.type == INTEGER then return tonumber(reply.integer) end
  if reply.type ~= ARRAY then return ffi.string(reply.str, reply.len) end
  local values = {}
  for i = 0, tonumber(reply.elements) - 1 do values[i + 1] = value(reply.element[i]) end
  return values
end

local function take(reply)
  if reply == nil then fail("The connection has ended: %s", ffi.string(c.errstr)) end
  return value(ffi.gc(ffi.cast("redisReply *", reply), lib.freeReplyObject))
end

local text = "a\0b" -- %b takes any bytes, and their number as a size_t
print("SET", take(lib.redisCommand(c, "SET %s %b", "example:bytes", text, ffi.cast("size_t", #text))))
print("GET", #take(lib.redisCommand(c, "GET %s", "example:bytes")) .. " bytes")
print("Error:", select(2, take(lib.redisCommand(c, "INCR example:bytes"))))

for i = 1, 1000 do lib.redisAppendCommand(c, "RPUSH example:list %d", ffi.cast("int", i)) end
lib.redisAppendCommand(c, "LRANGE example:list 0 -1")
lib.redisAppendCommand(c, "DEL example:list example:bytes")
local reply, values = ffi.new "void *[1]", {}
for i = 1, 1002 do
  if lib.redisGetReply(c, reply) ~= 0 then fail("The connection has ended: %s", ffi.string(c.errstr)) end
  values[i] = take(reply[0])
end
print("LRANGE", #values[1001] .. " elements, the last is " .. values[1001][1000])
print("DEL", values[1002])

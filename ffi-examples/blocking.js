// From Node, through the package koffi.
//
//     npm install koffi
//     node blocking.js 127.0.0.1 6379
const koffi = require('koffi');

const lib = koffi.load('libhiredis.so.1');
const Context = koffi.struct('redisContext', { funcs: 'void *', err: 'int', errstr: koffi.array('char', 128) }); // its first members
const Reply = koffi.struct('redisReply', {
  type: 'int', integer: 'long long', dval: 'double', len: 'size_t', str: 'void *', vtype: koffi.array('char', 4),
  elements: 'size_t', element: 'void *',
});
koffi.struct('timeval', { sec: 'long', usec: 'long' });
const redisConnectWithTimeout = lib.func('redisContext *redisConnectWithTimeout(const char *ip, int port, timeval timeout)');
const redisCommandArgv = lib.func('redisReply *redisCommandArgv(redisContext *c, int argc, const char **argv, const size_t *lengths)');
const freeReplyObject = lib.func('void freeReplyObject(redisReply *reply)');
const redisFree = lib.func('void redisFree(redisContext *c)');
const [ARRAY, INTEGER, NIL, ERROR] = [2, 3, 4, 6];

// The value of a RESP2 reply, copied; an error reply is thrown.
function value(pointer) {
  const reply = koffi.decode(pointer, Reply);
  if (reply.type === ARRAY && !reply.element) return [];
  if (reply.type === ARRAY) return koffi.decode(reply.element, 'redisReply *', Number(reply.elements)).map(value);
  if (reply.type === INTEGER) return Number(reply.integer);
  if (reply.type === NIL) return null;
  const text = koffi.decode(reply.str, 'char', Number(reply.len));
  if (reply.type === ERROR) throw new Error(text);
  return text;
}

function command(context, ...words) {
  const lengths = words.map((word) => Buffer.byteLength(word));
  const reply = redisCommandArgv(context, words.length, words, lengths);
  if (!reply) throw new Error(koffi.decode(context, Context).errstr);
  try {
    return value(reply);
  } finally {
    freeReplyObject(reply);
  }
}

const [host = '127.0.0.1', port = '6379'] = process.argv.slice(2);
const context = redisConnectWithTimeout(host, Number(port), { sec: 2, usec: 0 });
const { err, errstr } = context ? koffi.decode(context, Context) : { err: 1, errstr: 'out of memory' };
if (err) {
  console.error(`There is no Redis at ${host}: ${errstr}`);
  process.exit(1);
}
console.log('SET', command(context, 'SET', 'example:greeting', 'grüß dich'));
console.log('GET', command(context, 'GET', 'example:greeting'));
console.log('MGET', command(context, 'MGET', 'example:greeting', 'example:nothing'));
console.log('DEL', command(context, 'DEL', 'example:greeting'));
try {
  command(context, 'NO SUCH');
} catch (error) {
  console.log('Error:', error.message);
}
redisFree(context);

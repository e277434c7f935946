// From Go, through cgo. It cannot call functions with "...", so commands go through redisCommandArgv.
//
//	go run blocking.go 127.0.0.1 6379
package main

// #cgo pkg-config: hiredis
// #include <hiredis/hiredis.h>
// #include <stdlib.h>
import "C"

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"unsafe"
)

// The value of a RESP2 reply, copied.
func value(reply *C.redisReply) (any, error) {
	switch reply._type {
	case C.REDIS_REPLY_ERROR:
		return nil, errors.New(C.GoStringN(reply.str, C.int(reply.len)))
	case C.REDIS_REPLY_NIL:
		return nil, nil
	case C.REDIS_REPLY_INTEGER:
		return int64(reply.integer), nil
	case C.REDIS_REPLY_ARRAY:
		values := make([]any, reply.elements)
		for i, element := range unsafe.Slice(reply.element, reply.elements) {
			values[i], _ = value(element)
		}
		return values, nil
	}
	return C.GoStringN(reply.str, C.int(reply.len)), nil
}

func command(c *C.redisContext, words ...string) (any, error) {
	argv, lengths := make([]*C.char, len(words)), make([]C.size_t, len(words))
	for i, word := range words {
		argv[i], lengths[i] = C.CString(word), C.size_t(len(word))
		defer C.free(unsafe.Pointer(argv[i]))
	}
	reply := (*C.redisReply)(C.redisCommandArgv(c, C.int(len(words)), &argv[0], &lengths[0]))
	if reply == nil {
		return nil, errors.New(C.GoString(&c.errstr[0]))
	}
	defer C.freeReplyObject(unsafe.Pointer(reply))
	return value(reply)
}

func main() {
	host, port := "127.0.0.1", 6379
	if len(os.Args) > 2 {
		host = os.Args[1]
		port, _ = strconv.Atoi(os.Args[2])
	}
	name := C.CString(host)
	defer C.free(unsafe.Pointer(name))
	c := C.redisConnectWithTimeout(name, C.int(port), C.struct_timeval{tv_sec: 2})
	if c == nil || c.err != 0 {
		why := "out of memory"
		if c != nil {
			why = C.GoString(&c.errstr[0])
		}
		fmt.Fprintf(os.Stderr, "There is no Redis at %s: %s\n", host, why)
		os.Exit(1)
	}
	defer C.redisFree(c)
	for _, words := range [][]string{
		{"SET", "example:greeting", "hello"}, {"GET", "example:greeting"}, {"DEL", "example:greeting"}, {"NO SUCH"},
	} {
		if value, err := command(c, words...); err != nil {
			fmt.Println("Error:", err)
		} else {
			fmt.Println(words[0], value)
		}
	}
}

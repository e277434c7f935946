"""Everything that can be measured, by name. A measure runs a program once, on one library, and returns numbers by name."""

import glob
import re
from typing import Callable, NamedTuple

from .programs import NOT_COUNTED, C, LOOPS, OURS, OUT, REBUILT, instructions, numbers, run, works

BOTH = (C, OURS)
ALL_THREE = (C, OURS, REBUILT)
IN_FLIGHT = {1: 20000, 50: 100000, 1000: 300000}  # commands in flight, and how many are sent in all

# Sizes for the plots, up to where the C library takes seconds.
FEEDS = [1 / 64, 1 / 16, 1 / 4, 1, 4, 16, 64]
QUEUES = [1, 4, 16, 64, 256]
ARRAYS = [10, 100, 1000, 10000, 100000, 1000000]


class Measure(NamedTuple):
    once: Callable
    variants: tuple
    runs: int
    slow: bool  # left out of quick runs


def measures(servers):
    every = {}

    def add(name, once, variants=BOTH, runs=5, slow=False):
        every[name] = Measure(once, variants, runs, slow)

    def add_program(name, program, arguments, variants=BOTH, runs=5, env=None):
        """`arguments` is called when it is time to run: it starts the peer."""
        add(name, lambda v: numbers(run(program, v, *arguments(), env=env)[0]), variants, runs)

    for program in ("instructions", "exchange"):
        for work in works(program):
            if work in NOT_COUNTED:
                continue
            add(f"count.{work}", lambda v, program=program, work=work: instructions(program, v, work), runs=1)
    # What memory decides is the noisiest.
    runs = lambda work: 25 if work in ("bulk-16KiB", "kept-shuffled") else 15
    for work in works("instructions"):
        add(f"clock.{work}", clock(work), runs=runs(work))
    for work in ("array-1000", "map-500", "bulk-5", "bulk-16KiB", "kept"):
        add(f"clock.{work}.lists-off", clock(work, {"HIREDIS_FREE_LISTS": "0"}), runs=runs(work))
        for jemalloc in glob.glob("/usr/lib/*/libjemalloc.so.2"):
            add(f"clock.{work}.jemalloc", clock(work, {"LD_PRELOAD": jemalloc}), runs=runs(work))

    for size in FEEDS:
        add(f"linear.statuses.{size}", linear("statuses", size), runs=5 if size < 16 else 1, slow=size > 16)
        add(f"linear.long-line.{size}", linear("long-line-read", size), runs=5 if size < 16 else 1)
    add("linear.bulks.4", linear("bulks", 4), runs=3)
    add("linear.long-bulk.16", linear("long-bulk", 16), runs=3)
    add("linear.output.32", linear("output", 32), runs=3)

    add_program("sync.get", "sync", lambda: ["get", servers.redis(), 50000], runs=41)
    add_program("sync.get.tcp", "sync", lambda: ["get", servers.redis(tcp=True), 50000], runs=15)
    add_program("sync.pipeline", "sync", lambda: ["pipeline", servers.redis(), 300000])
    add_program("sync.huge-pipeline", "sync", lambda: ["huge-pipeline", servers.redis(), 200000])
    add_program("sync.large", "sync", lambda: ["large", servers.redis(), 64])
    add_program("sync.large.tcp", "sync", lambda: ["large", servers.redis(tcp=True), 64])
    add_program("sync.memory", "sync", lambda: ["memory", servers.redis(), 256], runs=1)
    add_program("sync.idle", "sync", lambda: ["memory", servers.redis(), 1], runs=1)
    add_program("sync.contexts", "sync", lambda: ["contexts", servers.redis(), 3000])
    add_program("sync.trickle", "sync", lambda: ["trickle", servers.redis(), 5000], runs=15)
    add_program("start", "start", lambda: [servers.redis(), 200], runs=15)

    for size in QUEUES:
        add_program(f"queue.{size}", "async-libevent", lambda s=size: ["queue", servers.replay("set"), "-m", s],
                    ALL_THREE, 1 if size == 256 else 3)
    million = 1000000
    received = lambda: ["messages", servers.replay("messages", count=million), "-o", million]
    add_program("messages", "async-libevent", received, ALL_THREE)
    add_program("lrange", "async-libevent", lambda: ["lrange", servers.replay("lrange"), "-n", 10, "-o", 5000], ALL_THREE)

    def get(n, tcp=False, real=False):
        """With many in flight, a real server would be what is measured."""
        at = servers.redis(tcp) if real or n <= 50 else servers.replay("get", tcp)
        return ["get", at, "-n", n, "-o", IN_FLIGHT[n]]

    for loop in LOOPS:
        program, variants = f"async-{loop}", ALL_THREE if loop != "mio" else (REBUILT,)
        for n in IN_FLIGHT:
            add_program(f"get.{loop}.{n}", program, lambda n=n: get(n), variants)
            if loop in ("libevent", "mio"):
                add_program(f"get.{loop}.{n}.tcp", program, lambda n=n: get(n, tcp=True), variants)
                add_program(f"get.{loop}.{n}.timeout", program, lambda n=n: [*get(n), "-t"], variants, 15 if n == 1000 else 5)
        if loop in ("libevent", "libuv", "libev", "mio"):
            hundred = ["-c", 100, "-o", 50000]
            add_program(f"get.{loop}.1x100", program, lambda: ["get", servers.redis(), *hundred], variants)
            add_program(f"get.{loop}.1x100.timeout", program, lambda: ["get", servers.redis(), *hundred, "-t"], variants)
        add(f"syscalls.{loop}", lambda v, p=program: syscalls(p, v, servers.redis()), variants, 1)
        add(f"syscalls.{loop}.timeout", lambda v, p=program: syscalls(p, v, servers.redis(), "-t"), variants, 1)
        # poll() and sd-event take seconds to connect 10,000.
        contexts = 1000 if loop in ("poll", "libsdevent") else 10000
        add_program(f"idle.{loop}", program, lambda c=contexts: ["idle", servers.replay("get"), "-c", c], variants, 1)

    # Other clients greet the server, and so need a real one.
    for n, count in IN_FLIGHT.items():
        add_program(f"clients.libevent.{n}", "async-libevent", lambda n=n: get(n, real=True))
        add_program(f"clients.mio.{n}", "async-mio", lambda n=n: get(n, real=True), (REBUILT,))
        add_program(f"clients.bare.{n}", "bare", lambda n=n, count=count: [servers.redis(), n, count], (OURS,))
        for crate in ("redis", "fred") if (OUT / "peers").exists() else ():
            add_program(f"clients.{crate}.{n}", "peers", lambda c=crate, n=n, count=count: [c, servers.redis(), n, count], (OURS,))
    return every


def clock(work, env=None):
    """Processor time of a work, done as often as takes the C library a tenth of a second."""
    times = []

    def once(variant):
        if not times:
            first = numbers(run("instructions", C, work, env=env)[0])
            times.append(max(1, round(1e8 / (first["count"] * first["cpu_ns"]))))
        return numbers(run("instructions", variant, work, *times, env=env)[0])

    return once


def linear(work, mib):
    return lambda variant: {"byte_ns": float(run("linear", variant, work, mib)[0])}


def syscalls(program, variant, at, *options):
    """System calls of a round trip with one command in flight: what 1,000 more of them add (and 100 more to warm up)."""

    def counted(count):
        strace = ["strace", "-f", "-c", "-U", "calls,name"]
        _, table = run(program, variant, "get", at, "-o", count, *options, under=strace)
        return {name: int(calls) for calls, name in re.findall(r"^ *(\d+) (\w+)$", table, re.MULTILINE)}

    few, many = counted(1000), counted(2000)
    return {name: (many.get(name, 0) - few.get(name, 0)) / 1100 for name in ("total", "epoll_ctl")}

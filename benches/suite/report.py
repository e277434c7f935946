"""docs/performance.md and its plots, from the medians that were measured."""

import os
import pathlib
import platform
import subprocess
from typing import NamedTuple

from . import plot
from .measures import ARRAYS, FEEDS, IN_FLIGHT, QUEUES
from .programs import C, LOOPS, OURS, REBUILT, ROOT

MIB = 1 << 20


class Row(NamedTuple):
    """A line of a table: `number` of `measure`, divided by `per`, beside its bar.

    The bar is for the ratio ours / C library, for the inverse of it ("speed"), or for our own number ("at most")."""

    title: str
    measure: str
    number: str = "cpu_ns"
    per: float = 1
    bar: float | None = None
    kind: str = "ratio"

    def get(self, results, variant):
        value = results.get(self.measure, {}).get(variant, {}).get(self.number)
        return None if value is None else value / self.per

    def ratio(self, results, variant=OURS):
        ratio = results.get(self.measure, {}).get(variant, {}).get("ratios", {}).get(self.number)
        return 1 / ratio if ratio and self.kind == "speed" else ratio

    def bar_text(self, results):
        if self.bar is None:
            return ""
        if self.kind == "speed":
            text, met = f"≥ {self.bar:g}×", (self.ratio(results) or 0) >= self.bar
        elif self.kind == "at most":
            ours = self.get(results, OURS)
            text, met = f"≤ {amount(self.bar, self.number)}", ours is not None and ours <= self.bar
        else:
            text, met = f"≤ {self.bar:.2f}×", (self.ratio(results) or 9e9) <= self.bar
        return text if met else f"{text}, missed"


GOALS = [
    Row("reader: array of 1,000 strings of 16 bytes, per element", "count.array-1000", "instructions", 1000, 0.30),
    Row("reader: 100 × [id, 10 fields] nested", "count.nested-100", "instructions", 1, 0.33),
    Row("reader: RESP3 map of 500 pairs with doubles, per element", "count.map-500", "instructions", 1000, 0.33),
    Row("reader: string of 5 bytes", "count.bulk-5", "instructions", 1, 0.36),
    Row("reader: `+OK`", "count.status", "instructions", 1, 0.35),
    Row("reader: integer", "count.integer", "instructions", 1, 0.37),
    Row("reader with a custom function table: array of 1,000, per element", "count.table-array-1000", "instructions", 1000, 0.60),
    Row("64 MiB of `+OK` in one feed", "linear.statuses.64", "byte_ns", 1 / (64 * MIB), 0.01),
    Row("one line of 64 MiB, in feeds of 16 KiB", "linear.long-line.64", "byte_ns", 1 / (64 * MIB), 0.05),
    Row("format `SET %s %b`, value of 16 bytes", "count.format", "instructions", 1, 0.17),
    Row("`redisFormatCommandArgv`, 3 arguments", "count.format-argv", "instructions", 1, 0.20),
    Row("sync GET of 16 bytes: instructions", "count.sync-get", "instructions", 1, 0.30),
    Row("sync GET of 16 bytes: time", "sync.get", "wall_ns", 1, 1.00),
    Row("sync pipeline, 1,000 SETs, then replies: CPU per command", "sync.pipeline", bar=0.40),
    Row("sync GET of 64 MiB: CPU", "sync.large", bar=0.60),
    Row("sync GET of 64 MiB: calls of recv", "sync.large", "receives", 1, 400, "at most"),
    Row("sync GET of 256 MiB: most memory beyond the value", "sync.memory", "peak_bytes", 1, 2 * MIB, "at most"),
    Row("idle context after a reply of 1 MiB: memory kept", "sync.idle", "kept_bytes", 1, 4096, "at most"),
    Row("async: 16 MiB queued as SETs of 1 KiB: CPU per command", "queue.16"),
    Row("async: 256 MiB queued as SETs of 1 KiB: CPU per command", "queue.256", bar=0.05),
    Row("async libevent, GET, 1,000 in flight: CPU per command", "get.libevent.1000", bar=0.30),
    Row("async libevent, GET, 1,000 in flight: speed", "get.libevent.1000", "wall_ns", 1, 1.6, "speed"),
    Row("the same with a command timeout: CPU per command", "get.libevent.1000.timeout", bar=0.06),
    Row("the same with a command timeout: speed", "get.libevent.1000.timeout", "wall_ns", 1, 7, "speed"),
    Row("50 in flight, with a command timeout: CPU per command", "get.libevent.50.timeout", bar=0.20),
    Row("50 in flight, with a command timeout: speed", "get.libevent.50.timeout", "wall_ns", 1, 2.4, "speed"),
    Row("50 in flight: CPU per command", "get.libevent.50", bar=0.80),
    Row("1 in flight: system calls per round trip", "syscalls.libevent", "total", 1, 4, "at most"),
    Row("1 in flight, with a command timeout: system calls per round trip", "syscalls.libevent.timeout", "total", 1, 4, "at most"),
    Row("1 in flight: time", "get.libevent.1", "wall_ns", 1, 1.05),
    Row("100 connections, 1 in flight each, libevent: CPU per command", "get.libevent.1x100", bar=0.40),
    Row("100 connections, libevent, with a command timeout", "get.libevent.1x100.timeout", bar=0.45),
    Row("100 connections, libuv", "get.libuv.1x100", bar=0.50),
    Row("100 connections, libev", "get.libev.1x100", bar=0.80),
    Row("pub/sub, 1,000,000 messages: CPU per message", "messages", bar=0.50),
    Row("pub/sub: instructions per message", "count.messages", "instructions", 1, 0.42),
    Row("LRANGE of 1,000 elements, 10 in flight: CPU per reply", "lrange", bar=0.40),
    Row("LRANGE of 1,000 elements, 10 in flight: speed", "lrange", "wall_ns", 1, 1.4, "speed"),
    Row("10,000 idle async contexts: heap for each", "idle.libevent", "made_bytes", 1, 0.80),
    Row("`dlopen`, connect, PING, free, in a fresh process", "start", "wall_ns", 1, 1.10),
]

# What might be slower: looked for, by the clock.
SEARCH = [
    Row("array of 10 strings", "clock.array-10"),
    Row("array of 100 strings", "clock.array-100"),
    Row("array of 1,000 strings", "clock.array-1000"),
    Row("array of 10,000 strings", "clock.array-10000"),
    Row("array of 100,000 strings", "clock.array-100000"),
    Row("array of 1,000,000 strings, in feeds of 16 KiB", "clock.array-1000000"),
    Row("array of 1,000,000 strings, in one feed", "clock.array-1000000-whole"),
    Row("array of 1,000,000 integers", "clock.integers-1000000"),
    Row("array of 10 integers", "clock.integers-10"),
    Row("empty array", "clock.empty-array"),
    Row("100 entries, nested", "clock.nested-100"),
    Row("map of 500 doubles", "clock.map-500"),
    Row("nested 8 deep", "clock.deep-8"),
    Row("nested 1,000 deep", "clock.deep-1000"),
    Row("`+OK`", "clock.status"),
    Row("error", "clock.error"),
    Row("integer", "clock.integer"),
    Row("nil", "clock.nil"),
    Row("bool", "clock.bool"),
    Row("double", "clock.double"),
    Row("integer of 19 digits", "clock.integer-19"),
    Row("negative integer", "clock.integer-negative"),
    Row("big number of 40 digits", "clock.bignum-40"),
    Row("big number of 10,000 digits", "clock.bignum-10000"),
    Row("verbatim string", "clock.verbatim"),
    Row("string of 5 bytes", "clock.bulk-5"),
    Row("string of 300 bytes", "clock.bulk-300"),
    Row("string of 1 KiB", "clock.bulk-1KiB"),
    Row("string of 16 KiB", "clock.bulk-16KiB"),
    Row("string of 1 MiB", "clock.bulk-1MiB"),
    Row("status line of 1 KiB", "clock.long-line-1KiB"),
    Row("status line of 1 MiB, in one feed", "clock.long-line-1MiB"),
    Row("array of 1,000 strings, in feeds of 1 byte", "clock.bytewise"),
    Row("string of 4 KiB, in feeds of 1 byte", "clock.bytewise-bulk"),
    Row("custom function table, array of 1,000 strings", "clock.table-array-1000"),
    Row("custom function table, string of 5 bytes", "clock.table-bulk-5"),
    Row("custom function table, string of 70,000 bytes", "clock.table-bulk-70000"),
    Row("custom function table, string of 100,000 bytes", "clock.table-bulk-100000"),
    Row("custom function table, string of 400,000 bytes", "clock.table-bulk-400000"),
    Row("100,000 replies kept, then freed", "clock.kept"),
    Row("50,000 strings of 300 bytes kept, freed in any order", "clock.kept-shuffled"),
    Row("1,000 arrays of 100 kept, then freed", "clock.kept-arrays"),
    Row("replies freed by threads that end", "clock.threads"),
    Row("a reader for each reply", "clock.reader-each"),
    Row("custom allocators, array of 1,000 strings", "clock.allocators-array-1000"),
    Row("custom allocators, string of 5 bytes", "clock.allocators-bulk-5"),
    *(
        Row(f"{how}, {what}", f"clock.{work}.{suffix}")
        for how, suffix in (("`HIREDIS_FREE_LISTS=0`", "lists-off"), ("jemalloc", "jemalloc"))
        for what, work in (
            ("array of 1,000 strings", "array-1000"),
            ("map of 500 doubles", "map-500"),
            ("string of 5 bytes", "bulk-5"),
            ("string of 16 KiB", "bulk-16KiB"),
            ("100,000 replies kept", "kept"),
        )
    ),
    Row("format with `%d`, `%f`, `%lld`", "clock.format-numbers"),
    Row("format with a value of 1 MiB", "clock.format-1MiB"),
    Row("`sdscatfmt` of three", "clock.sdscatfmt"),
    Row("`sdscatprintf` of two", "clock.sdscatprintf"),
    Row("`sdssplitlen` into eight", "clock.sdssplitlen"),
    Row("`sdssplitargs` of four", "clock.sdssplitargs"),
    Row("`redisFormatCommandArgv` of 1,000 arguments", "clock.format-argv-1000"),
    Row("sync: 200,000 SETs before the first reply is read", "sync.huge-pipeline"),
    Row("sync: GET, a byte per read", "sync.trickle"),
    Row("sync: connect, PING, free", "sync.contexts"),
    Row("sync: GET on TCP", "sync.get.tcp"),
    Row("sync: GET of 64 MiB on TCP", "sync.large.tcp"),
    Row("strings of 1,100 bytes, 4 MiB of them in one feed, per byte", "linear.bulks.4", "byte_ns"),
    Row("string of 16 MiB in feeds of 16 KiB, per byte", "linear.long-bulk.16", "byte_ns"),
    Row("status line of 16 KiB in one feed, the first thing a process reads, per byte", "linear.long-line.0.015625", "byte_ns"),
    Row("sync: 32 MiB to a peer that reads 4 KiB at a time, per byte", "linear.output.32", "byte_ns"),
    Row("async: a message on one of 10,000 channels: instructions", "count.channels-10000", "instructions"),
    Row("async: messages that arrive one by one: instructions", "count.messages-1", "instructions"),
]


def amount(value, number):
    """In the unit that suits its size."""
    if value is None:
        return ""
    if number.endswith("_ns"):
        units = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns")]
    elif number.endswith("_bytes"):
        units = [(MIB, "MiB"), (8192, None), (1, "B")]
    else:
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    for size, unit in units:
        if unit is None and value >= size:
            return f"{value / 1024:.3g} KiB"
        if value >= size and unit:
            return f"{value / size:,.0f} {unit}" if value / size >= 100 else f"{value / size:.3g} {unit}"
    return f"{value:.2g} {units[-1][1]}"


def rate(wall_ns):
    return "" if wall_ns is None else f"{1e6 / wall_ns:,.0f}k/s"


def times(ratio):
    return "" if ratio is None else f"{plot.plain(ratio)}×"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *("| " + " | ".join(row) + " |" for row in rows)]
    return "\n".join(lines)


def goals(results):
    def shown(row, variant):
        value = row.get(results, variant)
        return rate(value) if row.kind == "speed" else amount(value, row.number)

    rows = [
        [
            row.title,
            shown(row, C),
            shown(row, OURS),
            times(row.ratio(results)),
            times(row.ratio(results, REBUILT)),
            row.bar_text(results),
        ]
        for row in GOALS
    ]
    return table(["work", "C library", "ours", "ratio", "rebuilt", "bar"], rows)


def outcome(ratio):
    return "" if ratio is None else "win" if ratio < 0.95 else "draw" if ratio <= 1.05 else "slower"


def search(results):
    rows = [
        [row.title, amount(row.get(results, C), row.number), amount(row.get(results, OURS), row.number)]
        + [times(row.ratio(results)), outcome(row.ratio(results))]
        for row in SEARCH
    ]
    return table(["work", "C library", "ours", "ratio", "outcome"], rows)


def three(results, measure, number, of):
    return " / ".join(of(Row("", measure, number).get(results, v)) or "–" for v in (C, OURS, REBUILT))


def loop_syscalls(results):
    def plain(value):
        return None if value is None else f"{value:.3g}"

    columns = [(more, number) for more in ("", ".timeout") for number in ("total", "epoll_ctl")]
    rows = [[loop, *(three(results, f"syscalls.{loop}{more}", number, plain) for more, number in columns)] for loop in LOOPS]
    return table(["loop", "system calls", "epoll_ctl", "with a timeout: system calls", "epoll_ctl"], rows)


def loop_speed(results):
    def cells(measure):
        wall, cpu = Row("", measure, "wall_ns", kind="speed"), Row("", measure)
        best = REBUILT if wall.get(results, OURS) is None else OURS
        cells = [rate(wall.get(results, best)), times(wall.ratio(results, OURS)), times(wall.ratio(results, REBUILT))]
        return [*cells, amount(cpu.get(results, best), "cpu_ns"), times(cpu.ratio(results, OURS)), times(cpu.ratio(results, REBUILT))]

    rows = []
    for loop in LOOPS:
        for kind in ("", ".tcp", ".timeout"):
            for n in [*IN_FLIGHT, "1x100"]:
                measure = f"get.{loop}.{n}{kind}"
                if measure in results:
                    in_flight = "1 on each of 100" if n == "1x100" else f"{n:,}"
                    rows.append([loop, in_flight, {"": "", ".tcp": "TCP", ".timeout": "timeout"}[kind], *cells(measure)])
    return table(["loop", "in flight", "", "speed", "ratio", "rebuilt", "CPU", "ratio", "rebuilt"], rows)


def loop_memory(results):
    def plain(value):
        return None if value is None else f"{value:,.0f}"

    columns = ("made_bytes", "attached_bytes", "connected_bytes")
    rows = [[loop, *(three(results, f"idle.{loop}", number, plain) for number in columns)] for loop in LOOPS]
    return table(["loop", "made", "attached", "connected"], rows)


def clients(results):
    def cell(measure, variant):
        cpu, wall = (Row("", measure, n).get(results, variant) for n in ("cpu_ns", "wall_ns"))
        return "" if cpu is None else f"{amount(cpu, 'cpu_ns')}; {rate(wall)}"

    names = [
        ("prebuilt commands, replies only scanned", "bare", OURS),
        ("ours, its own loop", "mio", REBUILT),
        ("ours, libevent", "libevent", OURS),
        ("the C library, libevent", "libevent", C),
        ("crate redis", "redis", OURS),
        ("crate fred", "fred", OURS),
    ]
    rows = [[title, *(cell(f"clients.{name}.{n}", variant) for n in IN_FLIGHT)] for title, name, variant in names]
    return table(["client", *(f"{n:,} in flight" for n in IN_FLIGHT)], rows)


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())

    def says(*command):
        return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0]

    virtual = " (virtual)" if "hypervisor" in open("/proc/cpuinfo").read() else ""
    rows = [
        ["processor", f"{cpu}, {os.cpu_count()} cores{virtual}"],
        ["kernel", f"{platform.system()} {platform.release().split('-')[0]}"],
        ["server", says("redis-server", "--version").split(" sha")[0]],
        ["compilers", f"{says('gcc', '--version')}; {says('rustc', '--version').split(' (')[0]}"],
        ["the C library", "hiredis 1.2.0, as Debian packages it"],
    ]
    return table(["", ""], rows)


def series(results, names, number, per=lambda size: 1):
    """A line for each library: what a size costs."""
    return {
        title: [(size, value / per(size)) for size, name in names if (value := results.get(name, {}).get(variant, {}).get(number))]
        for title, variant in (("C library", C), ("ours", OURS))
    }


def write_plots(results, docs):
    bars = [
        (row.title, row.ratio(results), row.bar if row.kind == "ratio" else None)
        for row in GOALS
        if row.kind != "speed" and row.ratio(results) is not None
    ]
    (docs / "performance.svg").write_text(plot.ratios(bars))

    def panel(title, unit, cost, measure, sizes, number, per=lambda size: 1):
        return title, unit, cost, series(results, [(size, f"{measure}{size}") for size in sizes], number, per)

    panels = [
        panel("+OK replies, all in one feed", "MiB", "ns per byte", "linear.statuses.", FEEDS, "byte_ns"),
        panel("one status line, in feeds of 16 KiB", "MiB", "ns per byte", "linear.long-line.", FEEDS, "byte_ns"),
        panel("SETs of 1 KiB, all queued at once", "MiB", "CPU, ns per command", "queue.", QUEUES, "cpu_ns"),
        panel("array of strings", "elements", "ns per element", "clock.array-", ARRAYS, "cpu_ns", lambda n: n),
    ]
    (docs / "performance-size.svg").write_text(plot.sizes(panels))


def write_report(results):
    docs = ROOT / "docs"
    write_plots(results, docs)
    bars = [row.bar_text(results) for row in GOALS if row.bar is not None]
    missed = sum(bar.endswith("missed") for bar in bars)
    slower = [row for row in SEARCH if outcome(row.ratio(results)) == "slower"]
    counts = {what: sum(outcome(row.ratio(results)) == what for row in SEARCH) for what in ("win", "draw", "slower")}
    page = (pathlib.Path(__file__).parent / "performance.md").read_text()
    parts = {
        "machine": machine(),
        "goals": goals(results),
        "reached": f"{len(bars) - missed} of {len(bars)} bars are reached.",
        "syscalls": loop_syscalls(results),
        "speed": loop_speed(results),
        "memory": loop_memory(results),
        "clients": clients(results),
        "search": search(results),
        "summary": f"{counts['win']} wins, {counts['draw']} draws, {counts['slower']} slower"
        + (": " + "; ".join(f"{row.title} ({times(row.ratio(results))})" for row in slower) if slower else "")
        + ".",
    }
    for name, text in parts.items():
        page = page.replace(f"{{{name}}}", text)
    (docs / "performance.md").write_text(page)
    print(parts["goals"], parts["search"], parts["summary"], "wrote docs/performance.md", sep="\n\n")

"""The peers: redis-server, and benches/replay, each on a unix socket and on TCP, started when first asked for."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time

from .programs import OUT

VALUE = b"0123456789abcdef"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def command(*words):
    words = [word if isinstance(word, bytes) else word.encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


class Servers:
    """Those that were started end with the `with` block."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="hiredis-bench-")
        self.running, self.endpoints = [], {}
        return self

    def __exit__(self, *_):
        for child in self.running:
            child.kill()
            child.wait()
        shutil.rmtree(self.dir)

    def start(self, arguments):
        self.running.append(subprocess.Popen(arguments, stdout=subprocess.DEVNULL))

    def connect(self, path):
        """As soon as somebody listens there."""
        deadline = time.monotonic() + 10
        while True:
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                s = socket.socket(socket.AF_UNIX)
                s.connect(path)
                return s
            if self.running[-1].poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self.running[-1].args[0]} did not start")
            time.sleep(0.01)

    def redis(self, tcp=False):
        """A server that holds what the programs ask for."""
        if "redis" not in self.endpoints:
            path, port = f"{self.dir}/redis", str(free_port())
            options = ["--save", "", "--bind", "127.0.0.1", "--maxclients", "12000", "--dir", self.dir]
            self.start(["redis-server", "--unixsocket", path, "--port", port, *options])
            with self.connect(path) as s:
                s.sendall(command("SET", "bench:key", VALUE))
                if s.recv(64) != b"+OK\r\n":
                    raise SystemExit("redis-server does not do as it is told")
            self.endpoints["redis"] = (path, port)
        return self.endpoints["redis"][tcp]

    def replay(self, work, tcp=False, count=0):
        """A peer that replays: its replies may be many, its thoughts are none."""
        name = f"{work}-{count}-{'tcp' if tcp else 'unix'}"
        if name not in self.endpoints:
            at = str(free_port()) if tcp else f"{self.dir}/{name}"
            self.start([OUT / "replay", at, work, str(count)])
            if tcp:
                time.sleep(0.2)
            else:
                self.connect(at).close()
            self.endpoints[name] = at
        return self.endpoints[name]


def on_one_core():
    """Client and peer take turns on the last core, so that no turn waits until another core has woken up."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

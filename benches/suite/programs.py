"""The benchmark programs: building them, and running them on either library."""

import glob
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCHES = ROOT / "benches"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
OUT = TARGET / "bench"
STAGE = TARGET / "stage"
ORACLE = pathlib.Path(os.environ.get("HIREDIS_ORACLE", ROOT / "target/oracle")).absolute() / "usr"

# What a program runs on: C is the C library, OURS the same binary on our library, REBUILT the program built with our headers.
C, OURS, REBUILT = "C", "ours", "rebuilt"

LOOPS = {
    "libevent": ["-levent"],
    "libuv": ["-luv"],
    "libev": ["-lev"],
    "glib": ["glib-2.0"],
    "ivykis": ["-livykis"],
    "libsdevent": ["-lsystemd"],
    "poll": [],
    "mio": [],
}

# `rep movsb` moves any number of bytes and counts as one instruction; without it, moving costs as much as it moves.
CALLGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"]
COUNTABLE = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-ERMS"}


def libdir(variant):
    return next(iter(glob.glob(f"{ORACLE}/lib/*-linux-gnu/")), None) if variant == C else f"{STAGE}/lib"


def compile_program(name, sources, variant=C, flags=()):
    headers = STAGE if variant == REBUILT else ORACLE
    library = f"{libdir(variant)}/libhiredis.so"
    sources = [str(BENCHES / source) for source in sources]
    command = ["gcc", "-O2", "-Wall", "-Wextra", f"-I{headers}/include", *sources, "-o", OUT / name, library, "-ldl", "-pthread"]
    subprocess.run([*command, *flags], check=True)


def build_quick():
    OUT.mkdir(parents=True, exist_ok=True)
    for name in ["instructions", "exchange"]:
        compile_program(name, [f"{name}.c"])


def build():
    build_quick()
    for name in ["sync", "start", "linear", "replay", "bare"]:
        compile_program(name, [f"{name}.c"])
    for loop, flags in LOOPS.items():
        if loop == "glib":
            flags = subprocess.check_output(["pkg-config", "--cflags", "--libs", *flags], text=True).split()
        for variant in [REBUILT] if loop == "mio" else [C, REBUILT]:
            compile_program(f"async-{loop}-{variant}", ["async.c", f"loops/{loop}.c"], variant, flags)
    build_peers()


def build_peers():
    """Other clients, for information: without their crates they are left out."""
    target = OUT / "peers-target"
    command = ["cargo", "build", "--quiet", "--release", "--manifest-path", BENCHES / "peers/Cargo.toml", "--target-dir", target]
    if subprocess.run(command).returncode == 0:
        shutil.copy(target / "release/peers", OUT / "peers")
    else:
        print("bench: the other clients could not be built, and are left out", file=sys.stderr)


def binary(program, variant):
    if program.startswith("async-"):
        return OUT / f"{program}-{REBUILT if variant == REBUILT else C}"
    return OUT / program


def run(program, variant, *args, under=(), env=None):
    """Runs a program once; returns what it printed and what it complained of."""
    env = {**os.environ, **(env or {}), "LD_LIBRARY_PATH": libdir(variant)}
    done = subprocess.run([*under, binary(program, variant), *map(str, args)], env=env, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{program} {' '.join(map(str, args))} on {variant} failed: {done.stderr or done.returncode}")
    return done.stdout, done.stderr


def numbers(line):
    """`name value name value …`"""
    words = line.split()
    return {name: float(value) for name, value in zip(words[::2], words[1::2])}


def instructions(program, variant, work):
    """What callgrind counts for one of a program's works, each time it is done."""
    printed, report = run(program, variant, work, under=CALLGRIND, env=COUNTABLE)
    counted = re.search(r"Collected : (\d+)", report)
    return {"instructions": int(counted[1]) / numbers(printed)["count"]}


def works(program):
    return run(program, C)[0].split()

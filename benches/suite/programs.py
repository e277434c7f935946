"""The benchmark programs: building them, and running them on either library."""

import glob
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

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

# Works that take too long to be counted, or whose threads take turns by chance.
NOT_COUNTED = {"array-100000", "array-1000000", "array-1000000-whole", "integers-1000000", "threads", "kept",
               "kept-shuffled"}

# `rep movsb` moves any number of bytes and counts as one instruction; without it, moving costs as much as it moves.
CALLGRIND = ["valgrind", "--tool=callgrind", "--collect-atstart=no"]
COUNTABLE = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-ERMS"}


def libdir(variant):
    found = glob.glob(f"{ORACLE}/lib/*-linux-gnu/libhiredis.so")
    return f"{STAGE}/lib" if variant != C else os.path.dirname(found[0]) if found else None


def need_oracle(who):
    """Ends with what is missing, if there is nothing to compare with."""
    if libdir(C) is None:
        sys.exit(f"{who}: no C library to compare with in {ORACLE.parent} (make oracle)")


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
    """What the library and what it calls cost for one of a program's works, each time it is done, as callgrind counts it. The
    program's own instructions are left out: its loops, its callbacks, and the functions of its tables."""
    with tempfile.NamedTemporaryFile() as profile:
        counting = [*CALLGRIND, f"--callgrind-out-file={profile.name}"]
        printed, _ = run(program, variant, work, under=counting, env=COUNTABLE)
        counted = cost_outside(pathlib.Path(profile.name).read_text(), binary(program, variant))
    return {"instructions": counted / numbers(printed)["count"]}


def cost_outside(profile, program):
    """The cost of the functions of all objects but the program: the lines with a position and a cost, save those behind a
    `calls=`, which hold what the called functions cost."""
    names, total, inside, is_call = {}, 0, True, False
    for line in profile.splitlines():
        if line.startswith("ob="):
            number, _, name = line[3:].partition(" ")
            inside = names.setdefault(number, name) == str(program)
        elif line.startswith("cob="):
            number, _, name = line[4:].partition(" ")
            names.setdefault(number, name)
        elif line.startswith("calls="):
            is_call = True
        elif line and (line[0].isdigit() or line[0] in "+-*"):
            total += 0 if inside or is_call else int(line.split()[-1])
            is_call = False
    return total


def works(program):
    return run(program, C)[0].split()

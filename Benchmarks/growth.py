"""How costs grow: the start of the command beside a program that does nothing, and conversions of deep models.

    growth.py KCONVERT [--rounds 15] [--models FOLDER]

Every row is measured in one interleaved run, so that the ratios carry over to another machine: the median of whole
processes, on a clock, and for a layer the time on processors, which a busy machine changes less. The empty program is Swift's, linked as the command is; `swiftc` is looked for in PATH. The models are chains of
Dense layers, made with Keras unless FOLDER has them.
"""

import argparse
import ctypes
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DEPTHS = [250, 500, 1000, 2000, 4000]


def adopt_orphans():
    """Makes children of a process that has ended ours, so that their time is counted, too."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def milliseconds(command):
    """The time of a process on a clock, and on processors together with its children's."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    clock = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    processors = usage.ru_utime + usage.ru_stime
    while True:
        try:
            usage = os.wait3(0)[2]
        except ChildProcessError:
            return clock * 1e3, processors * 1e3
        processors += usage.ru_utime + usage.ru_stime


def medians(commands, rounds):
    """The median times of each command, taken in turns."""
    times = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            times[name].append(milliseconds(command))
    return {name: tuple(map(statistics.median, zip(*values))) for name, values in times.items()}


def empty_program(folder):
    source = folder / "empty.swift"
    source.write_text('print("0.1.0")\n')
    program = folder / "empty"
    static = [] if sys.platform == "darwin" else ["-static-stdlib", "-use-ld=lld", "-Xlinker", "-s"]
    subprocess.run(["swiftc", "-O", *static, source, "-o", program], check=True)
    return program


def deep_model(folder, depth):
    path = folder / f"deep{depth}.keras"
    if path.exists():
        return path
    import keras

    sys.setrecursionlimit(1 << 20)  # Keras walks from layer to layer by calls.
    layers = [keras.layers.Dense(16, activation="relu" if index % 2 else None) for index in range(depth)]
    keras.Sequential([keras.Input((16,)), *layers]).save(path)
    return path


def start_up(kconvert, folder, rounds):
    times = medians({"empty": [empty_program(folder)], "version": [kconvert, "--version"]}, 10 * rounds)
    return {
        "version_ms": round(times["version"][0], 2),
        "empty_ms": round(times["empty"][0], 2),
        "ratio": round(times["version"][0] / times["empty"][0], 2),
    }


def growth(kconvert, folder, models, rounds):
    models = {depth: deep_model(models, depth) for depth in DEPTHS}
    commands = {}
    for depth, model in models.items():
        commands["onnx", depth] = [kconvert, model, "--to", "onnx", "-o", folder / "out.onnx"]
        commands["summary", depth] = [kconvert, model, "--summary"]
    times = medians(commands, rounds)
    for depth in DEPTHS:
        row = {"layers": depth}
        for kind in ("onnx", "summary"):
            clock, processors = times[kind, depth]
            row[f"{kind}_ms"] = round(clock, 1)
            row[f"{kind}_cpu_us_a_layer"] = round(processors / depth * 1e3, 1)
        yield row


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kconvert")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--models", type=Path, help="a folder that keeps the models")
    arguments = parser.parse_args()
    adopt_orphans()
    kconvert = shutil.which(arguments.kconvert) or os.path.abspath(arguments.kconvert)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(start_up(kconvert, Path(folder), arguments.rounds)), flush=True)
        for row in growth(kconvert, Path(folder), arguments.models or Path(folder), arguments.rounds):
            print(json.dumps(row), flush=True)


main()

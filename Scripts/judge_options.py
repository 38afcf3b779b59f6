"""Judge ONNX files written with other options than the defaults: every opset from 13 on, float16, layouts, weights in a side
file, a fixed batch. The checker must accept each file, and onnxruntime must give Keras's numbers for it.

    python Scripts/judge_options.py                      every fixture, each with some of the options, in turn
    python Scripts/judge_options.py --all [CASES] [GLOB]  every option for every case of a folder

The debug build of kconvert converts. A refusal (exit code 3) has to name an opset that would do; onnxruntime runs in
children, since some files make it die.
"""
import fnmatch
import json
import pathlib
import subprocess
import sys
import tempfile
import threading

import numpy as np
import onnx
import onnxruntime

import judge_onnx
from fixture_cases import ROOT, cases

KCONVERT = str(ROOT / ".build/debug/kconvert")
OPTIONS = [["--opset", str(opset)] for opset in (13, 14, 15, 16, 17, 19, 20, 21, 22, 23)] + [
    ["--float16"], ["--layout", "nchw"], ["--layout", "nhwc"], ["--external-data"], ["--batch"],
    ["--float16", "--opset", "13"], ["--float16", "--layout", "nchw"],
]
# What onnxruntime cannot take or float16 cannot tell apart, with the reason.
EXEMPT = {
    # It fuses the parts to a LayerNormalization of mixed types that it has no kernel for.
    ("keras3.15/mixed_bfloat16", "--float16 --opset 13"),
    ("keras3.6/bfloat16", "--float16 --opset 13"),
    ("keras3.15/bfloat16", "--float16 --opset 13"),
    # in_top_k of two scores that float16 rounds to one.
    ("field/tf_math_k2", "--float16"),
    ("field/tf_math_k2", "--float16 --layout nchw"),
}
# How many of them each case is converted with.
SHARE = 3
# float16 has 11 bits, float32 24: results of some operations in a row.
FLOAT16_FACTOR = 300
JOBS = 2


def convert(case, meta, options, path):
    command = [KCONVERT, str(case / meta.get("file", "model.keras")), "--to", "onnx", "-o", str(path), *options]
    if meta.get("weights"):
        command += ["--weights", str(case / meta["weights"])]
    return subprocess.run(command, capture_output=True, text=True)


def judge(case, meta, options):
    """None, or how a file written with these options is wrong; `refused` with the reason."""
    inputs = dict(np.load(case / "inputs.npz"))
    if options == ["--batch"]:
        first = next(iter(inputs.values()))
        if first.ndim == 0:
            return None
        options = ["--batch", str(first.shape[0])]
    layout = next((options[-1] for option in options if option == "--layout"), None)
    factor = FLOAT16_FACTOR if "--float16" in options else 1
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.onnx"
        result = convert(case, meta, options, path)
        if result.returncode == 3 and "opset" in result.stderr:
            return None
        if result.returncode:
            return f"exit code {result.returncode}: {result.stderr.strip()}"
        judge_onnx.judge(case, meta, path, factor=factor, layout=layout)
    return None


def work():
    """A child: jobs on standard input, one JSON line for each on standard output."""
    onnxruntime.set_default_logger_severity(4)
    for line in sys.stdin:
        case, options = json.loads(line)
        case = pathlib.Path(case)
        try:
            message = judge(case, json.loads((case / "meta.json").read_text()), options)
        except Exception as error:  # every kind of failure is a failed case
            message = f"{type(error).__name__}: {error}"
        print(json.dumps(message), flush=True)


def run(jobs, failures):
    """Hand jobs to a child, to another when it dies."""
    child = None
    for case, options in jobs:
        if child is None:
            child = subprocess.Popen(
                [sys.executable, __file__, "--child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        child.stdin.write(json.dumps([str(case), options]) + "\n")
        child.stdin.flush()
        line = child.stdout.readline()
        message = json.loads(line) if line else "onnxruntime died"
        if not line:
            child = None
        if message:
            name = f"{case.parent.name}/{case.name} {' '.join(options)}"
            failures.append(f"FAIL {name}: {' '.join(message.split())[:300]}")
            print(failures[-1], flush=True)


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--all"]
    if arguments:
        found = [(path.parent, json.loads(path.read_text())) for path in sorted(pathlib.Path(arguments[0]).rglob("meta.json"))]
    else:
        found = list(cases())
    pattern = arguments[1] if len(arguments) > 1 else "*"
    found = [
        case for case, meta in found
        if meta.get("onnx") != "any" and meta.get("expect", "ok") == "ok" and fnmatch.fnmatch(f"{case.parent.name}/{case.name}", pattern)
    ]
    jobs = []
    for number, case in enumerate(found):
        share = len(OPTIONS) if "--all" in sys.argv else SHARE
        jobs += [(case, OPTIONS[(number * share + turn) % len(OPTIONS)]) for turn in range(share)]
    jobs = [job for job in jobs if (f"{job[0].parent.name}/{job[0].name}", " ".join(job[1])) not in EXEMPT]
    failures = []
    threads = [threading.Thread(target=run, args=(jobs[part::JOBS], failures)) for part in range(JOBS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{len(jobs) - len(failures)} conversions with options passed, {len(failures)} failed")
    return 1 if failures or not jobs else 0


if __name__ == "__main__":
    sys.exit(work() if "--child" in sys.argv else main())

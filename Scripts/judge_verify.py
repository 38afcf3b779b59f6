"""Judge the way back: `kconvert MODEL --to onnx --verify` must agree on every model that can be converted, in every form,
and the graph that is read back must give onnxruntime's numbers for the same file.

    python Scripts/judge_verify.py                       the fixtures: one form for each, in turn
    python Scripts/judge_verify.py --all [CASES...] [--only GLOB] [--kconvert PATH]   every form for every case of folders

Prints a table: for each form how many agree, are refused by name (exit code 3), and do not agree.
"""
import argparse
import collections
import concurrent.futures
import fnmatch
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

import judge_onnx
from fixture_cases import ROOT, cases

FORMS = [["--opset", "13"], [], ["--opset", "23"], ["--float16"], ["--external-data"], ["--layout", "nchw"]]
# What --float16 cannot tell apart, with the reason.
EXEMPT = {
    # in_top_k of two scores that float16 rounds to one.
    ("field/tf_math_k2", "--float16"),
    # Random weights that give logits of 3,000 for noisy pixels: onnxruntime's are off by 1,300 in float16, too.
    ("applications/EfficientNetB0", "--float16"),
}
JOBS = 2


def name(case):
    return f"{case.parent.name}/{case.name}"


def label(form):
    return " ".join(form) or "opset 18"


def convert(case, meta, form, path, kconvert):
    command = [kconvert, str(case / meta.get("file", "model.keras")), "--to", "onnx", "--verify", "-o", str(path), *form]
    if meta.get("weights"):
        command += ["--weights", str(case / meta["weights"])]
    return subprocess.run(command, capture_output=True, text=True)


def against_onnxruntime(case, meta, path, kconvert):
    """None, or how the graph read back and onnxruntime differ on the case's own inputs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    arrays = dict(np.load(case / "inputs.npz"))
    names = [i.name for i in session.get_inputs()]
    if set(names) - set(arrays):
        arrays = dict(zip(names, arrays.values()))  # Keras 1 did not store the names of a Sequential's inputs
    arrays = {i.name: judge_onnx.cast(arrays[i.name], i.type) for i in session.get_inputs()}
    inputs, outputs = path.with_suffix(".inputs.npz"), path.with_suffix(".outputs.npz")
    np.savez(inputs, **arrays)
    result = subprocess.run(
        [kconvert, "run", str(path), "--inputs", str(inputs), "--outputs", str(outputs)], capture_output=True, text=True)
    if result.returncode:
        return f"run: exit code {result.returncode}: {result.stderr.strip()}"
    found = np.load(outputs)
    # Each of the two may be as far from Keras as the case says.
    tolerances = dict(rtol=2 * max(1e-3, meta.get("rtol", 0)), atol=2 * max(1e-4, meta.get("atol", 0)), equal_nan=True)
    for output, want in zip(session.get_outputs(), session.run(None, arrays)):
        got = found[output.name]
        if want.dtype.kind in "OU":
            same = np.array_equal(got.astype(str), want.astype(str))
        else:
            same = got.shape == want.shape and np.allclose(got, want, **tolerances)
        if not same:
            return f"onnxruntime gives another {output.name} for the same file"
    return None


def judge(case, meta, form, kconvert):
    """`agrees`, `refused` or `differs`, and why."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.onnx"
        try:
            result = convert(case, meta, form, path, kconvert)
            if result.returncode == 3:
                # What cannot be written is another judge's business; what was written has to be read back.
                return ("differs" if "what kconvert writes" in result.stderr else "refused"), result.stderr.strip()
            if result.returncode:
                return "differs", f"exit code {result.returncode}: {result.stderr.strip()}"
            message = None if form else against_onnxruntime(case, meta, path, kconvert)
            return ("differs", message) if message else ("agrees", "")
        except Exception as error:  # every kind of failure is a failed case
            return "differs", f"{type(error).__name__}: {error}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="*")
    parser.add_argument("--skip", default="")
    parser.add_argument("--kconvert", default=str(ROOT / ".build/debug/kconvert"))
    arguments = parser.parse_args()
    onnxruntime.set_default_logger_severity(4)
    found = list(cases())
    if arguments.folders:
        metas = [path for folder in arguments.folders for path in sorted(pathlib.Path(folder).rglob("meta.json"))]
        found = [(path.parent, json.loads(path.read_text())) for path in metas]
    found = [
        (case, meta) for case, meta in found
        if meta.get("expect", "ok") == "ok" and fnmatch.fnmatch(name(case), arguments.only)
        and not fnmatch.fnmatch(name(case), arguments.skip)]
    jobs = [
        (case, meta, form) for number, (case, meta) in enumerate(found)
        for form in (FORMS if arguments.all else [FORMS[number % len(FORMS)]])
        if (name(case), label(form)) not in EXEMPT]
    table = collections.defaultdict(collections.Counter)
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        results = pool.map(lambda job: judge(*job, arguments.kconvert), jobs)
        for (case, _, form), (outcome, message) in zip(jobs, results):
            table[label(form)][outcome] += 1
            if outcome == "differs":
                print(f"FAIL {name(case)} {label(form)}: {' '.join(message.split())[:300]}", flush=True)
    print(f"{'form':<16} {'agrees':>7} {'refused':>8} {'differs':>8}")
    for form, counts in table.items():
        print(f"{form:<16} {counts['agrees']:>7} {counts['refused']:>8} {counts['differs']:>8}")
    return 1 if not jobs or any(counts["differs"] for counts in table.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

"""A second judge of the ONNX files that the conformance tests wrote: where OpenVINO takes one, it must give Keras's
numbers. What it does not take is listed with its reason.

    python Scripts/judge_openvino.py                     the fixtures
    python Scripts/judge_openvino.py --all CASES... [--only GLOB] [--kconvert PATH] [--onnx-args ARGS]
                                                         every case of folders, converted first
"""
import argparse
import fnmatch
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile

import numpy as np
import openvino

from fixture_cases import ROOT, judge_all

CORE = openvino.Core()
OPTIONS = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
# What OpenVINO 2026 computes in another way, whatever form the file has: see Documentation/ONNX.md.
EXEMPT = {
    "hashing_int": "its CPU plugin computes int64 in 32 bits", "hashing_int_salt": "its CPU plugin computes int64 in 32 bits",
    "hashedcrossing": "its CPU plugin computes int64 in 32 bits",
    "tf_segments_of_integers_k2": "its CPU plugin computes int64 in 32 bits",
    "array_view": "its CPU plugin computes float64 in float32",
    "tf_open_slices_k2": "a range up to a size computed from the sizes of two inputs is empty",
    "ops_rare_arguments": "its largest element passes over NaN",
    "tf_linalg_k2": "right as soon as its inner values are outputs, too, and in every part of it",
    "mask_merge": "right with any two of its outputs, wrong with all of them",
    "lstm_mask_back": "the final cell state of an LSTM ignores sequence_lens (an output of this model)",
}
refused = []


def judge(case, meta, model):
    if case.name in EXEMPT:
        refused.append((case.name, EXEMPT[case.name]))
        return
    try:
        compiled = CORE.compile_model(str(model), "CPU", OPTIONS)
    except RuntimeError as error:
        refused.append((case.name, str(error).strip().splitlines()[-1][:140]))
        return
    inputs = dict(np.load(case / "inputs.npz"))
    names = [port.get_any_name() for port in compiled.inputs]
    if set(names) - set(inputs):
        inputs = dict(zip(names, inputs.values()))  # Keras 1 did not store the names of a Sequential's inputs
    arrays = {name: inputs[name].astype(port.get_element_type().to_dtype()) for name, port in zip(names, compiled.inputs)}
    results = compiled(arrays)
    wanted = np.load(case / "outputs.npz")
    for port, name in zip(compiled.outputs, wanted.files):
        np.testing.assert_allclose(
            results[port].astype(wanted[name].dtype), wanted[name], rtol=max(meta.get("rtol", 1e-4), 1e-3),
            atol=max(meta.get("atol", 1e-5), 1e-4), equal_nan=True)


def judge_folders(options):
    """Convert and judge every case of the folders that has an ONNX form; the exit status."""
    passed, failed = 0, 0
    for meta_path in sorted(path for folder in options.all for path in pathlib.Path(folder).rglob("meta.json")):
        case, meta = meta_path.parent, json.loads(meta_path.read_text())
        name = f"{case.parent.name}/{case.name}"
        if not fnmatch.fnmatch(name, options.only) or "ok" not in (meta.get("expect", "ok"), meta.get("onnx", "")):
            continue
        with tempfile.TemporaryDirectory() as folder:
            model = pathlib.Path(folder) / "model.onnx"
            command = [options.kconvert, case / meta.get("file", "model.keras"), "--to", "onnx", "-o", model]
            command += ["--weights", case / meta["weights"]] if meta.get("weights") else []
            made = subprocess.run(command + shlex.split(options.onnx_args), capture_output=True, text=True)
            if made.returncode == 3:
                refused.append((name, "kconvert: " + made.stderr.strip().splitlines()[0][:140]))
                continue
            try:
                judge(case, meta, model)
                passed += 1
            except Exception as error:  # every kind of failure is a failed case
                failed += 1
                print(f"FAIL {name}: {' '.join(str(error).split())[:300]}", flush=True)
    print(f"{passed} ONNX files, by OpenVINO ({len(refused)} of them not taken) passed, {failed} failed")
    return 1 if failed or not passed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", nargs="+", metavar="CASES")
    parser.add_argument("--only", default="*")
    parser.add_argument("--kconvert", default=ROOT / ".build" / "release" / "kconvert")
    parser.add_argument("--onnx-args", default="")
    options = parser.parse_args()
    if options.all:
        status = judge_folders(options)
    else:
        status = judge_all(judge, "model.onnx", "ONNX files, by OpenVINO", lambda meta: meta.get("onnx") == "any")
    for name, reason in refused:
        print(f"not judged by OpenVINO: {name}: {reason}")
    return status


if __name__ == "__main__":
    sys.exit(main())

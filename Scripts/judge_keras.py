"""Judge the .keras files that kconvert writes: today's Keras must load each in safe mode and predict the numbers that
the case's own Keras predicted.

    python Scripts/judge_keras.py                        every fixture, with the kconvert that the tests built
    python Scripts/judge_keras.py KCONVERT CASES [GLOB]  other cases

What kconvert refuses by name (exit code 3) must be what `fixtures/keras_refusals.txt` lists. Where today's Keras
predicts other numbers, a Keras 3 archive passes if it does so from the original file too.
"""
import fnmatch
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import warnings

warnings.filterwarnings("ignore")
import keras
import numpy as np


class Refused(Exception):
    pass


def upgraded(kconvert, case, meta, folder):
    path = os.path.join(folder, "upgraded.keras")
    command = [kconvert, str(case / meta.get("file", "model.keras")), "--to", "keras", "-o", path]
    if meta.get("weights"):
        command += ["--weights", str(case / meta["weights"])]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode == 3:
        raise Refused(result.stderr.strip())
    if result.returncode:
        raise RuntimeError(f"exit code {result.returncode}: {result.stderr.strip()}")
    return path


def predictions(model, arrays):
    tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
    structure = model._inputs_struct if hasattr(model, "_inputs_struct") else None
    if structure is None or len(tensors) == 1:
        inputs = tensors[0] if len(tensors) == 1 else tensors
    else:
        inputs = keras.tree.pack_sequence_as(structure, tensors)
    if not isinstance(inputs, dict) and isinstance(structure, dict):
        inputs = dict(zip(sorted(structure), tensors))
    return [np.asarray(keras.ops.convert_to_numpy(x)) for x in keras.tree.flatten(model(inputs, training=False))]


def results(path, arrays):
    return predictions(keras.saving.load_model(path, safe_mode=True), arrays)


def compare(results, case, meta):
    wanted = np.load(case / "outputs.npz")
    assert len(results) == len(wanted.files), f"{len(results)} outputs instead of {len(wanted.files)}"
    for result, name in zip(results, wanted.files):
        want = wanted[name]
        assert result.shape == want.shape, f"{name}: shape {result.shape} instead of {want.shape}"
        if want.dtype.kind in "SUO":
            assert (result.astype("U") == want.astype("U")).all(), f"{name}: other strings"
            continue
        np.testing.assert_allclose(
            result.astype("float64"), want.astype("float64"), rtol=meta.get("rtol", 1e-4),
            atol=meta.get("atol", 1e-5), equal_nan=True)


def judge(kconvert, case, meta):
    inputs = np.load(case / "inputs.npz")
    arrays = [inputs[name] for name in inputs.files]
    with tempfile.TemporaryDirectory() as folder:
        path = upgraded(kconvert, case, meta, folder)
        try:
            found = results(path, arrays)
        except ValueError:
            # What Keras wrote and cannot read back itself (quantised kernels without zero points) proves nothing.
            if not meta.get("reload", "").startswith("fails"):
                raise
            print(f"{case.parent.name}/{case.name}: today's Keras does not load the original file either")
            return
    try:
        compare(found, case, meta)
    except AssertionError:
        original = case / meta.get("file", "model.keras")
        if not keras_version(original).startswith("3"):
            raise
        for ours, theirs in zip(found, results(original, arrays)):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
        print(f"{case.parent.name}/{case.name}: today's Keras differs on the original file too")


def keras_version(path):
    if not zipfile.is_zipfile(path):
        return ""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("metadata.json"))["keras_version"]


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    kconvert = sys.argv[1] if len(sys.argv) > 1 else str(root / ".build/debug/kconvert")
    roots = [pathlib.Path(sys.argv[2])] if len(sys.argv) > 2 else [root / "fixtures/cases", root / "fixtures/eras"]
    pattern = sys.argv[3] if len(sys.argv) > 3 else "*"
    passed, refused, failed = 0, {}, 0
    for path in sorted(path for folder in roots for path in folder.rglob("meta.json")):
        case = path.parent
        name = f"{case.parent.name}/{case.name}"
        meta = json.loads(path.read_text())
        if not fnmatch.fnmatch(name, pattern) or meta.get("expect") == "refuse":
            continue
        try:
            judge(kconvert, case, meta)
            passed += 1
        except Refused as reason:
            refused[name] = str(reason)
        except Exception as error:  # every kind of failure is a failed case
            failed += 1
            print(f"FAIL {name}: {type(error).__name__}: {' '.join(str(error).split())[:400]}")
        keras.backend.clear_session()
    known = set((root / "fixtures/keras_refusals.txt").read_text().split())
    for name, reason in refused.items():
        if name not in known or len(sys.argv) > 1:
            print(f"refused {name}: {reason[:400]}")
    if len(sys.argv) <= 1 and set(refused) != known:
        failed += 1
        print(f"FAIL refusals: not listed {sorted(set(refused) - known)}, not refused {sorted(known - set(refused))}")
    print(f"refused by name: {len(refused)}")
    print(f"{passed} upgraded files passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

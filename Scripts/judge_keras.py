"""Judge the .keras files that kconvert writes: today's Keras must load each in safe mode and predict the numbers that
the case's own Keras predicted.

    python Scripts/judge_keras.py KCONVERT CASES [GLOB]

For every case below CASES (a folder with a meta.json) the model is converted with `--to keras`. A refusal (exit
code 3) is printed with its reason and counted apart; a case that is itself to be refused is left out.
"""
import fnmatch
import json
import os
import pathlib
import subprocess
import sys
import tempfile

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


def judge(kconvert, case, meta):
    with tempfile.TemporaryDirectory() as folder:
        model = keras.saving.load_model(upgraded(kconvert, case, meta, folder), safe_mode=True)
    arrays = np.load(case / "inputs.npz")
    results = predictions(model, [arrays[name] for name in arrays.files])
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


def main():
    kconvert, root = sys.argv[1], pathlib.Path(sys.argv[2])
    pattern = sys.argv[3] if len(sys.argv) > 3 else "*"
    passed, refused, failed = 0, 0, 0
    for path in sorted(root.glob("*/*/meta.json")):
        case = path.parent
        name = f"{case.parent.name}/{case.name}"
        meta = json.loads(path.read_text())
        if not fnmatch.fnmatch(name, pattern) or meta.get("expect") == "refuse":
            continue
        try:
            judge(kconvert, case, meta)
            passed += 1
        except Refused as reason:
            refused += 1
            print(f"refused {name}: {str(reason)[:400]}")
        except Exception as error:  # every kind of failure is a failed case
            failed += 1
            print(f"FAIL {name}: {type(error).__name__}: {' '.join(str(error).split())[:400]}")
        keras.backend.clear_session()
    print(f"refused by name: {refused}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

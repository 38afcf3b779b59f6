"""Judge the ONNX files that the conformance tests wrote: the checker must accept each, and onnxruntime must give
Keras's numbers for it.

    python Scripts/judge_onnx.py
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

onnxruntime.set_default_logger_severity(4)


def judge(case, model):
    meta = json.loads((case / "meta.json").read_text())
    onnx.checker.check_model(str(model), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    inputs = dict(np.load(case / "inputs.npz"))
    names = [i.name for i in session.get_inputs()]
    if sorted(names) != sorted(inputs) and set(names) - set(inputs):
        inputs = dict(zip(names, inputs.values()))  # Keras 1 did not store the names of a Sequential's inputs
    results = session.run(None, {name: inputs[name] for name in names})
    wanted = np.load(case / "outputs.npz")
    assert len(results) == len(wanted.files), f"{len(results)} outputs instead of {len(wanted.files)}"
    for result, name in zip(results, wanted.files):
        assert result.shape == wanted[name].shape, f"{name}: shape {result.shape} instead of {wanted[name].shape}"
        if wanted[name].dtype.kind == "U":
            np.testing.assert_array_equal(result.astype(str), wanted[name])
            continue
        np.testing.assert_allclose(
            result, wanted[name], rtol=meta.get("rtol", 1e-4), atol=meta.get("atol", 1e-5), equal_nan=True)


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    folder = root / ".build" / "conformance"
    passed, failed = 0, 0
    for meta in sorted([*root.glob("fixtures/cases/*/*/meta.json"), *root.glob("fixtures/eras/*/*/meta.json")]):
        case = meta.parent
        # The tests expect the refusal: hashes of strings, code of the program that made the file.
        if json.loads(meta.read_text()).get("onnx") == "any" or json.loads(meta.read_text()).get("expect") == "refuse":
            continue
        name = f"{case.parent.name}/{case.name}"
        try:
            judge(case, folder / name / "model.onnx")
            passed += 1
        except Exception as error:  # every kind of failure is a failed case
            failed += 1
            print(f"FAIL {name}: {' '.join(str(error).split())[:300]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Judge the ONNX files that the conformance tests wrote: the checker must accept each, and onnxruntime must give
Keras's numbers for it.

    python Scripts/judge_onnx.py
"""
import sys

import numpy as np
import onnx
import onnxruntime

from fixture_cases import judge_all

onnxruntime.set_default_logger_severity(4)


TYPES = {"tensor(float16)": "float16", "tensor(float)": "float32", "tensor(double)": "float64", "tensor(int8)": "int8",
         "tensor(uint8)": "uint8", "tensor(int16)": "int16", "tensor(int32)": "int32", "tensor(int64)": "int64"}


def cast(array, declared):
    target = TYPES.get(declared)
    if target and array.dtype != target and array.dtype.kind in "biuf" and np.array_equal(array.astype(target), array):
        return array.astype(target)
    return array


def laid_out(array, declared, layout):
    """An image in another order of axes where the declared sizes are not its own."""
    differs = array.ndim > 2 and any(isinstance(n, int) and n != m for n, m in zip(declared, array.shape))
    if not differs:
        return array
    return np.moveaxis(array, -1, 1) if layout == "nchw" else np.moveaxis(array, 1, -1)


def judge(case, meta, model, factor=1, layout=None):
    """Raises when the file is wrong; tolerances are `factor` times those of the case, images may be laid out otherwise."""
    onnx.checker.check_model(str(model), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    inputs = dict(np.load(case / "inputs.npz"))
    names = [i.name for i in session.get_inputs()]
    if sorted(names) != sorted(inputs) and set(names) - set(inputs):
        inputs = dict(zip(names, inputs.values()))  # Keras 1 did not store the names of a Sequential's inputs
    # The graph declares what the file declares; arrays follow where no value changes.
    inputs = {i.name: cast(inputs[i.name], i.type) for i in session.get_inputs()}
    if layout:
        inputs = {i.name: laid_out(inputs[i.name], i.shape, layout) for i in session.get_inputs()}
    results = session.run(None, inputs)
    wanted = np.load(case / "outputs.npz")
    assert len(results) == len(wanted.files), f"{len(results)} outputs instead of {len(wanted.files)}"
    for result, name in zip(results, wanted.files):
        want = wanted[name]
        back = "nhwc" if layout == "nchw" else "nchw"
        tolerances = dict(rtol=factor * meta.get("rtol", 1e-4), atol=factor * meta.get("atol", 1e-5), equal_nan=True)
        if layout and result.ndim > 2 and result.shape == want.shape and want.dtype.kind != "U":
            # As many channels as rows and columns: the shape does not tell the order, one of the two must be right.
            turned = np.moveaxis(result, 1, -1) if back == "nhwc" else np.moveaxis(result, -1, 1)
            if turned.shape == want.shape and not np.allclose(result, want, **tolerances):
                result = turned
        elif layout:
            result = laid_out(result, want.shape, back)
        assert result.shape == want.shape, f"{name}: shape {result.shape} instead of {want.shape}"
        if want.dtype.kind == "U":
            np.testing.assert_array_equal(result.astype(str), want)
            continue
        np.testing.assert_allclose(result, want, **tolerances)


if __name__ == "__main__":
    # The tests expect the refusal of hashes of strings.
    sys.exit(judge_all(judge, "model.onnx", "ONNX files", lambda meta: meta.get("onnx") == "any"))

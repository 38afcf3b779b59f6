"""A second judge of the ONNX files that the conformance tests wrote: where OpenVINO takes one, it must give Keras's
numbers. What it does not take is listed with its reason.

    python Scripts/judge_openvino.py
"""
import sys

import numpy as np
import openvino

from fixture_cases import judge_all

CORE = openvino.Core()
OPTIONS = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
# What OpenVINO 2026 computes in another way, whatever form the file has: see Documentation/ONNX.md.
EXEMPT = {
    "hashing_int": "its CPU plugin computes int64 in 32 bits", "hashing_int_salt": "its CPU plugin computes int64 in 32 bits",
    "hashedcrossing": "its CPU plugin computes int64 in 32 bits",
    "tf_segments_of_integers_k2": "its CPU plugin computes int64 in 32 bits",
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


if __name__ == "__main__":
    status = judge_all(judge, "model.onnx", "ONNX files, by OpenVINO", lambda meta: meta.get("onnx") == "any")
    for name, reason in refused:
        print(f"not judged by OpenVINO: {name}: {reason}")
    sys.exit(status)

"""The ONNX files of kconvert against those of tf2onnx and against graphs built by hand: nodes, Transposes, latency.

    python Benchmarks/onnx_files.py [--kconvert .build/release/kconvert] [--only NAME ...] [--seconds 2]

Every file is first held against Keras's numbers. Latencies are medians of interleaved rounds, ours divided by theirs;
`best` is the better of tf2onnx's file and onnxslim's version of it. Needs keras, tensorflow, tf2onnx, onnxslim,
onnxruntime and openvino; what a package cannot do is a dash.
"""
import argparse
import contextlib
import io
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime

import models

onnxruntime.set_default_logger_severity(4)


# ------------------------------------------------------------------ engines

def on_onnxruntime(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # Threads of the other files' sessions would spin beside the one that is measured.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def on_openvino(path, threads):
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(str(path), "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    return lambda x: request.infer([x])[compiled.output(0)]


ENGINES = {"onnxruntime": on_onnxruntime, "OpenVINO": on_openvino}


# ------------------------------------------------------------------ files

def files(name, model, folder, kconvert):
    """The file of each exporter; None where it has none."""
    archive = folder / "model.keras"
    model.save(archive)
    subprocess.run([kconvert, archive, "--to", "onnx", "-o", folder / "ours.onnx", "--force"], check=True)
    made = {"ours": folder / "ours.onnx"}
    made["ideal"] = attempt(lambda: save(hand_built(name, model), folder / "ideal.onnx"))
    if model.count_params() < 100e6:  # It takes more than 20 GB for VGG16.
        made["tf2onnx"] = attempt(lambda: by_tf2onnx(model, folder / "tf2onnx.onnx"))
    made["onnxslim"] = made.get("tf2onnx") and attempt(lambda: slimmed(made["tf2onnx"], folder / "onnxslim.onnx"))
    return made


def attempt(make):
    try:
        return make()
    except Exception as error:  # Another exporter's failure is a dash in the table, and a line here.
        print(f"  {type(error).__name__}: {str(error)[:160]}", file=sys.stderr)
        return None


def save(model, path):
    if model is None:
        return None
    onnx.save(model, path)
    return path


def hand_built(name, model):
    import ideals

    return ideals.IDEALS[name](model) if name in ideals.IDEALS else None


def by_tf2onnx(model, path):
    import tensorflow as tf
    import tf2onnx

    tensor = model.inputs[0]
    signature = [tf.TensorSpec((None,) + tuple(tensor.shape[1:]), tensor.dtype, name="x")]
    function = tf.function(lambda x: model(x, training=False))
    tf2onnx.convert.from_function(function, input_signature=signature, opset=18, output_path=str(path))
    return path


def slimmed(path, target):
    import onnxslim

    with contextlib.redirect_stdout(io.StringIO()):  # it prints tables of its own
        onnxslim.slim(str(path), str(target))
    return target


# ------------------------------------------------------------------ measuring

def latencies(runs, x, seconds):
    """Median seconds of each run, in interleaved rounds."""
    times = {key: [] for key in runs}
    for run in runs.values():
        run(x)
    end = time.perf_counter() + seconds * len(runs)
    while time.perf_counter() < end or len(next(iter(times.values()))) < 3:
        for key, run in runs.items():
            start = time.perf_counter()
            run(x)
            times[key].append(time.perf_counter() - start)
    return {key: statistics.median(values) for key, values in times.items()}


def counts(path):
    nodes = onnx.load(path, load_external_data=False).graph.node
    return len(nodes), sum(n.op_type == "Transpose" for n in nodes)


def measure(name, folder, options):
    model = models.build(name)
    made = {key: path for key, path in files(name, model, folder, options.kconvert).items() if path}
    rows = []
    for engine, load in ENGINES.items():
        for threads in (1, 2):
            for batch in (1, 8):
                x = models.inputs(model, batch)
                wanted = np.array(model.predict(x, verbose=0))
                runs = {}
                for key, path in made.items():
                    run = attempt(lambda: load(path, threads))
                    if run is None:
                        continue
                    found = attempt(lambda: run(x))
                    if found is not None and np.allclose(found, wanted, rtol=1e-3, atol=1e-4):
                        runs[key] = run
                    elif key == "ours":
                        print(f"  {name}: {engine} gives other numbers than Keras", file=sys.stderr)
                if "ours" in runs:
                    rows.append((engine, threads, batch, latencies(runs, x, options.seconds)))
    return {key: counts(path) for key, path in made.items()}, rows


def report(name, sizes, rows):
    shown = ", ".join(f"{key} {nodes} ({transposes} Transposes)" for key, (nodes, transposes) in sizes.items())
    print(f"\n## {name}\n\nNodes: {shown}.\n")
    print("| engine | threads | batch | ms | ÷ ideal | ÷ tf2onnx | ÷ best |\n| --- | --- | --- | --- | --- | --- | --- |")
    for engine, threads, batch, times in rows:
        others = [times[key] for key in ("tf2onnx", "onnxslim") if key in times]
        ratios = [ratio(times, times.get("ideal")), ratio(times, times.get("tf2onnx")), ratio(times, min(others, default=None))]
        print(f"| {engine} | {threads} | {batch} | {1000 * times['ours']:.3g} | " + " | ".join(ratios) + " |", flush=True)


def ratio(times, other):
    return f"{times['ours'] / other:.2f}" if other else "–"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kconvert", default=".build/release/kconvert")
    parser.add_argument("--only", nargs="*", default=list(models.MODELS), choices=list(models.MODELS), metavar="NAME")
    parser.add_argument("--seconds", type=float, default=2, help="of measuring for each file and setting")
    options = parser.parse_args()
    for name in options.only:
        with tempfile.TemporaryDirectory() as folder:
            outcome = attempt(lambda: measure(name, pathlib.Path(folder), options))
            if outcome:
                report(name, *outcome)


if __name__ == "__main__":
    main()

"""Times forward passes of kconvert against onnxruntime and OpenVINO, interleaved, and prints ratios.

    python Benchmarks/make_models.py FOLDER
    python Benchmarks/compare.py FOLDER [NAME ...] [--threads 1,2] [--batch 1,8] [--rounds 5] [--runs 10] [--tf2onnx]

The engines take turns in every round, so that what else the machine does meets all of them; a figure is the median over
the rounds of a round's median run, and the ratio is that of paired rounds. onnxruntime and OpenVINO run kconvert's ONNX
file; with --tf2onnx onnxruntime runs tf2onnx's, too, and the better one counts. Needs keras, onnxruntime, openvino (and tf2onnx).
"""
import json
import statistics
import subprocess
import sys
import time

import numpy as np
import onnxruntime
import openvino

from command import bench, models, parser


def random_inputs(session, batch):
    random = np.random.default_rng(1)
    feeds = {}
    for item in session.get_inputs():
        sizes = [batch if index == 0 else size if isinstance(size, int) else 100 for index, size in enumerate(item.shape)]
        if "int" in item.type:
            feeds[item.name] = random.integers(1, 1000, sizes).astype("int32" if "int32" in item.type else "int64")
        else:
            feeds[item.name] = random.uniform(-1, 1, sizes).astype("float32")
    return feeds


def median_time(run, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def onnxruntime_engine(path, threads, batch):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feeds = random_inputs(session, batch)
    return lambda: session.run(None, feeds), feeds


def openvino_engine(path, threads, feeds):
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(str(path), "CPU", settings).create_infer_request()
    tensors = {name: openvino.Tensor(value) for name, value in feeds.items()}
    return lambda: request.infer(tensors)


def kconvert_round(command, model, threads, batch, runs):
    """One process: its median run, without the first."""
    return json.loads(bench(command, model, batch, threads, runs, "--json"))


def exports(command, model, with_tf2onnx):
    own = model.with_suffix(".onnx")
    subprocess.run([command, str(model), "--to", "onnx", "-o", str(own), "--quiet"], check=True)
    found = [own]
    other = model.with_suffix(".tf2onnx.onnx")
    if with_tf2onnx and not other.exists():
        convert_by_tf2onnx(model, other)
    return found + ([other] if other.exists() else [])


def convert_by_tf2onnx(model, path):
    import keras
    import tensorflow
    import tf2onnx

    loaded = keras.saving.load_model(model, compile=False)
    specs = [tensorflow.TensorSpec((None, *x.shape[1:]), x.dtype, name=x.name) for x in loaded.inputs]
    function = tensorflow.function(lambda *inputs: loaded(list(inputs) if len(inputs) > 1 else inputs[0]), specs)
    tf2onnx.convert.from_function(function, specs, opset=18, output_path=str(path))


def compare(command, model, threads, batch, options):
    own, *others = exports(command, model, options.tf2onnx)
    engines = {}
    engines["onnxruntime"], feeds = onnxruntime_engine(own, threads, batch)
    engines["OpenVINO"] = openvino_engine(own, threads, feeds)
    for path in others:
        try:
            run, _ = onnxruntime_engine(path, threads, batch)
            run()
            engines["onnxruntime (tf2onnx)"] = run
        except Exception as error:  # onnxruntime refuses some of tf2onnx's files, and some batches of others.
            print(f"{path.name}: {str(error)[:200]}", file=sys.stderr)
    for run in engines.values():
        run()
    own, others, extra = [], {name: [] for name in engines}, {}
    for _ in range(options.rounds):
        extra = kconvert_round(command, model, threads, batch, options.runs)
        own.append(extra["median_ms"])
        for name, run in engines.items():
            others[name].append(median_time(run, options.runs))
    best = min(others, key=lambda name: statistics.median(others[name]))
    ratio = statistics.median(a / b for a, b in zip(own, others[best]))
    figures = {name: round(statistics.median(times), 3) for name, times in others.items()}
    return {
        "model": model.stem, "batch": batch, "threads": threads, "kconvert": round(statistics.median(own), 3), **figures,
        "best": best, "ratio": round(ratio, 3), "first_ms": extra["first_ms"], "load_ms": extra["load_ms"],
        "peak_rss_mb": extra["peak_rss_mb"],
    }


def main():
    arguments = parser(__doc__)
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--threads", default="1,2")
    arguments.add_argument("--batch", default="1,8")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--runs", type=int, default=10)
    arguments.add_argument("--tf2onnx", action="store_true")
    options = arguments.parse_args()
    ratios = []
    for threads in map(int, options.threads.split(",")):
        for batch in map(int, options.batch.split(",")):
            for model in models(options):
                try:
                    row = compare(options.kconvert, model, threads, batch, options)
                except subprocess.CalledProcessError as error:
                    print(json.dumps({"model": model.stem, "error": error.stderr[:200]}), flush=True)
                    continue
                ratios.append(row["ratio"])
                print(json.dumps(row), flush=True)
    print(f"geometric mean of {len(ratios)} ratios: {np.exp(np.mean(np.log(ratios))):.3f}")


if __name__ == "__main__":
    main()

"""Where the time of one row goes in each engine: kconvert's profile, onnxruntime's, and OpenVINO's counters, by kind of operation.

    python Benchmarks/profiles.py FOLDER NAME:BATCH:THREADS ... [--runs 20] [--kconvert PATH]

The models and their ONNX files are those of `compare.py`. Milliseconds a run, the mean of `--runs`; profiling itself costs
onnxruntime and OpenVINO some microseconds an operation, so that only parts of some size compare.
"""
import collections
import json
import pathlib
import subprocess
import tempfile

import onnxruntime
import openvino

from command import bench, parser
from compare import random_inputs


def kconvert_profile(command, model, batch, threads, runs):
    lines = bench(command, model, batch, threads, runs, "--profile").splitlines()
    start = lines.index("by operation and kernel") + 1
    parts = {}
    for line in lines[start:lines.index("", start)]:
        fields = line.split()
        parts[" ".join(fields[5:-2]) + f" ×{fields[-2]}"] = float(fields[0])
    return parts


def onnxruntime_profile(path, batch, threads, runs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    with tempfile.TemporaryDirectory() as folder:
        options.enable_profiling, options.profile_file_prefix = True, folder + "/profile"
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        feeds = random_inputs(session, batch)
        for _ in range(runs + 1):
            session.run(None, feeds)
        events = json.loads(pathlib.Path(session.end_profiling()).read_text())
    runs_seen = [event for event in events if event["name"] == "model_run"]
    warm = runs_seen[0]["ts"] + runs_seen[0]["dur"]
    parts, nodes = collections.Counter(), collections.defaultdict(set)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time") and event["ts"] > warm:
            kind = event["args"]["op_name"]
            parts[kind] += event["dur"] / 1e3 / runs
            nodes[kind].add(event["name"])
    return {f"{kind} ×{len(nodes[kind])}": time for kind, time in parts.items()}, feeds


def openvino_profile(path, feeds, threads, runs):
    settings = {
        "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "PERF_COUNT": True}
    request = openvino.Core().compile_model(str(path), "CPU", settings).create_infer_request()
    tensors = {name: openvino.Tensor(value) for name, value in feeds.items()}
    request.infer(tensors)
    parts, counts = collections.Counter(), collections.Counter()
    for turn in range(runs):
        request.infer(tensors)
        for item in request.profiling_info:
            kind = f"{item.node_type} {item.exec_type}"
            parts[kind] += item.real_time.total_seconds() * 1e3 / runs
            counts[kind] += turn == 0 and item.real_time.total_seconds() > 0
    return {f"{kind} ×{counts[kind]}": time for kind, time in parts.items()}


def show(engine, parts):
    total = sum(parts.values())
    print(f"  {engine}, {total:.3f} ms")
    for kind, time in sorted(parts.items(), key=lambda item: -item[1]):
        if time >= total / 100:
            print(f"    {time:8.3f}  {100 * time / total:4.1f} %  {kind}")


def main():
    arguments = parser(__doc__)
    arguments.add_argument("rows", nargs="+")
    arguments.add_argument("--runs", type=int, default=20)
    options = arguments.parse_args()
    for row in options.rows:
        name, batch, threads = row.split(":")
        model = options.folder / f"{name}.keras"
        path, batch, threads = model.with_suffix(".onnx"), int(batch), int(threads)
        if not path.exists():
            subprocess.run([options.kconvert, model, "--to", "onnx", "-o", path, "--quiet"], check=True)
        print(f"{name}, batch {batch}, {threads} thread{'s' * (threads > 1)}", flush=True)
        show("kconvert", kconvert_profile(options.kconvert, model, batch, threads, options.runs))
        parts, feeds = onnxruntime_profile(path, batch, threads, options.runs)
        show("onnxruntime", parts)
        show("OpenVINO", openvino_profile(path, feeds, threads, options.runs))


if __name__ == "__main__":
    main()

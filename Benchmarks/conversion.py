"""Times conversions against `cp` of the same file, interleaved, and takes their peak memory; prints ratios.

    python Benchmarks/conversion.py models FOLDER [NAME ...]    makes the models with Keras: .keras and .h5
    python Benchmarks/conversion.py sizes FOLDER 0.1 1 3        makes models of these many GB, sparse files, with h5py
    python Benchmarks/conversion.py run FOLDER [--to onnx,native,keras] [--rounds 5] [--options=--float16]
    python Benchmarks/conversion.py tf2onnx FOLDER [NAME ...]   the same files by Keras and tf2onnx, a process each

In every round each command runs once, so that what else the machine does meets all of them. `cp` writes the holes of sparse
files as bytes, as a conversion does. A ratio is that of medians;
`within` says whether a conversion took at most 1.5 times as long as `cp` and 15 ms. Peak memory is the largest resident
size that the system saw, clean pages of the mapped file included; `anonymous` is what is left without them, sampled.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
SUFFIXES = {"onnx": ".onnx", "native": ".safetensors", "keras": ".keras"}


def make_models(folder, names):
    import models

    for name in names or ["CNN", "LSTM", "MobileNetV2", "EfficientNetB0", "ResNet50", "VGG16", "NASNetLarge"]:
        model = models.build(name)
        for suffix in ("keras", "h5"):
            model.save(folder / f"{name.replace(' ', '_')}.{suffix}")
        print(name, flush=True)


def dense_config(width, count):
    def layer(class_name, **config):
        return {"class_name": class_name, "config": config}

    layers = [layer("InputLayer", batch_input_shape=[None, width], dtype="float32", name="x")]
    layers += [
        layer("Dense", name=f"dense_{index}", units=width, activation="linear", use_bias=True, dtype="float32")
        for index in range(count)]
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}


def make_size(folder, gigabytes):
    """A stack of Dense layers whose weights are a hole in the file."""
    import h5py

    count = max(2, round(gigabytes * 2))
    width = round((gigabytes * 1e9 / 4 / count) ** 0.5)
    with h5py.File(folder / f"dense_{gigabytes:g}GB.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(dense_config(width, count))
        file.attrs["keras_version"], file.attrs["backend"] = "2.15.0", "tensorflow"
        weights = file.create_group("model_weights")
        names = [f"dense_{index}" for index in range(count)]
        weights.attrs["layer_names"] = [name.encode() for name in names]
        weights.attrs["keras_version"], weights.attrs["backend"] = "2.15.0", "tensorflow"
        for name in names:
            group = weights.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            for part, shape in (("kernel:0", (width, width)), ("bias:0", (width,))):
                properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
                properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
                space = h5py.h5s.create_simple(shape)
                inner = group.require_group(name)
                h5py.h5d.create(inner.id, part.encode(), h5py.h5t.IEEE_F32LE, space, properties)


def anonymous_kilobytes(process):
    try:
        for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    except (OSError, ValueError):
        pass  # It has ended.
    return 0


def measured(command, samples=False):
    """Seconds and the peak of resident memory in MB; with samples also of that which is no file's."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    anonymous = 0
    if samples:
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            anonymous = max(anonymous, anonymous_kilobytes(process.pid))
            time.sleep(0.001)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        sys.exit(f"{command}: {process.stderr.read().decode()}")
    process.stderr.close()
    return seconds, usage.ru_maxrss / 1024, anonymous / 1024


def row(model, options, targets):
    output = options.scratch / "converted"
    commands = {"cp": ["cp", "--sparse=never", str(model), f"{output}.cp"]}
    for target in targets:
        commands[target] = [
            options.kconvert, str(model), "--to", target, "-o", f"{output}{SUFFIXES[target]}", "--quiet",
            *options.options.split()]
    times, peaks = {name: [] for name in commands}, {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            seconds, peak, _ = measured(command)
            times[name].append(seconds * 1e3)
            peaks[name].append(peak)
            for left in options.scratch.glob("converted*"):
                left.unlink()
    copied = statistics.median(times["cp"])
    for target in targets:
        taken = statistics.median(times[target])
        anonymous = measured(commands[target], samples=True)[2]
        yield {
            "model": model.name, "MB": round(model.stat().st_size / 1e6, 1), "to": target, "cp_ms": round(copied, 1),
            "ms": round(taken, 1), "ratio": round(taken / copied, 2), "within": taken <= 1.5 * copied + 15,
            "peak_MB": round(max(peaks[target])), "anonymous_MB": round(anonymous)}
        for left in options.scratch.glob("converted*"):
            left.unlink()


def run(options):
    targets = options.to.split(",")
    options.scratch = options.folder / "scratch"
    options.scratch.mkdir(exist_ok=True)
    files = sorted(
        (path for path in options.folder.iterdir() if path.suffix in (".keras", ".h5")), key=lambda path: path.stat().st_size)
    for model in files:
        if options.names and model.stem not in options.names:
            continue
        for figures in row(model, options, targets):
            print(json.dumps(figures), flush=True)
    options.scratch.rmdir()


# What a process that converts by Keras and tf2onnx runs; start and imports are part of it, as they are of ours.
BY_TF2ONNX = """
import sys
import keras, tensorflow as tf, tf2onnx
model = keras.models.load_model(sys.argv[1], compile=False)
tensor = model.inputs[0]
signature = [tf.TensorSpec((None,) + tuple(tensor.shape[1:]), tensor.dtype, name="x")]
function = tf.function(lambda x: model(x, training=False))
tf2onnx.convert.from_function(function, input_signature=signature, opset=18, output_path=sys.argv[2])
"""


def run_tf2onnx(options):
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    for model in sorted(options.folder.glob("*.keras"), key=lambda path: path.stat().st_size):
        if options.names and model.stem not in options.names:
            continue
        output = options.folder / "converted.onnx"
        seconds, peak, _ = measured([sys.executable, "-c", BY_TF2ONNX, str(model), str(output)])
        print(json.dumps({"model": model.name, "by": "tf2onnx", "s": round(seconds, 1), "peak_MB": round(peak)}), flush=True)
        output.unlink()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["models", "sizes", "run", "tf2onnx"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--kconvert", default=str(REPOSITORY / ".build/release/kconvert"))
    parser.add_argument("--to", default="onnx,native,keras")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--options", default="", help="further options of kconvert")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.what == "models":
        make_models(options.folder, options.names)
    elif options.what == "sizes":
        for size in options.names:
            make_size(options.folder, float(size))
    elif options.what == "tf2onnx":
        run_tf2onnx(options)
    else:
        run(options)


if __name__ == "__main__":
    main()

"""Times a model's first answer from the start of the process: `kconvert run` on zeros, from its start to its end.

    python Benchmarks/make_models.py FOLDER
    python Benchmarks/cold_start.py FOLDER [NAME ...] [--kconvert PATH] [--rounds 15]

Medians in ms, with one thread and two, of processes that also read their inputs and write the outputs; beside them what it takes
to read the file's bytes, which the system has in memory. The goals: MobileNetV2 60 ms, VGG16 200 ms, each beyond the read.
"""
import statistics
import subprocess
import tempfile
import time

import numpy as np

from command import models, parser, summary


def timed(action):
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1e3


def zeros(command, model, path):
    """A sample for each input, in the order of the inputs."""
    inputs = summary(command, model)["inputs"]
    sizes = [[1] + [size if isinstance(size, int) else 100 for size in item["shape"][1:]] for item in inputs]
    np.savez(path, **{item["name"]: np.zeros(size, item["dtype"]) for item, size in zip(inputs, sizes)})


def main():
    arguments = parser(__doc__)
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--rounds", type=int, default=15)
    options = arguments.parse_args()
    print("| model | read | 1 thread | 2 threads |")
    print("| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        feed, result = f"{folder}/in.npz", f"{folder}/out.npz"
        for model in models(options):
            zeros(options.kconvert, model, feed)
            call = [options.kconvert, "run", model, "--inputs", feed, "--outputs", result, "--threads"]
            actions = [model.read_bytes] + [lambda n=n: subprocess.run([*call, n], check=True, capture_output=True) for n in ("1", "2")]
            rounds = [[timed(action) for action in actions] for _ in range(options.rounds)]
            print(f"| {model.stem} | " + " | ".join(f"{statistics.median(times):.0f}" for times in zip(*rounds)) + " |", flush=True)


if __name__ == "__main__":
    main()

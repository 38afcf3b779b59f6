"""Holds the memory of a session against what its model needs.

    python Benchmarks/make_models.py FOLDER
    python Benchmarks/memory.py FOLDER [NAME ...] [--kconvert PATH] [--batch 1] [--threads 2]

One process each loads a model and runs it; its peak (clean pages of mapped files included) without that of a model of one
small Dense layer, which is the command, its libraries and oneDNN, stands against 1.3 times the weights and the values of a
run: the plan's arena, where oneDNN's scratch memory is, too.
"""
import json
import re
import subprocess

from command import REPOSITORY, bench, parser

SMALLEST = REPOSITORY / "fixtures/cases/layers/dense/model.keras"


def peak(options, model):
    return json.loads(bench(options.kconvert, model, options.batch, options.threads, 5, "--json"))["peak_rss_mb"]


def arena(options, model):
    text = bench(options.kconvert, model, options.batch, options.threads, 5, "--profile")
    return int(re.search(r"arena (\d+) KiB", text).group(1)) * 1024 / 1e6


def weights(options, model):
    text = subprocess.run([options.kconvert, model, "--to", "json", "-o", "-"], check=True, capture_output=True, text=True).stdout
    summary = json.loads(text)
    return (summary["trainable"]["bytes"] + summary["nonTrainable"]["bytes"]) / 1e6


def main():
    arguments = parser(__doc__)
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--batch", type=int, default=1)
    arguments.add_argument("--threads", type=int, default=2)
    options = arguments.parse_args()
    base = peak(options, SMALLEST)
    print(f"a small Dense layer: {base:.0f} MB\n")
    print("| model | weights | values | 1.3 × weights + values | peak | without the command | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in options.names or sorted(path.stem for path in options.folder.glob("*.keras")):
        model = options.folder / f"{name}.keras"
        held, values, most = weights(options, model), arena(options, model), peak(options, model)
        allowed = 1.3 * held + values
        print(f"| {name} | {held:.1f} | {values:.1f} | {allowed:.1f} | {most:.1f} | {most - base:.1f} | {(most - base) / allowed:.2f} |")


if __name__ == "__main__":
    main()

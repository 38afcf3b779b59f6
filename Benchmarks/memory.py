"""Holds the memory of a session against what its model needs.

    python Benchmarks/make_models.py FOLDER
    python Benchmarks/memory.py FOLDER [NAME ...] [--kconvert PATH] [--batch 1] [--threads 2]

One process each loads a model and runs it; its peak (clean pages of mapped files included) without that of a model of one
small Dense layer, which is the command, its libraries and oneDNN, stands against 1.3 times the weights and the values of a
run: the plan's arena, where oneDNN's scratch memory is, too. Beside it the largest part of the process that was its own (`RssAnon`, looked
at all the time), without that of the small layer: what is left are clean pages of the model's file and of the libraries' code.
"""
import json
import re
import subprocess
import time

from command import REPOSITORY, bench, bench_call, models, parser, summary

SMALLEST = REPOSITORY / "fixtures/cases/layers/dense/model.keras"


def peak(options, model):
    return json.loads(bench(options.kconvert, model, options.batch, options.threads, 5, "--json"))["peak_rss_mb"]


def own(options, model):
    """The largest anonymous part of a process in its first two seconds, MB."""
    call = bench_call(options.kconvert, model, options.batch, options.threads, 100_000)
    process = subprocess.Popen(call, stdout=subprocess.DEVNULL)
    largest, end = 0, time.monotonic() + 2
    while time.monotonic() < end and process.poll() is None:
        with open(f"/proc/{process.pid}/status") as status:
            found = re.search(r"RssAnon:\s*(\d+)", status.read())
        largest = max(largest, int(found.group(1)) if found else 0)
    process.kill()
    process.wait()
    return largest * 1024 / 1e6


def arena(options, model):
    text = bench(options.kconvert, model, options.batch, options.threads, 5, "--profile")
    return int(re.search(r"arena (\d+) KiB", text).group(1)) * 1024 / 1e6


def weights(options, model):
    found = summary(options.kconvert, model)
    return (found["trainable"]["bytes"] + found["nonTrainable"]["bytes"]) / 1e6


def main():
    arguments = parser(__doc__)
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--batch", type=int, default=1)
    arguments.add_argument("--threads", type=int, default=2)
    options = arguments.parse_args()
    base, least = peak(options, SMALLEST), own(options, SMALLEST)
    print(f"a small Dense layer: {base:.0f} MB, of its own {least:.1f}\n")
    print("| model | weights | values | 1.3 × weights + values | peak | without the command | ratio | of its own | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for model in models(options):
        held, values, most = weights(options, model), arena(options, model), peak(options, model)
        allowed = 1.3 * held + values
        private = own(options, model) - least
        row = [f"{number:.1f}" for number in (held, values, allowed, most, most - base)] + [f"{(most - base) / allowed:.2f}"]
        print(f"| {model.stem} | " + " | ".join(row + [f"{private:.1f}", f"{private / allowed:.2f}"]) + " |", flush=True)


if __name__ == "__main__":
    main()

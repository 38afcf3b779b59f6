"""The command that the benchmarks of forward passes run."""
import argparse
import json
import pathlib
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


def parser(description):
    """A parser of what all of them take: the folder of `make_models.py`, and the command."""
    found = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("folder", type=pathlib.Path)
    found.add_argument("--kconvert", default=str(REPOSITORY / ".build/release/kconvert"))
    return found


def models(options):
    """The models named, or all of the folder."""
    return [options.folder / f"{name}.keras" for name in options.names] or sorted(options.folder.glob("*.keras"))


def summary(command, model):
    """A model's layers and interface, as data."""
    call = [command, model, "--to", "json", "-o", "-"]
    return json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)


def bench_call(command, model, batch, threads, runs, *more):
    """A call of `kconvert bench`. Axes that a model leaves open have 100 elements, as other engines are given."""
    call = [command, "bench", model, "--batch", str(batch), "--threads", str(threads), "--runs", str(runs), "--size", "100"]
    return [*call, *more]


def bench(command, model, batch, threads, runs, *more):
    """What `kconvert bench` prints."""
    return subprocess.run(bench_call(command, model, batch, threads, runs, *more), check=True, capture_output=True, text=True).stdout

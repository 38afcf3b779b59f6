"""The command that the benchmarks of forward passes run."""
import argparse
import pathlib
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


def parser(description):
    """A parser of what all of them take: the folder of `make_models.py`, and the command."""
    found = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("folder", type=pathlib.Path)
    found.add_argument("--kconvert", default=str(REPOSITORY / ".build/release/kconvert"))
    return found


def bench(command, model, batch, threads, runs, *more):
    """What `kconvert bench` prints. Axes that a model leaves open have 100 elements, as other engines are given."""
    call = [command, "bench", model, "--batch", str(batch), "--threads", str(threads), "--runs", str(runs), "--size", "100"]
    return subprocess.run([*call, *more], check=True, capture_output=True, text=True).stdout

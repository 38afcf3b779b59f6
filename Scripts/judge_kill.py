"""Stop commands while they write, and fill their disks: outputs are whole or absent, and nothing is left beside them.

    python Scripts/judge_kill.py [--rounds N] [--seed N] [--only FORMAT] [--kconvert PATH]

Every format of output, with and without a file that is replaced, is stopped by INT, TERM, HUP and KILL at random moments, hits
a limit on the size of files, a full disk (a small tmpfs, where the system lets one be mounted) and a folder that cannot be
written to. Afterwards the folder holds exactly what it held before, or exactly what the command makes; a model and its side
file are both there or neither. `batch` is run once more and has to come to what it would have made undisturbed. Needs h5py.
"""
import argparse
import collections
import io
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

import h5py
import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]
FORMATS = {
    "onnx": ["model.keras", "--to", "onnx", "-o", "out/a.onnx"],
    "onnx, external data": ["model.keras", "--to", "onnx", "--external-data", "-o", "out/a.onnx"],
    "onnx, verified": ["model.keras", "--to", "onnx", "--verify", "-o", "out/a.onnx"],
    "native": ["model.keras", "--to", "native", "-o", "out/a.safetensors"],
    "keras": ["model.keras", "--to", "keras", "-o", "out/a.keras"],
    "svg": ["model.keras", "--to", "svg", "-o", "out/a.svg"],
    "dot": ["model.keras", "--to", "dot", "-o", "out/a.dot"],
    "html": ["model.keras", "--to", "html", "-o", "out/a.html"],
    "json": ["model.keras", "--to", "json", "-o", "out/a.json"],
    "run": ["run", "model.keras", "--inputs", "inputs.npz", "--outputs", "out/a.npz"],
    "batch": ["batch", "in", "--to", "onnx", "--external-data", "--out", "out", "--jobs", "2"],
}
UNITS = 1200  # Two kernels of 6 MB: writing takes a while, and waits for nobody.


def layer(name, kind, config, before=None):
    tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, UNITS], "dtype": "float32", "keras_history": [before, 0, 0]}}
    return {"module": "keras.layers", "class_name": kind, "name": name, "registered_name": None, "config": {"name": name, **config},
            "inbound_nodes": [{"args": [tensor], "kwargs": {}}] if before else []}


def archive():
    """A model of two dense layers, made by hand."""
    layers = [layer("x", "InputLayer", {"batch_shape": [None, UNITS], "dtype": "float32"})]
    weights, content = io.BytesIO(), io.BytesIO()
    with h5py.File(weights, "w") as file:
        for number, before in enumerate(["x", "d0"]):
            layers.append(layer(f"d{number}", "Dense", {"units": UNITS, "activation": "relu", "use_bias": False}, before))
            values = numpy.random.default_rng(number).standard_normal((UNITS, UNITS), "f4")
            file[f"layers/dense{'_1' if number else ''}/vars/0"] = values
    config = {"module": "keras", "class_name": "Functional", "registered_name": "Functional", "config": {
        "name": "m", "trainable": True, "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["d1", 0, 0]]}}
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("metadata.json", '{"keras_version": "3.10.0"}')
        file.writestr("config.json", json.dumps(config))
        file.writestr("model.weights.h5", weights.getvalue())
    return content.getvalue()


class Judge:
    def __init__(self, options, folder):
        self.options, self.folder, self.out = options, folder, folder / "out"
        self.chance = random.Random(options.seed)
        self.table, self.faults = collections.Counter(), []

    def files(self):
        """What lies in the folder of outputs, by name; of a batch's log only that it is there."""
        return {str(path.relative_to(self.out)): b"" if path.suffix == ".jsonl" else path.read_bytes()
                for path in sorted(self.out.rglob("*")) if path.is_file()}

    def clear(self, files=()):
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()
        for name in files:
            (self.out / name).write_bytes(b"old")
        return {name: b"old" for name in files}

    def start(self, arguments, **how):
        return subprocess.Popen([self.options.kconvert, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **how)

    def judge(self, what, before, whole):
        found = self.files()
        self.table["whole" if found == whole else "as before" if found == before else "neither"] += 1
        if found not in (before, whole):
            self.faults.append(f"{what}: {({name: len(content) for name, content in found.items()})}")

    def stop(self, name, arguments, number, moment, before, whole):
        process = self.start(arguments)
        time.sleep(moment)
        process.send_signal(number)
        process.communicate()
        what = f"{name}, {number.name} after {moment * 1000:.0f} ms"
        if name == "batch":
            self.judge_batch(what, arguments, whole)
        else:
            self.judge(what + (", replacing" if before else ""), before, whole)

    def judge_batch(self, what, arguments, whole):
        time.sleep(0.1)  # Conversions end with the batch, a little later.
        found = {name: content for name, content in self.files().items() if not name.startswith(".kconvert-batch")}
        if any(whole.get(name) != content for name, content in found.items()):
            self.faults.append(f"{what}: partial or odd: {sorted(found)}")
        if any(name.endswith(".onnx") and f"{name}.data" not in found for name in found):
            self.faults.append(f"{what}: a model without its weights: {sorted(found)}")
        process = self.start(arguments)
        process.communicate()
        self.judge(f"{what}, and again", whole, whole)

    def limited(self, name, arguments, before, whole):
        """Files may have half the size that the output has."""
        size = max(len(content) for content in whole.values()) // 2
        process = self.start(arguments, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
        _, text = process.communicate()
        self.judge(f"{name}, files of at most {size} bytes", before, whole)
        if process.returncode < 0 or process.returncode == 0 and name != "batch":
            self.faults.append(f"{name}, files of at most {size} bytes: code {process.returncode}: {text[:200]}")

    def mounted(self, name, arguments, mount, whole):
        """In a folder on a disk of its own. False where that cannot be had."""
        self.clear()
        # What is no larger than a page has no room behind one that is taken.
        fill = "head -c 4096 /dev/zero > out/filler\n" if mount == "size=4096" else ""
        script = f'mount -t tmpfs -o {mount} none out 2> /dev/null || exit 99\n{fill}"$@"; code=$?; ls -AR out >&2; exit $code'
        command = ["unshare", "-rm", "sh", "-c", script, "sh", self.options.kconvert, *arguments]
        if not shutil.which("unshare"):
            return False
        done = subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        error, _, listed = done.stderr.partition("out:\n")
        if done.returncode == 99 or not listed and "out:" not in done.stderr:
            return False
        left = [line for line in listed.split("\n") if line not in ("", "filler")]
        self.table["as before" if not left else "neither"] += 1
        if left or done.returncode in (0, 99) or done.returncode < 0 or done.returncode > 128:
            self.faults.append(f"{name}, {mount}: code {done.returncode}, left {left}: {error[:200]}")
        return True

    def format(self, name, arguments):
        self.clear()
        begin = time.monotonic()
        process = self.start(arguments)
        _, text = process.communicate()
        length, whole = time.monotonic() - begin, self.files()
        if process.returncode:
            sys.exit(f"{name}: {text}")
        for turn in range(self.options.rounds):
            for number in SIGNALS:
                before = self.clear(whole if turn % 2 and name != "batch" else ())
                self.stop(name, arguments, number, self.chance.random() * length * 1.1, before, whole)
        if name == "batch":
            return  # Its conversions are the commands above, in folders of their own.
        self.limited(name, arguments, self.clear(), whole)
        self.limited(name, arguments, self.clear(whole), whole)
        size = max(len(content) for content in whole.values()) // 2
        for mount in [f"size={max(size // 4096, 1) * 4096}", "ro"]:
            if not self.mounted(name, arguments, mount, whole):
                self.table["not tried: no disks of one's own"] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=FORMATS)
    parser.add_argument("--kconvert", default=str(ROOT / ".build/debug/kconvert"))
    options = parser.parse_args()
    options.kconvert = os.path.abspath(options.kconvert)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "in/sub").mkdir(parents=True)
        for place in ["model.keras", "in/a.keras", "in/sub/b.keras"]:
            (folder / place).write_bytes(archive())
        numpy.savez(folder / "inputs.npz", x=numpy.ones((300, UNITS), "f4"))
        judge = Judge(options, folder)
        for name, arguments in FORMATS.items():
            if options.only in (None, name):
                judge.format(name, arguments)
    print("\n".join(judge.faults))
    print(f"{sum(judge.table.values())} outcomes, {len(judge.faults)} faults: "
          + ", ".join(f"{count} {what}" for what, count in judge.table.most_common()))
    return 1 if judge.faults else 0


if __name__ == "__main__":
    sys.exit(main())

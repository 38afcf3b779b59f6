"""Make files that are odd but right, and see that each loads and gives the numbers of the plain model.

    python Scripts/judge_odd.py [--every N] [--only GLOB] [--keep FOLDER] [--kconvert PATH]

One dense layer with known weights, in HDF5 files of every version of the format, user blocks, chunks, filters, byte orders and
element types, with links that go round, attributes stored densely and names of 10,000 characters; in the layouts of Keras 3
and of `.h5`, whose lists of names come in every type of text; in zip archives as other programs write them. `--every 4` takes
a quarter of them, as `make test` does. Needs h5py.
"""
import argparse
import fnmatch
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
KERNEL, BIAS = np.arange(6, dtype="f4").reshape(3, 2), np.arange(2, dtype="f4")
INPUT = np.array([[1, 2, 3], [4, 5, 6]], "f4")

FILES = {
    "earliest": {}, "v108": {"libver": ("v108", "v108")}, "v110": {"libver": ("v110", "v110")}, "v112": {"libver": ("v112", "v112")},
    "latest": {"libver": "latest"}, "block": {"userblock_size": 512}, "block-latest": {"userblock_size": 4096, "libver": "latest"},
    "order": {"track_order": True}, "order-latest": {"track_order": True, "libver": "latest"},
    "paged": {"fs_strategy": "page", "fs_persist": True}, "aggregate": {"fs_strategy": "aggregate"},
}
DATASETS = {
    "plain": {}, "chunks": {"chunks": (2, 1)}, "automatic": {"chunks": True}, "checksums": {"chunks": (1, 2), "fletcher32": True},
    "packed": {"chunks": (2, 2), "compression": "gzip", "compression_opts": 9},
    "shuffled": {"chunks": (3, 1), "compression": "gzip", "shuffle": True},
    "all": {"chunks": (2, 1), "compression": "gzip", "shuffle": True, "fletcher32": True},
    "growing": {"chunks": (2, 2), "maxshape": (None, None)}, "fill": {"fillvalue": 7}, "dated": {"track_times": True},
}
TYPES = ["<f4", ">f4", "<f8", ">f8", "<f2", ">f2"]
NAMES = {
    "plain": "d", "slash": "a/b/c", "space": "my layer 1", "emoji": "\U0001F600 größe", "cyrillic": "слой", "long": "n" * 1000, "dot": "a.b",
    "quotes": "a\"b'c<d>&", "percent": "%s{0}", "dash": "-x", "number": "0", "colon": "k:0",
}
TEXTS = {
    "variable": lambda text: text, "fixed": lambda text: np.bytes_(text.encode()),
    "ascii": lambda text: np.array(text.encode(), dtype=h5py.string_dtype("ascii")),
    "padded": lambda text: np.array(text.encode(), dtype=h5py.string_dtype("utf-8", len(text.encode()) + 3)),
}
LISTS = {
    "fixed": lambda names: [name.encode() for name in names] if names else np.array([], "S1"),
    "variable": lambda names: np.array(names, dtype=h5py.string_dtype()),
    "ascii": lambda names: np.array([name.encode() for name in names], object).astype(h5py.string_dtype("ascii")) if names else np.zeros(0),
}


# Models

def config(name):
    def layer(kind, name, settings, before=None):
        tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, 3], "dtype": "float32", "keras_history": [before, 0, 0]}}
        return {"module": "keras.layers", "class_name": kind, "config": {"name": name, **settings}, "registered_name": None, "name": name,
                "inbound_nodes": [{"args": [tensor], "kwargs": {}}] if before else []}

    layers = [layer("InputLayer", "x", {"batch_shape": [None, 3], "dtype": "float32"}),
              layer("Dense", name, {"units": 2, "activation": "linear", "use_bias": True}, "x")]
    return {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional", "config": {
        "name": "m", "trainable": True, "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [[name, 0, 0]]}}


def legacy_config(name):
    layers = [{"class_name": "InputLayer", "name": "x", "inbound_nodes": [],
               "config": {"batch_input_shape": [None, 3], "dtype": "float32", "name": "x", "sparse": False}},
              {"class_name": "Dense", "name": name, "inbound_nodes": [[["x", 0, 0, {}]]],
               "config": {"name": name, "units": 2, "activation": "linear", "use_bias": True, "dtype": "float32", "trainable": True}}]
    return {"class_name": "Functional", "config": {
        "name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [[name, 0, 0]]}}


def hdf5(fill, **how):
    """A real file: h5py leaves some cut that it writes into memory."""
    with tempfile.TemporaryDirectory() as folder:
        with h5py.File(f"{folder}/file.h5", "w", **how) as file:
            fill(file)
        return pathlib.Path(folder, "file.h5").read_bytes()


def add(group, name, array, options, kind="<f4"):
    options = dict(options)
    if array.ndim == 1:
        if isinstance(options.get("chunks"), tuple):
            options["chunks"] = (min(options["chunks"][0], len(array)),)
        if "maxshape" in options:
            options["maxshape"] = (None,)
    group.create_dataset(name, data=array.astype(kind), **options)


def weights(file=FILES["earliest"], options={}, kind="<f4", more=None):
    """What Keras 3 calls `model.weights.h5`."""
    def fill(file):
        for name, array in [("0", KERNEL), ("1", BIAS)]:
            add(file.require_group("layers/dense/vars"), name, array, options, kind)
        if more:
            more(file)
    return hdf5(fill, **file)


def legacy(text, names, name, file, options):
    """A whole model as `.h5`."""
    def fill(file):
        file.attrs["keras_version"], file.attrs["backend"] = text("2.12.0"), text("tensorflow")
        file.attrs["model_config"] = text(json.dumps(legacy_config(name)))
        root = file.create_group("model_weights")
        root.attrs["layer_names"], root.attrs["backend"] = names(["x", name]), text("tensorflow")
        root.create_group("x").attrs["weight_names"] = names([])
        group = root.create_group(name)
        group.attrs["weight_names"] = names([f"{name}/kernel:0", f"{name}/bias:0"])
        for part, array in [("kernel", KERNEL), ("bias", BIAS)]:
            add(group, f"{name}/{part}:0", array, options)
    return hdf5(fill, **file)


def members(content, name="d"):
    return [("metadata.json", b'{"keras_version": "3.10.0"}'), ("config.json", json.dumps(config(name)).encode()), ("model.weights.h5", content)]


def archive(content, name="d"):
    return zipped(members(content, name))


def zipped(parts, mode=zipfile.ZIP_STORED, comment=b"", stream=False, before=b""):
    class Stream(io.RawIOBase):
        """Of which nobody can tell where it is, so that sizes stand behind the members."""
        def writable(self):
            return True

        def write(self, part):
            return result.write(part)

    result = io.BytesIO()
    result.write(before)
    with zipfile.ZipFile(Stream() if stream else result, "w" if not before else "a", mode) as file:
        for part in parts:
            file.writestr(*part)
        file.comment = comment
    return result.getvalue()


# What else stands in a file

def densely(file):
    for number in range(60):
        file["layers/dense/vars"].attrs[f"extra{number}"] = "v" * number
    file.attrs["numbers"] = np.arange(1000)


def cycles(file):
    file["layers/dense/up"], file["layers/dense/self"], file["root"] = file["layers"], file["layers/dense"], file["/"]


def long_names(file):
    file.create_group("layers/" + "q" * 10_000).create_group("vars")
    file["layers/dense"].attrs["n" * 9000] = 1


def many_groups(file):
    for number in range(3000):
        file.create_group(f"optimizer/g{number}")


def optimizer(file):
    file["optimizer/vars/0"], file["optimizer/vars/text"] = np.arange(5), "words"
    file.create_dataset("optimizer/vars/lzf", data=np.arange(9), chunks=(3,), compression="lzf")


def named_type(file):
    file["type"] = np.dtype("f4")


def comment(file):
    h5py.h5o.set_comment(file["layers"].id, b"a comment")


def archives():
    """Archives as other programs write them."""
    parts = members(weights())
    info = zipfile.ZipInfo("config.json")
    info.extra, info.comment = b"UT\x05\x00\x01abcd", b"member"
    pretty = json.dumps(json.loads(parts[1][1]), indent=3, sort_keys=True).replace("\n", "\r\n") + "\n"
    yield "deflated", zipped(parts, zipfile.ZIP_DEFLATED)
    yield "order", zipped(parts[::-1])
    yield "comment", zipped(parts, comment=b"c" * 60_000)
    yield "prefix", zipped(parts, before=b"#!/bin/sh\nexit 0\n")
    yield "folders", zipped([("assets/", b""), ("assets/deep/er/", b"")] + parts)
    yield "extra", zipped([parts[0], (info, parts[1][1]), parts[2]])
    yield "stream", zipped(parts, stream=True)
    yield "stream-deflated", zipped(parts, zipfile.ZIP_DEFLATED, stream=True)
    yield "mac", zipped(parts + [("__MACOSX/._config.json", b"junk"), (".DS_Store", b"junk")])
    yield "many", zipped([(f"assets/a{number}.txt", b"x") for number in range(2000)] + parts)
    yield "names", zipped(parts + [("assets/größe/\U0001F600.txt", b"x")])
    yield "mark", zipped([parts[0], ("config.json", b"\xef\xbb\xbf" + parts[1][1]), parts[2]])
    yield "pretty", zipped([parts[0], ("config.json", pretty), parts[2]])
    yield "no-metadata", zipped(parts[1:])


def files():
    """Names and contents."""
    for file, how in FILES.items():
        for data, options in DATASETS.items():
            yield f"{file}-{data}.keras", archive(weights(how, options))
    for more in [densely, cycles, long_names, many_groups, optimizer, named_type, comment]:
        for file in ("earliest", "latest", "block"):
            yield f"{file}-{more.__name__}.keras", archive(weights(FILES[file], more=more))
    for kind in TYPES:
        for file, data in [("earliest", "plain"), ("latest", "all"), ("block", "chunks")]:
            yield f"{file}-{data}-{'big' if kind[0] == '>' else 'little'}-{kind[1:]}.keras", archive(weights(FILES[file], DATASETS[data], kind))
    for name, text in [*NAMES.items(), ("10000", "n" * 10_000)]:
        yield f"name-{name}.keras", archive(weights(), text)
    for how, content in archives():
        yield f"zip-{how}.keras", content
    for text in TEXTS:
        for names in LISTS:
            for number, name in enumerate(NAMES):
                if names == "ascii" and not NAMES[name].isascii():
                    continue
                file, data = [("earliest", "plain"), ("latest", "all"), ("block", "packed")][number % 3]
                yield f"{text}-{names}-{name}-{file}.h5", legacy(TEXTS[text], LISTS[names], NAMES[name], FILES[file], DATASETS[data])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only", default="*")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--kconvert", default=str(ROOT / ".build/debug/kconvert"))
    options = parser.parse_args()
    kconvert, expected = os.path.abspath(options.kconvert), INPUT @ KERNEL + BIAS
    count = faults = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or pathlib.Path(temporary)
        folder.mkdir(exist_ok=True)
        np.savez(folder / "inputs.npz", x=INPUT)
        for number, (name, content) in enumerate(files()):
            if number % options.every or not fnmatch.fnmatch(name, options.only):
                continue
            (folder / name).write_bytes(content)
            done = subprocess.run([kconvert, "run", f"./{name}", "--inputs", "inputs.npz", "--outputs", "outputs.npz"], cwd=folder,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            found = None if done.returncode else next(iter(np.load(folder / "outputs.npz").values()))
            count += 1
            if found is None or not np.allclose(found, expected):
                faults += 1
                print(f"{name}: {done.stderr.strip()[:300] if found is None else found.tolist()}")
            if not options.keep:
                (folder / name).unlink()
    print(f"{count} odd files, {faults} faults")
    return 1 if faults or not count else 0


if __name__ == "__main__":
    sys.exit(main())

"""Make files that lie, and see that every verb answers them: no death by signal, nothing over 10 s or 1 GB, one error line.

    python Scripts/judge_hostile.py [--every N] [--only GLOB] [--keep FOLDER] [--kconvert PATH]

Made by hand where `mutate_commands.py` mutates: arrays and safetensors whose headers lie, ONNX files with cycles, sizes to 2^63
and side files elsewhere, models in models that are called 2^30 times, JSON and YAML that grow, vocabularies, expressions for Lambda,
windows of 2^90 elements. Each runs in limits and in a folder whose files are compared before and after. `--every 8` takes an
eighth of the runs, as `make test` does.
"""
import argparse
import copy
import fnmatch
import io
import itertools
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unicodedata
import zipfile

from mutate_commands import BYTES, ROOT, SECONDS, limit, state, varint

GOOD = (ROOT / "fixtures/fuzz/good.keras").read_bytes()
CODES = (0, 1, 2, 3, 4, 64, 65, 66, 73, 74)
SIZES = [0, -1, 1 << 31, 1 << 40, (1 << 63) - 1, -(1 << 63)]
VERBS = [
    ["{file}", "--summary", "--cost"], ["check", "{file}"], ["{file}", "--to", "onnx", "-o", "out/a.onnx"], ["{file}", "--to", "keras", "-o", "out/a.keras"],
    ["{file}", "--to", "native", "-o", "out/a.safetensors"], ["{file}", "--to", "html", "-o", "out/a.html"], ["{file}", "--to", "svg", "-o", "out/a.svg"],
    ["{file}", "--to", "json", "-o", "out/a.json"], ["diff", "good.keras", "{file}"], ["compare", "{file}", "{file}"],
    ["bench", "{file}", "--runs", "1", "--size", "3"],
]
RUNS = [["run", "good.keras", "--inputs", "{file}", "--outputs", "out/y.npz"]]
ONNX = [["compare", "{file}", "{file}"], ["compare", "good.keras", "{file}"], ["check", "{file}"], ["bench", "{file}", "--runs", "1"]]


# Formats

def zipped(members, mode=zipfile.ZIP_DEFLATED):
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", mode) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return result.getvalue()


def npy(descr="<f4", shape=(2, 3), data=bytes(24), version=1, header=None):
    text = (header or repr({"descr": descr, "fortran_order": False, "shape": shape})).encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text) & (0xFFFF if version == 1 else 0xFFFFFFFF))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def message(*fields):
    """Protocol buffers: numbers and what is bytes or text, by the numbers of the fields."""
    result = bytearray()
    for number, value in fields:
        value = value.encode() if isinstance(value, str) else value
        if isinstance(value, int):
            result += varint(number << 3) + varint(value)
        else:
            result += varint(number << 3 | 2) + varint(len(value)) + value
    return bytes(result)


def value_info(name, sizes):
    dimensions = [(1, message((1 if isinstance(size, int) else 2, size))) for size in sizes]
    return message((1, name), (2, message((1, message((1, 1), (2, message(*dimensions)))))))


def attribute(name, number):
    return message((1, name), (3, number), (20, 2))


def node(op, inputs, output, *attributes):
    return message(*[(1, name) for name in inputs], (2, output), (3, output), (4, op), *[(5, item) for item in attributes])


def tensor(name, sizes, kind, raw=None, external=None):
    parts = [(13, message((1, key), (2, text))) for key, text in (external or {}).items()]
    return message(*[(1, size) for size in sizes], (2, kind), (8, name), *([(9, raw)] if raw is not None else []), *parts,
                   *([(14, 1)] if external else []))


def onnx(nodes, tensors=(), sizes=("batch", 3)):
    graph = message(*[(1, item) for item in nodes], (2, "g"), *[(5, item) for item in tensors], (11, value_info("x", sizes)),
                    (12, value_info("y", ["batch", 3])))
    return message((1, 9), (2, "kconvert"), (8, message((1, ""), (2, 18))), (7, graph))


def keras(config):
    """An archive without weights: what has none of its own comes through every stage."""
    return zipped([("metadata.json", '{"keras_version": "3.10.0"}'), ("config.json", json.dumps(config))])


def call(before, shape=(None, 3), index=0):
    return {"args": [{"class_name": "__keras_tensor__", "config": {"shape": list(shape), "dtype": "float32", "keras_history": [before, index, 0]}}],
            "kwargs": {}}


def layer(kind, name, settings, calls=(), module="keras.layers"):
    return {"module": module, "class_name": kind, "config": {"name": name, **settings}, "registered_name": None, "name": name, "inbound_nodes": list(calls)}


def source(shape=(None, 3)):
    return layer("InputLayer", "x", {"batch_shape": list(shape), "dtype": "float32"})


def model(name, layers, last, index=0):
    return {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional", "config": {
        "name": name, "trainable": True, "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [[last, index, 0]]}}


# Files: names, contents and the verbs that they go through

def arrays():
    whole = npy(data=bytes(range(24)))
    kinds = {"version-9": npy(version=9), "object": npy("|O", data=b"\x80\x04cos\nsystem\n."), "complex": npy("<c8", data=bytes(48)),
             "wide": npy("<U1000000000"), "empty-texts": npy("<U0", (1 << 40,), b""), "bytes": npy("|S1", (30_000_000,), bytes(30_000_000)),
             "cut": whole[:-1], "no-data": npy(data=b""), "no-header": whole[:9], "header": npy(header="{" * 60_000), "rank": npy(shape=(1,) * 70),
             "no-shape": npy(header="{'descr': '<f4', 'fortran_order': False}"), "minus": npy(shape=(-2, 3)), "odd-type": npy("x" * 99)}
    kinds |= {f"size-{number}": npy(shape=(size, size)) for number, size in enumerate(SIZES)}
    for name, content in kinds.items():
        yield f"array-{name}.npy", content, RUNS
        yield f"array-{name}.npz", zipped([("x.npy", content)]), RUNS
    yield "array-many.npz", zipped([(f"{number}.npy", whole) for number in range(5000)]), RUNS
    yield "array-bomb.npz", zipped([("x.npy", npy(shape=(75_000_000, 1), data=bytes(300_000_000)))]), RUNS


def headers():
    plain = {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "b": {"dtype": "F32", "shape": [1], "data_offsets": [24, 28]}}

    def file(header, data=bytes(28), length=None):
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        return (len(text) if length is None else length).to_bytes(8, "little") + text + data
    odd = {"dtype": ["F16", "F64", "F8_E4M3", "", None, 5], "shape": [[], [0], [-1, 2], [1 << 40] * 2, [1 << 62, 4], [1] * 70, [2.5], None, "x"],
           "data_offsets": [[0, 1 << 40], [5, 3], [-4, 20], [1, 25], [0], None, [(1 << 63) - 1] * 2, ["0", "24"]]}
    for key, values in odd.items():
        for number, value in enumerate(values):
            changed = copy.deepcopy(plain)
            changed["a"][key] = value
            yield f"header-{key}-{number}.safetensors", file(changed), VERBS
    for number, length in enumerate([0, 1, 1 << 31, 1 << 40, (1 << 63) - 1, (1 << 64) - 1]):
        yield f"header-length-{number}.safetensors", file(plain, length=length), VERBS
    yield "header-deep.safetensors", file(b'{"a":' * 100_000), VERBS
    yield "header-twice.safetensors", file(json.dumps(plain).encode()[:-1] + b"," + json.dumps(plain).encode()[1:]), VERBS
    yield "header-many.safetensors", file({f"t{number}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for number in range(12_000)}, b""), VERBS


def graphs():
    for number, size in enumerate(SIZES):
        numbers = lambda *values: tensor("s", [len(values)], 7, struct.pack(f"<{len(values)}q", *values))
        yield f"onnx-reshape-{number}.onnx", onnx([node("Reshape", ["x", "s"], "y")], [numbers(size, 3)]), ONNX
        yield f"onnx-axis-{number}.onnx", onnx([node("Softmax", ["x"], "y", attribute("axis", size))]), ONNX
        yield f"onnx-slice-{number}.onnx", onnx([node("Slice", ["x", "s", "s", "s", "s"], "y")], [numbers(size)], (2, 3)), ONNX
        yield f"onnx-pad-{number}.onnx", onnx([node("Pad", ["x", "s"], "y")], [numbers(size, 0, 0, 0)], (2, 3)), ONNX
        yield f"onnx-tile-{number}.onnx", onnx([node("Tile", ["x", "s"], "y")], [numbers(size, 1)], (2, 3)), ONNX
        yield f"onnx-tensor-{number}.onnx", onnx([node("Add", ["x", "w"], "y")], [tensor("w", [size, size], 1, bytes(12))]), ONNX
        yield f"onnx-units-{number}.onnx", onnx([node("LSTM", ["x", "w", "w"], "y", attribute("hidden_size", size))], [tensor("w", [3], 1, bytes(12))]), ONNX
    places = [{"location": name} for name in ("../a", "/etc/passwd", "", ".", "link", "none")]
    places += [{"location": "good.keras", key: text} for key, text in itertools.product(("offset", "length"), ("-1", "x", "18446744073709551615"))]
    for number, place in enumerate(places):
        yield f"onnx-side-{number}.onnx", onnx([node("Add", ["x", "w"], "y")], [tensor("w", [3], 1, external=place)]), ONNX
    yield "onnx-cycle.onnx", onnx([node("Relu", ["b"], "a"), node("Relu", ["a"], "b"), node("Relu", ["b"], "y")]), ONNX
    yield "onnx-self.onnx", onnx([node("Relu", ["y"], "y")]), ONNX
    yield "onnx-operands.onnx", onnx([node("Concat", ["x"] * 50_000, "y", attribute("axis", 0))]), ONNX
    names = ["x", *[f"a{number}" for number in range(10_000)], "y"]
    yield "onnx-chain.onnx", onnx([node("Relu", [a], b) for a, b in zip(names, names[1:])]), ONNX
    names = ["x", *[f"a{number}" for number in range(40)], "y"]
    yield "onnx-doubled.onnx", onnx([node("Concat", [a, a], b, attribute("axis", 1)) for a, b in zip(names, names[1:])]), ONNX
    yield "onnx-escape.onnx", onnx([node("Re\x1b[31mlu\u202e", ["x"], "y")]), ONNX
    yield "onnx-empty.onnx", b"\x08\x09" + b"\xff" * 5000, ONNX


def models():
    for depth, count in [(3, 2), (30, 2), (20, 3), (10, 8)]:
        whole = model("m", [source(), layer("Activation", "a", {"activation": "relu"}, [call("x")])], "a")
        for level in range(depth):
            name = f"c{level}"
            whole["config"]["name"] = whole["name"] = name
            whole["inbound_nodes"] = [call("x")] + [call(name, index=index) for index in range(count - 1)]
            whole = model("m", [source(), whole], name, count - 1)
        yield f"model-calls-{count}-{depth}.keras", keras(whole), VERBS
    chain = [source()] + [layer("Add", f"a{n}", {}, [{"args": [call(f"a{n - 1}" if n else "x")["args"] * 2], "kwargs": {}}]) for n in range(2000)]
    yield "model-add.keras", keras(model("m", chain, "a1999")), VERBS
    chain = [source()] + [layer("Concatenate", f"a{n}", {"axis": -1}, [{"args": [call(f"a{n - 1}" if n else "x")["args"] * 2], "kwargs": {}}]) for n in range(60)]
    yield "model-concatenate.keras", keras(model("m", chain, "a59")), VERBS
    for kind, padding, size in itertools.product(("AveragePooling3D", "MaxPooling3D"), ("same", "valid"), (1 << 20, 1 << 30, 1 << 62)):
        shape = (None, 4, 4, 4, 1)
        settings = {"pool_size": [size] * 3, "strides": [1, 1, 1], "padding": padding, "data_format": "channels_last"}
        whole = model("m", [source(shape), layer(kind, "p", settings, [call("x", shape)])], "p")
        yield f"model-{kind}-{padding}-{size}.keras", keras(whole), VERBS
    for kind, key in [("Dense", "units"), ("RepeatVector", "n"), ("Reshape", "target_shape"), ("Permute", "dims"), ("Embedding", "output_dim")]:
        for number, size in enumerate(SIZES):
            settings = {key: [size] if key in ("target_shape", "dims") else size, **({"input_dim": 4} if kind == "Embedding" else {})}
            yield f"model-{kind}-{number}.keras", keras(model("m", [source(), layer(kind, "l", settings, [call("x")])], "l")), VERBS


def texts():
    plain = json.dumps(model("m", [source(), layer("Activation", "a", {"activation": "relu"}, [call("x")])], "a"))
    kinds = {"deep.json": "[" * 400_000, "objects.json": '{"a":' * 150_000, "twice.json": plain[:-1] + ',"config":{}}', "long.json": '"' + "x" * 900_000 + '"',
             "number.json": "9" * 900_000, "exponent.json": "1e" + "9" * 1000, "end.json": plain + "\0", "two.json": plain * 2, "many.json": "[" + "1," * 400_000 + "1]",
             "nan.json": plain.replace("3", "NaN", 1), "infinite.json": plain.replace("3", "1e999", 1), "empty.json": "{}", "surrogate.json": '{"a": "\\ud800"}',
             "bomb.yaml": "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)),
             "round.yaml": "class_name: &a\n  - *a\n", "python.yaml": '!!python/object/apply:os.system ["touch out/pwned"]', "deep.yaml": "[" * 90_000,
             "levels.yaml": "".join(" " * n + "a:\n" for n in range(1300)), "key.yaml": "? [a, b]\n: c\n", "tab.yaml": "a:\n\t- b\n"}
    for name, text in kinds.items():
        yield f"text-{name}", text.encode(), VERBS
    expressions = ["x" + "+x" * 2000, "(" * 4000 + "x", "-" * 4000 + "x", "x" + "**x" * 400, "x" + "[0]" * 1300, "x[0:10**9]", "x[::0]", "x[::-9223372036854775808]",
                   "x[9223372036854775807]", "x" + "[None]" * 100, "reshape(x,(1099511627776,))", "reshape(x,(-1,-1))", "repeat(x,1099511627776)", "repeat(x,-1)",
                   "tile(x,(1048576,1048576))", "pad(x,((1099511627776,0),(0,0)))", "pad(x,((-1,0),(0,0)))", "open('/etc/passwd')", "x.__class__", "1/0", "x\u202e", "0x7f", "1e999*x"]
    function = {"class_name": "__lambda__", "config": {"code": "", "defaults": None, "closure": None}}
    content = keras(model("m", [source((2, 3)), layer("Lambda", "f", {"function": function}, [call("x", (2, 3))])], "f"))
    for number, expression in enumerate(expressions):
        yield f"expression-{number}.keras", content, [verb + ["--lambda", f"f={expression}"] for verb in VERBS[1:3] + VERBS[9:]]
    lookup = model("m", [source((None, 1)), layer("StringLookup", "v", {"vocabulary": "v.txt"}, [call("x", (None, 1))])], "v")
    for name, words in {"empty": b"", "zero": b"a\0b\nc\n", "bytes": b"\xff\xfe\n\xc3\n", "same": b"a\na\n", "many": b"w\n" * 400_000, "line": b"x" * 900_000}.items():
        yield f"words-{name}.txt", words, []
        yield f"words-{name}.keras", keras(lookup), [verb + ["--asset", f"v={place}"] for verb in VERBS[1:3] for place in (f"words-{name}.txt", "/dev/zero", "/", "none")]


# Runs

def fault(process, status, used, text, out):
    """What is wrong with a run; nothing if it is as it should be."""
    code = os.waitstatus_to_exitcode(status)
    lines = text.splitlines()
    errors = [line for line in lines if line.startswith("kconvert: error: ")]
    if code not in CODES:
        return f"code {code}"
    if used.ru_utime + used.ru_stime > SECONDS or used.ru_maxrss << 10 > BYTES:
        return f"{used.ru_utime + used.ru_stime:.1f} s, {used.ru_maxrss >> 10} MB"
    if code not in (0, 1, 4, 64) and len(errors) != 1:
        return f"code {code} and {len(errors)} errors"
    if any(len(line) > 4000 for line in lines) or any(unicodedata.category(letter) in ("Cc", "Cf") for line in lines for letter in line):
        return "what is printed is not plain text of some length"
    if code not in (0, 1, 4) and any(out.iterdir()):
        return f"code {code} and {sorted(path.name for path in out.iterdir())}"
    return None


def run(kconvert, verb, name, folder):
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    before = state(folder)
    process = subprocess.Popen([kconvert, *[part.format(file=name) if "{file}" in part else part for part in verb]], cwd=folder, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=limit)
    text = process.stderr.read().decode(errors="replace")
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    return fault(process, status, used, text, out) or ("files are touched" if state(folder) != before else None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only", default="*")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--kconvert", default=str(ROOT / ".build/debug/kconvert"))
    options = parser.parse_args()
    kconvert = os.path.abspath(options.kconvert)
    count = faults = made = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for name, content, verbs in itertools.chain(arrays(), headers(), graphs(), models(), texts()):
            if not fnmatch.fnmatch(name, options.only):
                continue
            if not name.startswith("words-"):
                shutil.rmtree(folder)
                folder.mkdir()
            (folder / "good.keras").write_bytes(GOOD)
            if not (folder / "link").is_symlink():
                (folder / "link").symlink_to("/etc/passwd")
            (folder / name).write_bytes(content)
            for verb in verbs:
                made += 1
                if made % options.every:
                    continue
                count += 1
                wrong = run(kconvert, verb, name, folder)
                if wrong:
                    faults += 1
                    print(f"{' '.join(verb)[:80]} {name}: {wrong}", flush=True)
                    if options.keep:
                        options.keep.mkdir(exist_ok=True)
                        shutil.copy(folder / name, options.keep)
    print(f"{count} runs, {faults} faults")
    return 1 if faults or not count else 0


if __name__ == "__main__":
    sys.exit(main())

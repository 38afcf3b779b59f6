"""Run the whole command on mutated models: no death by signal, nothing over 10 s or 1 GB, no file touched but the output.

    python Scripts/mutate_commands.py [RUNS] [--seed N] [--kconvert PATH] [--keep FOLDER]

Every fixture of every format is mutated by its structure (members of an archive, values of its configuration, attributes
of an HDF5 file, headers of safetensors and arrays, fields of protocol buffers) or by bytes, from a seed that makes it again.
Each mutant goes through four of the verbs that everybody uses and two of the others, each in limits, in a folder whose files
are compared before and after. Needs h5py to mutate HDF5 files by their
attributes. Prints a table of exit codes and what was wrong; what was wrong is kept.
"""
import argparse
import ast
import collections
import copy
import hashlib
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
import warnings
import zipfile

try:
    import h5py
except ImportError:
    h5py = None

# Members that are there twice are meant.
warnings.simplefilter("ignore")
ROOT = pathlib.Path(__file__).resolve().parent.parent
SUFFIXES = {".keras", ".h5", ".hdf5", ".safetensors", ".json", ".yaml"}
LARGEST = 1 << 18
SECONDS, BYTES = 10, 1 << 30
# A model that mutants are compared with, and what links in mutants may lead to.
OTHER, CANARY = "fixtures/fuzz/good.keras", "other.h5"
VERBS = {
    "--summary": ["{model}", "--summary"],
    "check": ["check", "{model}"],
    "run": ["run", "{model}", "--inputs", "{inputs}", "--outputs", "out/result.npz"],
    "--to onnx": ["{model}", "--to", "onnx", "-o", "out/result.onnx"],
    "--to native": ["{model}", "--to", "native", "-o", "out/result.safetensors"],
    "--to keras": ["{model}", "--to", "keras", "-o", "out/result.keras"],
}
OTHER_VERBS = {
    "--to svg": ["{model}", "--to", "svg", "-o", "out/result.svg"],
    "--to dot": ["{model}", "--to", "dot", "-o", "out/result.dot"],
    "--to html": ["{model}", "--to", "html", "-o", "out/result.html"],
    "--to json": ["{model}", "--to", "json", "-o", "out/result.json"],
    "--summary --cost": ["{model}", "--summary", "--cost", "--expand-nested"],
    "--to onnx --verify": ["{model}", "--to", "onnx", "--verify", "-o", "out/result.onnx"],
    "--to onnx --float16": ["{model}", "--to", "onnx", "--float16", "--external-data", "-o", "out/result.onnx"],
    "run --reference": ["run", "{model}", "--inputs", "{inputs}", "--outputs", "out/result.npz", "--reference"],
    "bench": ["bench", "{model}", "--runs", "1", "--size", "3", "--json"],
    "batch": ["batch", "in", "--to", "onnx", "--out", "out", "--time-limit", "10", "--memory-limit", "960"],
    "compare": ["compare", "{model}", "{model}"],
    "compare onnx": ["compare", "other.keras", "{onnx}"],
    "diff": ["diff", "other.keras", "{model}"],
}
NUMBERS = [0, -1, 1, 2, 3, 7, -2, 64, 65, 1 << 20, 1 << 31, -(1 << 31), (1 << 31) - 1, (1 << 63) - 1, -(1 << 63), 1 << 40,
           0.5, -0.0, 1e308, -1e308, float("nan"), float("inf"), 1e18, 9.3e18, None, True, False]
WORDS = ["", "same", "valid", "causal", "channels_first", "int32", "float16", "string", "relu", "softmax", "Dense", "Conv2D",
         "Flatten", "LSTM", "Dot", "Lambda", "TFSMLayer", "StringLookup", "/etc/passwd", "../secret", CANARY, "a/b", "..",
         "\u202e\x1b[31m", "x" * 10_000]


# Mutations

def scalar(chance, old=None):
    kind = chance.randrange(8)
    if type(old) is int and kind < 5:  # Most that is far off is refused early.
        return chance.choice([old + 1, old - 1, 2 * old, -old, 1])
    if type(old) is bool and kind < 6:
        return not old
    if kind < 5:
        return chance.choice(NUMBERS)
    return chance.choice(WORDS) if kind < 7 else [chance.choice(NUMBERS)] * chance.randrange(5)


def mutated_value(value, chance):
    """A value of JSON with one place below changed, removed, or repeated."""
    if not isinstance(value, (dict, list)) or not value or chance.randrange(24) == 0:
        return scalar(chance, value)
    value = value.copy()
    place = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
    kind = chance.randrange(16)
    if kind == 0:
        del value[place]
    elif kind == 1 and isinstance(value, list):
        value += [value[place]] * (1 << chance.randrange(8))
    elif kind == 2 and isinstance(value, dict):
        value[place] = value[chance.choice(list(value))]
    else:
        value[place] = mutated_value(value[place], chance)
    return value


def mutated_json(text, chance):
    value = json.loads(text)
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        value = mutated_value(value, chance)
    return json.dumps(value).encode()


def mutated_bytes(content, chance):
    content = bytearray(content)
    for _ in range(1 + chance.randrange(4)):
        if not content:
            break
        place, kind = chance.randrange(len(content)), chance.randrange(6)
        if kind == 0:
            content[place] = chance.randrange(256)
        elif kind == 1:
            content[place] ^= 1 << chance.randrange(8)
        elif kind == 2:
            del content[place : place + 1 + chance.randrange(16)]
        elif kind == 3:
            content[place:place] = content[place : place + 1 + chance.randrange(64)]
        elif kind == 4:
            width = min(1 << chance.randrange(4), len(content) - place)
            content[place : place + width] = bytes([chance.choice([0, 0xFF, 0x7F, 0x80])]) * width
        else:
            del content[-1 - chance.randrange(64) :]
    return bytes(content)


def mutated_archive(content, chance):
    """An archive that stays valid, one of its members mutated, left out or taken twice."""
    source, result = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    members = [(name, source.read(name)) for name in source.namelist()]
    place, kind = chance.randrange(len(members)), chance.randrange(20)
    if kind < 12:  # The configuration is where most is decided.
        place = next((i for i, (name, _) in enumerate(members) if name == "config.json"), place)
    name, member = members[place]
    members[place] = (chance.choice(WORDS) or "x", member) if kind == 13 else (name, mutated(name, member, chance))
    if kind == 14:
        members.append(members[place])
    if kind == 15:
        del members[place]
    with zipfile.ZipFile(result, "w", chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for name, member in members:
            archive.writestr(name, member)
    return result.getvalue()


def mutated_safetensors(content, chance):
    """A header that stays JSON, and its length with it."""
    count = int.from_bytes(content[:8], "little")
    header = mutated_json(content[8 : 8 + count], chance)
    return len(header).to_bytes(8, "little") + header + content[8 + count :]


def varint(number):
    number &= (1 << 64) - 1
    result = bytearray()
    while number >= 128:
        result.append(number & 127 | 128)
        number >>= 7
    return bytes(result) + bytes([number])


def read_varint(content, place):
    number = shift = 0
    while shift < 64:
        byte = content[place]  # IndexError beyond the end
        number, shift, place = number | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:
            return number, place
    raise ValueError("a number of more than ten bytes")


def message(content, depth=0):
    """The fields of a message of protocol buffers: lists of number, wire type and value, messages inside as such lists."""
    fields, place = [], 0
    while place < len(content):
        key, place = read_varint(content, place)
        number, kind = key >> 3, key & 7
        if number == 0 or kind in (3, 4, 6, 7):
            raise ValueError("no field")
        if kind == 0:
            value, place = read_varint(content, place)
        else:
            count, place = read_varint(content, place) if kind == 2 else ({1: 8, 5: 4}[kind], place)
            value, place = content[place : place + count], place + count
            if place > len(content):
                raise ValueError("cut")
        if kind == 2 and depth < 12 and len(value) > 1 and not all(32 <= byte < 127 for byte in value):
            try:
                value = message(value, depth + 1)
            except (ValueError, IndexError):  # text or packed numbers
                pass
        fields.append([number, kind, value])
    return fields


def message_bytes(fields):
    result = bytearray()
    for number, kind, value in fields:
        value = message_bytes(value) if isinstance(value, list) else value
        result += varint(number << 3 | kind)
        result += varint(value) if kind == 0 else varint(len(value)) + value if kind == 2 else value
    return bytes(result)


def places_below(fields):
    """Every field at every depth, as its list and index."""
    for index, field in enumerate(fields):
        yield fields, index
        if isinstance(field[2], list):
            yield from places_below(field[2])


def mutated_protobuf(content, chance):
    """A message that stays one: fields removed, repeated, renumbered, put elsewhere, unknown, and with odd values."""
    fields = message(content)
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        places = list(places_below(fields))
        if not places:
            break
        (owner, index), kind = chance.choice(places), chance.randrange(8)
        field = owner[index]
        if kind == 0:
            del owner[index]
        elif kind == 1:
            owner[index:index] = [copy.deepcopy(field) for _ in range(chance.choice([1, 2, 30]))]
        elif kind == 2:
            field[0] = chance.choice([1, 2, 3, 5, 8, 99, 1 << 20])
        elif kind == 3:
            owner.insert(index, [chance.choice([500, 9999]), 2, b"unknown"])
        elif kind == 4:
            other, place = chance.choice(places)
            field[1:] = copy.deepcopy(other[place][1:])
        elif field[1] == 0:
            field[2] = chance.choice([number for number in NUMBERS if type(number) is int] + [field[2] + 1, 2 * field[2]])
        elif field[1] == 2 and not isinstance(field[2], list):
            field[2] = chance.choice([b"", field[2][:-1], field[2] + b"x", b"../../secret", b"\xff\xfe", b"A" * 5000])
    return message_bytes(fields)


def mutated_npy(content, chance):
    """An array whose header is still one, and says something else."""
    start = 10 if content[6] == 1 else 12
    end = start + int.from_bytes(content[8:start], "little")
    header = ast.literal_eval(content[start:end].decode())
    key = chance.choice(["descr", "fortran_order", "shape"])
    sizes = list(header["shape"])
    if sizes:
        sizes[chance.randrange(len(sizes))] = chance.choice([n for n in NUMBERS if type(n) is int])
    header[key] = {
        "descr": chance.choice(["<f8", ">f4", "<i8", "|u1", "|b1", "<U7", "|S3", "|O", "<c8", "<f2", "", "x" * 99]),
        "fortran_order": not header["fortran_order"],
        "shape": chance.choice([tuple(sizes), (), header["shape"] + (1,), header["shape"][::-1], header["shape"][1:], (1,) * 65]),
    }[key]
    text = repr(header).encode() + b"\n"
    return content[:8] + len(text).to_bytes(start - 8, "little") + text + content[end:]


def mutated_attributes(content, chance):
    """An HDF5 file that stays valid, with an attribute mutated or a link, an object or a dataset of an odd kind added."""
    image = io.BytesIO(content)
    with h5py.File(image, "r+") as file:
        objects = [file]
        file.visititems(lambda _, item: objects.append(item))
        owner = chance.choice([file, chance.choice(objects)])
        if owner.attrs and chance.randrange(4):
            name = chance.choice(list(owner.attrs))
            value = owner.attrs[name]
            text = value.decode() if isinstance(value, bytes) else value
            if isinstance(text, str) and text[:1] in "{[":
                owner.attrs[name] = mutated_json(text, chance).decode()
            else:
                owner.attrs[name] = chance.choice([1, -1, 0.5, "x", "", "/etc/passwd", [], ["a", "b"], [b"a"] * 100])
        else:
            odd = [h5py.ExternalLink(CANARY, "/"), h5py.SoftLink("/"), h5py.SoftLink("/none"), h5py.SoftLink("/odd"), file]
            file["odd"] = chance.choice(odd)
    return image.getvalue()


def mutated_hdf5(content, chance):
    """As `mutated_attributes`, in a child of 2 s: libhdf5 crashes and loops on some damaged files, in this script too."""
    chance = random.Random(chance.getrandbits(64))
    end, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(end)
            resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(30)
            result = mutated_attributes(content, chance)
            with open(writing, "wb") as file:
                file.write(len(result).to_bytes(8, "little") + result)
        finally:
            os._exit(0)
    os.close(writing)
    with open(end, "rb") as file:
        answer = file.read()
    os.waitpid(child, 0)
    if len(answer) < 8 or len(answer) != 8 + int.from_bytes(answer[:8], "little"):
        raise ValueError("h5py cannot mutate it")
    return answer[8:]


def mutated(name, content, chance):
    """By structure where the format is known and still readable, else by bytes."""
    by_structure = {
        ".onnx": mutated_protobuf, ".pb": mutated_protobuf,
        ".keras": mutated_archive, ".npy": mutated_npy, ".npz": mutated_archive, ".json": mutated_json, ".safetensors": mutated_safetensors,
        ".h5": mutated_hdf5 if h5py else mutated_bytes,
    }.get(pathlib.Path(name).suffix, mutated_bytes)
    if chance.randrange(6) == 0:
        by_structure = mutated_bytes
    try:
        return by_structure(content, chance)
    except Exception:  # fixtures that are not well formed are mutated by bytes
        return mutated_bytes(content, chance)


# Runs

def corpus():
    """Models: files, and folders of SavedModels."""
    for path in sorted((ROOT / "fixtures").rglob("*")):
        if path.name == "saved_model.pb":
            yield path.parent
        elif path.suffix in SUFFIXES and path.name not in ("meta.json", "expected.json") and path.is_file():
            if path.stat().st_size < LARGEST and not (path.parent / "saved_model.pb").exists():
                yield path


def place_mutant(model, folder, chance):
    """Writes a mutant into the folder `in`; its path there."""
    place = folder / "in" / model.name
    if model.is_dir():
        shutil.copytree(model, place)
        changed = chance.choice([path for path in sorted(place.rglob("*")) if path.is_file()])
        changed.write_bytes(mutated(changed.name, changed.read_bytes(), chance))
        return place
    place.write_bytes(mutated(model.name, model.read_bytes(), chance))
    return place


def state(folder):
    """The files of a folder but its outputs: names, sizes and contents."""
    return {str(path): hashlib.sha256(path.read_bytes()).digest()
            for path in folder.rglob("*") if path.is_file() and path.parent.name != "out"}


def limit():
    resource.setrlimit(resource.RLIMIT_DATA, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Runner:
    def __init__(self, options):
        self.options, self.table, self.faults = options, collections.Counter(), collections.Counter()
        self.runs = self.models = self.slowest = self.largest = 0

    def wait(self, process):
        """The exit status and what the process used; a processor time of over 10 s ends it."""
        def late(*_):
            process.kill()
        signal.signal(signal.SIGALRM, late)
        signal.alarm(4 * SECONDS)  # A busy machine is not the command's fault.
        _, status, used = os.wait4(process.pid, 0)
        signal.alarm(0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss << 10

    def run(self, verb, names, folder):
        arguments = [part.format(**names) for part in (VERBS | OTHER_VERBS)[verb]]
        shutil.rmtree(folder / "out", ignore_errors=True)
        (folder / "out").mkdir()
        with open(folder.parent / "errors", "wb") as errors:
            process = subprocess.Popen(
                [self.options.kconvert, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=errors)
            code, seconds, size = self.wait(process)
        said = (folder.parent / "errors").read_bytes()
        self.runs += 1
        self.slowest, self.largest = max(self.slowest, seconds), max(self.largest, size)
        self.table[verb, code] += 1
        faults = []
        # To `batch`, a folder without a model is one that cannot be opened.
        expected = (0, 1, 2, 3, 4, 64, 66) if verb == "batch" else (0, 1, 2, 3, 4, 64)
        if code not in expected or b"Fatal error" in said:
            faults.append(f"signal or code {code}")
        if seconds > SECONDS:
            faults.append("time")
        if size > BYTES:
            faults.append("memory")
        if b"not done after" in said or b"MB of memory, too much" in said:
            faults.append("watchdog")
        # An output whose check fails with --verify is whole, too.
        if code not in (0, 4) and any(path.suffix != ".jsonl" for path in (folder / "out").iterdir()):
            faults.append("partial output")
        return faults

    def mutant(self, seed, models, temporary):
        chance = random.Random(seed)
        folder = pathlib.Path(temporary) / "work"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "in").mkdir(parents=True)
        shutil.copy(ROOT / OTHER, folder / "other.keras")
        shutil.copy(ROOT / "fixtures/hdf5/types.h5", folder / CANARY)
        model = chance.choice(models)
        names = {"model": str(place_mutant(model, folder, chance).relative_to(folder))}
        arrays = next(iter(sorted(model.parent.glob("inputs*.npz"))), ROOT / "fixtures/fuzz/arrays.npz")
        content = arrays.read_bytes()
        if chance.randrange(3) == 0:
            content = mutated(arrays.name, content, chance)
        (folder / "inputs.npz").write_bytes(content)
        (folder / "in" / "other.onnx").write_bytes(mutated("other.onnx", self.onnx, chance))
        names |= {"inputs": "inputs.npz", "onnx": "in/other.onnx"}
        before = state(folder)
        for verb in chance.sample(list(VERBS), 4) + chance.sample(list(OTHER_VERBS), 2):
            faults = self.run(verb, names, folder)
            if state(folder) != before:
                faults.append("files touched")
            for fault in faults:
                self.faults[fault] += 1
                self.keep(seed, verb, fault, model, folder)
        self.models += 1

    def keep(self, seed, verb, fault, model, folder):
        name = f"{seed}-{verb.replace(' ', '_').replace('--', '')}"
        print(f"seed {seed}: {verb}: {fault}: {model.relative_to(ROOT)}", flush=True)
        shutil.copytree(folder, pathlib.Path(self.options.keep) / name, dirs_exist_ok=True)

    def report(self):
        codes = sorted({code for _, code in self.table})
        print(f"{self.runs} runs of {self.models} mutants; slowest {self.slowest:.1f} s of a processor, "
              f"largest {self.largest >> 20} MB; faults: {dict(self.faults) or 'none'}")
        print(f"{'exit code':20}" + "".join(f"{code:>8}" for code in codes))
        for verb in VERBS | OTHER_VERBS:
            print(f"{verb:20}" + "".join(f"{self.table[verb, code]:>8}" for code in codes))
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="?", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kconvert", default=str(ROOT / ".build/release/kconvert"))
    parser.add_argument("--keep", default=str(ROOT / ".build/mutants"))
    options = parser.parse_args()
    # Inherited by every command.
    limit()
    models, runner, seed = list(corpus()), Runner(options), options.seed
    with tempfile.TemporaryDirectory() as temporary:
        original = pathlib.Path(temporary) / "original.onnx"
        subprocess.run([options.kconvert, ROOT / OTHER, "--to", "onnx", "-o", original], check=True,
                       stdout=subprocess.DEVNULL)
        runner.onnx = original.read_bytes()
        while runner.runs < options.runs:
            runner.mutant(seed, models, temporary)
            seed += 1
            if runner.models % 100 == 0:
                runner.report()
    runner.report()
    return 1 if runner.faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""Write what Keras 3's constructors take, for `--to keras`, and which module each operation is from.

    python Scripts/keras_signatures.py        (with the Keras to be described installed)

Makes Sources/KerasExport/Upgrade/KerasSignatures.swift and Sources/KerasImport/Config/OperationModules.swift.
"""
import importlib
import inspect
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
from keras.src.layers.layer import Layer
from keras.src.ops.operation import Operation

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "Sources"
WIDTH = 92
# Base classes, and layers that carry code.
LEFT_OUT = {"Layer", "Wrapper", "Lambda", "FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper", "Pipeline"}
# Second names of a class end in a dimension: MaxPool2D, Convolution2D.
ALIASES = ("AvgPool", "GlobalAvgPool", "MaxPool", "GlobalMaxPool", "Convolution", "SeparableConvolution")
COMMON = {"self", "args", "kwargs", "name", "trainable", "dtype", "weights", "input_tensor", "shape", "batch_size"}
# Taken by the RNN class that these pass their other arguments on to.
RECURRENT = {"LSTM", "GRU", "SimpleRNN"}


def literal(words, indent):
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) + 1 > WIDTH:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    lines.append(line)
    if len(lines) == 1:
        return f'"{line}"'
    body = " \\\n".join(indent + text for text in lines)
    return f'"""\n{body}\n{indent}"""'


def pair(first, second):
    if "\n" in first or "\n" in second or len(first) + len(second) > WIDTH + 12:
        return f"    (\n      {first},\n      {second}\n    ),\n"
    return f"    ({first}, {second}),\n"


def keys(name, layer):
    found = [
        key for key in inspect.signature(layer.__init__).parameters
        if key not in COMMON and not key.endswith(("_initializer", "_regularizer", "_constraint"))
    ]
    return found + (["zero_output_for_mask"] if name in RECURRENT else [])


def layer_rows():
    groups = {}
    for name in sorted(dir(keras.layers)):
        layer = getattr(keras.layers, name)
        if not inspect.isclass(layer) or not issubclass(layer, Layer) or name in LEFT_OUT:
            continue
        if any(name.startswith(alias) and name[len(alias):][:1].isdigit() for alias in ALIASES):
            continue
        groups.setdefault(" ".join(keys(name, layer)), []).append(name)
    rows = sorted(groups.items(), key=lambda item: item[1][0])
    return "".join(pair(literal(names, "      "), literal(text.split(), "      ")) for text, names in rows)


def module_rows():
    rows = ""
    for module in ["nn", "core", "math", "linalg", "image", "einops"]:
        found = importlib.import_module(f"keras.src.ops.{module}")
        names = sorted(
            name for name, value in vars(found).items()
            if inspect.isclass(value) and issubclass(value, Operation) and value.__module__ == found.__name__)
        rows += pair(f'"{module}"', literal(names, "      "))
    return rows


def rewrite(path, rows):
    """Put the rows into the table that ends the file."""
    text = path.read_text()
    start = text.index(" = [\n", text.index("String)] = [\n") - 20) + len(" = [\n")
    path.write_text(text[:start] + rows + "  ]\n}\n")


rewrite(SOURCES / "KerasExport/Upgrade/KerasSignatures.swift", layer_rows())
rewrite(SOURCES / "KerasImport/Config/OperationModules.swift", module_rows())

#!/usr/bin/env python3
"""Writes fixtures/keras3_operations.txt: every Operation class of `keras.ops`, from Keras itself."""
import importlib
import inspect
import pathlib

import keras
from keras.src.ops.operation import Operation

MODULES = ["core", "numpy", "nn", "math", "linalg", "image", "einops"]

names = set()
for name in MODULES:
    module = importlib.import_module(f"keras.src.ops.{name}")
    for item in vars(module).values():
        if inspect.isclass(item) and issubclass(item, Operation) and item.__module__ == module.__name__:
            names.add(item.__name__)
target = pathlib.Path(__file__).resolve().parent.parent / "fixtures/keras3_operations.txt"
target.write_text(f"# The Operation classes of keras.ops, Keras {keras.__version__}.\n" + "\n".join(sorted(names)) + "\n")
print(len(names), "classes")

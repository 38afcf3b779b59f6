#!/usr/bin/env python3
"""Writes, from Keras itself, fixtures/keras3_operations.txt (every Operation class of `keras.ops`) and
fixtures/keras3_functions.txt (every public function of `keras.ops`, `keras.random` and `keras.activations`, with the
classes that a call of it puts into a model)."""
import ast
import importlib
import inspect
import pathlib
import textwrap

import keras
from keras.src.ops.operation import Operation

MODULES = ["core", "numpy", "nn", "math", "linalg", "image", "einops"]
PUBLIC = ["ops", "ops.image", "ops.linalg", "ops.nn", "ops.numpy", "random", "activations"]
fixtures = pathlib.Path(__file__).resolve().parent.parent / "fixtures"


def operations():
    for name in MODULES:
        module = importlib.import_module(f"keras.src.ops.{name}")
        for item in vars(module).values():
            if inspect.isclass(item) and issubclass(item, Operation) and item.__module__ == module.__name__:
                yield item.__name__


def called_classes(function, depth=0):
    """The classes of `Class(...).symbolic_call(...)` and `Class(...)(...)` in a function's source; where there are none, those
    of the functions that it calls."""
    module = inspect.getmodule(function)
    calls = [node.func for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))) if isinstance(node, ast.Call)]
    found, called = set(), set()
    for call in calls:
        inner = call.value if isinstance(call, ast.Attribute) and call.attr == "symbolic_call" else call
        if isinstance(inner, ast.Call):
            name = getattr(inner.func, "id", getattr(inner.func, "attr", ""))
            item = getattr(module, name, None)
            if inspect.isclass(item) and issubclass(item, Operation):
                found.add(name)
        elif isinstance(call, ast.Name):
            called.add(getattr(module, call.id, None))
        elif isinstance(call, ast.Attribute) and getattr(call.value, "id", "") == "ops":
            called.add(getattr(keras.ops, call.attr, None))
    if not found and depth == 0:
        found.update(*(called_classes(item, 1) for item in called if inspect.isfunction(item) and item.__module__.startswith("keras.")))
    return found


def functions():
    seen = set()
    for name in PUBLIC:
        module = importlib.import_module(f"keras.{name}")
        for alias, item in sorted(vars(module).items()):
            if inspect.isfunction(item) and not alias.startswith("_") and (alias, item) not in seen:
                seen.add((alias, item))
                yield " ".join([f"keras.{name}.{alias}", *sorted(called_classes(item))])


classes = sorted(set(operations()))
title = f"# The Operation classes of keras.ops, Keras {keras.__version__}.\n"
(fixtures / "keras3_operations.txt").write_text(title + "\n".join(classes) + "\n")
lines = list(functions())
title = f"# The functions of keras.ops, keras.random and keras.activations, Keras {keras.__version__}, and their Operation classes.\n"
(fixtures / "keras3_functions.txt").write_text(title + "\n".join(lines) + "\n")
print(len(classes), "classes,", len(lines), "functions")

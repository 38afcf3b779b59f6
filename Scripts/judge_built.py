"""Has today's Keras load the model that Tests/KconvertTests/BuiltModelTests.swift builds in code, and compares the numbers.

    swift test --filter BuiltModelTests && python Scripts/judge_built.py
"""
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent.parent / ".build" / "built"


def main():
    model = keras.saving.load_model(FOLDER / "model.keras")
    inputs, expected = np.load(FOLDER / "inputs.npz"), np.load(FOLDER / "outputs.npz")
    names = [tensor.name for tensor in model.inputs]
    found = model.predict({name: inputs[name] for name in names}, verbose=0)
    worst = max(float(np.abs(np.asarray(value) - expected[str(index)]).max()) for index, value in enumerate(found))
    print(f"a model built in Swift, loaded by Keras {keras.__version__}: {len(model.layers)} layers, at most {worst:.2g} apart")
    return 0 if worst < 1e-5 and len(found) == len(expected) else 1


if __name__ == "__main__":
    sys.exit(main())

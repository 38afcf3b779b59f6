"""Lists the classes of `keras.layers`, by the names that files have for them: Tests compare what is supported, or
refused with its reason, against the list. `python3 keras_classes.py` rewrites `fixtures/keras3_layers.txt`."""
import inspect
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras

root = pathlib.Path(__file__).resolve().parent.parent
classes = {value for name in dir(keras.layers) if inspect.isclass(value := getattr(keras.layers, name))}
names = sorted({value.__name__ for value in classes if issubclass(value, keras.layers.Layer)})
lines = [f"# keras.layers of Keras {keras.__version__}, by Scripts/keras_classes.py", *names]
(root / "fixtures" / "keras3_layers.txt").write_text("\n".join(lines) + "\n")

"""The models of the benchmarks, made by Keras with fixed seeds."""
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from keras import layers


def cnn():
    return keras.Sequential([
        keras.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
        layers.Dense(10, activation="softmax")])


def lstm():
    return keras.Sequential([keras.Input((100, 32)), layers.LSTM(64), layers.Dense(10)])


def gru():
    return keras.Sequential([keras.Input((100, 32)), layers.GRU(64), layers.Dense(10)])


def two_bidirectional_lstm():
    return keras.Sequential([
        keras.Input((100, 32)), layers.Bidirectional(layers.LSTM(64, return_sequences=True)),
        layers.Bidirectional(layers.LSTM(64)), layers.Dense(10)])


def masked_bidirectional_gru():
    return keras.Sequential([
        keras.Input((100,), dtype="int32"), layers.Embedding(1000, 32, mask_zero=True),
        layers.Bidirectional(layers.GRU(64)), layers.Dense(10)])


def conv_lstm():
    return keras.Sequential([
        keras.Input((8, 16, 16, 3)), layers.ConvLSTM2D(8, 3, padding="same"), layers.Flatten(), layers.Dense(10)])


def transformer(activation, width=128, heads=4, depth=4, steps=64):
    x = inputs = keras.Input((steps, width))
    for _ in range(depth):
        attended = layers.MultiHeadAttention(heads, width // heads)(x, x)
        x = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([x, attended]))
        hidden = layers.Dense(width)(layers.Dense(4 * width, activation=activation)(x))
        x = layers.LayerNormalization(epsilon=1e-6)(layers.Add()([x, hidden]))
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling1D()(x)))


def application(name):
    return lambda: getattr(keras.applications, name)(weights=None)


MODELS = {
    "CNN": cnn, "LSTM": lstm, "GRU": gru, "two bidirectional LSTM": two_bidirectional_lstm,
    "masked bidirectional GRU": masked_bidirectional_gru, "ConvLSTM": conv_lstm,
    "transformer, GELU": lambda: transformer("gelu"), "transformer, ReLU": lambda: transformer("relu"),
    "MobileNetV2": application("MobileNetV2"), "EfficientNetB0": application("EfficientNetB0"),
    "ResNet50": application("ResNet50"), "VGG16": application("VGG16"), "ConvNeXtTiny": application("ConvNeXtTiny"),
    "NASNetLarge": application("NASNetLarge"),
}


def build(name):
    """A model whose weights, statistics of normalizations among them, are small random numbers."""
    import numpy as np

    keras.utils.set_random_seed(20)
    model = MODELS[name]()
    numbers = np.random.default_rng(20)
    for weight in model.weights:
        spread = numbers.normal(size=weight.shape) * 0.05
        if "variance" in weight.path or "gamma" in weight.path:
            spread = 1 + np.abs(spread)
        if weight.dtype.startswith("float"):
            weight.assign(spread)
    return model


def inputs(model, batch):
    import numpy as np

    numbers = np.random.default_rng(7)
    tensor = model.inputs[0]
    shape = (batch,) + tuple(tensor.shape[1:])
    if tensor.dtype.startswith("int"):
        ids = numbers.integers(1, 1000, shape).astype(tensor.dtype)
        ids[:, shape[1] * 3 // 4:] = 0  # right padding
        return ids
    return numbers.normal(size=shape).astype(tensor.dtype)

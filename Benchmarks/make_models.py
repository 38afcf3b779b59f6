"""Makes the models of the benchmark with Keras: random weights, one `.keras` file each.

    python Benchmarks/make_models.py FOLDER [NAME ...]

Batch normalisations get statistics that keep values in range, so that no engine meets denormal or infinite numbers.
"""
import pathlib
import sys

import keras
import numpy as np
from keras import layers


def transformer(depth=4, width=256, heads=8, tokens=128):
    x = inputs = keras.Input((tokens, width), name="tokens")
    for index in range(depth):
        normed = layers.LayerNormalization(name=f"norm{index}a")(x)
        x = x + layers.MultiHeadAttention(heads, width // heads, name=f"attention{index}")(normed, normed)
        normed = layers.LayerNormalization(name=f"norm{index}b")(x)
        hidden = layers.Dense(4 * width, activation="gelu", name=f"up{index}")(normed)
        x = x + layers.Dense(width, name=f"down{index}")(hidden)
    return keras.Model(inputs, layers.LayerNormalization(name="norm")(x))


def sequence(shape, *body):
    return keras.Sequential([keras.Input(shape, name="x"), *body])


def masked_gru():
    inputs = keras.Input((100,), dtype="int32", name="x")
    x = layers.Embedding(5000, 64, mask_zero=True)(inputs)
    x = layers.Bidirectional(layers.GRU(64))(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


APPLICATIONS = keras.applications
MODELS = {
    "mobilenetv2": lambda: APPLICATIONS.MobileNetV2(weights=None),
    "efficientnetb0": lambda: APPLICATIONS.EfficientNetB0(weights=None),
    "resnet50": lambda: APPLICATIONS.ResNet50(weights=None),
    "vgg16": lambda: APPLICATIONS.VGG16(weights=None),
    "convnexttiny": lambda: APPLICATIONS.ConvNeXtTiny(weights=None),
    "lstm": lambda: sequence((100, 32), layers.LSTM(64), layers.Dense(10, activation="softmax")),
    "gru": lambda: sequence((100, 32), layers.GRU(64), layers.Dense(10, activation="softmax")),
    "bilstm2": lambda: sequence(
        (100, 32), layers.Bidirectional(layers.LSTM(64, return_sequences=True)), layers.Bidirectional(layers.LSTM(64)),
        layers.Dense(10, activation="softmax")),
    "maskedgru": masked_gru,
    "lstm512": lambda: sequence(
        (100, 256), layers.LSTM(512, return_sequences=True), layers.LSTM(512), layers.Dense(10, activation="softmax")),
    "transformer": transformer,
}


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or MODELS:
        keras.utils.set_random_seed(1)
        model = MODELS[name]()
        random = np.random.default_rng(1)
        for layer in model.layers:
            if isinstance(layer, layers.BatchNormalization):
                size = layer.moving_mean.shape
                layer.moving_mean.assign(random.normal(0, 0.1, size))
                layer.moving_variance.assign(random.uniform(0.5, 1.5, size))
        model.save(folder / f"{name}.keras")
        print(name, model.count_params(), flush=True)


if __name__ == "__main__":
    main()

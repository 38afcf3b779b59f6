"""Graphs built by hand from a Keras model's weights: what an exporter should reach."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """Nodes and initializers of one graph, named as they come."""

    def __init__(self, prefix=""):
        self.nodes, self.initializers, self.count, self.prefix = [], [], 0, prefix

    def constant(self, array):
        name = f"{self.prefix}w{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, op, *inputs, outputs=1, **attributes):
        self.count += 1
        names = [f"{self.prefix}v{self.count}_{i}" for i in range(outputs)]
        made = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        self.nodes.append(helper.make_node(op, made, names, **attributes))
        return names[0] if outputs == 1 else names

    def model(self, source, output, opset=18):
        kinds = {"float32": TensorProto.FLOAT, "int32": TensorProto.INT32}
        tensor = source.inputs[0]
        graph = helper.make_graph(
            self.nodes, "ideal",
            [helper.make_tensor_value_info("x", kinds[tensor.dtype], ["n"] + list(tensor.shape[1:]))],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)], self.initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def vector(*numbers):
    return np.array(numbers, np.int64)


def arrays(layer):
    return [np.array(w) for w in layer.weights]


# ------------------------------------------------------------------ recurrent

def gates(kernel, order):
    parts = np.split(kernel, len(order), axis=-1)
    return np.concatenate([parts[i] for i in order], axis=-1)


def cell_weights(layer):
    """W, R and B of one direction, in ONNX's order."""
    kernel, recurrent, bias = arrays(layer)
    is_lstm = type(layer).__name__ == "LSTM"
    order = [0, 3, 1, 2] if is_lstm else [0, 1, 2]
    bias = np.stack([bias, np.zeros_like(bias)]) if bias.ndim == 1 else bias
    return gates(kernel, order).T, gates(recurrent, order).T, gates(bias, order).reshape(-1)


def recurrent(b, x, cells, lengths=""):
    op = type(cells[0]).__name__
    stacked = [np.stack(parts) for parts in zip(*map(cell_weights, cells))]
    more = {"linear_before_reset": 1} if op == "GRU" else {}
    direction = "bidirectional" if len(cells) > 1 else "forward"
    return b.node(op, x, *stacked, lengths, outputs=2, hidden_size=cells[0].units, direction=direction, **more)


def dense(b, x, layer):
    kernel, bias = arrays(layer)
    return b.node("Gemm", x, kernel, bias)


def joined(b, state):
    return b.node("Reshape", b.node("Transpose", state, perm=[1, 0, 2]), vector(0, -1))


def one_recurrent(model):
    b = Builder()
    _, state = recurrent(b, b.node("Transpose", "x", perm=[1, 0, 2]), [model.layers[0]])
    return b.model(model, dense(b, b.node("Squeeze", state, vector(0)), model.layers[-1]))


def two_bidirectional_lstm(model):
    b = Builder()
    first, second, last = model.layers
    x = b.node("Transpose", "x", perm=[1, 0, 2])
    sequence, _ = recurrent(b, x, [first.forward_layer, first.backward_layer])
    flat = b.node("Reshape", b.node("Transpose", sequence, perm=[0, 2, 1, 3]), vector(0, 0, -1))
    _, state = recurrent(b, flat, [second.forward_layer, second.backward_layer])
    return b.model(model, dense(b, joined(b, state), last))


def masked_bidirectional_gru(model):
    """Right for every mask: what is kept comes first, in its order (ONNX's TopK ranks equal ones by index)."""
    b = Builder()
    embedding, both, last = model.layers
    kept = b.node("Cast", b.node("Cast", "x", to=TensorProto.BOOL), to=TensorProto.INT32)
    lengths = b.node("ReduceSum", kept, vector(1), keepdims=0)
    _, order = b.node("TopK", kept, vector(model.inputs[0].shape[1]), outputs=2, axis=1)
    x = b.node("Transpose", b.node("GatherElements", "x", order, axis=1), perm=[1, 0])
    x = b.node("Gather", arrays(embedding)[0], x)
    _, state = recurrent(b, x, [both.forward_layer, both.backward_layer], lengths)
    return b.model(model, dense(b, joined(b, state), last))


def conv_lstm(model):
    """The input's convolution over all steps at once, the loop channels first."""
    b = Builder()
    first, _, last = model.layers
    kernel, recurrent_kernel, bias = arrays(first)
    steps, rows, columns, channels = first.input.shape[1:]
    units = first.cell.filters
    x = b.node("Reshape", b.node("Transpose", "x", perm=[0, 1, 4, 2, 3]), vector(-1, channels, rows, columns))
    same_size = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    x = b.node("Conv", x, kernel.transpose(3, 2, 0, 1), bias, **same_size)
    x = b.node("Reshape", x, vector(-1, steps, 4 * units, rows, columns))
    batch = b.node("Shape", "x", start=0, end=1)
    zeros = b.node("Expand", np.float32(0), b.node("Concat", batch, vector(units), vector(rows), vector(columns), axis=0))
    body = conv_lstm_step(recurrent_kernel, [units, rows, columns], same_size)
    h, _ = b.node("Scan", zeros, zeros, x, outputs=2, body=body, num_scan_inputs=1, scan_input_axes=[1])
    kernel, bias = arrays(last)
    kernel = kernel.reshape(rows, columns, units, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
    return b.model(model, b.node("Gemm", b.node("Reshape", h, vector(-1, rows * columns * units)), kernel, bias))


def conv_lstm_step(kernel, shape, same_size):
    b = Builder("step_")
    products = b.node("Add", "step", b.node("Conv", "h", kernel.transpose(3, 2, 0, 1), **same_size))
    i, f, c, o = b.node("Split", products, vector(*[shape[0]] * 4), outputs=4, axis=1)
    kept = b.node("Mul", b.node("Sigmoid", f), "c")
    state = b.node("Add", kept, b.node("Mul", b.node("Sigmoid", i), b.node("Tanh", c)))
    output = b.node("Mul", b.node("Sigmoid", o), b.node("Tanh", state))
    sizes = {"h": shape[0], "c": shape[0], "step": 4 * shape[0]}
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", s] + shape[1:]) for n, s in sizes.items()]
    results = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n"] + shape) for n in (output, state)]
    return helper.make_graph(b.nodes, "step", infos, results, b.initializers)


# ------------------------------------------------------------------ transformers

def transformer(model):
    """Over rows, so that products take their biases along; the whole shape only where steps meet."""
    b = Builder()
    steps, width = model.inputs[0].shape[1:]
    values = {id(model.inputs[0]): b.node("Reshape", "x", vector(-1, width))}
    for layer in model.layers[1:]:
        operands = layer._inbound_nodes[0].arguments.keras_tensors
        output = transformer_layer(b, layer, [values[id(t)] for t in operands], steps)
        values[id(layer.output)] = output
    return b.model(model, output)


def transformer_layer(b, layer, x, steps):
    kind = type(layer).__name__
    if kind == "MultiHeadAttention":
        return attention(b, layer, x[0], steps)
    if kind == "Add":
        return b.node("Add", *x)
    if kind == "LayerNormalization":
        return b.node("LayerNormalization", x[0], *arrays(layer), axis=-1, epsilon=layer.epsilon)
    if kind == "GlobalAveragePooling1D":
        whole = b.node("Reshape", x[0], vector(-1, *layer.input.shape[1:]))
        return b.node("ReduceMean", whole, vector(1), keepdims=0)
    return activated(b, b.node("Gemm", x[0], *arrays(layer)), layer.activation)


def attention(b, layer, x, steps):
    heads, size = layer._num_heads, layer._key_dim
    weights = {w.path.rsplit("/", 2)[-2] + "/" + w.name: np.array(w) for w in layer.weights}

    def projected(name, scale=1.0):
        kernel, bias = weights[f"{name}/kernel"], weights[f"{name}/bias"]
        matrix = (kernel.reshape(kernel.shape[0], -1) * scale).astype(np.float32)
        y = b.node("Gemm", x, matrix, (bias.reshape(-1) * scale).astype(np.float32))
        return b.node("Reshape", y, vector(-1, steps, heads, size))

    query = b.node("Transpose", projected("query", size ** -0.5), perm=[0, 2, 1, 3])
    key = b.node("Transpose", projected("key"), perm=[0, 2, 3, 1])
    value = b.node("Transpose", projected("value"), perm=[0, 2, 1, 3])
    scores = b.node("Softmax", b.node("MatMul", query, key), axis=-1)
    context = b.node("Transpose", b.node("MatMul", scores, value), perm=[0, 2, 1, 3])
    flat = b.node("Reshape", context, vector(-1, heads * size))
    kernel, bias = weights["attention_output/kernel"], weights["attention_output/bias"]
    return b.node("Gemm", flat, kernel.reshape(heads * size, -1), bias)


# ------------------------------------------------------------------ images

class ImageGraph:
    """Walks a functional model of images: channels first, normalizations folded, paddings in their convolutions."""

    def __init__(self, model):
        self.model, self.b = model, Builder()
        self.values = {id(model.inputs[0]): self.b.node("Transpose", "x", perm=[0, 3, 1, 2])}
        self.pads = {}
        self.channels_last = set()

    def turned(self, x, to_last):
        """The value with its channels last or first."""
        if (x in self.channels_last) == to_last:
            return x
        y = self.b.node("Transpose", x, perm=[0, 2, 3, 1] if to_last else [0, 3, 1, 2])
        if to_last:
            self.channels_last.add(y)
        return y

    def build(self):
        layers = getattr(self.model, "operations", self.model.layers)  # A Sequential has layers only.
        folded = set()
        for layer in layers:
            if type(layer).__name__ == "InputLayer" or layer in folded:
                continue
            operands = layer._inbound_nodes[-1].arguments.keras_tensors
            x = [self.values[id(t)] for t in operands]
            output, scale = layer._inbound_nodes[-1].outputs[0], None
            if type(layer).__name__ in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D"):
                readers = [node.operation for node in layer._outbound_nodes]
                if len(readers) == 1 and type(readers[0]).__name__ == "BatchNormalization" and is_linear(layer):
                    scale, output = normalization(readers[0]), readers[0].output
                    folded.add(readers[0])
            if type(layer).__name__ == "Dense" and [type(n.operation).__name__ for n in layer._outbound_nodes] == ["LayerScale"]:
                last = layer._outbound_nodes[0].operation
                scale, output = (arrays(last)[0], 0), last.output
                folded.add(last)
            self.values[id(output)] = self.emit(layer, x, operands, scale)
        return self.b.model(self.model, self.values[id(self.model.outputs[0])])

    def emit(self, layer, x, operands, scale):
        kind, b = type(layer).__name__, self.b
        if kind == "LayerNormalization" or kind == "Dense" and layer.input.ndim == 4:
            return self.rows(layer, self.turned(x[0], True) if layer.input.ndim == 4 else x[0], scale)
        if kind == "Activation" and x[0] in self.channels_last:
            y = activated(b, x[0], layer.activation)
            self.channels_last.add(y)
            return y
        x = [self.turned(value, False) for value in x]
        if kind in ("Conv2D", "DepthwiseConv2D"):
            return activated(b, self.convolution(layer, arrays(layer), x[0], operands[0], scale), layer.activation)
        if kind == "SeparableConv2D":
            deep, point, *bias = arrays(layer)
            y = self.convolution(layer, [deep], x[0], operands[0], None, is_deep=True)
            return activated(b, self.convolution(layer, [point] + bias, y, None, scale), layer.activation)
        if kind == "Sequential":
            y = x[0]
            for inner in layer.layers:
                y = self.emit(inner, [y], [inner.input], None)
            return y
        if kind == "Cropping2D":
            return self.cropped(layer, x[0], self.pads.get(id(operands[0])))
        if kind == "ZeroPadding2D":
            (top, bottom), (left, right) = layer.padding
            self.pads[id(layer.output)] = [top, left, bottom, right]
            return x[0]
        if kind in ("MaxPooling2D", "AveragePooling2D"):
            pads = self.pads.get(id(operands[0])) or same(layer.padding, operands[0].shape, layer.pool_size, layer.strides)
            op = "MaxPool" if kind[0] == "M" else "AveragePool"
            return b.node(op, x[0], kernel_shape=list(layer.pool_size), strides=list(layer.strides), pads=pads)
        if kind in ("Add", "Multiply"):
            y = x[0]
            for other in x[1:]:
                y = b.node(kind[:3], y, other)
            return y
        if kind == "Concatenate":
            return b.node("Concat", *x, axis=1)
        if kind in ("Activation", "ReLU"):
            return activated(b, x[0], layer.activation if kind == "Activation" else relu_of(layer))
        if kind == "GlobalAveragePooling2D":
            follows = [type(n.operation).__name__ for n in layer._outbound_nodes] == ["Reshape"] or layer.keepdims
            return b.node("ReduceMean", x[0], vector(2, 3), keepdims=1 if follows else 0)
        if kind in ("Reshape", "Dropout"):
            return x[0]
        if kind == "Flatten":
            return b.node("Flatten", x[0])
        if kind == "Dense":
            kernel, bias = arrays(layer)
            source = layer._inbound_nodes[0].arguments.keras_tensors[0]._keras_history.operation
            if type(source).__name__ == "Flatten":
                h, w, c = source.input.shape[1:]
                kernel = kernel.reshape(h, w, c, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
            return activated(b, b.node("Gemm", x[0], kernel, bias), layer.activation)
        if kind == "BatchNormalization":
            factor, offset = normalization(layer)
            y = b.node("Mul", x[0], factor.reshape(-1, 1, 1))
            return b.node("Add", y, offset.reshape(-1, 1, 1))
        if kind == "Rescaling":
            return b.node("Add", b.node("Mul", x[0], per_channel(layer.scale)), per_channel(layer.offset))
        if kind == "Normalization":
            mean, variance = arrays(layer)[:2] if layer.weights else (np.array(layer.mean), np.array(layer.variance))
            factor = 1 / np.maximum(np.sqrt(variance.reshape(-1)), 1e-7)
            return b.node("Mul", b.node("Sub", x[0], per_channel(mean)), per_channel(factor))
        raise NotImplementedError(kind)

    def rows(self, layer, x, scale):
        """What is done along the last axis."""
        b = self.b
        if type(layer).__name__ == "LayerNormalization":
            y = b.node("LayerNormalization", x, *arrays(layer), axis=-1, epsilon=layer.epsilon)
        else:
            kernel, bias = arrays(layer)
            factor = 1 if scale is None else scale[0]
            y = b.node("Add", b.node("MatMul", x, kernel * factor), bias * factor)
            y = activated(b, y, layer.activation)
        if layer.input.ndim == 4:
            self.channels_last.add(y)
        return y

    def cropped(self, layer, x, before):
        (top, bottom), (left, right) = layer.cropping
        if before:
            x = self.b.node("Pad", x, vector(0, 0, *before[:2], 0, 0, *before[2:]))
        end = np.iinfo(np.int64).max
        return self.b.node(
            "Slice", x, vector(top, left), vector(-bottom or end, -right or end), vector(2, 3))

    def convolution(self, layer, weights, x, operand, scale, is_deep=False):
        """Over an operand of Keras's shape; without one a convolution of single pixels."""
        kernel, groups = weights[0], getattr(layer, "groups", 1)
        if is_deep or type(layer).__name__ == "DepthwiseConv2D":
            groups = kernel.shape[2]
            kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
        bias = weights[1] if len(weights) > 1 else np.zeros(kernel.shape[-1], np.float32)
        if scale is not None:
            factor, offset = scale
            kernel, bias = kernel * factor, bias * factor + offset
        size, strides = list(kernel.shape[:2]), list(layer.strides) if operand is not None else [1, 1]
        pads = self.pads.get(id(operand)) or [0, 0, 0, 0]
        if operand is not None and id(operand) not in self.pads:
            pads = same(layer.padding, operand.shape, size, strides)
        return self.b.node(
            "Conv", x, kernel.transpose(3, 2, 0, 1).astype(np.float32), bias.astype(np.float32), kernel_shape=size,
            strides=strides, pads=pads, group=groups)


def is_linear(layer):
    return layer.activation is None or layer.activation.__name__ == "linear"


def relu_of(layer):
    def relu6(): ...
    def relu(): ...
    return relu6 if layer.max_value else relu


def activated(b, x, function):
    name = "linear" if function is None else function.__name__
    if name == "linear":
        return x
    if name == "relu":
        return b.node("Relu", x)
    if name == "relu6":
        return b.node("Clip", x, np.float32(0), np.float32(6))
    if name in ("silu", "swish"):
        return b.node("Mul", x, b.node("Sigmoid", x))
    if name == "sigmoid":
        return b.node("Sigmoid", x)
    if name == "softmax":
        return b.node("Softmax", x, axis=-1)
    if name == "gelu":
        inner = b.node("Erf", b.node("Div", x, np.float32(2 ** 0.5)))
        return b.node("Mul", b.node("Mul", x, b.node("Add", inner, np.float32(1))), np.float32(0.5))
    raise NotImplementedError(name)


def per_channel(numbers):
    array = np.asarray(numbers, np.float32).reshape(-1)
    return array.reshape(-1, 1, 1) if array.size > 1 else array.reshape(())


def normalization(layer):
    gamma, beta, mean, variance = arrays(layer)
    factor = gamma / np.sqrt(variance + layer.epsilon)
    return factor.astype(np.float32), (beta - mean * factor).astype(np.float32)


def same(padding, shape, window, strides):
    """Keras's padding, before and after along both axes."""
    if padding == "valid":
        return [0, 0, 0, 0]
    before, after = [], []
    for size, width, stride in zip(shape[1:3], window, strides):
        total = max((-(-size // stride) - 1) * stride + width - size, 0)
        before.append(total // 2)
        after.append(total - total // 2)
    return before + after


def images(model):
    return ImageGraph(model).build()


IDEALS = {
    "CNN": images, "LSTM": one_recurrent, "GRU": one_recurrent, "two bidirectional LSTM": two_bidirectional_lstm,
    "masked bidirectional GRU": masked_bidirectional_gru, "transformer, GELU": transformer,
    "transformer, ReLU": transformer, "MobileNetV2": images, "EfficientNetB0": images, "ResNet50": images,
    "VGG16": images, "ConvNeXtTiny": images, "NASNetLarge": images, "ConvLSTM": conv_lstm,
}

import ModelIR
import NativeFormat

// What each primitive operation is among those of `keras.ops`; names and arguments of Keras 3.15.1.

extension OperationWriter {
  /// Writes one node.
  /// - Returns: a reference to its first result.
  mutating func write(_ node: Node, _ x: [JSONValue]) throws(KerasExportError) -> JSONValue {
    let shape = graph.shape(of: node.inputs.first ?? node.outputs[0])
    switch node.op {
    case .unary(let function): return unary(function, x[0])
    case .binary(let function): return add(function.kerasName, x)
    case .compare(let comparison): return add(comparison.kerasName, x)
    case .select: return add("Where", x)
    case .cast(let dtype): return add("Cast", x, [("dtype", .string(dtype.rawValue))], module: "core")
    case .matMul: return add("Matmul", x)
    case .einsum(let equation): return add("Einsum", x, [("subscripts", .string(equation))])
    case .conv(let attributes): return try convolution(attributes, x, shape)
    case .pool(let attributes): return try pool(attributes, x[0])
    case .reduce(let function, let axes, let keepDims): return reduce(function, axes, keepDims, x[0])
    case .argReduce(let function, let axis, let keepDims):
      let name = function == .maximum ? "Argmax" : "Argmin"
      return add(name, x, [("axis", .integer(axis)), ("keepdims", .bool(keepDims))])
    case .cumulative(let function, let axis, let reverse, let exclusive):
      return try cumulative(function, axis: axis, isReverse: reverse, isExclusive: exclusive, x[0])
    case .topK(let k, let axis, let largest):
      guard axis == shape.rank - 1, largest else { throw refusal(node) }
      return add(
        "TopK", x, [("k", .integer(try OperationWriter.fixed(k))), ("sorted", true)], module: "math")
    case .softmax(let axis): return add("Softmax", x, [("axis", .integer(axis))], module: "nn")
    case .logSoftmax(let axis): return add("LogSoftmax", x, [("axis", .integer(axis))], module: "nn")
    case .reshape(let target): return try reshape(x[0], from: shape, to: target)
    case .transpose(let permutation):
      return add("Transpose", x, [("axes", .array(permutation.map(JSONValue.integer)))])
    case .concat(let axis): return add("Concatenate", [.array(x)], [("axis", .integer(axis))])
    case .split(let axis, let sizes): return try split(x[0], axis: axis, sizes: sizes)
    case .slice(let ranges): return slice(x[0], ranges)
    case .pad(let attributes): return try pad(x[0], attributes)
    case .expand(let target):
      let sizes = try target.dimensions.map { size throws(KerasExportError) in try OperationWriter.fixed(size)
      }
      return add("BroadcastTo", x, [("shape", .array(sizes.map(JSONValue.integer)))])
    case .tile(let repeats): return add("Tile", x, [("repeats", .array(repeats.map(JSONValue.integer)))])
    case .reverse(let axes): return add("Flip", x, [("axis", .array(axes.map(JSONValue.integer)))])
    case .gather(let axis): return add("Take", x, [("axis", .integer(axis))])
    case .gatherElements(let axis): return add("TakeAlongAxis", x, [("axis", .integer(axis))])
    case .scatterND(let reduction):
      return add("ScatterUpdate", x, [("reduction", reduction.kerasName)], module: "core")
    case .triangle(let upper, let k): return add(upper ? "Triu" : "Tril", x, [("k", .integer(k))])
    case .range(let count):
      guard let size = count.fixedSize else { throw OperationWriter.openSize(count) }
      return try CallWriter.array(Tensor(vector: (0..<Int64(size)).map { $0 }))
    case .sizes(let dimensions):
      let sizes = try dimensions.map { size throws(KerasExportError) in try OperationWriter.fixed(size) }
      return try CallWriter.array(Tensor(vector: sizes.map(Int64.init)))
    case .resize(let attributes): return try resize(attributes, x[0], shape)
    case .dense, .attention, .dequantize, .convTranspose, .batchNormalization, .normalization, .gatherND,
      .count,
      .recurrent,
      .sequenceRecurrent, .scan, .lookup,
      .hash,
      .vectorize:
      throw refusal(node)
    }
  }

  private func refusal(_ node: Node) -> KerasExportError {
    .unsupported("no operation of Keras 3 does what its \(node.op.name) does")
  }

  // MARK: Elementwise

  private mutating func unary(_ function: UnaryFunction, _ x: JSONValue) -> JSONValue {
    switch function {
    case .erf: return add("Erf", [x], module: "math")
    case .sigmoid, .relu, .selu, .softplus, .softsign: return add(function.name, [x], module: "nn")
    case .leakyRelu(let slope):
      return add("LeakyRelu", [x], [("negative_slope", .number(slope))], module: "nn")
    case .elu(let alpha): return add("Elu", [x], [("alpha", .number(alpha))], module: "nn")
    case .hardSigmoid(let alpha, let beta):
      let line = add("Add", [add("Multiply", [x, .number(alpha)]), .number(beta)])
      return add("Clip", [line], [("x_min", 0.0), ("x_max", 1.0)])
    case .gelu(let approximate): return add("Gelu", [x], [("approximate", .bool(approximate))], module: "nn")
    case .swish: return add("Silu", [x], module: "nn")
    case .hardSwish: return add("HardSilu", [x], module: "nn")
    case .mish: return add("Multiply", [x, add("Tanh", [add("Softplus", [x], module: "nn")])])
    case .clip(let minimum, let maximum):
      var result = x
      if let minimum { result = add("Maximum", [result, .number(minimum)]) }
      if let maximum { result = add("Minimum", [result, .number(maximum)]) }
      return result
    case .negate, .absolute, .sign, .reciprocal, .exp, .log, .sqrt, .square, .expm1, .log1p, .floor, .ceil,
      .round,
      .truncate, .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .tanh, .asinh, .acosh, .atanh, .isNaN,
      .isInfinite, .logicalNot, .bitwiseNot:
      return add(function.numpyName, [x])
    }
  }

  // MARK: Windows

  private mutating func convolution(
    _ attributes: ConvAttributes, _ x: [JSONValue], _ shape: Shape
  ) throws(KerasExportError) -> JSONValue {
    var input = x[0]
    var padding = "same"
    if case .explicit(let pads) = attributes.padding {
      padding = "valid"
      var all = Array(repeating: PadPair(0, 0), count: shape.rank)
      for (axis, pair) in zip(attributes.layout.spatialAxes(rank: shape.rank), pads) { all[axis] = pair }
      if pads.contains(where: { $0 != PadPair(0, 0) }) {
        input = add("Pad", [input], [("pad_width", all.json)])
      }
    }
    let result = add(
      "Conv", [input, x[1]],
      [
        ("strides", .array(attributes.strides.map(JSONValue.integer))), ("padding", .string(padding)),
        ("data_format", attributes.layout.json),
        ("dilation_rate", .array(attributes.dilations.map(JSONValue.integer))),
      ], module: "nn")
    guard x.count > 2 else { return result }
    if attributes.layout == .channelsLast { return add("Add", [result, x[2]]) }
    let sizes = [-1] + Array(repeating: 1, count: shape.rank - 2)
    return add("Add", [result, add("Reshape", [x[2]], [("newshape", .array(sizes.map(JSONValue.integer)))])])
  }

  private mutating func pool(
    _ attributes: PoolAttributes, _ x: JSONValue
  ) throws(KerasExportError) -> JSONValue {
    var padding = "same"
    if case .explicit(let pads) = attributes.padding {
      padding = "valid"
      guard pads.allSatisfy({ $0 == PadPair(0, 0) }) else {
        throw .unsupported("Keras 3 has no pooling with padding of its own")
      }
    }
    return add(
      attributes.function == .maximum ? "MaxPool" : "AveragePool", [x],
      [
        ("pool_size", .array(attributes.kernelSize.map(JSONValue.integer))),
        ("strides", .array(attributes.strides.map(JSONValue.integer))), ("padding", .string(padding)),
        ("data_format", attributes.layout.json),
      ], module: "nn")
  }

  private mutating func resize(
    _ attributes: ResizeAttributes, _ x: JSONValue, _ shape: Shape
  ) throws(KerasExportError) -> JSONValue {
    let layout: DataLayout = attributes.axes == [2, 3] ? .channelsFirst : .channelsLast
    guard attributes.coordinates == .halfPixel, shape.rank == 4,
      attributes.axes == layout.spatialAxes(rank: 4)
    else { throw .unsupported("Keras 3 resizes images at pixel centres only") }
    let method: String
    switch attributes.method {
    case .nearest: method = "nearest"
    case .linear: method = "bilinear"
    case .cubic: throw .unsupported("Keras 3 has no such cubic resizing")
    }
    let sizes = try attributes.sizes.map { size throws(KerasExportError) in try OperationWriter.fixed(size) }
    let size = sizes.map(JSONValue.integer)
    return add(
      "Resize", [x],
      [("size", .array(size)), ("interpolation", .string(method)), ("data_format", layout.json)],
      module: "image")
  }

  // MARK: Along axes

  private mutating func reduce(
    _ function: ReduceFunction, _ axes: [Int], _ keepDims: Bool, _ x: JSONValue
  ) -> JSONValue {
    let module = function == .logSumExp ? "math" : "numpy"
    return add(
      function.kerasName, [x],
      [("axis", .array(axes.map(JSONValue.integer))), ("keepdims", .bool(keepDims))], module: module)
  }

  private mutating func cumulative(
    _ function: CumulativeFunction, axis: Int, isReverse: Bool, isExclusive: Bool, _ x: JSONValue
  ) throws(KerasExportError) -> JSONValue {
    let along: [(String, JSONValue)] = [("axis", .integer(axis))]
    guard function == .sum || function == .product, !isExclusive || function == .sum else {
      throw .unsupported("Keras 3 has no such running \(function)")
    }
    var result = isReverse ? add("Flip", [x], along) : x
    result = add(function == .sum ? "Cumsum" : "Cumprod", [result], along)
    if isReverse { result = add("Flip", [result], along) }
    return isExclusive ? add("Subtract", [result, x]) : result
  }
}

// MARK: - Movement

extension OperationWriter {
  /// Axes of size 1 come and go with any number of open sizes; else one size may be open, or two where the first is the
  /// batch.
  private mutating func reshape(
    _ x: JSONValue, from shape: Shape, to target: Shape
  ) throws(KerasExportError) -> JSONValue {
    func isLong(_ size: Dimension) -> Bool { size != 1 }
    if shape.dimensions.filter(isLong) == target.dimensions.filter(isLong) {
      let (before, after) = (shape.axesOfSize1, target.axesOfSize1)
      let squeezed = before.isEmpty ? x : add("Squeeze", [x], [("axis", before.json)])
      return after.isEmpty ? squeezed : add("ExpandDims", [squeezed], [("axis", after.json)])
    }
    func sizes(_ dimensions: some Collection<Dimension>) -> JSONValue? {
      let open = dimensions.filter { $0.fixedSize == nil }
      return open.count > 1 ? nil : .array(dimensions.map { .integer($0.fixedSize ?? -1) })
    }
    if let all = sizes(target.dimensions) { return add("Reshape", [x], [("newshape", all)]) }
    if shape.rank > 0, shape[0] == target[0], let rest = sizes(target.dimensions.dropFirst()) {
      return add("Reshape", [x], [("target_shape", rest)], module: "layers")
    }
    throw .unsupported("Keras 3 cannot reshape \(shape) to \(target)")
  }

  private mutating func split(
    _ x: JSONValue, axis: Int, sizes: [Dimension]
  ) throws(KerasExportError) -> JSONValue {
    var ends: [JSONValue] = []
    var end = 0
    for size in sizes.dropLast() {
      end += try OperationWriter.fixed(size)
      ends.append(.integer(end))
    }
    return add("Split", [x], [("indices_or_sections", .array(ends)), ("axis", .integer(axis))])
  }

  private mutating func slice(_ x: JSONValue, _ ranges: [SliceRange]) -> JSONValue {
    let axes = (ranges.map(\.axis).max() ?? -1) + 1
    let key = (0..<axes).map { axis in
      CallWriter.slice(ranges.first { $0.axis == axis } ?? SliceRange(axis: axis, start: nil, stop: nil))
    }
    return add("GetItem", [x, .array(key)])
  }

  private mutating func pad(_ x: JSONValue, _ attributes: PadAttributes) throws(KerasExportError) -> JSONValue
  {
    let width: (String, JSONValue) = ("pad_width", attributes.pads.json)
    switch attributes.mode {
    case .constant(0): return add("Pad", [x], [width])
    case .constant(let value): return add("Pad", [x, .number(value)], [width])
    case .reflect: return add("Pad", [x], [width, ("mode", "reflect")])
    case .symmetric: return add("Pad", [x], [width, ("mode", "symmetric")])
    case .edge: throw .unsupported("Keras 3 on TensorFlow cannot pad with the edge's values")
    }
  }
}

extension Shape {
  fileprivate var axesOfSize1: [Int] { dimensions.indices.filter { dimensions[$0] == 1 } }
}

extension [Int] {
  fileprivate var json: JSONValue { .array(map(JSONValue.integer)) }
}

extension [PadPair] {
  fileprivate var json: JSONValue { .array(map { [.integer($0.before), .integer($0.after)] }) }
}

extension DataLayout {
  fileprivate var json: JSONValue { self == .channelsLast ? "channels_last" : "channels_first" }
}

// MARK: - Names

extension UnaryFunction {
  /// The class in `keras/src/ops/numpy.py`.
  fileprivate var numpyName: String {
    switch self {
    case .negate: "Negative"
    case .absolute: "Absolute"
    case .truncate: "Trunc"
    case .asin: "Arcsin"
    case .acos: "Arccos"
    case .atan: "Arctan"
    case .asinh: "Arcsinh"
    case .acosh: "Arccosh"
    case .atanh: "Arctanh"
    case .isNaN: "Isnan"
    case .isInfinite: "Isinf"
    case .logicalNot: "LogicalNot"
    default: name
    }
  }
}

extension BinaryFunction {
  fileprivate var kerasName: String {
    switch self {
    case .add: "Add"
    case .subtract: "Subtract"
    case .multiply: "Multiply"
    case .divide: "TrueDivide"
    case .power: "Power"
    case .maximum: "Maximum"
    case .minimum: "Minimum"
    case .modulo: "Mod"
    case .remainder: "Fmod"
    case .floorDivide: "FloorDivide"
    case .atan2: "Arctan2"
    case .logicalAnd: "LogicalAnd"
    case .logicalOr: "LogicalOr"
    case .logicalXor: "LogicalXor"
    case .bitwiseAnd: "BitwiseAnd"
    case .bitwiseOr: "BitwiseOr"
    case .bitwiseXor: "BitwiseXor"
    case .shiftLeft: "LeftShift"
    case .shiftRight: "RightShift"
    }
  }
}

extension Comparison {
  fileprivate var kerasName: String {
    switch self {
    case .equal: "Equal"
    case .notEqual: "NotEqual"
    case .less: "Less"
    case .lessOrEqual: "LessEqual"
    case .greater: "Greater"
    case .greaterOrEqual: "GreaterEqual"
    }
  }
}

extension ReduceFunction {
  fileprivate var kerasName: String {
    switch self {
    case .sum: "Sum"
    case .mean: "Mean"
    case .maximum: "Max"
    case .minimum: "Min"
    case .product: "Prod"
    case .logSumExp: "Logsumexp"
    case .any: "Any"
    case .all: "All"
    }
  }
}

extension ScatterReduction {
  fileprivate var kerasName: JSONValue {
    switch self {
    case .none: .null
    case .add: "add"
    case .multiply: "mul"
    case .maximum: "max"
    case .minimum: "min"
    }
  }
}

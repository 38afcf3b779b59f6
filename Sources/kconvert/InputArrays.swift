import KerasImport
import ModelIR
import NativeRuntime

/// The arrays of a file as the inputs of a model.
struct InputArrays {
  private let arrays: [(name: String, tensor: Tensor)]

  /// Reads an `.npz`, or an `.npy` for a model with one input.
  init(contentsOf path: String) throws { arrays = try NumpyFile.read(path) }

  /// One tensor for each input, in the declared types.
  ///
  /// Arrays are found by name; unnamed ones (`arr_0`, `arr_1`, an `.npy`) by position.
  /// - Parameter byPosition: the model's file does not name its inputs, so that arrays of other names count in order.
  func feed(_ inputs: [TensorSpec], byPosition: Bool) throws -> [String: Tensor] {
    let ordered = try self.ordered(inputs, byPosition: byPosition)
    var feed: [String: Tensor] = [:]
    for (input, tensor) in zip(inputs, ordered) {
      feed[input.name] = try InputArrays.cast(tensor, to: input.type.dtype, input.name)
    }
    return feed
  }

  /// The shapes of inputs that hold one sample where others hold more, a table of positions or a mask: Keras spreads it
  /// over the batch.
  func inputsOfOneSample(_ graph: Graph, byPosition: Bool) throws -> [String: Shape] {
    let inputs = graph.inputs.map { TensorSpec(graph.name(of: $0), type: graph.type(of: $0)) }
    let sizes = try ordered(inputs, byPosition: byPosition).map(\.sizes)
    let largest = sizes.compactMap(\.first).max() ?? 1  // Without axes there is no batch.
    var shapes: [String: Shape] = [:]
    for (input, sizes) in zip(inputs, sizes) where sizes.first == 1 && largest > 1 {
      guard let batch = input.type.shape.dimensions.first, batch.symbolName != nil else { continue }
      shapes[input.name] = Shape([1] + input.type.shape.dimensions.dropFirst())
    }
    return shapes
  }

  private func ordered(_ inputs: [TensorSpec], byPosition: Bool) throws -> [Tensor] {
    let named = Dictionary(arrays.map { ($0.name, $0.tensor) }) { first, _ in first }
    let found = inputs.compactMap { named[$0.name] }
    if found.count == inputs.count { return found }
    if arrays.count == inputs.count {
      if let unnamed { return unnamed }
      if byPosition { return arrays.map(\.tensor) }
    }
    let names = inputs.map { "\"\($0.name)\"" }.joined(separator: ", ")
    guard let missing = inputs.first(where: { named[$0.name] == nil }), unnamed == nil else {
      throw Failure("expected \(inputs.count) arrays (\(names)), found \(arrays.count)", .invalidModel)
    }
    let given = arrays.map { "\"\($0.name)\"" }.joined(separator: ", ")
    throw Failure(
      "input \"\(missing.name)\": expected an array of that name, found \(given.isEmpty ? "none" : given)",
      .invalidModel, hint: "name the arrays after the inputs (\(names)), or give them unnamed in that order")
  }

  /// The arrays as `np.savez(file, a, b)` numbers them; nil when one has a name of its own.
  private var unnamed: [Tensor]? {
    var numbered: [(number: Int, tensor: Tensor)] = []
    for (name, tensor) in arrays {
      if name.isEmpty {
        numbered.append((0, tensor))
      } else if name.hasPrefix("arr_"), let number = Int(name.dropFirst(4)) {
        numbered.append((number, tensor))
      } else {
        return nil
      }
    }
    return numbered.sorted { $0.number < $1.number }.map(\.tensor)
  }

  /// A cast that changes no value in kind: integers to floats, to a narrower float, whole numbers to integers.
  private static func cast(_ tensor: Tensor, to dtype: DType, _ name: String) throws -> Tensor {
    if tensor.dtype == dtype { return tensor }
    guard tensor.dtype != .string, dtype != .string else {
      throw Failure(
        "input \"\(name)\": expected type \(dtype.rawValue), found \(tensor.dtype.rawValue)", .invalidModel)
    }
    let range = dtype.finiteRange
    let misfit = try tensor.doubles().first { value in
      dtype.isFloatingPoint
        ? value.isFinite && !range.contains(value) : value.rounded() != value || !range.contains(value)
    }
    if let misfit {
      throw Failure(
        "input \"\(name)\": expected values of type \(dtype.rawValue), found \(misfit) (\(tensor.dtype.rawValue))",
        .invalidModel)
    }
    return try tensor.converted(to: dtype)
  }
}

extension DType {
  /// The finite numbers that the type holds; a bool is 0 or 1.
  fileprivate var finiteRange: ClosedRange<Double> {
    switch self {
    case .bool: 0...1
    case .int8: -128...127
    case .uint8: 0...255
    case .int16: -32768...32767
    case .uint16: 0...65535
    case .int32: -0x1p31...(0x1p31 - 1)
    case .uint32: 0...(0x1p32 - 1)
    case .int64: -0x1p63...0x1p63.nextDown
    case .uint64: 0...0x1p64.nextDown
    case .float16: -65504...65504
    case .float32, .bfloat16: -Double(Float.greatestFiniteMagnitude)...Double(Float.greatestFiniteMagnitude)
    case .float64, .string: -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
    }
  }
}

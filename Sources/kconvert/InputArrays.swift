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
    let ordered = try self.ordered(inputs.map(\.name), byPosition: byPosition)
    var feed: [String: Tensor] = [:]
    for (input, tensor) in zip(inputs, ordered) {
      feed[input.name] = try InputArrays.cast(tensor, to: input.type.dtype, input.name)
    }
    return feed
  }

  /// The sizes of the arrays of these inputs.
  func sizes(of inputs: [String], byPosition: Bool) throws -> [[Int]] {
    try ordered(inputs, byPosition: byPosition).map(\.sizes)
  }

  private func ordered(_ inputs: [String], byPosition: Bool) throws -> [Tensor] {
    let named = Dictionary(arrays.map { ($0.name, $0.tensor) }) { first, _ in first }
    let found = inputs.compactMap { named[$0] }
    if found.count == inputs.count { return found }
    if arrays.count == inputs.count {
      if let unnamed { return unnamed }
      if byPosition { return arrays.map(\.tensor) }
    }
    let names = inputs.map { "\"\($0)\"" }.joined(separator: ", ")
    guard let missing = inputs.first(where: { named[$0] == nil }), unnamed == nil else {
      throw Failure("expected \(inputs.count) arrays (\(names)), found \(arrays.count)", .invalidModel)
    }
    let given = arrays.map { "\"\($0.name)\"" }.joined(separator: ", ")
    // Nothing is near.
    let meant = arrays.map(\.name).nearest(to: missing).map { "is \"\($0)\" meant? " } ?? ""
    throw Failure(
      "input \"\(missing)\": expected an array of that name, found \(given.isEmpty ? "none" : given)",
      .invalidModel,
      hint: meant + "name the arrays after the inputs (\(names)), or give them unnamed in that order")
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
    guard tensor.dtype != .string, let range = dtype.finiteRange else {
      throw Failure(
        "input \"\(name)\": expected type \(dtype.rawValue), found \(tensor.dtype.rawValue)", .invalidModel)
    }
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

import NativeFormat

/// Calls of TensorFlow functions whose arguments are plain enough for an operation of `keras.ops`, which can then be
/// written for today's Keras too.
struct TensorFlowPlainCall {
  let function: String
  private var arguments: JSONObject

  init(function: String, arguments: JSONObject) {
    self.function = function
    self.arguments = JSONObject(arguments.filter { !$0.value.isNull }.map { ($0.key, $0.value) })
  }

  /// The operation, or nil where `keras.ops` has none for these arguments.
  func converted() -> TensorFlowCalls.Converted? {
    switch function {
    case "reshape": return numpy("Reshape", ["tensor"], ["shape": "newshape"], where: numbers("shape"))
    case "broadcast_to": return numpy("BroadcastTo", ["input"], ["shape": "shape"], where: numbers("shape"))
    case "tile": return numpy("Tile", ["input"], ["multiples": "repeats"], where: numbers("multiples"))
    case "clip_by_value":
      let isPlain = arguments["clip_value_min"]?.double != nil && arguments["clip_value_max"]?.double != nil
      return numpy("Clip", ["t"], ["clip_value_min": "x_min", "clip_value_max": "x_max"], where: isPlain)
    case "matmul":
      let flags = ["transpose_a", "transpose_b", "adjoint_a", "adjoint_b", "a_is_sparse", "b_is_sparse"]
      return numpy("Matmul", ["a", "b"], [:], unless: flags)
    case "zeros_like": return numpy("ZerosLike", ["input"], [:])
    case "ones_like": return numpy("OnesLike", ["input"], [:])
    case "cumsum":
      return numpy("Cumsum", ["x"], ["axis": "axis"], unless: ["exclusive", "reverse"], where: int("axis"))
    case "cumprod":
      return numpy("Cumprod", ["x"], ["axis": "axis"], unless: ["exclusive", "reverse"], where: int("axis"))
    case "reverse": return numpy("Flip", ["tensor"], ["axis": "axis"], where: numbers("axis"))
    case "roll":
      return numpy("Roll", ["input"], ["shift": "shift", "axis": "axis"], where: int("shift") && int("axis"))
    case "repeat":
      return numpy(
        "Repeat", ["input"], ["repeats": "repeats", "axis": "axis"], where: int("repeats") && int("axis"))
    case "unstack": return core("Unstack", ["value"], ["num": "num", "axis": "axis"])
    case "gather", "gatherv2":
      return numpy(
        "Take", ["params", "indices"], ["axis": "axis"], unless: ["batch_dims"], where: int("axis"))
    case "top_k":
      return operation("math", "TopK", ["input"], ["k": "k", "sorted": "sorted"], where: int("k"))
    case "nn.silu":
      return operation(
        "nn", "Silu", ["features"], [:], unless: ["beta"], silent: ["beta"], where: isAbsent("beta", or: 1))
    case "one_hot":
      let isPlain = int("depth") && isAbsent("on_value", or: 1) && isAbsent("off_value", or: 0)
      return operation(
        "nn", "OneHot", ["indices"], ["depth": "num_classes", "axis": "axis", "dtype": "dtype"],
        unless: ["on_value", "off_value"], silent: ["on_value", "off_value"], where: isPlain)
    default: return nil
    }
  }

  /// True for an argument that is not given, or is TensorFlow's default.
  private func isAbsent(_ name: String, or standard: Double) -> Bool {
    guard let value = arguments[name], !value.isNull else { return true }
    return value.double == standard
  }

  private func int(_ name: String) -> Bool { arguments[name]?.int != nil }

  private func numbers(_ name: String) -> Bool {
    guard let items = arguments[name]?.array else { return false }
    return items.allSatisfy { $0.int != nil }
  }

  private func numpy(
    _ className: String, _ tensors: [String], _ settings: [String: String], unless flags: [String] = [],
    where isPlain: Bool = true
  ) -> TensorFlowCalls.Converted? {
    operation("numpy", className, tensors, settings, unless: flags, where: isPlain)
  }

  private func core(
    _ className: String, _ tensors: [String], _ settings: [String: String]
  ) -> TensorFlowCalls.Converted? {
    operation("core", className, tensors, settings, where: true)
  }

  /// - Parameters:
  ///   - flags: arguments that may be there as long as they are false or 0.
  ///   - silent: of these, the ones whose value was looked at already.
  private func operation(
    _ module: String, _ className: String, _ tensors: [String], _ settings: [String: String],
    unless flags: [String] = [], silent: Set<String> = [], where isPlain: Bool
  ) -> TensorFlowCalls.Converted? {
    guard isPlain else { return nil }
    var values: [JSONValue] = []
    for tensor in tensors {
      guard let value = arguments[tensor] else { return nil }
      values.append(value)
    }
    var config = JSONObject()
    for (key, value) in arguments where !tensors.contains(key) {
      if let setting = settings[key] {
        config[setting] = value
        continue
      }
      guard flags.contains(key), value.bool == false || value.int == 0 || silent.contains(key) else {
        return nil
      }
    }
    return TensorFlowCalls.Converted("keras.src.ops.\(module)", className, values, config: config)
  }
}

import NativeFormat

/// TensorFlow functions and nodes in a model, rewritten as the operations of `keras.ops` that give the same numbers.
struct TensorFlowCalls {
  static let classNames: Set<String> = ["TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"]

  let className: String
  let name: String
  let config: JSONValue

  func operation(_ calls: [LegacyNodes.LegacyCall]) throws(KerasImportError) -> JSONValue {
    var result: JSONObject?
    var nodes: [JSONValue] = []
    for call in calls {
      let converted = try convert(call)
      if let known = result, known["config"] != converted.layer["config"] {
        throw KerasImportError(.unsupported("calls of one function with different settings"))
      }
      result = converted.layer
      nodes.append(.object(JSONObject([("args", .array(converted.arguments)), ("kwargs", .object(converted.keywords))])))
    }
    guard var result else { throw KerasImportError(.invalidGraph("the operation is never called")) }
    result["name"] = .string(name)
    result["inbound_nodes"] = .array(nodes)
    return .object(result)
  }

  private func convert(_ call: LegacyNodes.LegacyCall) throws(KerasImportError) -> Converted {
    switch className {
    case "SlicingOpLambda":
      let key = TensorFlowCalls.index(call.keywords["slice_spec"] ?? .null)
      return Converted("keras.src.ops.numpy", "GetItem", [call.first, key])
    case "TensorFlowOpLayer": return try node(call)
    default:
      return try function(config["function"]?.string ?? "", positional: [call.first], keywords: call.keywords)
    }
  }

  /// One call in today's form.
  struct Converted {
    var layer: JSONObject
    var arguments: [JSONValue]
    var keywords = JSONObject()

    init(_ module: String, _ className: String, _ arguments: [JSONValue], config: JSONObject = JSONObject()) {
      layer = JSONObject([
        ("module", .string(module)), ("class_name", .string(className)), ("config", .object(config)),
        ("registered_name", .string(className)),
      ])
      self.arguments = arguments
    }
  }

  /// `slice_spec`: numbers, `{start, stop, step}`, null, the ellipsis, or a list of them.
  private static func index(_ value: JSONValue) -> JSONValue {
    if let items = value.array { return .array(items.map(index)) }
    guard let object = value.object, object["class_name"] == nil else { return value }
    return ["class_name": "__slice__", "config": .object(object)]
  }

  // MARK: Functions

  func function(
    _ name: String, positional: [JSONValue], keywords: JSONObject
  ) throws(KerasImportError) -> Converted {
    guard let target = TensorFlowFunction.named(name) else {
      throw KerasImportError(.unsupportedLayer(className: "tf.\(name)", nearest: nil))
    }
    var given = keywords
    given["name"] = nil
    let names = target.tensors + target.settings.map(\.from)
    for (index, value) in positional.enumerated() {
      guard index < names.count else { throw KerasImportError(.invalidGraph("tf.\(name) takes \(names.count) arguments")) }
      given[names[index]] = value
    }
    if given["keep_dims"] != nil { given["keepdims"] = given["keep_dims"] }
    for key in ["conjugate", "batch_dims", "validate_indices", "message", "keep_dims"] {
      if let value = given.removeValue(forKey: key), value.bool == true || (value.int ?? 0) != 0, key != "keep_dims" {
        throw KerasImportError(.unsupported("\(key) of tf.\(name)"))
      }
    }
    var arguments: [JSONValue] = []
    for tensor in target.tensors {
      guard let value = given.removeValue(forKey: tensor) else { throw KerasImportError(.missingKey(tensor)) }
      arguments.append(value)
    }
    var settings = JSONObject()
    for setting in target.settings {
      let value = given.removeValue(forKey: setting.from)
      if let value, !value.isNull { settings[setting.to] = value } else if let standard = setting.standard { settings[setting.to] = standard }
    }
    let rest = given.keys.filter { !(given[$0]?.isNull ?? true) }
    guard rest.isEmpty else { throw KerasImportError(.unknownKeys(rest)) }
    return Converted("keras.src.ops.\(target.module)", target.className, arguments, config: settings)
  }
}

/// What one TensorFlow function is among Keras's operations.
struct TensorFlowFunction {
  struct Setting {
    let from: String
    let to: String
    let standard: JSONValue?
  }
  let module: String
  let className: String
  /// TensorFlow's names of the arguments that are tensors or operands.
  let tensors: [String]
  let settings: [Setting]

  private init(_ module: String, _ className: String, _ tensors: [String], _ settings: [Setting] = []) {
    self.module = module
    self.className = className
    self.tensors = tensors
    self.settings = settings
  }

  static func named(_ full: String) -> TensorFlowFunction? {
    var name = full
    for prefix in ["compat.v1.", "math.", "__operators__."] where name.hasPrefix(prefix) {
      name.removeFirst(prefix.count)
    }
    if let className = unary[name] { return TensorFlowFunction(className.0, className.1, ["x"]).firstNamed(name) }
    if let className = binary[name] { return TensorFlowFunction("numpy", className, ["x", "y"]) }
    if let className = reductions[name] {
      return TensorFlowFunction(
        name == "reduce_logsumexp" ? "math" : "numpy", className, ["input_tensor"],
        [Setting(from: "axis", to: "axis", standard: nil), Setting(from: "keepdims", to: "keepdims", standard: false)])
    }
    return others[name]
  }

  /// TensorFlow is not of one mind about what the first argument is called.
  private func firstNamed(_ name: String) -> TensorFlowFunction {
    let features: Set<String> = [
      "relu", "nn.relu", "nn.relu6", "nn.selu", "nn.elu", "nn.silu", "nn.swish", "nn.softplus", "softplus",
      "nn.softsign",
    ]
    if features.contains(name) { return TensorFlowFunction(module, className, ["features"]) }
    let input: Set<String> = ["identity", "stop_gradient", "zeros_like", "ones_like"]
    return input.contains(name) ? TensorFlowFunction(module, className, ["input"]) : self
  }

  private static let unary: [String: (String, String)] = [
    "negative": ("numpy", "Negative"), "abs": ("numpy", "Absolute"), "square": ("numpy", "Square"),
    "sqrt": ("numpy", "Sqrt"), "rsqrt": ("math", "Rsqrt"), "exp": ("numpy", "Exp"), "log": ("numpy", "Log"),
    "log1p": ("numpy", "Log1p"), "expm1": ("numpy", "Expm1"), "sin": ("numpy", "Sin"), "cos": ("numpy", "Cos"),
    "tan": ("numpy", "Tan"), "tanh": ("numpy", "Tanh"), "sigmoid": ("nn", "Sigmoid"), "erf": ("math", "Erf"),
    "round": ("numpy", "Round"), "floor": ("numpy", "Floor"), "ceil": ("numpy", "Ceil"), "sign": ("numpy", "Sign"),
    "is_nan": ("numpy", "Isnan"), "is_inf": ("numpy", "Isinf"), "is_finite": ("numpy", "Isfinite"),
    "reciprocal": ("numpy", "Reciprocal"), "logical_not": ("numpy", "LogicalNot"), "softplus": ("nn", "Softplus"),
    "nn.relu": ("nn", "Relu"), "nn.relu6": ("nn", "Relu6"), "nn.selu": ("nn", "Selu"), "nn.elu": ("nn", "Elu"),
    "nn.silu": ("nn", "Silu"), "nn.swish": ("nn", "Silu"), "nn.softplus": ("nn", "Softplus"),
    "nn.softsign": ("nn", "Softsign"), "nn.sigmoid": ("nn", "Sigmoid"), "nn.tanh": ("numpy", "Tanh"),
    "identity": ("numpy", "Copy"), "stop_gradient": ("numpy", "Copy"), "zeros_like": ("numpy", "ZerosLike"),
    "ones_like": ("numpy", "OnesLike"), "neg": ("numpy", "Negative"), "log_sigmoid": ("nn", "LogSigmoid"),
  ]

  private static let binary: [String: String] = [
    "add": "Add", "subtract": "Subtract", "multiply": "Multiply", "truediv": "TrueDivide", "divide": "TrueDivide",
    "floordiv": "FloorDivide", "floormod": "Mod", "mod": "Mod", "pow": "Power", "maximum": "Maximum",
    "minimum": "Minimum", "greater": "Greater", "greater_equal": "GreaterEqual", "less": "Less",
    "less_equal": "LessEqual", "equal": "Equal", "not_equal": "NotEqual", "logical_and": "LogicalAnd",
    "logical_or": "LogicalOr", "logical_xor": "LogicalXor", "atan2": "Arctan2",
  ]

  private static let reductions: [String: String] = [
    "reduce_mean": "Mean", "reduce_sum": "Sum", "reduce_max": "Max", "reduce_min": "Min", "reduce_prod": "Prod",
    "reduce_std": "Std", "reduce_variance": "Var", "reduce_any": "Any", "reduce_all": "All",
    "reduce_logsumexp": "Logsumexp",
  ]

  private static func same(_ key: String, _ standard: JSONValue? = nil) -> Setting {
    Setting(from: key, to: key, standard: standard)
  }

  private static let others: [String: TensorFlowFunction] = {
    var table: [String: TensorFlowFunction] = [:]
    let shape = Setting(from: "shape", to: "newshape", standard: nil)
    let perm = Setting(from: "perm", to: "axes", standard: nil)
    table["reshape"] = TensorFlowFunction("numpy", "Reshape", ["tensor"], [shape])
    table["transpose"] = TensorFlowFunction("numpy", "Transpose", ["a"], [perm])
    table["expand_dims"] = TensorFlowFunction("numpy", "ExpandDims", ["input"], [same("axis")])
    table["squeeze"] = TensorFlowFunction("numpy", "Squeeze", ["input"], [same("axis")])
    table["concat"] = TensorFlowFunction("numpy", "Concatenate", ["values"], [same("axis")])
    table["stack"] = TensorFlowFunction("numpy", "Stack", ["values"], [same("axis", 0)])
    table["cast"] = TensorFlowFunction("core", "Cast", ["x"], [same("dtype")])
    table["clip_by_value"] = TensorFlowFunction("numpy", "Clip", ["t"], [
      Setting(from: "clip_value_min", to: "x_min", standard: nil),
      Setting(from: "clip_value_max", to: "x_max", standard: nil),
    ])
    table["nn.softmax"] = TensorFlowFunction("nn", "Softmax", ["logits"], [same("axis", -1)])
    table["nn.log_softmax"] = TensorFlowFunction("nn", "LogSoftmax", ["logits"], [same("axis", -1)])
    table["nn.gelu"] = TensorFlowFunction("nn", "Gelu", ["features"], [same("approximate", false)])
    let slope = Setting(from: "alpha", to: "negative_slope", standard: 0.2)
    table["nn.leaky_relu"] = TensorFlowFunction("nn", "LeakyRelu", ["features"], [slope])
    table["linalg.matmul"] = TensorFlowFunction("numpy", "Matmul", ["a", "b"])
    table["matmul"] = table["linalg.matmul"]
    table["where"] = TensorFlowFunction("numpy", "Where", ["condition", "x", "y"])
    table["divide_no_nan"] = TensorFlowFunction("numpy", "DivideNoNan", ["x", "y"])
    table["argmax"] = TensorFlowFunction("numpy", "Argmax", ["input"], [same("axis", 0)])
    table["argmin"] = TensorFlowFunction("numpy", "Argmin", ["input"], [same("axis", 0)])
    return table
  }()
}

// MARK: - Nodes of TensorFlow 1.13 to 2.3

extension TensorFlowCalls {
  /// Node type, function.
  private static let nodeFunctions: [String: String] = [
    "Mul": "multiply", "Add": "add", "AddV2": "add", "Sub": "subtract", "RealDiv": "truediv", "FloorDiv": "floordiv",
    "FloorMod": "floormod", "Pow": "pow", "Maximum": "maximum", "Minimum": "minimum", "Neg": "negative", "Abs": "abs",
    "Square": "square", "Sqrt": "sqrt", "Rsqrt": "rsqrt", "Exp": "exp", "Log": "log", "Sin": "sin", "Cos": "cos",
    "Tanh": "tanh", "Sigmoid": "sigmoid", "Erf": "erf", "Round": "round", "Floor": "floor", "Ceil": "ceil",
    "Sign": "sign", "Relu": "nn.relu", "Relu6": "nn.relu6", "Elu": "nn.elu", "Selu": "nn.selu",
    "Softplus": "nn.softplus", "Softsign": "nn.softsign", "Softmax": "nn.softmax", "LogSoftmax": "nn.log_softmax",
    "Greater": "greater", "GreaterEqual": "greater_equal", "Less": "less", "LessEqual": "less_equal",
    "Equal": "equal", "NotEqual": "not_equal", "LogicalAnd": "logical_and", "LogicalOr": "logical_or",
    "LogicalNot": "logical_not", "Mean": "reduce_mean", "Sum": "reduce_sum", "Max": "reduce_max",
    "Min": "reduce_min", "Prod": "reduce_prod", "Any": "reduce_any", "All": "reduce_all", "Transpose": "transpose",
    "Reshape": "reshape", "ExpandDims": "expand_dims", "Identity": "identity", "StopGradient": "stop_gradient",
    "SelectV2": "where", "Reciprocal": "reciprocal", "BiasAdd": "add", "DivNoNan": "divide_no_nan",
  ]

  private func node(_ call: LegacyNodes.LegacyCall) throws(KerasImportError) -> Converted {
    guard let definition = config["node_def"]?.object, let type = definition["op"]?.string else {
      throw KerasImportError(.unsupported("a TensorFlow node that is not written as JSON"))
    }
    let attributes = definition["attr"] ?? .null
    let inputs = try operands(call, count: definition["input"]?.array?.count)
    switch type {
    case "StridedSlice": return try stridedSlice(inputs, attributes)
    case "ConcatV2":
      guard inputs.count > 1 else { throw KerasImportError(.invalidGraph("ConcatV2 needs values and an axis")) }
      return try function("concat", positional: [.array(Array(inputs.dropLast())), inputs[inputs.count - 1]], keywords: JSONObject())
    case "Squeeze":
      let axes = attributes["squeeze_dims"]?["list"]?["i"]?.array?.compactMap { TensorFlowCalls.integer($0) } ?? []
      return try function(
        "squeeze", positional: inputs, keywords: JSONObject(axes.isEmpty ? [] : [("axis", .array(axes.map(JSONValue.integer)))]))
    default: break
    }
    guard let name = TensorFlowCalls.nodeFunctions[type] else {
      throw KerasImportError(.unsupportedLayer(className: "tf.raw_ops.\(type)", nearest: nil))
    }
    if type == "BiasAdd", attributes["data_format"]?["s"]?.string == "TkNIVw==" {
      throw KerasImportError(.unsupported("BiasAdd with channels first"))
    }
    var keywords = JSONObject()
    if let keeps = attributes["keep_dims"]?["b"]?.bool { keywords["keepdims"] = .bool(keeps) }
    return try function(name, positional: inputs, keywords: keywords)
  }

  /// Constants at the positions they are written for, tensors in order at the others.
  private func operands(_ call: LegacyNodes.LegacyCall, count: Int?) throws(KerasImportError) -> [JSONValue] {
    var tensors = (call.first.array ?? [call.first])[...]
    let constants = config["constants"]?.object ?? JSONObject()
    var result: [JSONValue] = []
    for position in 0..<(tensors.count + constants.count) {
      if let constant = constants[String(position)] {
        result.append(constant)
      } else if let tensor = tensors.popFirst() {
        result.append(tensor)
      } else {
        throw KerasImportError(.invalidGraph("operand \(position) of the node is missing"))
      }
    }
    return result
  }

  private static func integer(_ value: JSONValue?) -> Int? { value?.int ?? value?.string.flatMap { Int($0) } }

  private func stridedSlice(_ inputs: [JSONValue], _ attributes: JSONValue) throws(KerasImportError) -> Converted {
    guard inputs.count == 4, let begin = inputs[1].array, let end = inputs[2].array, let step = inputs[3].array,
      begin.count == end.count, begin.count == step.count, begin.count < 32
    else { throw KerasImportError(.unsupported("a StridedSlice with computed bounds")) }
    func isSet(_ mask: String, _ bit: Int) -> Bool {
      ((TensorFlowCalls.integer(attributes[mask]?["i"]) ?? 0) >> bit) & 1 == 1
    }
    var key: [JSONValue] = []
    for bit in begin.indices {
      if isSet("ellipsis_mask", bit) {
        key.append(["class_name": "__ellipsis__", "config": [:]])
      } else if isSet("new_axis_mask", bit) {
        key.append(.null)
      } else if isSet("shrink_axis_mask", bit) {
        key.append(begin[bit])
      } else {
        let start: JSONValue = isSet("begin_mask", bit) ? .null : begin[bit]
        let stop: JSONValue = isSet("end_mask", bit) ? .null : end[bit]
        key.append(["class_name": "__slice__", "config": ["start": start, "stop": stop, "step": step[bit]]])
      }
    }
    return Converted("keras.src.ops.numpy", "GetItem", [inputs[0], .array(key)])
  }
}

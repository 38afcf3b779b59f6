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
      nodes.append(
        .object(JSONObject([("args", .array(converted.arguments)), ("kwargs", .object(converted.keywords))])))
    }
    guard var result else { throw KerasImportError(.invalidGraph("the operation is never called")) }
    result["name"] = .string(name)
    result["inbound_nodes"] = .array(nodes)
    return .object(result)
  }

  private func convert(_ call: LegacyNodes.LegacyCall) throws(KerasImportError) -> Converted {
    switch className {
    case "SlicingOpLambda"
    where config["function"]?.string ?? "__operators__.getitem" == "__operators__.getitem":
      let key = TensorFlowCalls.index(call.keywords["slice_spec"] ?? .null)
      return Converted("keras.src.ops.numpy", "GetItem", [call.first, key])
    case "TensorFlowOpLayer": return try node(call)
    default:
      // A function without a name is refused as unknown.
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
    let plain = TensorFlowFunction.plainName(name)
    if let parameters = TensorFlowFunction.signatures[plain] {
      return try own(plain, parameters, positional: positional, keywords: keywords)
    }
    guard let target = TensorFlowFunction.named(name) else {
      throw KerasImportError(.unsupportedLayer(className: "tf.\(name)"))
    }
    var given = keywords
    given["name"] = nil
    let names = target.tensors + target.settings.map(\.from)
    for (index, value) in positional.enumerated() {
      guard index < names.count else {
        throw KerasImportError(.invalidGraph("tf.\(name) takes \(names.count) arguments"))
      }
      given[names[index]] = value
    }
    // TensorFlow 1's names of arguments.
    for (old, new) in [("keep_dims", "keepdims"), ("dim", "axis"), ("squeeze_dims", "axis")] {
      guard let value = given.removeValue(forKey: old), !value.isNull else { continue }
      given[new] = value
    }
    for key in ["adjoint", "conjugate", "batch_dims", "validate_indices", "message"] {
      if let value = given.removeValue(forKey: key), key != "message", !value.isNull, value.bool != false,
        value.int != 0
      {
        throw KerasImportError(.unsupported("\(key) of tf.\(name)"))
      }
    }
    var arguments: [JSONValue] = []
    for tensor in target.tensors {
      guard let value = given.removeValue(forKey: tensor) else {
        // tf.keras 2.4 on loses the second operand of == and !=.
        if tensor == "other" {
          throw KerasImportError(.unsupported("a comparison whose operand Keras did not save"))
        }
        throw KerasImportError(.missingKey(tensor))
      }
      arguments.append(value)
    }
    var settings = JSONObject()
    for setting in target.settings {
      let value = given.removeValue(forKey: setting.from)
      if let value, !value.isNull {
        settings[setting.to] = value
      } else if let standard = setting.standard {
        settings[setting.to] = standard
      }
    }
    let rest = given.keys.filter { !(given[$0]?.isNull ?? true) }
    guard rest.isEmpty else { throw KerasImportError(.unknownKeys(rest)) }
    return Converted("keras.src.ops.\(target.module)", target.className, arguments, config: settings)
  }

  /// A function that is an operation under its own name; its arguments are passed on by name.
  private func own(
    _ name: String, _ parameters: [String], positional: [JSONValue], keywords: JSONObject
  ) throws(KerasImportError) -> Converted {
    guard positional.count <= parameters.count else {
      throw KerasImportError(.invalidGraph("tf.\(name) takes \(parameters.count) arguments"))
    }
    var given = keywords
    given["name"] = nil
    for (parameter, value) in zip(parameters, positional) where !value.isNull { given[parameter] = value }
    given["validate_indices"] = nil
    if let plain = TensorFlowPlainCall(function: name, arguments: given).converted() { return plain }
    var converted = Converted("kconvert.ops", "tf.\(name)", [])
    converted.keywords = given
    return converted
  }
}

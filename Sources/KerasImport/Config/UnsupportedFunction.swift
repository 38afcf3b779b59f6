import NativeFormat

/// A function of TensorFlow that has no counterpart: it keeps its place in the configuration, so that it is refused
/// together with everything else that is not supported.
struct UnsupportedFunction {
  /// The module of such layers; the class is the function, or where that is known the key `reason` says what is not.
  static let module = "kconvert.unsupported"

  /// The serialised layer.
  let json: JSONValue

  /// - Parameter error: why the function could not be rewritten; nil comes of errors other than refusals.
  init?(_ name: String, _ error: KerasImportError, _ calls: [LegacyNodes.LegacyCall]) {
    var config = JSONObject([("name", .string(name))])
    let className: String
    switch error.reason {
    case .unsupportedLayer(let function): className = function
    case .unsupported(let reason, _):
      className = "TFOpLambda"
      config["reason"] = .string(reason)
    default: return nil
    }
    let nodes = calls.map { call in
      JSONValue.object(JSONObject([("args", .array([call.first])), ("kwargs", .object(call.keywords))]))
    }
    json = [
      "module": .string(UnsupportedFunction.module), "class_name": .string(className),
      "config": .object(config),
      "name": .string(name), "inbound_nodes": .array(nodes),
    ]
  }
}

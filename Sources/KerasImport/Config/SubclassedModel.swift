import NativeFormat

/// Models of a class of the user's own, derived from Model or Sequential, whose file holds the whole graph of layers:
/// they are read as that graph.
struct SubclassedModel {
  /// What was found, for warnings: the models' names and classes.
  private(set) var found: [(name: String, className: String)] = []

  private static let containers: Set<String> = ["Functional", "Model", "Container", "Sequential"]

  /// The configuration with such models as the Functional and Sequential models that they are.
  static func resolved(_ json: JSONValue) -> (json: JSONValue, warnings: [String]) {
    var models = SubclassedModel()
    let json = models.resolve(json, isRoot: true)
    let warnings = models.found.map { name, className in
      "the model \"\(name)\" is of the class \(className): its layers are read as the graph that the file holds; "
        + "a call() of its own is not in the file"
    }
    return (json, warnings)
  }

  private mutating func resolve(_ value: JSONValue, isRoot: Bool) -> JSONValue {
    guard let object = value.object, var config = object["config"]?.object else { return value }
    let className = object["class_name"]?.string
    // Else refused later.
    let kind = className.flatMap { _ in SubclassedModel.kind(of: object, config, isRoot) }
    let layers = config["layers"]?.array
    let inner = ["layer", "backward_layer"].filter { config[$0]?.object != nil }
    // Most layers: nothing of them is copied.
    if kind == nil, layers == nil, inner.isEmpty { return value }
    if let layers { config["layers"] = .array(layers.map { resolve($0, isRoot: false) }) }
    for key in inner { config[key] = config[key].map { resolve($0, isRoot: false) } }
    var result = object
    if let className, let kind {
      found.append((config["name"]?.string ?? className, className))
      config.insert(.classWhenWritten(className))
      result["class_name"] = .string(kind)
      result["module"] = kind == "Sequential" ? "keras" : "keras.src.models.functional"
      result["registered_name"] = .string(kind)
    }
    result["config"] = .object(config)
    return .object(result)
  }

  /// `Functional` or `Sequential`; nil for what is no model, or one of Keras's own.
  private static func kind(of object: JSONObject, _ config: JSONObject, _ isRoot: Bool) -> String? {
    let className = object["class_name"]?.string ?? ""  // What has no class is refused later.
    let isKeras = object["module"]?.string.map { $0 == "keras" || $0.hasPrefix("keras.") } ?? false
    guard !isKeras, !containers.contains(className),
      let layers = config["layers"]?.array, layers.allSatisfy({ $0["class_name"]?.string != nil })
    else { return nil }
    if config.contains("input_layers"), config.contains("output_layers") { return "Functional" }
    let isSequence =
      isRoot || config.contains("build_input_shape") || layers.first?["class_name"]?.string == "InputLayer"
    return isSequence && !layers.isEmpty && layers.allSatisfy { $0["inbound_nodes"] == nil }
      ? "Sequential" : nil
  }
}

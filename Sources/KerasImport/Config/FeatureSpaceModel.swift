import NativeFormat

/// A `FeatureSpace` that was saved by itself, as the graph that Keras builds of it: an input for each feature, its
/// preprocessor, the crosses of features, and encoders for what is to be one-hot.
///
/// Source: `keras/src/layers/preprocessing/feature_space.py`, `get_encoded_features`.
struct FeatureSpaceModel {
  private var layers: [JSONValue] = []
  private var names: Set<String> = []

  /// A feature or a cross after its preprocessing.
  private struct Encoded {
    let name: String
    /// The layer that gives it.
    var layer: String
    let isOneHot: Bool
    /// The layer's configuration and class, which say how many values there are.
    let preprocessor: JSONValue
  }

  /// The Functional model that a serialised FeatureSpace is; anything else as it is.
  /// - Throws: `missingKey` or `invalidGraph` for features that are not as Keras writes them.
  static func resolved(_ json: JSONValue) throws(KerasImportError) -> JSONValue {
    guard json["class_name"]?.string == "FeatureSpace", json["module"]?.string == "keras.utils",
      let config = json["config"]
    else { return json }
    var model = FeatureSpaceModel()
    return try model.functional(config)
  }

  private mutating func functional(_ config: JSONValue) throws(KerasImportError) -> JSONValue {
    guard let described = config["features"]?.object else { throw KerasImportError(.missingKey("features")) }
    var features: [Encoded] = []
    for (name, feature) in described { features.append(try add(feature, named: name)) }
    let inputs = features.map { ($0.name, reference($0.name)) }
    var crosses: [Encoded] = []
    for cross in config["crosses"]?.array ?? [] {  // None are crossed.
      crosses.append(try add(cross, of: features))
    }
    var merged = features.sorted { $0.name < $1.name } + crosses.sorted { $0.name < $1.name }
    for index in merged.indices where merged[index].isOneHot { try encode(&merged[index]) }
    let outputs: JSONValue
    switch config["output_mode"]?.string {
    case "concat":
      let name = add(
        "TFDConcat", module: "keras.src.layers.preprocessing.feature_space", named: "tfd_concat",
        ["axis": -1], call: .array(merged.map { tensor($0.layer) }))
      outputs = reference(name)
    case "dict": outputs = .object(JSONObject(merged.map { ($0.name, reference($0.layer)) }))
    case let other:
      throw KerasImportError(
        .invalidValue(key: "output_mode", expected: "concat or dict", found: other ?? "nothing"))
    }
    let functional: JSONObject = [
      "name": "feature_space", "layers": .array(layers), "input_layers": .object(JSONObject(inputs)),
      "output_layers": outputs,
    ]
    return [
      "module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional",
      "config": .object(functional),
    ]
  }

  // MARK: Parts

  /// A feature's input, called as the feature, and its preprocessor.
  private mutating func add(_ feature: JSONValue, named name: String) throws(KerasImportError) -> Encoded {
    guard let config = feature["config"], let preprocessor = config["preprocessor"]?.object,
      let mode = config["output_mode"]?.string, let dtype = config["dtype"]
    else { throw KerasImportError(.invalidGraph("expected a feature, found \(feature.shortText)")) }
    let input = add(
      "InputLayer", named: name, ["batch_shape": [nil, 1], "dtype": dtype], call: nil)
    let layer = add(preprocessor, in: "preprocessors", call: tensor(input))
    return Encoded(name: name, layer: layer, isOneHot: mode == "one_hot", preprocessor: .object(preprocessor))
  }

  /// A cross of preprocessed features.
  private mutating func add(
    _ cross: JSONValue, of features: [Encoded]
  ) throws(KerasImportError) -> Encoded {
    guard let config = cross["config"], let parts = config["feature_names"]?.array,
      let size = config["crossing_dim"]?.int, let mode = config["output_mode"]?.string
    else { throw KerasImportError(.invalidGraph("expected a cross, found \(cross.shortText)")) }
    var names: [String] = []
    var operands: [JSONValue] = []
    for part in parts {
      guard let feature = features.first(where: { $0.name == part.string }) else {
        throw KerasImportError(.invalidGraph("there is no feature \(part.shortText)"))
      }
      names.append(feature.name)
      operands.append(tensor(feature.layer))
    }
    let name = names.joined(separator: "_X_")
    let crosser: JSONObject = [
      "module": "keras.layers", "class_name": "HashedCrossing",
      "config": ["num_bins": .integer(size), "name": .string(name), "dtype": "int64"],
    ]
    let layer = add(crosser, in: "crossers", call: .array(operands))
    return Encoded(name: name, layer: layer, isOneHot: mode == "one_hot", preprocessor: .object(crosser))
  }

  /// An encoder for as many values as the preprocessor can give; where it does not say, there is none.
  private mutating func encode(_ feature: inout Encoded) throws(KerasImportError) {
    let config = feature.preprocessor["config"]
    let count: JSONValue?
    switch feature.preprocessor["class_name"]?.string {
    case "IntegerLookup", "StringLookup": count = config?["vocabulary_size"]
    case "CategoryEncoding": count = config?["num_tokens"]
    case "Discretization":
      count = config?["num_bins"]
      if count?.isNull == true { return }
    case "HashedCrossing", "Hashing": count = config?["num_bins"]
    case let other:
      throw KerasImportError(.unsupported("one-hot values of \(other ?? "a layer without class")"))
    }
    guard let count, count.int != nil else {
      throw KerasImportError(.unsupported("a FeatureSpace whose feature \"\(feature.name)\" was not adapted"))
    }
    feature.layer = add(
      "CategoryEncoding", named: "category_encoding", ["num_tokens": count, "output_mode": "multi_hot"],
      call: tensor(feature.layer))
  }

  // MARK: Layers

  private mutating func add(
    _ className: String, module: String = "keras.layers", named name: String, _ config: JSONObject,
    call: JSONValue?
  ) -> String {
    var config = config
    config["name"] = .string(name)
    let layer: JSONObject = [
      "module": .string(module), "class_name": .string(className), "config": .object(config),
    ]
    return add(layer, in: nil, call: call)
  }

  /// Adds a layer under a name of its own and gives that.
  private mutating func add(_ layer: JSONObject, in folder: String?, call: JSONValue?) -> String {
    var layer = layer
    var config = layer["config"]?.object ?? [:]  // A layer without configuration is refused when it is made.
    let wanted = config["name"]?.string ?? "feature"  // As above.
    var name = wanted
    var number = 1
    while !names.insert(name).inserted {
      name = "\(wanted)_\(number)"
      number += 1
    }
    config["name"] = .string(name)
    if let folder { config.insert(.savedUnder(folder)) }
    layer["config"] = .object(config)
    layer["name"] = .string(name)
    layer["inbound_nodes"] = call.map { [["args": [$0], "kwargs": [:]]] } ?? []  // An input is not called.
    layers.append(.object(layer))
    return name
  }

  private func reference(_ layer: String) -> JSONValue { [.string(layer), 0, 0] }

  private func tensor(_ layer: String) -> JSONValue {
    ["class_name": "__keras_tensor__", "config": ["keras_history": reference(layer)]]
  }
}

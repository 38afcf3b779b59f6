import NativeFormat

/// Rewrites the configurations of Keras 0.x to 2.x, tf.keras and tf-keras as Keras 3 would write them.
///
/// What has no class in Keras 3 gets one of `kconvert.layers`; nothing is evaluated.
struct LegacyConfig {
  let writer: Writer
  /// What a Keras 1 layer without `dim_ordering` means: the user's global setting, which the other layers show.
  let globalFormat: String?

  init(writer: Writer, model: JSONValue) {
    self.writer = writer
    globalFormat = writer.generation < 2 && LegacyConfig.mentions(model, "th") ? "channels_first" : nil
  }

  private static func mentions(_ value: JSONValue, _ ordering: String) -> Bool {
    if let items = value.array { return items.contains { mentions($0, ordering) } }
    guard let object = value.object else { return false }
    if object["dim_ordering"]?.string == ordering { return true }
    return object.values.contains { mentions($0, ordering) }
  }

  static func isModel(_ className: String) -> Bool {
    ["Functional", "Model", "Container", "Sequential"].contains(className)
  }

  /// - Throws: what is malformed or has no meaning without its program, with the layer's place.
  func canonical(_ model: JSONValue) throws(KerasImportError) -> JSONValue {
    guard writer.generation == 0 else { return try layer(unwrapped(model)) }
    guard model["name"]?.string == "Sequential", let layers = model["layers"] else {
      throw KerasImportError(.unsupported("the Graph models of Keras 0.x"))
    }
    return try layer(.object(JSONObject([("class_name", .string("Sequential")), ("config", flat(layers))])))
  }

  /// Keras 0.x: each layer is its own configuration with the class as `name`.
  private func flat(_ layers: JSONValue) -> JSONValue {
    var used: [String: Int] = [:]
    return .array(
      (layers.array ?? []).map { layer in  // What is no list has no layers, and is refused as empty.
        guard var config = layer.object else { return layer }
        let className = config["name"]?.string ?? ""  // A class without a name is refused as unknown.
        let name = config["custom_name"]?.string ?? className.lowercased()
        let count = used[name, default: 0] + 1
        used[name] = count
        config["name"] = .string(count == 1 ? name : "\(name)_\(count - 1)")
        if className == "Embedding" { config["input_shape"] = nil }
        return .object(JSONObject([("class_name", .string(className)), ("config", .object(config))]))
      })
  }

  /// Numbers, tuples and shapes out of the objects that wrapped them.
  private func unwrapped(_ value: JSONValue) -> JSONValue {
    if let items = value.array { return .array(items.map(unwrapped)) }
    guard let object = value.object else { return value }
    if object["type"]?.string == "ndarray", let inner = object["value"] { return inner }
    switch object["class_name"]?.string {
    case "__numpy__": if let inner = object["config"]?["value"], inner.double != nil { return inner }
    case "__tuple__", "TensorShape": if let items = object["items"] { return unwrapped(items) }
    default: break  // An object of another kind stays one.
    }
    return .object(JSONObject(object.map { ($0.key, unwrapped($0.value)) }))
  }

  /// One serialised layer or model.
  func layer(_ value: JSONValue) throws(KerasImportError) -> JSONValue {
    guard let object = value.object, let className = object["class_name"]?.string,
      let config = object["config"]
    else {
      throw KerasImportError(.invalidGraph("expected a serialised layer, found \(value.shortText)"))
    }
    let name = object["name"]?.string ?? config["name"]?.string ?? className.lowercased()
    do throws(KerasImportError) {
      let result: JSONObject
      switch className {
      case "Sequential": result = try sequential(config, name: name, built: object["build_config"])
      case "Functional", "Model", "Container": result = try functional(config)
      default: result = try plain(className, config.object ?? JSONObject(), name: name, original: object)
      }
      var named = result
      if let config = named["config"]?.object, config["name"] == nil {
        var config = config
        config["name"] = .string(name)
        named["config"] = .object(config)
      }
      named["name"] = .string(name)
      return .object(named)
    } catch {
      if LegacyConfig.isModel(className) { throw error }
      throw error.at(.layer(name: name, className: className))
    }
  }

  private func plain(
    _ className: String, _ config: JSONObject, name: String, original: JSONObject
  ) throws(KerasImportError) -> JSONObject {
    guard ClassIdentity(original).isOfKeras else {
      // Another package's class has its own keys.
      return JSONObject(original.filter { $0.key != "inbound_nodes" }.map { ($0.key, $0.value) })
    }
    var translation = LayerTranslation(
      className: className, config: config, writer: writer, format: globalFormat)
    try translation.run()
    for key in ["layer", "backward_layer", "cell"] where translation.config[key]?["class_name"] != nil {
      translation.config[key] = try layer(translation.config[key] ?? .null)
    }
    if let cells = translation.config["cells"]?.array {
      var inner: [JSONValue] = []
      for cell in cells { inner.append(try layer(cell)) }
      translation.config["cells"] = .array(inner)
    }
    return JSONObject([
      ("module", .string(translation.module)), ("class_name", .string(translation.className)),
      ("config", .object(translation.config)), ("registered_name", original["registered_name"] ?? .null),
    ])
  }
}

// MARK: - Functional

extension LegacyConfig {
  private func functional(_ config: JSONValue) throws(KerasImportError) -> JSONObject {
    guard var result = config.object, let layers = result["layers"]?.array else {
      throw KerasImportError(.missingKey("layers"))
    }
    let nodes = LegacyNodes(config: result)
    var converted: [JSONValue] = []
    for layer in layers { converted.append(try functionalLayer(layer, nodes)) }
    result["layers"] = .array(converted)
    for key in ["input_layers", "output_layers"] { result[key] = nodes.structure(result[key] ?? .null) }
    return JSONObject([
      ("module", .string("keras.src.models.functional")), ("class_name", .string("Functional")),
      ("config", .object(result)), ("registered_name", .string("Functional")),
    ])
  }

  private func functionalLayer(_ value: JSONValue, _ nodes: LegacyNodes) throws(KerasImportError) -> JSONValue
  {
    let className = value["class_name"]?.string ?? ""  // A class without a name is refused as unknown.
    let name = value["name"]?.string ?? value["config"]?["name"]?.string ?? className
    let isOperation = TensorFlowCalls.classNames.contains(className)
    var calls: [LegacyNodes.LegacyCall] = []
    for node in value["inbound_nodes"]?.array ?? [] {  // A layer that is never called has none.
      calls.append(try nodes.call(node, keepsList: isOperation && className != "TensorFlowOpLayer"))
    }
    if isOperation {
      do throws(KerasImportError) {
        return try TensorFlowCalls(className: className, name: name, config: value["config"] ?? .null)
          .operation(calls)
      } catch {
        guard let refused = UnsupportedFunction(name, error, calls) else {
          throw error.at(.layer(name: name, className: className))
        }
        return refused.json
      }
    }
    guard var result = try layer(value).object else { return value }
    var list: [JSONValue] = []
    for call in calls {
      do { list.append(.object(try node(call, className: className, config: value["config"]))) } catch {
        throw error.at(.layer(name: name, className: className))
      }
    }
    result["inbound_nodes"] = .array(list)
    return .object(result)
  }

  /// Layers whose first argument may be a list of the sequence and the initial states.
  static let recurrent: Set<String> = [
    "LSTM", "GRU", "SimpleRNN", "RNN", "CuDNNLSTM", "CuDNNGRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D",
    "Bidirectional",
  ]

  private func node(
    _ call: LegacyNodes.LegacyCall, className: String, config: JSONValue?
  ) throws(KerasImportError) -> JSONObject {
    if let count = config?["num_constants"]?.int, count > 0 {
      throw KerasImportError(.unsupported("\(count) constants beside the sequence of a recurrent layer"))
    }
    var first = call.first
    var keywords = call.keywords
    if LegacyConfig.recurrent.contains(className), let items = first.array, items.count > 1 {
      first = items[0]
      keywords["initial_state"] = .array(Array(items.dropFirst()))
    }
    if config?["causal"]?.bool == true { keywords["use_causal_mask"] = true }
    let arrays = keywords.map { ($0.key, LegacyConfig.withArrays($0.value)) }
    return JSONObject([
      ("args", .array([LegacyConfig.withArrays(first)])), ("kwargs", .object(JSONObject(arrays))),
    ])
  }

  /// Lists of numbers in a layer's call are arrays among its inputs.
  private static func withArrays(_ value: JSONValue) -> JSONValue {
    guard let items = value.array, !items.isEmpty else { return value }
    guard let array = value.numericArray else { return .array(items.map(withArrays)) }
    var leaf = value
    while let first = leaf[0] { leaf = first }
    let dtype: JSONValue = leaf.bool != nil ? "bool" : "float32"
    return array.sizes.isEmpty
      ? value : ["class_name": "__numpy__", "config": ["value": value, "dtype": dtype]]
  }
}

// MARK: - Sequential

extension LegacyConfig {
  private func sequential(_ config: JSONValue, name: String, built: JSONValue?) throws(KerasImportError)
    -> JSONObject
  {
    guard let layers = config.array ?? config["layers"]?.array else {
      throw KerasImportError(.missingKey("layers"))
    }
    if layers.first?["class_name"]?.string == "Merge", layers.first?["config"]?["layers"] != nil {
      return try MergedBranches(context: self).functional(layers, name: name)
    }
    var result = config.object ?? JSONObject([("name", .string(name))])
    var converted: [JSONValue] = []
    for layer in layers { converted.append(try self.layer(layer)) }
    if let first = layers.first, first["class_name"]?.string != "InputLayer", let input = input(for: first) {
      var names = InventedNames(writer: writer)
      converted.insert(names.named(input, before: first), at: 0)
    }
    result["layers"] = .array(converted)
    var members: [(String, JSONValue)] = [
      ("module", .string("keras.models")), ("class_name", .string("Sequential")), ("config", .object(result)),
      ("registered_name", .null),
    ]
    if let built { members.append(("build_config", built)) }
    return JSONObject(members)
  }

  /// The InputLayer that the first layer's own configuration declares; nil when it does not say.
  func input(for first: JSONValue) -> JSONValue? {
    guard let config = first["config"]?.object else { return nil }
    let name = config["name"]?.string ?? first["class_name"]?.string?.lowercased() ?? "layer"
    let isEmbedding = first["class_name"]?.string == "Embedding"
    var shape = config["batch_input_shape"]
    if shape?.array == nil, let sizes = config["input_shape"]?.array { shape = .array([.null] + sizes) }
    if shape?.array == nil, writer.generation < 2 {
      if isEmbedding {
        shape = .array([.null, config["input_length"] ?? .null])
      } else if let width = config["input_dim"], width.int != nil {
        let isSequence = config.contains("input_length")
        shape = .array(isSequence ? [.null, config["input_length"] ?? .null, width] : [.null, width])
      }
    }
    guard let shape, shape.array != nil else { return nil }
    var dtype = config["input_dtype"] ?? .null
    if dtype.string == nil {
      // Keras 1's Embedding takes integers; from Keras 2 on its input has the type of the layer.
      let isInteger = isEmbedding && writer.generation < 2
      dtype = isInteger ? "int32" : config["dtype"]?.string.map(JSONValue.string) ?? "float32"
    }
    return LegacyConfig.inputLayer(name: name + "_input", shape: shape, dtype: dtype)
  }

  static func inputLayer(name: String, shape: JSONValue, dtype: JSONValue) -> JSONValue {
    let config = JSONObject([("batch_shape", shape), ("dtype", dtype), ("name", .string(name))])
    return .object(
      JSONObject([
        ("module", .string("keras.layers")), ("class_name", .string("InputLayer")),
        ("config", .object(config)),
        ("registered_name", .null), ("name", .string(name)), ("inbound_nodes", .array([])),
      ]))
  }
}

/// Names for inputs that have none in the file: Keras 1 counted them by the first layer's class in the whole process,
/// Keras 0.x had none at all.
struct InventedNames {
  let writer: Writer
  private var counts: [String: Int] = [:]

  init(writer: Writer) { self.writer = writer }

  /// The InputLayer in front of a layer under the name it has in a new process.
  mutating func named(_ input: JSONValue, before first: JSONValue) -> JSONValue {
    guard writer.generation < 2, let className = first["class_name"]?.string, var object = input.object,
      var config = object["config"]?.object
    else { return input }
    let prefix = writer.generation == 0 ? "input_" : className.lowercased() + "_input_"
    let count = counts[prefix, default: writer.generation]
    counts[prefix] = count + 1
    let name = JSONValue.string("\(prefix)\(count)")
    config["name"] = name
    config.insert(.inputNameIsInvented)
    object["config"] = .object(config)
    object["name"] = name
    return .object(object)
  }
}

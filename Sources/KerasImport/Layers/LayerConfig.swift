public import ModelIR
package import NativeFormat

/// One layer's configuration; it remembers which keys were read, so that none is dropped in silence.
public struct LayerConfig: Sendable {
  /// The class as Keras 3 names it.
  public let className: String
  /// Whose class it is.
  let identity: ClassIdentity
  /// The module as the file has it: `keras.layers`, `keras.src.ops.numpy`, ...
  package let module: String
  /// The layer's name.
  public let name: String
  /// The layer's dtype policy.
  package let policy: DTypePolicy
  package let json: JSONObject
  private let marks: [EraMark]
  package let registry: LayerRegistry
  /// The shapes the layer was built with, where the file says so.
  var buildConfig: JSONValue?
  /// The keys that were read; a list, which for the few of a layer costs less than a set.
  private var taken: [String] = []
  /// Whether all keys count as read.
  private var takesAll = false

  package init(
    className: String, module: String, name: String, policy: DTypePolicy, json: JSONObject,
    registry: LayerRegistry, identity: ClassIdentity? = nil
  ) {
    self.className = className
    self.identity = identity ?? ClassIdentity(["class_name": .string(className)])
    self.module = module
    self.name = name
    self.policy = policy
    self.json = json
    marks = json.eraMarks
    self.registry = registry
  }

  /// Keys that change nothing at inference, in every layer.
  private static let neverMatter: Set<String> = [
    "name", "trainable", "dtype", "autocast", "activity_regularizer", "seed", "build_config",
    "batch_input_shape",
    "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer", "kernel_constraint",
    "bias_constraint", "recurrent_initializer", "recurrent_regularizer", "recurrent_constraint",
    "embeddings_initializer", "embeddings_regularizer", "embeddings_constraint", "depthwise_initializer",
    "depthwise_regularizer", "depthwise_constraint", "pointwise_initializer", "pointwise_regularizer",
    "pointwise_constraint", "gamma_initializer", "gamma_regularizer", "gamma_constraint", "beta_initializer",
    "beta_regularizer", "beta_constraint", "moving_mean_initializer", "moving_variance_initializer",
    "alpha_initializer", "alpha_regularizer", "alpha_constraint", "lora_rank", "lora_alpha",
    EraMark.classWhenWritten("").key, EraMark.savedUnder("").key,
  ]

  /// The shape of the input that the layer was built with (Keras's `build_config`), for weights that follow from it; nil
  /// where the file does not say. The batch and other open sizes are named.
  public var inputShape: Shape? { shape(of: "input_shape") }

  /// The shape of an argument that the layer was built with: `query_shape` of a layer whose `build` has that parameter; nil
  /// where the file does not say.
  public func shape(of parameter: String) -> Shape? {
    let built = buildConfig?["shapes_dict"]?[parameter] ?? buildConfig?[parameter]
    // Only an element type could be wrong, of which none is given.
    return (try? TensorType(declared: built, dtype: nil, name: name))?.shape
  }

  /// The raw value of a key, which counts as read; nil when absent or null.
  package mutating func value(_ key: String) -> JSONValue? {
    taken.append(key)
    guard let value = json[key]?.withPlainArrays, !value.isNull else { return nil }
    return value
  }

  /// Whether the configuration carries this mark of its era.
  mutating func has(_ mark: EraMark) -> Bool { self.mark { $0 == mark ? true : nil } ?? false }

  /// What the mark holds that `read` knows; nil when the configuration does not carry it.
  mutating func mark<T>(_ read: (EraMark) -> T?) -> T? {
    for mark in marks {
      guard let held = read(mark) else { continue }
      taken.append(mark.key)
      return held
    }
    return nil
  }

  /// Marks keys as known but without effect.
  public mutating func ignore(_ keys: String...) { taken += keys }

  /// Marks keys as known but without effect.
  mutating func ignore(_ keys: Set<String>) { taken += keys }

  /// Marks every key as known: for layers that do nothing at inference, whatever they are configured to.
  mutating func ignoreAll() { takesAll = true }

  /// Refuses a layer whose weights are stored quantised.
  func refuseQuantization() throws(KerasImportError) {
    if let mode = policy.quantization {
      throw KerasImportError(.unsupported("quantization mode \"\(mode)\" of \(className)"))
    }
  }

  /// Refuses the layer unless the key is absent, null or this value.
  public mutating func expect(_ key: String, _ expected: Bool) throws(KerasImportError) {
    if let found = try optionalBool(key), found != expected {
      throw invalid(key, expected: "\(expected)", found: "\(found)")
    }
  }

  /// An error about a key's value.
  public func invalid(_ key: String, expected: String, found: String) -> KerasImportError {
    KerasImportError(.invalidValue(key: key, expected: expected, found: found))
  }

  /// Throws for keys that were not read, unless their value is null.
  package func finish() throws(KerasImportError) {
    if takesAll { return }
    let unknown = json.keys(where: { key, value in
      !value.isNull && !LayerConfig.neverMatter.contains(key) && !taken.contains(key)
    })
    guard let first = unknown.first else { return }
    let known = taken.filter { json[$0] == nil }
    throw KerasImportError(.unknownKeys(unknown, nearest: known.nearest(to: first)))
  }
}

extension LayerConfig {
  /// The element type that an InputLayer's `dtype` names: float32, Keras's default, when absent or null.
  /// - Throws: `invalidValue` for what names no element type.
  func inputDType() throws(KerasImportError) -> DType {
    guard let stored = json["dtype"], !stored.isNull else { return .float32 }
    let name = stored.string ?? stored["config"]?["name"]?.string
    // What a mixed policy computes in is narrower than what it is given.
    if let name, name.hasPrefix("mixed_") { return .float32 }
    guard let name, let dtype = DType(rawValue: name) else {
      throw invalid("dtype", expected: "an element type", found: stored.shortText)
    }
    return dtype
  }

  /// A layer in the configuration (`layer`, `cell`, an activation written as a layer), built with the same registry.
  /// - Throws: what building it throws, with the inner layer's place.
  public mutating func layer(_ key: String) throws(KerasImportError) -> LayerObject {
    guard let value = value(key) else { throw KerasImportError(.missingKey(key)) }
    return try LayerObject(serialized: value, registry: registry, outer: policy)
  }

  /// Layers in a list.
  /// - Throws: what building one throws, with the inner layer's place.
  public mutating func layers(_ key: String) throws(KerasImportError) -> [LayerObject] {
    guard let items = value(key)?.array else { throw KerasImportError(.missingKey(key)) }
    var result: [LayerObject] = []
    for item in items { result.append(try LayerObject(serialized: item, registry: registry, outer: policy)) }
    return result
  }
}

extension LayerConfig {
  /// A layer that the class makes itself and keeps in an attribute: `self.blocks = [Dense(4), Dense(4)]` gives
  /// `try config.sublayer("blocks/0", className: "Dense", config: ["units": 4])` and one for `blocks/1`.
  /// - Parameters:
  ///   - attribute: the attribute; for a list with the number behind a slash.
  ///   - className: the class as Keras 3 names it.
  ///   - config: what differs from Keras's defaults.
  /// - Throws: what building it throws.
  public func sublayer(
    _ attribute: String, className: String, config: ConfigValue = [:]
  ) throws(KerasImportError) -> Sublayer {
    let serialized: JSONValue = [
      "class_name": .string(className), "config": config.json, "name": .string(attribute),
    ]
    return Sublayer(attribute, try LayerObject(serialized: serialized, registry: registry, outer: policy))
  }
}

// MARK: - Scalars

extension LayerConfig {
  /// An integer that must be there.
  public mutating func int(_ key: String) throws(KerasImportError) -> Int {
    guard let found = try optionalInt(key) else { throw KerasImportError(.missingKey(key)) }
    return found
  }

  /// An integer with Keras's default.
  public mutating func int(_ key: String, default standard: Int) throws(KerasImportError) -> Int {
    try optionalInt(key) ?? standard
  }

  /// An integer that may be absent or null.
  public mutating func optionalInt(_ key: String) throws(KerasImportError) -> Int? {
    guard let value = value(key) else { return nil }
    guard let int = value.int else { throw invalid(key, expected: "an integer", found: value.shortText) }
    return try bounded(int, key)
  }

  /// An integer that can be computed with: the product of two fits.
  func bounded(_ int: Int, _ key: String) throws(KerasImportError) -> Int {
    guard int.magnitude <= 1 << 31 else {
      throw invalid(key, expected: "an integer between -2^31 and 2^31", found: "\(int)")
    }
    return int
  }

  /// A positive integer that must be there (units, filters, counts).
  public mutating func count(_ key: String) throws(KerasImportError) -> Int {
    let found = try int(key)
    guard found > 0 else {
      throw invalid(key, expected: "a positive integer", found: "\(found)")
    }
    return found
  }

  /// A number with Keras's default.
  public mutating func double(_ key: String, default standard: Double) throws(KerasImportError) -> Double {
    try optionalDouble(key) ?? standard
  }

  /// A number that may be absent or null.
  public mutating func optionalDouble(_ key: String) throws(KerasImportError) -> Double? {
    guard let value = value(key) else { return nil }
    guard let double = value.double else { throw invalid(key, expected: "a number", found: value.shortText) }
    return double
  }

  /// A truth value with Keras's default.
  public mutating func bool(_ key: String, default standard: Bool) throws(KerasImportError) -> Bool {
    try optionalBool(key) ?? standard
  }

  /// A truth value that may be absent or null; 0 and 1 count.
  public mutating func optionalBool(_ key: String) throws(KerasImportError) -> Bool? {
    guard let value = value(key) else { return nil }
    if let bool = value.bool { return bool }
    guard let int = value.int, int == 0 || int == 1 else {
      throw invalid(key, expected: "true or false", found: value.shortText)
    }
    return int == 1
  }

  /// A string with Keras's default.
  public mutating func string(_ key: String, default standard: String) throws(KerasImportError) -> String {
    try optionalString(key) ?? standard
  }

  /// A string that may be absent or null.
  public mutating func optionalString(_ key: String) throws(KerasImportError) -> String? {
    guard let value = value(key) else { return nil }
    guard let string = value.string else { throw invalid(key, expected: "a string", found: value.shortText) }
    return string
  }

  /// An element type by name; nil when absent or null.
  mutating func optionalDType(_ key: String) throws(KerasImportError) -> DType? {
    guard let text = try optionalString(key) else { return nil }
    guard let dtype = DType(rawValue: text) else {
      throw invalid(key, expected: "an element type", found: "\"\(text)\"")
    }
    return dtype
  }

  /// One of the values of an enumeration, by its raw value.
  public mutating func choice<T: RawRepresentable & CaseIterable>(
    _ key: String, default standard: T
  ) throws(KerasImportError) -> T where T.RawValue == String {
    guard let text = try optionalString(key) else { return standard }
    guard let choice = T(rawValue: text) else {
      let known = T.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw invalid(key, expected: "one of \(known)", found: "\"\(text)\"")
    }
    return choice
  }
}

// MARK: - Lists

extension LayerConfig {
  /// Integers, one for each of `count` axes; a single number counts for all.
  public mutating func ints(
    _ key: String, count: Int, default standard: Int? = nil
  ) throws(KerasImportError) -> [Int] {
    guard let value = value(key) else {
      guard let standard else { throw KerasImportError(.missingKey(key)) }
      return Array(repeating: standard, count: count)
    }
    if let int = value.int { return Array(repeating: try bounded(int, key), count: count) }
    guard let items = value.array, items.count == count else {
      throw invalid(key, expected: "\(count) integers", found: value.shortText)
    }
    return try integers(items, key)
  }

  /// Integers of any number; a single number is a list of one; nil when absent or null.
  public mutating func optionalInts(_ key: String) throws(KerasImportError) -> [Int]? {
    guard let value = value(key) else { return nil }
    if let int = value.int { return [try bounded(int, key)] }
    guard let items = value.array else { throw invalid(key, expected: "integers", found: value.shortText) }
    return try integers(items, key)
  }

  /// Numbers in any nesting, flattened row-major, with the sizes of the nesting; nil when absent or null.
  public mutating func optionalArray(_ key: String) throws(KerasImportError) -> (
    values: [Double], sizes: [Int]
  )? {
    guard let value = value(key) else { return nil }
    guard let array = value.numericArray else {
      throw invalid(key, expected: "numbers", found: value.shortText)
    }
    return array
  }

  /// `channels_last` or `channels_first`; channels_last when absent or null.
  public mutating func layout() throws(KerasImportError) -> DataLayout {
    switch try optionalString("data_format") {
    case nil, "channels_last": return .channelsLast
    case "channels_first": return .channelsFirst
    case let other?:
      throw invalid("data_format", expected: "\"channels_last\" or \"channels_first\"", found: "\"\(other)\"")
    }
  }

  private func integers(_ items: [JSONValue], _ key: String) throws(KerasImportError) -> [Int] {
    var result: [Int] = []
    for item in items {
      guard let int = item.int else { throw invalid(key, expected: "integers", found: item.shortText) }
      result.append(try bounded(int, key))
    }
    return result
  }
}

extension JSONValue {
  /// The value as it would be written, shortened for a message.
  var shortText: String {
    let text = text()
    return text.count <= 60 ? text : text.prefix(57) + "..."
  }

  /// The value with plain lists of numbers for arrays, which stand in a configuration as `__numpy__` or `__tensor__`.
  fileprivate var withPlainArrays: JSONValue {
    if let items = array { return .array(items.map(\.withPlainArrays)) }
    guard let className = self["class_name"]?.string, className == "__numpy__" || className == "__tensor__",
      let numbers = self["config"]?["value"]
    else { return self }
    return numbers
  }

  /// A number or nested lists of numbers of equal lengths, flattened row-major.
  var numericArray: (values: [Double], sizes: [Int])? {
    nested { item in item.double ?? item.bool.map { $0 ? 1 : 0 } }
  }

  /// Text in any nesting, plain or as Keras writes bytes, row-major, with the sizes of the nesting.
  var textArray: (values: [String], sizes: [Int])? {
    nested { item in
      item.string ?? (item["class_name"]?.string == "__bytes__" ? item["config"]?["value"]?.string : nil)
    }
  }

  /// Elements in any nesting, row-major, with the sizes of the nesting; nil when something is none, or lists differ.
  private func nested<T>(_ element: (JSONValue) -> T?) -> (values: [T], sizes: [Int])? {
    if let value = element(self) { return ([value], []) }
    guard let array else { return nil }
    var values: [T] = []
    var inner: [Int]?
    for item in array {
      guard let part = item.nested(element), inner == nil || inner == part.sizes else { return nil }
      inner = part.sizes
      values += part.values
    }
    return (values, [array.count] + (inner ?? []))  // An empty list ends the nesting.
  }
}

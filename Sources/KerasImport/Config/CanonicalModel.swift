package import NativeFormat

/// A model's configuration in one form, today's, whatever era wrote it; no later stage asks which.
package struct CanonicalModel: Sendable {
  /// The serialised model as Keras 3 writes it, node numbers counted from 0 for every layer.
  package var json: JSONValue
  /// The writer's version; empty when the file does not say.
  package var kerasVersion: String
  /// The writer in words: `Keras 3.6.0`.
  package var era: String
  /// True for the layout conventions of the first two generations of weights: arrays may need rearranging.
  package var isKeras1: Bool
  /// True when convolution kernels are stored for a true convolution, that is, reversed along their spatial axes.
  package var isTheano: Bool
  /// True when the `running_std` of a BatchNormalization is a deviation; from 1.0.6 on it is the variance.
  package var storesDeviations: Bool
  /// What a reader of the model should know, a sentence each.
  package var warnings: [String] = []

  /// - Parameter isTheano: what the weights say where the configuration does not: Keras 1 names TensorFlow's
  ///   variables with a `:0` at the end, Theano's without.
  package init(
    json given: JSONValue, kerasVersion: String?, backend: String?, isTheano: Bool? = nil
  ) throws(KerasImportError) {
    let (json, warnings) = SubclassedModel.resolved(given)
    self.warnings = warnings
    // An empty version makes the writer a guess.
    let version = kerasVersion ?? json["keras_version"]?.string ?? ""
    let backend = backend ?? json["backend"]?.string
    let writer = Writer(json: json, version: version, backend: backend, isTheano: isTheano)
    self.kerasVersion = version
    era = writer.text
    isKeras1 = writer.generation < 2
    // Kernels are what the file of weights says, whoever wrote the architecture.
    self.isTheano = isTheano ?? writer.isTheano
    storesDeviations = writer.precedesVariances
    if writer.generation >= 3 {
      let json = try FeatureSpaceModel.resolved(json)
      self.json = Keras3Config.canonical(json, minor: writer.release.0 == 3 ? writer.release.1 : .max)
    } else {
      self.json = try LegacyConfig(writer: writer, model: json).canonical(json)
    }
  }
}

/// Who wrote a file, as far as it decides what the configuration means.
struct Writer: Sendable {
  /// 0 for Keras 0.x, then 1, 2 (tf.keras too) and 3.
  var generation: Int
  var version: String
  /// Major and minor number.
  var release: (Int, Int)
  var isTensorFlow: Bool
  var isTheano: Bool

  init(json: JSONValue, version: String, backend: String?, isTheano: Bool?) {
    let numbers = version.split(separator: ".").map { part in Int(part.prefix(while: \.isNumber)) }
    self.version = version
    // Where no version is named nothing is taken to be newer than the first of its generation.
    release = (numbers.first.flatMap(\.self) ?? 0, numbers.count > 1 ? numbers[1] ?? 0 : 0)  // As above.
    if json["class_name"] == nil, json["layers"] != nil {
      generation = 0
    } else if let named = numbers.first.flatMap(\.self) {
      generation = named
    } else {
      generation = Writer.guess(json)
    }
    isTensorFlow = version.hasSuffix("-tf") || (generation == 2 && release.1 >= 4)
    if let backend {
      self.isTheano = backend == "theano"
    } else {
      self.isTheano = isTheano ?? (generation == 0)
    }
  }

  /// The generation of a configuration that names no version.
  private static func guess(_ json: JSONValue) -> Int {
    let layers = json["config"]?["layers"]?.array ?? json["config"]?.array
    for layer in layers ?? [] {  // A model without layers is refused later.
      guard let config = layer["config"]?.object else { continue }
      if layer["inbound_nodes"]?[0]?["args"] != nil || config.contains("batch_shape") { return 3 }
      if config.contains("output_dim"), layer["class_name"]?.string != "Embedding" { return 1 }
      if config.contains("nb_filter") || config.contains("W_regularizer") { return 1 }
      if config.contains("batch_input_shape") || layer["inbound_nodes"]?[0]?.array != nil {
        return config.contains("input_dtype") ? 1 : 2
      }
    }
    return 3
  }

  /// True for Keras 0.x to 1.0.5; the first of 1.0 did not write their version.
  var precedesVariances: Bool {
    guard generation == 1, !version.isEmpty else { return generation < 2 }
    // Of a text: nil for no number.
    let patch = version.split(separator: ".").dropFirst(2).first.flatMap { Int($0) }
    return release.1 == 0 && patch ?? 0 < 6  // A release without a patch number is its first.
  }

  /// True for releases before this one of the same generation.
  func isBefore(_ minor: Int) -> Bool { release.1 < minor }

  /// The writer in words.
  var text: String {
    if version.isEmpty {
      return generation == 0 ? "Keras 0.x" : generation >= 3 ? "Keras" : "Keras \(generation)"
    }
    if isTensorFlow {
      let number = version.hasSuffix("-tf") ? String(version.dropLast(3)) : version
      return "tf.keras \(number)"
    }
    return generation < 3 && isTheano ? "Keras \(version) (Theano)" : "Keras \(version)"
  }
}

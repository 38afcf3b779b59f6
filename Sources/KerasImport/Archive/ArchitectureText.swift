import NativeFormat

/// The forms in which people keep an architecture's JSON, besides what `model.to_json()` gives.
enum ArchitectureText {
  /// The serialised model inside: of text that was encoded twice (`json.dump(model.to_json(), f)`), and of a bare
  /// `model.get_config()`, which has no class around it.
  /// - Throws: `notAKerasFile` for a model of TensorFlow.js, `corrupted` for text that is no JSON inside.
  static func model(_ json: JSONValue) throws(KerasImportError) -> JSONValue {
    if let text = json.string {
      let inner: JSONValue
      do { inner = try JSONValue(parsing: text) } catch {
        throw KerasImportError(.corrupted("JSON in a string: \(error)"))
      }
      guard inner.string == nil else { throw KerasImportError(.corrupted("JSON in strings in strings")) }
      return try model(inner)
    }
    if json["modelTopology"] != nil || json["format"]?.string == "graph-model" {
      throw KerasImportError(
        .notAKerasFile(
          "it is a TensorFlow.js model",
          suggestion: "give the Keras file it was made from, or convert it back with tensorflowjs_converter"))
    }
    guard json["class_name"] == nil else { return json }
    guard let layers = json["layers"]?.array ?? json.array, layers.first?["class_name"]?.string != nil else {
      return json
    }
    let className = json["input_layers"] == nil ? "Sequential" : "Functional"
    return ["class_name": .string(className), "config": json]
  }
}

package import NativeFormat

extension LayerGraph {
  /// True for the class names of models among the layers.
  static func isModel(className: String, module: String) -> Bool {
    className == "Functional" || className == "Sequential" || className == "Model"
  }

  /// Builds a model from its canonical serialised form.
  package init(serialized: JSONValue, registry: LayerRegistry) throws(KerasImportError) {
    throw KerasImportError(.invalidGraph("not read yet"))
  }
}

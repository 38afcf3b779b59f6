package import NativeFormat

extension DTypePolicy {
  /// Reads a layer's `dtype`: a name or a policy object.
  package init(config: JSONValue?, layerName: String, outer: DTypePolicy) throws(KerasImportError) {
    self = outer
  }
}

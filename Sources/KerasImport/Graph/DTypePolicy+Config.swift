import ModelIR
package import NativeFormat

extension DTypePolicy {
  /// Reads a layer's `dtype`: a name (`float32`, `mixed_float16`, `int8_from_float32`), a policy object, or a map of
  /// policies by layer path. Absent: the policy of the layer around it.
  /// - Throws: `invalidValue` for a name that is no policy.
  package init(config: JSONValue?, layerName: String, outer: DTypePolicy) throws(KerasImportError) {
    guard let config, !config.isNull else { self = outer; return }
    if let name = config.string { self = try DTypePolicy(name: name); return }
    guard let inner = config["config"] else {
      throw KerasImportError(.invalidValue(key: "dtype", expected: "a dtype policy", found: config.shortText))
    }
    switch config["class_name"]?.string {
    case "DTypePolicyMap":
      // Of a map without entries only the default counts.
      let map = inner["policy_map"]?.object ?? JSONObject()
      let entry = try PathPattern.entry(for: layerName, in: map)
      self = try DTypePolicy(config: entry ?? inner["default_policy"], layerName: layerName, outer: outer)
    case "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy", "Int4DTypePolicy", "GPTQDTypePolicy",
      "AWQDTypePolicy":
      self = try DTypePolicy(name: inner["source_name"]?.string ?? "float32")
      guard let mode = inner["mode"]?.string ?? inner["name"]?.string?.components(before: "_from_") else {
        throw KerasImportError(
          .invalidValue(key: "dtype", expected: "a quantization mode", found: inner.shortText))
      }
      quantization = mode
    default:
      guard let name = inner["name"]?.string else {
        throw KerasImportError(
          .invalidValue(key: "dtype", expected: "a policy with a name", found: config.shortText))
      }
      self = try DTypePolicy(name: name)
    }
  }

  private init(name: String) throws(KerasImportError) {
    switch name {
    case "mixed_float16": self.init(compute: .float16)
    case "mixed_bfloat16": self.init(compute: .bfloat16)
    default:
      // First, because searching a text costs more than all else that is done for a layer's policy.
      if let dtype = DType(rawValue: name) {
        self.init(compute: dtype, variable: dtype)
        return
      }
      guard let mode = name.components(before: "_from_") else {
        throw KerasImportError(.invalidValue(key: "dtype", expected: "a dtype policy", found: "\"\(name)\""))
      }
      self = try DTypePolicy(name: String(name.dropFirst(mode.count + 6)))
      quantization = mode
    }
  }
}

extension String {
  /// The part before the first occurrence of a separator; nil without one.
  func components(before separator: String) -> String? {
    guard let range = firstRange(of: separator) else { return nil }
    return String(self[..<range.lowerBound])
  }
}

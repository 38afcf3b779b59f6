import NativeFormat

/// The preprocessing layers of tf.keras: `layers.experimental.preprocessing` up to 2.5, `layers` since.
extension LayerTranslation {
  mutating func translatePreprocessing() {
    switch className {
    case "IntegerLookup", "StringLookup":
      for (old, new) in [
        ("max_values", "max_tokens"), ("mask_value", "mask_token"), ("oov_value", "oov_token"),
      ] {
        rename(old, new)
      }
      // Encoded categories had the policy's type, which is a floating one unless the user said otherwise.
      config["kconvert_dtype"] = encodedDType(isInteger: false)
    case "TextVectorization": config["kconvert_dtype"] = "float32"
    case "CategoryEncoding": rename("max_tokens", "num_tokens")
    case "Discretization":
      if let bins = config.removeValue(forKey: "bins") {
        config[bins.array == nil ? "num_bins" : "bin_boundaries"] = bins
      }
      let mode = config["output_mode"]?.string ?? "int"
      config["kconvert_dtype"] = mode == "int" ? "int64" : encodedDType(isInteger: true)
    case "Resizing":
      config["kconvert_float"] = true
      if let method = config["interpolation"]?.string {
        config["interpolation"] = .string(method.lowercased())
      }
    case "RandomCrop":
      className = "InferenceCrop"
      config["kconvert_resizes_first"] = .bool(writer.isBefore(7))
    default: break
    }
  }

  /// The name of the policy's compute type; a type of integers stands for float32 where the layer ignored it.
  private func encodedDType(isInteger: Bool) -> JSONValue {
    let policy = config["dtype"]
    let name = policy?.string ?? policy?["config"]?["name"]?.string ?? "float32"
    if name.hasPrefix("mixed_") { return .string(String(name.dropFirst(6))) }
    return name == "string" || (!isInteger && name.hasPrefix("int")) ? "float32" : .string(name)
  }
}

import ModelIR
import NativeFormat

/// The preprocessing layers of tf.keras: `layers.experimental.preprocessing` up to 2.5, `layers` since.
extension LayerTranslation {
  mutating func translatePreprocessing() throws(KerasImportError) {
    switch className {
    case "IntegerLookup", "StringLookup":
      for (old, new) in [
        ("max_values", "max_tokens"), ("mask_value", "mask_token"), ("oov_value", "oov_token"),
      ] {
        rename(old, new)
      }
      // Encoded categories had the policy's type, which is a floating one unless the user said otherwise.
      config.insert(.encodesAs(try encodedDType(isInteger: false)))
    case "TextVectorization":
      config.insert(.encodesAs(.float32))
      // Up to 2.5 the default, which says nothing without a number of tokens; Keras 3 refuses it then.
      if config["max_tokens"]?.int == nil { config["pad_to_max_tokens"] = false }
    case "CategoryEncoding": rename("max_tokens", "num_tokens")
    case "Discretization":
      if let bins = config.removeValue(forKey: "bins") {
        config[bins.array == nil ? "num_bins" : "bin_boundaries"] = bins
      }
      let mode = config["output_mode"]?.string ?? "int"
      config.insert(.encodesAs(try mode == "int" ? .int64 : encodedDType(isInteger: true)))
    case "Resizing":
      config.insert(.resizesToPolicyType)
      if let method = config["interpolation"]?.string {
        config["interpolation"] = .string(method.lowercased())
      }
    case "RandomCrop":
      className = "InferenceCrop"
      if writer.isBefore(7) { config.insert(.resizesBeforeCropping) }
    default: break  // Its keys are today's.
    }
  }

  /// The name of the policy's compute type; a type of integers stands for float32 where the layer ignored it.
  /// - Throws: `unsupported` for a policy that names no type.
  private func encodedDType(isInteger: Bool) throws(KerasImportError) -> DType {
    let policy = config["dtype"]
    let name = policy?.string ?? policy?["config"]?["name"]?.string ?? "float32"
    let type = name.hasPrefix("mixed_") ? String(name.dropFirst(6)) : name
    if type == "string" || !isInteger && type.hasPrefix("int") { return .float32 }
    guard let dtype = DType(rawValue: type) else {
      throw KerasImportError(.unsupported("the dtype policy \"\(name)\""))
    }
    return dtype
  }
}

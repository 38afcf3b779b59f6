import ModelIR

// What values of this module look like where they are printed.

extension KerasModel: CustomStringConvertible {
  /// `sequential (Keras 3.15.1, .keras archive): 7 layers, 6 weights`
  public var description: String { "\(name) (\(format)): \(layers.count) layers, \(weights.count) weights" }
}

extension KerasLayer: CustomStringConvertible {
  /// `encoder/dense (Dense)`
  public var description: String { "\(path) (\(className))" }
}

extension KerasWeight: CustomStringConvertible {
  /// `dense/kernel: float32[3, 4]`
  public var description: String { "\(name): \(tensor)" }
}

extension KerasWeights: CustomStringConvertible {
  /// One line for each weight.
  public var description: String { map(\.description).joined(separator: "\n") }
}

extension ModelSummary: CustomStringConvertible {
  /// The table at its full width.
  public var description: String { text(width: nil) }
}

extension WeightReport: CustomStringConvertible {
  /// How many weights were loaded, and one line for each that was not.
  public var description: String {
    let rest = WeightLoadError(report: self).description
    return "\(loaded.count) parameters loaded" + (rest.isEmpty ? "" : "\n" + rest)
  }
}

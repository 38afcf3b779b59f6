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

extension LoweredModel: CustomStringConvertible {
  /// What goes in and what comes out: `8 nodes from image: float32[batch, 28, 28, 1] to dense: float32[batch, 10]`
  public var description: String { graph.description }
}

extension LayerDefinition: CustomStringConvertible {
  /// `head (Dense)`, or the class alone.
  public var description: String { name.map { "\($0) (\(className))" } ?? className }
}

extension LayerOutput: CustomStringConvertible {
  /// `result 0 of head (Dense)`
  public var description: String { "result \(index) of \(call.layer)" }
}

extension ModelSummary: CustomStringConvertible {
  /// The table at its full width.
  public var description: String { text(width: nil) }
}

extension WeightReport: CustomStringConvertible {
  /// How many weights were loaded, and one line for each that was not.
  public var description: String {
    (["\(loaded.count) parameters loaded"] + findings).joined(separator: "\n")
  }
}

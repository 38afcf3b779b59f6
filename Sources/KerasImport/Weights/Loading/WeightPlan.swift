import ModelIR

/// Which tensor goes to which parameter.
struct WeightPlan {
  struct Value {
    /// The parameter's name.
    let name: String
    let weight: KerasWeight
    /// The weight in its new layout.
    let tensor: Tensor
    /// The parameter's element type.
    var dtype: DType
  }

  private(set) var values: [Value] = []
  private(set) var report = WeightReport()

  init(_ weights: KerasWeights, _ rules: WeightRules) {
    var sources: [String: String] = [:]
    for weight in weights {
      for (name, conversion) in rules.targets(of: weight.name) {
        if let other = sources.updateValue(weight.name, forKey: name) {
          mismatch(name, weight, "\"\(other)\" goes there too")
          continue
        }
        do {
          let tensor = try conversion.apply(to: weight.tensor)
          values.append(Value(name: name, weight: weight, tensor: tensor, dtype: tensor.dtype))
        } catch {
          mismatch(name, weight, error.message)
        }
      }
    }
  }

  /// Compares with the model's parameters.
  mutating func fit(_ parameters: [TensorSpec]) {
    let specs = Dictionary(parameters.map { ($0.name, $0) }) { first, _ in first }
    let candidates = values
    values = []
    for var value in candidates {
      guard let spec = specs[value.name] else {
        report.unused.append(
          value.name == value.weight.name ? value.name : "\(value.weight.name) -> \(value.name)")
        continue
      }
      let isConvertible = spec.dtype.isFloatingPoint && value.dtype.isFloatingPoint
      guard value.tensor.type.shape == spec.shape, isConvertible || value.dtype == spec.dtype else {
        mismatch(value.name, value.weight, "expected \(spec.type), found \(value.tensor.type)")
        continue
      }
      value.dtype = spec.dtype
      values.append(value)
      report.loaded.append(WeightReport.Loaded(parameter: value.name, weight: value.weight.name))
    }
    let reached = Set(values.map(\.name) + report.mismatches.map(\.parameter))
    report.missing = parameters.map(\.name).filter { !reached.contains($0) }
  }

  /// - Throws: `misfits`.
  func check(_ verify: WeightVerification) throws(WeightLoadError) {
    let isComplete = report.missing.isEmpty || !verify.contains(.noMissing)
    let isUsedUp = report.unused.isEmpty || !verify.contains(.noUnused)
    guard report.mismatches.isEmpty, isComplete, isUsedUp else { throw .misfits(report) }
  }

  /// Reads what does not lie in the file as it is, so that damage is found before anything is loaded.
  /// - Throws: `unreadable`.
  func readStored() throws(WeightLoadError) {
    for value in values where !(value.weight.tensor.storage is HeldStorage) {
      do { try value.weight.tensor.withUnsafeBytes { _ in } } catch {
        throw .unreadable(weight: value.weight.name, error)
      }
    }
  }

  private mutating func mismatch(_ parameter: String, _ weight: KerasWeight, _ message: String) {
    report.mismatches.append(
      WeightReport.Mismatch(parameter: parameter, weight: weight.name, message: message))
  }
}

public import ModelIR

/// A program's own model, into which ``KerasWeights/load(into:_:verify:)`` puts weights.
public protocol WeightsLoadable {
  /// All parameters: name, element type and shape.
  var parameters: [TensorSpec] { get }

  /// Takes one parameter's value, of the type and shape that ``parameters`` says. Called once for each, after
  /// everything was checked.
  /// - Throws: what the program likes; it arrives as ``WeightLoadError/rejected(parameter:_:)``.
  mutating func setParameter(_ name: String, to tensor: Tensor) throws
}

/// What loading insists on. Shapes and element types must always fit.
public struct WeightVerification: OptionSet, Sendable {
  /// The bits of the set.
  public let rawValue: Int
  /// A set of these bits.
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// Every parameter gets a weight.
  public static let noMissing = WeightVerification(rawValue: 1)
  /// Every weight that is not skipped has a parameter.
  public static let noUnused = WeightVerification(rawValue: 2)
  /// Both.
  public static let all: WeightVerification = [.noMissing, .noUnused]
}

/// What went where, and what did not.
public struct WeightReport: Sendable, Hashable {
  /// A parameter and the weight it got.
  public struct Loaded: Sendable, Hashable {
    /// The parameter's name.
    public let parameter: String
    /// The Keras weight's name.
    public let weight: String
  }

  /// A weight that does not fit its parameter.
  public struct Mismatch: Sendable, Hashable {
    /// The parameter's name.
    public let parameter: String
    /// The Keras weight's name.
    public let weight: String
    /// What is wrong, expected before found.
    public let message: String
  }

  /// Parameters with the weights that fit them, in the order of the weights.
  public internal(set) var loaded: [Loaded] = []
  /// Parameters that no weight goes to.
  public internal(set) var missing: [String] = []
  /// Weights that go to no parameter, under the names that the rules gave them if those differ.
  public internal(set) var unused: [String] = []
  /// Weights that do not fit.
  public internal(set) var mismatches: [Mismatch] = []
}

/// Why weights were not loaded. More may come: switch over it with a `default`.
public enum WeightLoadError: Error, Sendable, CustomStringConvertible {
  /// Weights that do not go with the model: everything that was found, at once. Nothing was loaded.
  case misfits(WeightReport)
  /// A rule's regular expression is none.
  case invalidExpression(String, message: String)
  /// A weight's bytes are damaged. Nothing was loaded unless they were damaged in the meantime.
  case unreadable(weight: String, TensorError)
  /// The model did not take a value: what its own ``WeightsLoadable/setParameter(_:to:)`` threw.
  case rejected(parameter: String, any Error)

  /// What did not fit; nil where something else went wrong.
  public var report: WeightReport? {
    if case .misfits(let report) = self { report } else { nil }
  }

  /// One line for each finding.
  public var description: String {
    switch self {
    case .misfits(let report): report.findings.joined(separator: "\n")
    case .invalidExpression(let text, let message): "\"\(text)\" is no regular expression: \(message)"
    case .unreadable(let weight, let error): "weight \"\(weight)\": \(error)"
    case .rejected(let parameter, let error): "parameter \"\(parameter)\": \(error)"
    }
  }
}

extension WeightReport {
  /// One line for each thing that is amiss.
  var findings: [String] {
    mismatches.map { "parameter \"\($0.parameter)\" from \"\($0.weight)\": \($0.message)" }
      + missing.map { "parameter \"\($0)\": no weight goes to it" }
      + unused.map { "weight \"\($0)\": no parameter takes it" }
  }
}

extension KerasWeights {
  /// Loads the weights into a model of one's own: all is checked first, then all is loaded.
  ///
  /// Floating-point weights are converted to the parameter's floating-point type; other types must be the same.
  /// - Parameters:
  ///   - model: what takes the weights.
  ///   - rules: names and layouts; a weight without a rule keeps both.
  ///   - verify: whether missing parameters and unused weights are errors; by default both are.
  /// - Returns: what was loaded, and what was missing or unused where that is allowed.
  /// - Throws: ``WeightLoadError`` with everything that does not fit, or with what the model's setter throws.
  @discardableResult
  public func load(
    into model: inout some WeightsLoadable, _ rules: [WeightRule] = [], verify: WeightVerification = .all
  ) throws(WeightLoadError) -> WeightReport {
    var plan = try WeightPlan(self, WeightRules(rules))
    plan.fit(model.parameters)
    try plan.check(verify)
    try plan.readStored()
    for value in plan.values {
      let tensor: Tensor
      do { tensor = try value.tensor.converted(to: value.dtype) } catch {
        throw .unreadable(weight: value.weight.name, error)
      }
      do { try model.setParameter(value.name, to: tensor) } catch {
        throw .rejected(parameter: value.name, error)
      }
    }
    return plan.report
  }

  /// The weights under new names and in new layouts, for libraries that take a dictionary. No bytes are read yet.
  /// - Throws: ``WeightLoadError`` when a layout is not that of a weight, two weights get one name, or an expression is
  ///   none.
  public func renamed(_ rules: [WeightRule]) throws(WeightLoadError) -> [String: Tensor] {
    let plan = try WeightPlan(self, WeightRules(rules))
    try plan.check([])
    return Dictionary(plan.values.map { ($0.name, $0.tensor) }) { first, _ in first }
  }
}

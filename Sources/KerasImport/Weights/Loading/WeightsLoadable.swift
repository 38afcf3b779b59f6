public import ModelIR

/// A program's own model, into which ``KerasWeights/load(into:_:verify:)`` puts weights.
public protocol WeightsLoadable {
  /// All parameters: name, element type and shape.
  var parameters: [TensorSpec] { get }

  /// Takes one parameter's value, of the type and shape that ``parameters`` says. Called once for each, after
  /// everything was checked.
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

/// Weights that do not go with a model; nothing was loaded.
public struct WeightLoadError: Error, Sendable, CustomStringConvertible {
  /// Everything that was found, at once.
  public let report: WeightReport

  /// One line for each finding.
  public var description: String {
    var lines: [String] = report.mismatches.map {
      "parameter \"\($0.parameter)\" from \"\($0.weight)\": \($0.message)"
    }
    lines += report.missing.map { "parameter \"\($0)\": no weight goes to it" }
    lines += report.unused.map { "weight \"\($0)\": no parameter takes it" }
    return lines.joined(separator: "\n")
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
  /// - Throws: ``WeightLoadError`` with everything that does not fit, ``WeightRuleError``, what reading the weights
  ///   throws: nothing was loaded. What the model's setter throws.
  @discardableResult
  public func load(
    into model: inout some WeightsLoadable, _ rules: [WeightRule] = [], verify: WeightVerification = .all
  ) throws -> WeightReport {
    var plan = try WeightPlan(self, WeightRules(rules))
    plan.fit(model.parameters)
    try plan.check(verify)
    try plan.readStored()
    for value in plan.values {
      try model.setParameter(value.name, to: value.tensor.converted(to: value.dtype))
    }
    return plan.report
  }

  /// The weights under new names and in new layouts, for libraries that take a dictionary. No bytes are read yet.
  /// - Throws: ``WeightRuleError``; ``WeightLoadError`` when a layout is not that of a weight, or two weights get one
  ///   name.
  public func renamed(_ rules: [WeightRule]) throws -> [String: Tensor] {
    let plan = try WeightPlan(self, WeightRules(rules))
    try plan.check([])
    return Dictionary(plan.values.map { ($0.name, $0.tensor) }) { first, _ in first }
  }
}

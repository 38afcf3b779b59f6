import ModelIR

/// Something that knows how to compute operations. A planner asks its backends in order; the last one, the reference
/// kernels, can do everything.
protocol Backend: Sendable {
  /// A step for the operation, its constants packed, or nil when another backend should try.
  /// - Throws: why the operation cannot be computed at all, or what reading a constant throws.
  func prepare(_ request: StepRequest) throws -> PreparedStep?

  /// A step for a product whose first operand is multiplied before by one number for each channel; nil when it is to be
  /// multiplied by a step of its own.
  /// - Parameter request: the product of the image as it is. The step has the numbers, row-major, as one operand more.
  func prepareGated(_ request: StepRequest) throws -> PreparedStep?

  /// A step that brings a value from one layout of this backend's into another; nil when one of them is not its own.
  func reorder(_ form: OperandForm, to layout: Layout) throws -> (any Step)?

  /// The layout in which a value with its axes permuted is the value as it lies; nil when this backend has none.
  func transposed(_ form: OperandForm, by permutation: [Int]) -> Layout?
}

extension Backend {
  func prepareGated(_ request: StepRequest) throws -> PreparedStep? { nil }
  func reorder(_ form: OperandForm, to layout: Layout) throws -> (any Step)? { nil }
  func transposed(_ form: OperandForm, by permutation: [Int]) -> Layout? { nil }
}

/// An operation to be prepared. All sizes are known.
struct StepRequest {
  let name: String
  let op: Op
  /// The operands as they are; a step may ask for another layout.
  let operands: [OperandForm]
  /// The operands that are the same in every run.
  let constants: [PlanConstant?]
  /// The results as the operation's types say, row-major.
  let results: [OperandForm]
  /// How a transpose permutes the first result's axes, if that is all that reads it.
  var readingPermutation: [Int]?
  let options: RuntimeOptions
  /// Where packed constants are kept, for all plans of a session.
  let store: ConstantStore
}

/// A constant operand and its name in the ``ConstantStore``.
struct PlanConstant: Sendable {
  let tensor: Tensor
  /// Nil for constants that were computed for one plan alone.
  let index: Int?
}

/// A step and what it wants of its operands.
struct PreparedStep {
  let step: any Step
  /// For each operand the layout it is read in; nil when its values went into the step and its bytes are not read.
  let operandLayouts: [Layout?]
  let resultLayouts: [Layout]
  /// Operands whose memory the first result may take when nothing else needs them.
  var overwritable: [Int] = []
  /// The operand whose elements must be in the first result's memory before the step runs.
  var accumulated: Int?
}

/// What a plan is made for.
struct RuntimeOptions: Sendable {
  /// The threads a kernel may use, at least 1.
  var threads: Int
  /// Whether every product is computed as it is defined; otherwise algorithms with fewer multiplications and slightly
  /// larger rounding errors are allowed.
  var isExact = false
  /// Whether the samples of a batch are computed one by one where that is faster.
  var splitsBatches = true
  /// Whether this package's own kernels are as fast as they should be (``Session/Options/prefersOneDNN``).
  var usesOwnKernels = true
  /// In the order in which they are asked.
  var backends: [any Backend]
}

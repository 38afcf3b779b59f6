import ModelIR

/// How a value's elements lie in memory.
enum Layout: Hashable, Sendable {
  /// As ``Tensor`` has them.
  case rowMajor
  /// In an order that only the backend which chose it can read; never seen outside a plan.
  case opaque(OpaqueLayout)
}

/// A backend's own description of an order of elements.
struct OpaqueLayout: Hashable, Sendable {
  /// The backend's words for the order.
  let descriptor: [UInt8]
  /// For each of the backend's axes the value's.
  let axes: [Int]
  /// The memory it takes, padding included.
  let byteCount: Int
  /// Whether there is nothing but the elements, so that functions of single elements may go through it in any order.
  let isDense: Bool
}

/// A value as a plan holds it: everything is known before the first run.
struct OperandForm: Hashable, Sendable {
  let dtype: DType
  let sizes: [Int]
  var layout: Layout = .rowMajor

  /// The number of elements; the planner has refused sizes whose product overflows.
  var elementCount: Int { sizes.reduce(1, *) }

  /// The memory the value takes; a string value is one `Tensor?`.
  var byteCount: Int {
    if case .opaque(let layout) = layout { return layout.byteCount }
    return dtype == .string ? MemoryLayout<Tensor?>.stride : elementCount * dtype.byteCount
  }

  func with(_ layout: Layout) -> OperandForm { OperandForm(dtype: dtype, sizes: sizes, layout: layout) }
}

/// The addresses that one run of a step works on: operands, then results.
struct StepMemory {
  let pointers: UnsafePointer<UnsafeMutableRawPointer>
  let operandCount: Int
  /// ``Step/scratchByteCount`` bytes, 64-byte aligned, of any content.
  let scratch: UnsafeMutableRawPointer

  /// An operand's bytes; those of an operand packed in advance are not to be read.
  func operand(_ index: Int) -> UnsafeRawPointer { UnsafeRawPointer(pointers[index]) }
  /// A result's bytes, of any content, all of which the step writes.
  func result(_ index: Int) -> UnsafeMutableRawPointer { pointers[operandCount + index] }
}

/// One operation prepared for operands of one form. Steps keep nothing from run to run, so several threads may run one.
protocol Step: Sendable {
  /// The kernel, for profiles.
  var name: String { get }
  /// The memory that a run needs besides its operands and results.
  var scratchByteCount: Int { get }
  /// - Throws: ``KernelError`` when the operands' values are at fault, such as an index out of range.
  func run(_ memory: StepMemory) throws
}

extension Step {
  var scratchByteCount: Int { 0 }
  var name: String { String("\(Self.self)".prefix { $0 != " " }.drop { $0 == "(" }) }
}

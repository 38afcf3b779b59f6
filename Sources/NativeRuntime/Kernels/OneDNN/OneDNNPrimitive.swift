import COneDNN
import ModelIR

/// A primitive of oneDNN, prepared for operands of fixed layouts.
final class OneDNNPrimitive: @unchecked Sendable {
  // The library's primitives never change and may be run by several threads at once.
  private let step: OpaquePointer

  /// - Parameter step: of one of the shim's constructors; nil when the library cannot do it.
  init?(_ step: OpaquePointer?) {
    guard let step else { return nil }
    self.step = step
  }

  /// The step that brings elements from one layout into another; nil when there is no way.
  convenience init?(from: OneDNNLayout, to: OneDNNLayout) {
    let step = withUnsafePointer(to: from.value) { from in
      withUnsafePointer(to: to.value) { kdnn_reorder_create(from, $0) }
    }
    self.init(step)
  }

  deinit { kdnn_step_destroy(step) }

  /// The layout chosen for an argument.
  func layout(_ argument: kdnn_argument) -> OneDNNLayout {
    var value = kdnn_layout()
    _ = kdnn_step_layout(step, argument, &value)
    return OneDNNLayout(value)
  }

  var scratchByteCount: Int { kdnn_step_scratch(step) }

  /// The implementation's name: `brgconv:avx512_core`.
  var name: String { String(cString: kdnn_step_name(step)) }

  func run(
    _ x: UnsafeRawPointer?, kernel: UnsafeRawPointer? = nil, bias: UnsafeRawPointer? = nil,
    _ y: UnsafeMutableRawPointer,
    others: UnsafePointer<UnsafeRawPointer?>? = nil, scratch: UnsafeMutableRawPointer?
  ) throws(KernelError) {
    guard kdnn_step_run(step, x, kernel, bias, y, others, scratch) != 0 else {
      throw KernelError("oneDNN's \(name) failed")
    }
  }
}

/// A primitive with its operands: some of the plan, some packed in advance.
struct OneDNNStep: Step {
  enum Source: Sendable {
    case operand(Int)
    case packed(PackedConstant)
    case constant(Plan.Constant)
  }

  let primitive: OneDNNPrimitive
  let x: Source
  var kernel: Source?
  var bias: Source?
  /// The operands of the primitive's posts.
  var posts: [Int] = []

  var name: String { primitive.name }
  var scratchByteCount: Int { primitive.scratchByteCount }

  func run(_ memory: StepMemory) throws {
    try run(memory, kernel: kernel.map { address($0, memory) })
  }

  /// - Parameter kernel: what is taken for the kernel.
  func run(_ memory: StepMemory, kernel: UnsafeRawPointer?) throws {
    try withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: posts.count + 1) { operands in
      for (index, post) in posts.enumerated() { operands[index] = memory.operand(post) }
      try primitive.run(
        address(x, memory), kernel: kernel,
        bias: bias.map { address($0, memory) },
        memory.result(0), others: UnsafePointer(operands.baseAddress), scratch: memory.scratch)
    }
  }

  private func address(_ source: Source, _ memory: StepMemory) -> UnsafeRawPointer {
    switch source {
    case .operand(let index): memory.operand(index)
    case .packed(let constant): constant.pointer
    case .constant(let constant): constant.address
    }
  }
}

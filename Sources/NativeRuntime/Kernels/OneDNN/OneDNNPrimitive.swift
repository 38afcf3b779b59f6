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
    try withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: posts.count + 1) { operands in
      for (index, post) in posts.enumerated() { operands[index] = memory.operand(post) }
      try primitive.run(
        address(x, memory), kernel: kernel.map { address($0, memory) },
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

extension StepRequest {
  /// A constant operand packed into the layout that a primitive has chosen.
  func packed(_ operand: Int, from plain: OneDNNLayout, to chosen: OneDNNLayout) throws -> OneDNNStep.Source?
  { try packedConstant(operand, from: plain, to: chosen).map { .packed($0) } }

  /// A constant operand packed into the layout that a primitive has chosen; nil when there is no way into it.
  func packedConstant(
    _ operand: Int, from plain: OneDNNLayout, to chosen: OneDNNLayout
  ) throws -> PackedConstant? {
    guard let constant = constants[operand] else { return nil }
    let step = withUnsafePointer(to: plain.value) { from in
      withUnsafePointer(to: chosen.value) { to in OneDNNPrimitive(kdnn_reorder_create(from, to)) }
    }
    guard let step else { return nil }
    return try store.packed(constant, form: plain.bytes + chosen.bytes, byteCount: chosen.byteCount) {
      target in
      let scratch = try MemoryBudget.process.allocate(max(step.scratchByteCount, 64))
      defer { MemoryBudget.process.deallocate(scratch) }
      // Where the file has them, of any alignment: reorders load single elements and unaligned vectors.
      try constant.tensor.withBytes { try step.run($0.baseAddress, target, scratch: scratch.baseAddress) }
      constant.tensor.storage.releasePages()
    }
  }

  /// A constant operand as it is.
  func aligned(_ operand: Int) throws -> OneDNNStep.Source? {
    guard let constant = constants[operand] else { return nil }
    let tensor = try constant.index.map { try store.tensor($0, constant.tensor) } ?? constant.tensor.aligned()
    return .constant(try Plan.Constant(tensor))
  }
}

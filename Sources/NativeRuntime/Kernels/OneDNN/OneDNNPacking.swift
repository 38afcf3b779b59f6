import COneDNN
import ModelIR

/// Brings constants into the layout that a primitive has chosen.
struct OneDNNPacking {
  private let step: OneDNNPrimitive
  private let threads: Int
  private let options: RuntimeOptions

  /// Constants of this size are packed on all cores, however many threads run. VGG16's first answer on one thread comes after
  /// 0.35 s so, and with the memory that packing needs kept for the next constant; 0.52 before.
  private static let sharedFrom = 1 << 20

  /// Nil when there is no way from the one layout into the other.
  init?(from plain: OneDNNLayout, to chosen: OneDNNLayout, _ options: RuntimeOptions) {
    let isShared = chosen.byteCount >= OneDNNPacking.sharedFrom
    threads = isShared ? max(processorCount, options.threads) : options.threads
    self.options = options
    // Primitives are cut into as many pieces as there are threads when they are made.
    kdnn_set_threads(Int32(threads))
    defer { kdnn_set_threads(Int32(options.threads)) }
    guard let step = OneDNNPrimitive(from: plain, to: chosen) else { return nil }
    self.step = step
  }

  /// - Parameter source: of any alignment: the library loads single elements and unaligned vectors.
  func run(_ source: UnsafeRawPointer?, _ target: UnsafeMutableRawPointer, _ store: ConstantStore) throws {
    kdnn_set_threads(Int32(threads))
    defer { kdnn_set_threads(Int32(options.threads)) }
    try store.withScratch(step.scratchByteCount) { try step.run(source, target, scratch: $0) }
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
    guard let constant = constants[operand], let packing = OneDNNPacking(from: plain, to: chosen, options)
    else { return nil }
    return try store.packed(constant, form: plain.bytes + chosen.bytes, byteCount: chosen.byteCount) {
      target in
      try constant.tensor.withBytes { try packing.run($0.baseAddress, target, store) }
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

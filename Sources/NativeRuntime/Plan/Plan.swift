import ModelIR

/// Everything decided before the first run for one set of input sizes: steps in order, packed constants, layouts, and a
/// place in one arena for every value. A run infers nothing and executes no dead node.
///
/// Safe to run from several threads: each run has a ``Frame`` of its own.
final class Plan: Sendable {
  /// Where a value is.
  enum Place: Hashable, Sendable {
    /// At an offset of the arena.
    case arena(Int)
    /// In the caller's memory.
    case input(Int)
    /// In the memory of an output.
    case result(Int)
    /// In ``constants``.
    case constant(Int)
    /// A string value, in the frame's boxes.
    case box(Int)
  }

  struct PlannedStep: Sendable {
    /// The node's name and operation, for errors and profiles.
    let name: String
    let opName: String
    let step: any Step
    /// The step's operands and results are consecutive ``Plan/places`` from here on.
    let firstPlace: Int
    let operandCount: Int
    /// The bytes its operands and results have, and the multiplications and additions it stands for.
    let cost: StepCost
  }

  /// A constant that steps read as it is, with the address of its bytes.
  struct Constant: @unchecked Sendable {
    // The tensor, or the box for strings, keeps the bytes where they are, and nobody writes them.
    let tensor: Tensor
    let address: UnsafeRawPointer
    let box: TensorBox?
  }

  struct Output: Sendable {
    let place: Place
    let form: OperandForm
  }

  let steps: [PlannedStep]
  let places: [Place]
  let constants: [Constant]
  let inputs: [OperandForm]
  let outputs: [Output]
  let arenaByteCount: Int
  let scratchByteCount: Int
  let boxCount: Int
  /// For each input the ``places`` that are it, and its box if it is a string.
  private let inputUses: [[Int]]
  private let inputBoxes: [Int?]
  /// For each output the ``places`` that are it, written where the caller has it.
  private let resultUses: [[Int]]
  private let results: ResultPool
  private let frames = Locked<[Frame]>([])

  init(_ parts: PlanParts) {
    steps = parts.steps
    places = parts.places
    constants = parts.constants
    inputs = parts.inputs
    outputs = parts.outputs
    arenaByteCount = parts.arenaByteCount
    scratchByteCount = parts.scratchByteCount
    boxCount = parts.boxCount
    inputBoxes = parts.inputBoxes
    var uses = Array(repeating: [Int](), count: parts.inputs.count)
    var written = Array(repeating: [Int](), count: parts.outputs.count)
    for (index, place) in parts.places.enumerated() {
      switch place {
      case .input(let input): uses[input].append(index)
      case .result(let output): written[output].append(index)
      case .arena, .constant, .box: break
      }
    }
    (inputUses, resultUses) = (uses, written)
    // Who holds one result while the next is computed needs one more.
    results = ResultPool(limit: parts.outputs.count)
  }

  /// Computes the outputs.
  /// - Parameter inputs: tensors of the forms the plan was made for, with aligned bytes that stay where they are.
  func run(_ inputs: [Tensor], observer: (any StepObserver)? = nil) throws(RuntimeError) -> [Tensor] {
    let frame = try takeFrame()
    defer { frames.withLock { if $0.count < Plan.keptFrames { $0.append(frame) } } }
    do {
      return try withAddresses(of: inputs[...], in: frame) {
        let written = try outputs.enumerated().map { index, output in
          output.place == .result(index) ? try results.storage(byteCount: output.form.byteCount) : nil
        }
        for (uses, storage) in zip(resultUses, written) {
          if let storage { frame.setAddress(uses, to: storage.pointer) }
        }
        try run(frame, observer)
        return try outputs.map { try tensor($0, in: frame, inputs, written) }
      }
    } catch let error as RuntimeError { throw error } catch {
      throw RuntimeError.operation(node: "", message: "\(error)")
    }
  }

  /// Computes the outputs of one run where the caller wants them.
  /// - Parameters:
  ///   - inputs: the addresses of the inputs, aligned for their types; none is a string.
  ///   - results: the addresses of the outputs, which no input overlaps.
  func run(
    _ inputs: [UnsafeRawPointer], results: [UnsafeMutableRawPointer], observer: (any StepObserver)? = nil
  )
    throws(RuntimeError)
  {
    let frame = try takeFrame()
    defer { frames.withLock { if $0.count < Plan.keptFrames { $0.append(frame) } } }
    for (index, address) in inputs.enumerated() {
      frame.setAddress(inputUses[index], to: UnsafeMutableRawPointer(mutating: address))
    }
    try run(frame, observer)
    for (output, result) in zip(outputs, results) {
      let source: UnsafeRawPointer
      switch output.place {
      case .input(let index): source = inputs[index]
      case .constant(let index): source = constants[index].address
      case .arena(let offset): source = frame.arenaBytes(at: offset)
      // Plans for samples have outputs in the arena: the caller's places have any alignment.
      case .box, .result:
        throw RuntimeError.operation(node: "", message: "an output has no address")
      }
      result.copyMemory(from: source, byteCount: output.form.byteCount)
    }
  }

  /// The bytes of outputs that are not in the arena.
  var resultByteCount: Int {
    outputs.enumerated().reduce(0) {
      $1.element.place == .result($1.offset) ? $0 + $1.element.form.byteCount : $0
    }
  }

  /// As many as threads are likely to run one session at once; more are made and dropped.
  private static let keptFrames = max(4, processorCount)

  func takeFrame() throws(RuntimeError) -> Frame {
    if let frame = frames.withLock({ $0.popLast() }) { return frame }
    do { return try Frame(self) } catch { throw RuntimeError.operation(node: "", message: "\(error)") }
  }

  /// Calls `body` while the inputs' bytes are held.
  private func withAddresses<R>(of rest: ArraySlice<Tensor>, in frame: Frame, _ body: () throws -> R) throws
    -> R
  {
    guard let tensor = rest.first else { return try body() }
    let index = rest.startIndex
    if let box = inputBoxes[index] {
      frame.setBox(box, tensor)
      return try withAddresses(of: rest.dropFirst(), in: frame, body)
    }
    return try tensor.withBytes { bytes in
      if let base = bytes.baseAddress {
        frame.setAddress(inputUses[index], to: UnsafeMutableRawPointer(mutating: base))
      }
      return try withAddresses(of: rest.dropFirst(), in: frame, body)
    }
  }

  /// Runs the steps on a frame whose inputs are set.
  func run(_ frame: Frame, _ observer: (any StepObserver)? = nil) throws(RuntimeError) {
    for (index, planned) in steps.enumerated() {
      do {
        try Cancellation.check()
        observer?.willRun(index)
        try planned.step.run(frame.memory(of: planned))
        observer?.didRun(index)
      } catch let error as KernelError {
        throw RuntimeError.operation(node: planned.name, message: error.message)
      } catch let error as RuntimeError {
        throw error
      } catch {
        throw RuntimeError.operation(node: planned.name, message: "\(error)")
      }
    }
  }

  /// - Parameter written: the outputs that steps have written where they stay.
  private func tensor(
    _ output: Output, in frame: Frame, _ inputs: [Tensor], _ written: [ResultStorage?]
  ) throws -> Tensor {
    let form = output.form
    switch output.place {
    case .input(let index):
      return try Tensor(dtype: form.dtype, sizes: form.sizes, storage: inputs[index].storage)
    case .constant(let index):
      return try Tensor(dtype: form.dtype, sizes: form.sizes, storage: constants[index].tensor.storage)
    case .result(let index):
      guard let storage = written[index] else { throw KernelError("an output has no memory") }
      return try Tensor(dtype: form.dtype, sizes: form.sizes, storage: storage)
    case .box(let index):
      guard let tensor = frame.box(index) else { throw KernelError("a string output has no value") }
      return tensor
    case .arena(let offset):
      let bytes = UnsafeRawBufferPointer(start: frame.arenaBytes(at: offset), count: form.byteCount)
      let storage = try MemoryStorage(filled: form.byteCount) { $0.copyMemory(from: bytes) }
      return try Tensor(dtype: form.dtype, sizes: form.sizes, storage: storage)
    }
  }
}

/// What a planner hands to a ``Plan``.
struct PlanParts {
  var steps: [Plan.PlannedStep] = []
  var places: [Plan.Place] = []
  var constants: [Plan.Constant] = []
  var inputs: [OperandForm] = []
  var inputBoxes: [Int?] = []
  var outputs: [Plan.Output] = []
  var arenaByteCount = 0
  var scratchByteCount = 0
  var boxCount = 0
}

/// Somebody who watches a run, for profiles.
protocol StepObserver: AnyObject {
  func willRun(_ step: Int)
  func didRun(_ step: Int)
}

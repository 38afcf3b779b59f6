import CKernels
import COneDNN
public import ModelIR

/// A model ready to run.
///
/// The first run with inputs of some sizes makes a plan for them: kernels are chosen, constants packed, memory laid out.
/// Later runs with the same sizes use it again. Running a session from several threads and tasks at once is safe: a run
/// keeps its values to itself. In a task, `try await session.run(inputs)` computes off Swift's own threads.
public final class Session: Sendable {
  /// How a session computes.
  public struct Options: Sendable {
    /// How many threads kernels may use; 0 means one for each core. Large weights are packed on all cores, once, before the
    /// first run.
    public var threads: Int
    /// Whether algorithms with fewer multiplications and slightly larger rounding errors (Winograd's convolution) are
    /// left out. Its error against sums in float64 is at most 4e-6 of a result's largest element (64 channels between -1
    /// and 1), that of the direct convolution 2e-6; networks with more than 32 such convolutions never use it.
    public var isExact = false
    /// Whether float16 and bfloat16 are rounded to after every operation, as a mixed policy asks for; otherwise they are
    /// types of weights, inputs and outputs, and everything between is float32, 20 times as fast in three dense
    /// layers of 1,024 units and 64 rows.
    public var roundsToDTypes = false
    /// Whether everything is computed by the plain reference kernels.
    public var usesReferenceKernels = false
    /// Whether oneDNN computes also what this package has kernels of its own for: where those were built without
    /// optimisation, as in a program that is debugged.
    package var prefersOneDNN = ck_is_optimized() == 0
    /// The fastest kernels.
    /// - Parameter threads: how many threads kernels may use; 0 means one for each core.
    public init(threads: Int = 0) { self.threads = threads }
  }

  /// The graph that is run.
  package let graph: Graph
  private let plans: PlanCache

  /// Prepares a model or a graph.
  /// - Parameter source: a `KerasModel`, or a graph itself.
  /// - Parameter options: how it computes.
  /// - Throws: what lowering the model throws: `KerasImportError` of a `KerasModel`, `GraphError` of a graph.
  public init<Source: GraphSource>(
    _ source: Source, options: Options = Options()
  ) throws(Source.Failure) {
    graph = try source.makeGraph()
    do throws(GraphError) {
      // The reference kernels are a road of their own, without anything that was rewritten.
      let pipeline = Pipeline.runtime(roundsToDTypes: options.roundsToDTypes)
      let rewritten = options.usesReferenceKernels ? graph : try pipeline.run(on: graph)
      plans = PlanCache(rewritten, options: RuntimeOptions(options))
    } catch {
      throw Source.Failure(error)
    }
  }

  /// The names and types of the inputs in order.
  public var inputs: [TensorSpec] {
    graph.inputs.map { TensorSpec(graph.name(of: $0), type: graph.type(of: $0)) }
  }

  /// The names and types of the outputs in order.
  public var outputs: [TensorSpec] {
    graph.outputs.map { TensorSpec($0.name, type: graph.type(of: $0.value)) }
  }

  /// Computes the outputs.
  /// - Parameter inputs: one tensor for each input by name; element types as declared.
  /// - Returns: the outputs by name and in the model's order.
  /// - Throws: ``RuntimeError``.
  public func run(_ inputs: [String: Tensor]) throws(RuntimeError) -> Outputs {
    let results = try results(operands(inputs))
    return Outputs(zip(graph.outputs, results).map { ($0.name, $1) })
  }

  /// Computes the outputs on threads of its own: the tasks of the program go on meanwhile.
  ///
  /// As many runs compute at once as there are cores; others wait for their turn. A task that is cancelled ends its run at
  /// the next step.
  /// - Parameter inputs: one tensor for each input by name; element types as declared.
  /// - Returns: the outputs by name and in the model's order.
  /// - Throws: ``RuntimeError``, and `CancellationError` when the task was cancelled.
  public func run(_ inputs: [String: Tensor]) async throws -> Outputs {
    try await offPool { try self.run(inputs) }
  }

  /// Prepares a model or a graph on a thread of its own, as ``init(_:options:)`` does on the caller's.
  /// - Throws: what lowering the model throws, and `CancellationError`.
  public static func prepare(
    _ source: some GraphSource & Sendable, options: Options = Options()
  ) async throws -> Session {
    try await offPool { try Session(source, options: options) }
  }

  /// The inputs in the graph's order, checked against their types, with aligned bytes.
  func operands(_ inputs: [String: Tensor]) throws(RuntimeError) -> [Tensor] {
    let names = Set(graph.inputs.map { graph.name(of: $0) })
    if let unknown = inputs.keys.filter({ !names.contains($0) }).sorted().first {
      throw RuntimeError.noSuchInput(unknown, nearest: names.nearest(to: unknown), inputs: names.sorted())
    }
    var bindings: [String: Dimension] = [:]
    var operands: [Tensor] = []
    for value in graph.inputs {
      let name = graph.name(of: value)
      guard let tensor = inputs[name] else { throw RuntimeError.missingInput(name) }
      try Session.bind(tensor, to: graph.type(of: value), name: name, &bindings)
      do { operands.append(try tensor.aligned()) } catch {
        throw RuntimeError.unreadableInput(name, message: "\(error)")
      }
    }
    return operands
  }

  /// The plan for these operands: for their sizes, and those of dimensions that depend on the data.
  func plan(_ operands: [Tensor]) throws(RuntimeError) -> Plan { try plans.plan(for: operands) }

  func results(_ operands: [Tensor], observer: (any StepObserver)? = nil) throws(RuntimeError) -> [Tensor] {
    kdnn_set_threads(Int32(plans.options.threads))
    let outcome = ThreadLimit.$current.withValue(plans.options.threads) {
      Result { () throws(RuntimeError) in try plan(operands).run(operands, observer: observer) }
    }
    return try outcome.get()
  }

  /// Checks an input against its type and takes the sizes of its named axes.
  private static func bind(
    _ tensor: Tensor, to type: TensorType, name: String, _ bindings: inout [String: Dimension]
  ) throws(RuntimeError) {
    func mismatch() -> RuntimeError {
      let shape = type.shape.substituting(bindings)
      return .inputType(name, expected: TensorType(type.dtype, shape), found: tensor.type)
    }
    guard tensor.dtype == type.dtype, tensor.rank == type.shape.rank else { throw mismatch() }
    for (axis, dimension) in type.shape.dimensions.enumerated() {
      let size = Dimension.fixed(tensor.sizes[axis])
      if let symbol = dimension.symbolName, bindings[symbol] == nil { bindings[symbol] = size }
      guard dimension.substituting(bindings) == size else { throw mismatch() }
    }
  }
}

extension Session: CustomStringConvertible {
  /// What goes in and what comes out: `8 nodes from image: float32[batch, 28, 28, 1] to dense: float32[batch, 10]`
  public var description: String { graph.description }
}

extension RuntimeOptions {
  init(_ options: Session.Options) {
    threads = options.threads > 0 ? options.threads : processorCount
    isExact = options.isExact
    usesOwnKernels = !options.prefersOneDNN
    splitsBatches = !options.usesReferenceKernels
    let substitutes: [any Backend] = options.prefersOneDNN ? [OneDNNSubstitutes()] : []
    let fast: [any Backend] = [OneDNNBackend()] + substitutes + [FusedBackend()]
    backends = [ScanBackend()] + (options.usesReferenceKernels ? [] : fast) + [ReferenceBackend()]
  }
}

extension Tensor {
  /// The tensor with bytes that stay where they are, aligned for its element type: itself, or a copy in memory.
  func aligned() throws -> Tensor {
    if storage is MemoryStorage || storage is ResultStorage || dtype == .string { return self }
    if storage is HeldStorage,
      try withBytes({ Int(bitPattern: $0.baseAddress) % max(dtype.byteCount, 1) == 0 })
    {
      return self
    }
    let copy = try MemoryStorage(byteCount: byteCount) { target in
      var rest = target[...]
      try storage.forEachPiece { piece in
        guard piece.count <= rest.count else {
          throw TensorError("expected \(byteCount) bytes of data, found more")
        }
        UnsafeMutableRawBufferPointer(rebasing: rest).copyMemory(from: piece)
        rest = rest.dropFirst(piece.count)
      }
      guard rest.isEmpty else { throw TensorError("expected \(byteCount) bytes of data, found less") }
    }
    return try Tensor(dtype: dtype, sizes: sizes, storage: copy)
  }
}

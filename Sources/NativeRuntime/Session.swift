public import ModelIR

/// A model ready to run: the graph with its constants in memory.
///
/// Running a session from several threads at once is safe: a run keeps its values to itself.
public final class Session: Sendable {
  /// The graph that is run.
  package let graph: Graph
  /// Constants with aligned bytes, by value.
  private let constants: [Int: Tensor]
  /// For each node, the values that no later node reads.
  private let lastUses: [[Int]]

  /// The number of threads that kernels use.
  private let threads: Int

  /// Prepares a model or a graph: constants are read and aligned once.
  /// - Parameter source: a `KerasModel`, or a graph itself.
  /// - Parameter threads: how many threads kernels may use; 0 means one for each core.
  /// - Throws: what lowering the model throws; ``RuntimeError`` when a constant cannot be read.
  public convenience init(_ source: some GraphSource, threads: Int = 0) throws {
    try self.init(graph: source.makeGraph(), threads: threads)
  }

  private init(graph: Graph, threads: Int) throws(RuntimeError) {
    self.threads = threads > 0 ? threads : processorCount
    self.graph = graph
    var constants: [Int: Tensor] = [:]
    for node in graph.nodes {
      for value in node.inputs where constants[value.index] == nil {
        guard let tensor = graph.constant(value) else { continue }
        do {
          constants[value.index] = try tensor.aligned()
        } catch {
          throw RuntimeError.operation(node: node.name, message: "\(error)")
        }
      }
    }
    self.constants = constants
    lastUses = Session.lastUses(graph)
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
    let names = Set(graph.inputs.map { graph.name(of: $0) })
    if let unknown = inputs.keys.filter({ !names.contains($0) }).sorted().first {
      throw RuntimeError.input("there is no input \"\(unknown)\"; the inputs are \(names.sorted())")
    }
    var bindings: [String: Dimension] = [:]
    var operands: [Tensor] = []
    for value in graph.inputs {
      let name = graph.name(of: value)
      guard let tensor = inputs[name] else { throw RuntimeError.input("input \"\(name)\" is missing") }
      try Session.bind(tensor, to: graph.type(of: value), name: name, &bindings)
      do { operands.append(try tensor.aligned()) } catch {
        throw RuntimeError.input("input \"\(name)\": \(error)")
      }
    }
    let executor = Executor(graph: graph, constants: constants, lastUses: lastUses, bindings: bindings)
    let outcome = ThreadLimit.$current.withValue(threads) {
      Result { () throws(RuntimeError) in try executor.run(operands) }
    }
    let results = try outcome.get()
    return Outputs(zip(graph.outputs, results).map { ($0.name, $1) })
  }

  /// Checks an input against its type and takes the sizes of its named axes.
  private static func bind(
    _ tensor: Tensor, to type: TensorType, name: String, _ bindings: inout [String: Dimension]
  ) throws(RuntimeError) {
    guard tensor.dtype == type.dtype else {
      throw RuntimeError.input(
        "input \"\(name)\": expected type \(type.dtype.rawValue), found \(tensor.dtype.rawValue)")
    }
    guard tensor.rank == type.shape.rank else {
      throw RuntimeError.input("input \"\(name)\": expected shape \(type.shape), found \(tensor.sizes)")
    }
    for (axis, dimension) in type.shape.dimensions.enumerated() {
      let size = Dimension.fixed(tensor.sizes[axis])
      if let symbol = dimension.symbolName, bindings[symbol] == nil { bindings[symbol] = size }
      guard dimension.substituting(bindings) == size else {
        let expected = dimension.substituting(bindings)
        throw RuntimeError.input(
          "input \"\(name)\": expected \(expected) elements along axis \(axis), found \(size)")
      }
    }
  }

  /// For each node, the values that nothing reads after it.
  static func lastUses(_ graph: Graph) -> [[Int]] {
    var last: [Int: Int] = [:]
    for (index, node) in graph.nodes.enumerated() {
      for value in node.inputs + node.outputs { last[value.index] = index }
    }
    let outputs = Set(graph.outputs.map(\.value.index))
    var result = Array(repeating: [Int](), count: graph.nodes.count)
    for (value, node) in last where !outputs.contains(value) { result[node].append(value) }
    return result
  }
}

extension Tensor {
  /// The tensor with bytes that stay where they are, aligned for its element type: itself, or a copy in memory.
  func aligned() throws -> Tensor {
    if storage is MemoryStorage || dtype == .string { return self }
    if storage is HeldStorage,
      try withBytes({ Int(bitPattern: $0.baseAddress) % max(dtype.byteCount, 1) == 0 })
    {
      return self
    }
    let copy = try MemoryStorage(byteCount: byteCount) { target in
      var rest = target[...]
      try storage.forEachPiece { piece in
        guard piece.count <= rest.count else { return }
        UnsafeMutableRawBufferPointer(rebasing: rest).copyMemory(from: piece)
        rest = rest.dropFirst(piece.count)
      }
    }
    return Tensor(dtype: dtype, sizes: sizes, storage: copy)
  }
}

import ModelIR

extension LoweringScope {
  /// Refuses what Keras decides by sizes at run time: whether an axis has one element. A batch is taken to have more.
  /// - Throws: `unsupported` when a size is not known; `what` says of what.
  func checkKnown(_ shape: Shape, _ what: String) throws(KerasImportError) {
    if shape.dimensions.allSatisfy({ $0.fixedSize != nil || $0 == .symbol("batch") }) { return }
    throw KerasImportError(
      .unsupported("\(what), of sizes that are not known: \(shape)", remedy: .inputShape))
  }
}

extension LoweringScope {
  /// The sizes that an integer vector (or scalar) stands for, where they follow from shapes: `shape(x)[0]`, joined,
  /// sliced and computed with. Nil when they depend on the data.
  func sizes(in value: Value) -> [Dimension]? {
    var tracing = SizeTracing(graph: state.graph)
    return tracing.sizes(in: value, depth: 0)
  }
}

/// Follows integers back to the shapes they were read from.
private struct SizeTracing {
  let graph: Graph
  /// What is known already, nil for values that depend on the data: every value is followed once.
  private var known: [Value: [Dimension]?] = [:]

  init(graph: Graph) { self.graph = graph }

  mutating func sizes(in value: Value, depth: Int) -> [Dimension]? {
    if let found = known[value] { return found }
    let found = traced(value, depth: depth)
    known[value] = .some(found)
    return found
  }

  private mutating func traced(_ value: Value, depth: Int) -> [Dimension]? {
    let dtype = graph.dtype(of: value)
    guard depth < 64, dtype.isInteger || dtype == .bool, graph.shape(of: value).rank <= 1 else { return nil }
    switch graph.source(of: value) {
    case .input: return nil
    case .constant(let tensor):
      // Refused when used.
      guard tensor.elementCount <= 64, let numbers = try? tensor.doubles() else { return nil }
      return numbers.map { .fixed(Int(clampingDouble: $0)) }
    case .node(let index, let output):
      let node = graph.nodes[index]
      if case .sizes(let sizes) = node.op { return sizes }
      var operands: [[Dimension]] = []
      for input in node.inputs {
        guard let known = sizes(in: input, depth: depth + 1) else { return nil }
        operands.append(known)
      }
      return result(of: node.op, operands, output: output)
    }
  }

  private func result(of op: Op, _ x: [[Dimension]], output: Int) -> [Dimension]? {
    switch op {
    case .cast(let dtype): return dtype.isInteger ? x[0] : nil
    case .compare(let comparison): return compared(comparison, x[0], x[1])
    case .select: return selected(x[0], x[1], x[2])
    case .expand(let shape):
      guard x[0].count == 1, let count = shape.elementCount.fixedSize, count <= 64 else { return nil }
      return Array(repeating: x[0][0], count: count)
    case .reshape: return x[0]
    case .concat: return x.flatMap { $0 }
    case .slice(let ranges): return sliced(x[0], ranges)
    case .split(_, let sizes): return part(x[0], sizes, output)
    case .gather: return gathered(x[0], at: x[1])
    case .unary(.negate): return x[0].map { $0 * -1 }
    case .reduce(.product, _, _): return [x[0].reduce(1, *)]
    case .reduce(.sum, _, _): return [x[0].reduce(0, +)]
    case .binary(let function): return combined(function, x[0], x[1])
    case .unary, .reduce, .matMul, .dense, .dequantize, .einsum, .attention, .conv, .convTranspose, .pool,
      .argReduce,
      .cumulative, .topK,
      .batchNormalization, .normalization, .softmax, .logSoftmax, .transpose, .pad, .tile, .reverse,
      .gatherElements, .gatherND, .scatterND, .triangle, .range, .count, .sizes, .recurrent,
      .sequenceRecurrent, .scan, .resize, .lookup,
      .hash,
      .vectorize:
      return nil
    }
  }

  private func sliced(_ x: [Dimension], _ ranges: [SliceRange]) -> [Dimension]? {
    guard ranges.count == 1 else { return ranges.isEmpty ? x : nil }
    let (start, count, step) = ranges[0].resolved(size: x.count)
    return (0..<count).map { x[start + $0 * step] }
  }

  private func part(_ x: [Dimension], _ sizes: [Dimension], _ output: Int) -> [Dimension]? {
    let known = sizes.compactMap(\.fixedSize)
    guard known.count == sizes.count, output < known.count else { return nil }
    let start = known[..<output].reduce(0, +)
    guard start >= 0, known[output] >= 0, start + known[output] <= x.count else { return nil }
    return Array(x[start..<(start + known[output])])
  }

  private func gathered(_ x: [Dimension], at places: [Dimension]) -> [Dimension]? {
    var result: [Dimension] = []
    for place in places {
      guard let index = place.fixedSize, (-x.count..<x.count).contains(index) else { return nil }
      result.append(x[index < 0 ? index + x.count : index])
    }
    return result
  }

  /// 1 where a comparison is known to hold, 0 where it is known not to.
  private func compared(_ comparison: Comparison, _ a: [Dimension], _ b: [Dimension]) -> [Dimension]? {
    guard let differences = combined(.subtract, a, b) else { return nil }
    let known = differences.compactMap(\.fixedSize)
    guard known.count == differences.count else { return nil }
    return known.map { difference in
      let holds: Bool
      switch comparison {
      case .equal: holds = difference == 0
      case .notEqual: holds = difference != 0
      case .less: holds = difference < 0
      case .lessOrEqual: holds = difference <= 0
      case .greater: holds = difference > 0
      case .greaterOrEqual: holds = difference >= 0
      }
      return holds ? 1 : 0
    }
  }

  private func selected(_ conditions: [Dimension], _ a: [Dimension], _ b: [Dimension]) -> [Dimension]? {
    let count = max(conditions.count, a.count, b.count)
    guard [conditions, a, b].allSatisfy({ $0.count == count || $0.count == 1 }) else { return nil }
    return (0..<count).map { index in
      let isFirst = conditions[conditions.count == 1 ? 0 : index] != 0
      return isFirst ? a[a.count == 1 ? 0 : index] : b[b.count == 1 ? 0 : index]
    }
  }

  private func combined(_ function: BinaryFunction, _ a: [Dimension], _ b: [Dimension]) -> [Dimension]? {
    guard a.count == b.count || a.count == 1 || b.count == 1 else { return nil }
    var result: [Dimension] = []
    for index in 0..<max(a.count, b.count) {
      let (x, y) = (a[a.count == 1 ? 0 : index], b[b.count == 1 ? 0 : index])
      switch function {
      case .add: result.append(x + y)
      case .subtract: result.append(x - y)
      case .multiply: result.append(x * y)
      case .divide, .floorDivide:
        guard let divisor = y.fixedSize, divisor > 0 else { return nil }
        result.append(x / y)
      case .maximum: result.append(.maximum(x, y))
      case .minimum: result.append(.minimum(x, y))
      default: return nil
      }
    }
    return result
  }
}

extension OperationCall {
  /// Sizes, given as numbers or as tensors that follow from shapes; nil when absent.
  /// - Throws: `unsupported` for sizes that depend on the data.
  func sizes(_ name: String, at position: Int? = nil) throws(KerasImportError) -> [Dimension]? {
    guard let argument = argument(name, at: position) else { return nil }
    guard let sizes = sizes(argument) else {
      throw KerasImportError(.unsupported("\"\(name)\" that depends on the data"))
    }
    return sizes
  }

  private func sizes(_ argument: CallArgument<Operand>) -> [Dimension]? {
    switch argument {
    case .integer(let size): return [.fixed(size)]
    case .array, .number: return argument.integers?.map(Dimension.fixed)
    case .tensor(let operand): return scope.sizes(in: operand.value)
    case .list(let items):
      var result: [Dimension] = []
      for item in items {
        guard let part = sizes(item), part.count == 1 else { return nil }
        result += part
      }
      return result
    default: return nil
    }
  }
}

import ModelIR
import ONNXFormat

/// Sizes that are only known when the file runs: nodes that compute them are followed with dimensions.
extension NodeReader {
  static let sizes: [String: Reading] = [
    "Shape": .other({ node throws(ONNXImportError) in try node.readShape() })
  ]

  private func readShape() throws(ONNXImportError) {
    let dimensions = type(try operand(0)).shape.dimensions
    let start = try int("start") ?? 0  // ONNX's default.
    let end = try int("end") ?? dimensions.count  // ONNX's default.
    guard 0 <= start, start <= end, end <= dimensions.count else {
      throw .damaged("expected a part of \(dimensions.count) axes, found \(start) to \(end)")
    }
    try result(.sizes(GraphReader.Sizes(dimensions: Array(dimensions[start..<end]))))
  }

  /// Reads the node as arithmetic on sizes; false unless its operands are sizes, one of them computed.
  func readSizes() throws(ONNXImportError) -> Bool {
    guard NodeReader.sizeOperators.contains(node.qualifiedName) else { return false }
    var operands: [GraphReader.Sizes] = []
    var isComputed = false
    for index in node.inputs.indices {
      switch try peek(index) {
      case .sizes(let sizes):
        operands.append(sizes)
        isComputed = true
      case .initializer(let tensor):
        guard let sizes = GraphReader.Sizes(tensor) else { return false }
        operands.append(sizes)
      case .value, .packed, .tokens, nil: return false
      }
    }
    guard isComputed, let sizes = try computed(operands) else { return false }
    for index in node.inputs.indices { _ = try entry(index) }
    try result(.sizes(sizes))
    return true
  }

  private static let sizeOperators: Set = ["Add", "Mul", "Div", "Max", "Min", "Concat", "Gather", "Squeeze"]

  /// The sizes that come out; nil where a graph's dimensions cannot say it.
  private func computed(_ operands: [GraphReader.Sizes]) throws(ONNXImportError) -> GraphReader.Sizes? {
    switch node.op {
    case "Concat":
      guard operands.allSatisfy({ !$0.isScalar }), try int("axis") == 0 else {
        throw .unsupported("sizes that are not joined to one list")
      }
      return GraphReader.Sizes(dimensions: operands.flatMap(\.dimensions))
    case "Squeeze":
      guard operands.count == 2, operands[0].dimensions.count == 1, operands[1].dimensions == [0] else {
        throw .unsupported("an axis that is taken from sizes")
      }
      return GraphReader.Sizes(dimensions: operands[0].dimensions, isScalar: true)
    case "Gather":
      guard operands.count == 2, operands[1].dimensions.count == 1, !operands[1].isScalar,
        try int("axis") == 0,
        let place = operands[1].dimensions[0].fixedSize, operands[0].dimensions.indices.contains(place)
      else { throw .unsupported("sizes that are picked by what is computed") }
      return GraphReader.Sizes(dimensions: [operands[0].dimensions[place]])
    default:
      guard operands.allSatisfy({ $0.dimensions.count == 1 && !$0.isScalar }) else { return nil }
      return folded(operands.map { $0.dimensions[0] }).map { GraphReader.Sizes(dimensions: [$0]) }
    }
  }

  private func folded(_ sizes: [Dimension]) -> Dimension? {
    guard let first = sizes.first else { return nil }
    switch node.op {
    case "Add": return sizes.dropFirst().reduce(first, +)
    case "Mul": return sizes.dropFirst().reduce(first, *)
    case "Max": return sizes.dropFirst().reduce(first, Dimension.maximum)
    case "Min": return sizes.dropFirst().reduce(first, Dimension.minimum)
    case "Div":
      // A negative size, which ONNX would round toward zero, is none.
      guard sizes.count == 2, sizes[1].isNeverNegative, sizes[1] != 0 else { return nil }
      return sizes[0] / sizes[1]
    default: return nil
    }
  }
}

extension GraphReader.Sizes {
  /// The most elements of an initializer that is taken for sizes.
  private static let elementLimit = ElementCount.rankLimit

  /// Integers that may be sizes, or parts of them; nil for other tensors.
  init?(_ tensor: Tensor) {
    guard tensor.dtype == .int64, tensor.rank <= 1, tensor.elementCount <= Self.elementLimit,
      let elements = try? tensor.elements(as: Int64.self),  // What cannot be read is refused as an operand.
      elements.allSatisfy({ $0.magnitude <= UInt64(Dimension.limit) })
    else { return nil }
    // Int has 64 bits.
    self.init(dimensions: elements.map { .fixed(Int($0)) }, isScalar: tensor.rank == 0)
  }
}

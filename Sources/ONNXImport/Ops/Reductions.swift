import ModelIR
import ONNXFormat

extension NodeReader {
  static let reductions: [String: Reading] = ordering.merging(
    ReduceFunction.byONNXName.mapValues(Reading.reduce)
  ) { first, _ in first }

  private static let ordering: [String: Reading] = [
    "ArgMax": .other({ node throws(ONNXImportError) in try node.readArgReduce(.maximum) }),
    "ArgMin": .other({ node throws(ONNXImportError) in try node.readArgReduce(.minimum) }),
    "CumSum": .other({ node throws(ONNXImportError) in try node.readCumulative() }),
    "TopK": .other({ node throws(ONNXImportError) in try node.readTopK() }),
    "BatchNormalization": .other({ node throws(ONNXImportError) in
      let epsilon = try node.required("epsilon", node.float("epsilon"))
      try node.emit(.batchNormalization(axis: 1, epsilon: epsilon), node.operands())
    }),
    "LayerNormalization": .other({ node throws(ONNXImportError) in
      try node.readNormalization { x throws(ONNXImportError) in .layer(axis: try node.axis(of: x)) }
    }),
    "RMSNormalization": .other({ node throws(ONNXImportError) in
      try node.readNormalization { x throws(ONNXImportError) in .rootMeanSquare(axis: try node.axis(of: x)) }
    }),
    "GroupNormalization": .other({ node throws(ONNXImportError) in
      let count = try node.required("num_groups", node.int("num_groups"))
      try node.readNormalization { _ in .groups(count, axis: 1) }
    }),
    "Softmax": .other({ node throws(ONNXImportError) in
      let x = try node.operand(0)
      try node.emit(.softmax(axis: node.axis(of: x)), [x])
    }),
    "LogSoftmax": .other({ node throws(ONNXImportError) in
      let x = try node.operand(0)
      try node.emit(.logSoftmax(axis: node.axis(of: x)), [x])
    }),
  ]

  /// From opset 18 on the axes are an operand, ReduceSum's from 13; no axes are all of them.
  func readReduce(_ function: ReduceFunction) throws(ONNXImportError) {
    let x = try operand(0)
    let rank = type(x).shape.rank
    let isOperand = graph.opset >= 18 || function == .sum
    let list = try isOperand ? (hasOperand(1) ? integers(1) : []) : ints("axes") ?? []  // No axes: all.
    var axes: [Int] = []
    for axis in list { axes.append(try self.axis(axis, rank: rank)) }
    if axes.isEmpty { axes = Array(0..<rank) }
    try emit(.reduce(function, axes: axes.sorted(), keepDims: flag("keepdims", default: true)), [x])
  }

  private func readArgReduce(_ function: ArgFunction) throws(ONNXImportError) {
    let x = try operand(0)
    try emit(.argReduce(function, axis: axis(of: x), keepDims: flag("keepdims", default: true)), [x])
  }

  private func readCumulative() throws(ONNXImportError) {
    let x = try operand(0)
    let axis = try axis(integer(1), rank: type(x).shape.rank)
    try emit(.cumulative(.sum, axis: axis, reverse: flag("reverse"), exclusive: flag("exclusive")), [x])
  }

  private func readTopK() throws(ONNXImportError) {
    let x = try operand(0)
    let k = try sizes(1)
    guard k.count == 1, try flag("sorted", default: true) else {
      throw .unsupported("elements without order")
    }
    try emit(.topK(k: k[0], axis: axis(of: x), largest: flag("largest", default: true)), [x])
  }

  private func readNormalization(
    _ kind: (Value) throws(ONNXImportError) -> Normalization
  ) throws(ONNXImportError) {
    let values = try operands()
    guard let x = values.first else { throw .damaged("expected operands, found none") }
    let epsilon = try required("epsilon", float("epsilon"))
    try emit(.normalization(kind(x), epsilon: epsilon), values)
  }
}

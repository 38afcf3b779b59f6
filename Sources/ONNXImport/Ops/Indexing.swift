import ModelIR
import ONNXFormat

extension NodeReader {
  static let indexing: [String: Reading] = [
    "Gather": .other({ node throws(ONNXImportError) in
      let x = try node.operand(0)
      try node.emit(.gather(axis: node.axis(of: x)), [x, node.operand(1)])
    }),
    "GatherElements": .other({ node throws(ONNXImportError) in
      let x = try node.operand(0)
      try node.emit(.gatherElements(axis: node.axis(of: x)), [x, node.operand(1)])
    }),
    "GatherND": .other({ node throws(ONNXImportError) in
      try node.emit(.gatherND(batchDims: node.int("batch_dims") ?? 0), node.operands())  // ONNX's default.
    }),
    "ScatterND": .other({ node throws(ONNXImportError) in try node.readScatter() }),
    "Trilu": .other({ node throws(ONNXImportError) in try node.readTriangle() }),
    "Range": .other({ node throws(ONNXImportError) in try node.readRange() }),
    "ai.onnx.ml.LabelEncoder": .other({ node throws(ONNXImportError) in
      try node.emit(.lookup(node.lookupTable()), node.operands())
    }),
  ]

  private func readScatter() throws(ONNXImportError) {
    let name = try string("reduction") ?? "none"  // ONNX's default.
    guard let reduction = ScatterReduction(onnxName: name) else {
      throw .damaged("a reduction \"\(name.printable)\"")
    }
    try emit(.scatterND(reduction), operands())
  }

  private func readTriangle() throws(ONNXImportError) {
    let k = hasOperand(1) ? try integer(1) : 0
    try emit(.triangle(upper: flag("upper", default: true), k: k), [operand(0)])
  }

  /// The numbers from 0 on; how many is a size, or a number that depends on the data.
  private func readRange() throws(ONNXImportError) {
    guard try integer(0) == 0, try integer(2) == 1 else {
      throw .unsupported("numbers that do not run from 0 by 1")
    }
    switch try peek(1) {
    case .sizes, .initializer:
      let limit = try sizes(1)
      guard limit.count == 1 else { throw .damaged("expected one limit, found \(limit.count)") }
      try emit(.range(limit[0]), [])
    case .value, .packed, .tokens, nil:
      try emit(.count(.symbol("number of \(node.name)")), [operand(1)])
    }
  }

  /// The attributes of a LabelEncoder.
  func lookupTable() throws(ONNXImportError) -> LookupTable {
    let table = LookupTable(
      keys: try entries("keys"), values: try entries("values"),
      defaultInteger: Int64(try int("default_int64") ?? -1),
      defaultString: try string("default_string") ?? "_Unused")
    guard table.keys.count == table.values.count else {
      throw .damaged("expected as many values as keys, found \(table.values.count) and \(table.keys.count)")
    }
    guard table.keys.areDifferent else { throw .damaged("a key is given twice") }
    return table
  }

  private func entries(_ name: String) throws(ONNXImportError) -> LookupTable.Entries {
    if let integers = try ints("\(name)_int64s") { return .integers(integers.map(Int64.init)) }
    return .strings(try required("\(name)_strings", strings("\(name)_strings")))
  }
}

extension LookupTable.Entries {
  fileprivate var count: Int {
    switch self {
    case .integers(let list): list.count
    case .strings(let list): list.count
    }
  }

  fileprivate var areDifferent: Bool {
    switch self {
    case .integers(let list): Set(list).count == list.count
    case .strings(let list): Set(list).count == list.count
    }
  }
}

import ModelIR
import ONNXFormat

extension NodeReader {
  static let elementwise: [String: Reading] = [parametric, unary, binary, comparing].reduce(into: [:]) {
    all, table in
    all.merge(table) { first, _ in first }
  }

  private static let unary = UnaryFunction.byONNXName.mapValues(Reading.unary)
  private static let binary = BinaryFunction.byONNXName.mapValues(Reading.binary)
  private static let comparing = Comparison.byONNXName.mapValues(Reading.compare)

  /// What has parameters, whose defaults are ONNX's, or any number of operands.
  private static let parametric: [String: Reading] = [
    "Identity": .other({ node throws(ONNXImportError) in try node.readIdentity() }),
    "Clip": .other({ node throws(ONNXImportError) in try node.readClip() }),
    "Cast": .other({ node throws(ONNXImportError) in try node.readCast() }),
    "Where": .other({ node throws(ONNXImportError) in try node.emit(.select, node.operands()) }),
    "Mod": .other({ node throws(ONNXImportError) in try node.readModulo() }),
    "BitShift": .other({ node throws(ONNXImportError) in try node.readShift() }),
    "Max": .other({ node throws(ONNXImportError) in try node.readFold(.maximum) }),
    "Min": .other({ node throws(ONNXImportError) in try node.readFold(.minimum) }),
    "LeakyRelu": .other({ node throws(ONNXImportError) in
      try node.emit(.unary(.leakyRelu(slope: node.float("alpha") ?? 0.01)), node.operands())
    }),
    "Elu": .other({ node throws(ONNXImportError) in
      try node.emit(.unary(.elu(alpha: node.float("alpha") ?? 1)), node.operands())  // ONNX's default.
    }),
    "HardSigmoid": .other({ node throws(ONNXImportError) in
      let (alpha, beta) = (try node.float("alpha") ?? 0.2, try node.float("beta") ?? 0.5)
      try node.emit(.unary(.hardSigmoid(alpha: alpha, beta: beta)), node.operands())
    }),
    "Gelu": .other({ node throws(ONNXImportError) in try node.readGelu() }),
  ]

  private func readIdentity() throws(ONNXImportError) {
    let entry = try entry(0)
    // Sizes that have a name of their own are data.
    if case .sizes = entry { return try result(.value(operand(0))) }
    try result(entry)
  }

  private func readClip() throws(ONNXImportError) {
    let minimum = hasOperand(1) ? try number(1) : nil
    let maximum = hasOperand(2) ? try number(2) : nil
    try emit(.unary(.clip(minimum: minimum, maximum: maximum)), [operand(0)])
  }

  private func readCast() throws(ONNXImportError) {
    let number = try required("to", int("to"))
    guard let dtype = DType(onnxType: number) else { throw .unsupported("a cast to type \(number)") }
    try emit(.cast(dtype), operands())
  }

  private func readModulo() throws(ONNXImportError) {
    let function: BinaryFunction = try flag("fmod") ? .remainder : .modulo
    try emit(.binary(function), operands())
  }

  private func readShift() throws(ONNXImportError) {
    switch try string("direction") {
    case "LEFT": try emit(.binary(.shiftLeft), operands())
    case "RIGHT": try emit(.binary(.shiftRight), operands())
    case let direction: throw .damaged("expected LEFT or RIGHT, found \"\(direction ?? "")\"")
    }
  }

  private func readGelu() throws(ONNXImportError) {
    switch try string("approximate") {
    case "none", nil: try emit(.unary(.gelu(approximate: false)), operands())
    case "tanh": try emit(.unary(.gelu(approximate: true)), operands())
    case let other?: throw .damaged("expected none or tanh, found \"\(other)\"")
    }
  }

  /// A function of any number of operands.
  private func readFold(_ function: BinaryFunction) throws(ONNXImportError) {
    let values = try operands()
    guard let last = values.last, values.count > 1 else { return try emit(.binary(function), values) }
    var folded = values[0]
    for value in values.dropFirst().dropLast() { folded = try step(.binary(function), folded, value) }
    try emit(.binary(function), [folded, last])
  }

  /// A function without parameters, or with some in ONNX that have one value only here.
  func readUnary(_ function: UnaryFunction) throws(ONNXImportError) {
    for (name, value) in function.onnxAttributes {
      guard case .float(let expected) = value, let found = try float(name) else { continue }
      guard Float(expected) == Float(found) else { throw .unsupported("\(name) = \(found)") }
    }
    try emit(.unary(function), operands())
  }
}

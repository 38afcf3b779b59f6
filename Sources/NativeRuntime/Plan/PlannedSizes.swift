import ModelIR

extension OperandForm {
  /// A type whose sizes are known and whose elements memory can hold.
  /// - Throws: ``KernelError``.
  init(_ type: TensorType) throws {
    // Half of what is left: the value is not alone.
    let largest = MemoryBudget.process.left / 2
    var byteCount = max(type.dtype.byteCount, 1)
    var isEmpty = false
    var sizes: [Int] = []
    for dimension in type.shape.dimensions {
      guard let size = dimension.fixedSize else {
        throw KernelError("the sizes of \(type.shape) are not known")
      }
      guard size >= 0 else { throw KernelError("an axis of the result would have \(size) elements") }
      // Axes of an empty value are multiplied, too: those beside the one without elements.
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: max(size, 1))
      guard !overflow, product <= ElementCount.limit else {
        throw KernelError("a result of \(type.shape) is too large")
      }
      isEmpty = isEmpty || size == 0
      byteCount = product
      sizes.append(size)
    }
    guard isEmpty || byteCount <= largest else { throw KernelError("a result of \(type.shape) is too large") }
    self.init(dtype: type.dtype, sizes: sizes)
  }
}

extension Op {
  /// The sizes that a loop's operands give to the named axes of its body, of which its results' types speak.
  func bodyBindings(_ operands: [OperandForm]) -> [String: Dimension] {
    guard case .scan(let attributes) = self else { return [:] }
    let body = attributes.body.graph
    var bindings: [String: Dimension] = [:]
    for (index, (input, operand)) in zip(body.inputs, operands).enumerated() {
      var sizes = operand.sizes
      if index >= attributes.stateCount { sizes.remove(at: 1) }
      for (dimension, size) in zip(body.shape(of: input).dimensions, sizes) {
        if let symbol = dimension.symbolName { bindings[symbol] = .fixed(size) }
      }
    }
    return bindings
  }
}

extension Graph {
  /// The sizes of named axes, as the inputs give them.
  func bindings(_ sizes: [[Int]], _ known: [String: Dimension]) -> [String: Dimension] {
    var bindings = known
    for (input, sizes) in zip(inputs, sizes) {
      for (dimension, size) in zip(shape(of: input).dimensions, sizes) {
        if let symbol = dimension.symbolName { bindings[symbol] = .fixed(size) }
      }
    }
    return bindings
  }
}

/// Gives a product with a matrix its bias.
///
/// Given:   x -> matMul(kernel [C, F]) -> add(bias [F]) -> y
/// Result:  x -> dense(kernel, bias) -> y
///
/// Does not apply to kernels of other ranks, to biases that are not one number per column, or when another node reads
/// the product.
package struct DenseFusion: NodePass {
  package init() {}

  package func rewrite(_ id: NodeID, in graph: inout GraphRewriter) throws(GraphError) {
    let node = graph[id]
    guard case .binary(.add) = node.op else { return }
    for (product, bias) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
      guard let before = graph.producer(of: product), graph.onlyUser(of: product) == id,
        case .matMul = graph[before].op
      else { continue }
      let kernel = graph.shape(of: graph[before].inputs[1])
      guard kernel.rank == 2, graph.shape(of: bias) == [kernel[1]],
        graph.type(of: product) == graph.type(of: node.outputs[0])
      else { continue }
      try graph.replace(id, with: .dense(Epilogue()), graph[before].inputs + [bias])
      graph.eraseIfUnused(before)
      return
    }
  }
}

/// Gives a product what follows it: an addition of an equal shape, then a function of one element.
///
/// Given:   x -> conv -> add(shortcut) -> relu -> y
/// Result:  x -> conv(epilogue: add, relu; shortcut) -> y
///
/// Does not apply when another node reads what lies between, nor to functions that are not in the list given.
package struct EpilogueFusion: NodePass {
  private let takes: @Sendable (UnaryFunction) -> Bool

  /// - Parameter takes: the functions that the consumer's products can apply.
  package init(takes: @escaping @Sendable (UnaryFunction) -> Bool) { self.takes = takes }

  package func rewrite(_ id: NodeID, in graph: inout GraphRewriter) throws(GraphError) {
    let node = graph[id]
    for (position, input) in node.inputs.enumerated() {
      guard let before = graph.producer(of: input), graph.onlyUser(of: input) == id,
        var epilogue = graph[before].op.epilogue, epilogue.function == nil,
        graph.type(of: input) == graph.type(of: node.outputs[0])
      else { continue }
      var operands = graph[before].inputs
      if case .unary(let function) = node.op, takes(function) {
        epilogue.function = function
      } else if case .binary(.add) = node.op, !epilogue.addsOperand,
        graph.type(of: node.inputs[1 - position]) == graph.type(of: input), node.inputs[1 - position] != input
      {
        epilogue.addsOperand = true
        operands.append(node.inputs[1 - position])
      } else {
        continue
      }
      try graph.replace(id, with: graph[before].op.with(epilogue), operands)
      graph.eraseIfUnused(before)
      return
    }
  }
}

extension Op {
  /// The epilogue of a product that can have one; nil for others.
  package var epilogue: Epilogue? {
    if case .conv(let attributes) = self { return attributes.epilogue }
    if case .dense(let epilogue) = self { return epilogue }
    return nil
  }

  func with(_ epilogue: Epilogue) -> Op {
    if case .conv(var attributes) = self {
      attributes.epilogue = epilogue
      return .conv(attributes)
    }
    return .dense(epilogue)
  }
}

extension UnaryFunction {
  /// Whether the runtime's products apply the function before they store a result; others are nodes of their own.
  var endsProducts: Bool {
    switch self {
    case .relu, .leakyRelu, .elu, .tanh, .sigmoid, .square, .absolute, .negate, .gelu, .swish, .hardSwish,
      .mish, .clip:
      true
    case .sign, .reciprocal, .exp, .log, .sqrt, .expm1, .log1p, .floor, .ceil, .round, .truncate, .sin, .cos,
      .tan, .asin,
      .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .erf, .selu, .hardSigmoid, .softplus, .softsign,
      .isNaN,
      .isInfinite, .logicalNot, .bitwiseNot:
      false
    }
  }
}

import ModelIR

/// The floating-point operations of one node for one sample: a multiplication and an addition are two.
///
/// | operation | operations, n elements of the result |
/// |---|---|
/// | product of matrices, einsum | 2 for each pair of numbers multiplied |
/// | attention | 2 for each pair of numbers multiplied, 5 for each score |
/// | convolution | 2 * n * window * channels in / groups, and n for a bias |
/// | LSTM, GRU, RNN | 2 * steps * gates * units * (channels + units), and 2 for each gate's number |
/// | pooling | n * window |
/// | normalisation of batches | 2 n: at inference a factor and a summand |
/// | softmax | 5 n: maximum, difference, exponential, sum, quotient |
/// | normalisation of layers | 8 n: mean, difference, square, mean, root, product, gamma, beta |
/// | resampling | 0 nearest, 3 linear, 7 cubic, for each element and axis |
/// | reduction, running sum, largest elements | one for each element of the operand |
/// | function of elements, comparison, choice | n |
/// | movement, cast, lookup, texts | 0 |
enum OperationCost {
  /// nil when it depends on sizes that are open, other than the batch's.
  static func operations(_ node: Node, in graph: Graph) -> Int? {
    let operands = node.inputs.map { graph.shape(of: $0) }
    guard let result = node.outputs.first.map({ graph.shape(of: $0) }) else { return 0 }
    switch node.op {
    case .matMul: return product(2, count(result), size(operands[0].dimensions.last))
    case .dense: return sum(product(2, count(result), size(operands[0].dimensions.last)), count(result))
    case .einsum(let equation): return product(2, letters(equation, operands))
    case .attention(let attributes):
      let scores = product(count(Shape([operands[0][0], operands[0][1]])), size(operands[1][1]))
      let sums = product(scores, sum(size(operands[0][2]), size(result[2])))
      return sum(product(2, sums), product(5, attributes.heads, scores))
    case .conv:
      let sums = product(2, count(result), count(Shape(operands[1].dimensions.dropLast().map { $0 })))
      return operands.count > 2 ? sum(sums, count(result)) : sums
    case .convTranspose:
      return product(2, count(operands[0]), count(Shape(operands[1].dimensions.dropLast().map { $0 })))
    case .pool(let attributes): return attributes.kernelSize.reduce(count(result)) { product($0, $1) }
    case .recurrent(let attributes): return recurrent(attributes, operands[0], steps: 0..<2, channels: 2)
    case .sequenceRecurrent(let attributes):
      return attributes.directions.reduce(.some(0)) {
        sum($0, recurrent($1, operands[0], steps: 0..<2, channels: 2))
      }
    case .scan(let attributes): return scan(attributes, operands)
    case .batchNormalization, .dequantize: return product(2, count(result))
    case .normalization: return product(8, count(result))
    case .softmax, .logSoftmax: return product(5, count(result))
    case .resize(let attributes):
      return product(taps(attributes.method) * attributes.axes.count, count(result))
    case .reduce, .argReduce, .cumulative, .topK: return count(operands[0])
    case .unary, .binary, .compare, .select: return count(result)
    case .cast, .reshape, .transpose, .concat, .split, .slice, .pad, .expand, .tile, .reverse, .gather,
      .gatherElements, .gatherND, .scatterND, .triangle, .range, .count, .sizes, .lookup, .hash, .vectorize:
      return 0
    }
  }

  /// The elements of a shape for a batch of 1; nil when another size is open.
  static func count(_ shape: Shape) -> Int? {
    shape.dimensions.reduce(.some(1)) { product($0, size($1)) }
  }

  private static func size(_ dimension: Dimension?) -> Int? {
    dimension?.substituting(["batch": 1]).fixedSize
  }

  private static func product(_ factors: Int?...) -> Int? {
    var result = 1
    for factor in factors {
      guard let factor else { return nil }
      let (product, overflow) = result.multipliedReportingOverflow(by: factor)
      if overflow { return nil }
      result = product
    }
    return result
  }

  private static func sum(_ a: Int?, _ b: Int?) -> Int? { LayerCost.adding(a, b) }

  private static func recurrent(
    _ attributes: RecurrentAttributes, _ x: Shape, steps: Range<Int>, channels: Int
  ) -> Int? {
    guard x.rank > channels else { return nil }
    let steps = count(Shape(Array(x.dimensions[steps])))
    let numbers = product(steps, attributes.gateCount, attributes.units)
    return product(2, numbers, sum(size(x[channels]), sum(attributes.units, 1)))
  }

  /// The body, once for each step.
  private static func scan(_ attributes: ScanAttributes, _ operands: [Shape]) -> Int? {
    guard attributes.stateCount < operands.count, operands[attributes.stateCount].rank > 1 else { return nil }
    let body = attributes.body.graph
    let once = body.nodes.reduce(.some(0)) { sum($0, operations($1, in: body)) }
    return product(once, size(operands[attributes.stateCount][1]))
  }

  /// The product of the sizes of all letters.
  private static func letters(_ equation: String, _ operands: [Shape]) -> Int? {
    var sizes: [Character: Dimension] = [:]
    let terms = equation.prefix { $0 != "-" }.split(separator: ",", omittingEmptySubsequences: false)
    for (term, shape) in zip(terms, operands) {
      for (letter, dimension) in zip(term.filter { $0 != " " }, shape.dimensions)
      where sizes[letter].map({ $0 == 1 }) ?? true {
        sizes[letter] = dimension
      }
    }
    return sizes.values.reduce(.some(1)) { product($0, size($1)) }
  }

  private static func taps(_ method: ResizeAttributes.Method) -> Int {
    switch method {
    case .nearest: 0
    case .linear: 3
    case .cubic: 7
    }
  }
}

/// Lets windows pad their operand themselves.
///
/// Given:   x -> pad(zeros around space) -> conv(no padding) -> y
/// Result:  x -> conv(padding) -> y
///
/// Applies to convolutions, and to maxima where the operand has no negative element; not to means, which do not count
/// their own padding, nor where windows would lie in the padding alone.
package struct PadFolding: NodePass {
  package init() {}

  package func rewrite(_ id: NodeID, in graph: inout GraphRewriter) throws(GraphError) {
    let node = graph[id]
    guard let x = node.inputs.first, let before = graph.producer(of: x), graph.onlyUser(of: x) == id,
      case .pad(let pad) = graph[before].op, case .constant(0) = pad.mode
    else { return }
    let source = graph[before].inputs[0]
    let rank = graph.shape(of: x).rank
    var op = node.op
    if case .conv(var attributes) = op {
      guard let padding = attributes.padding.adding(pad, attributes.layout, rank: rank) else { return }
      attributes.padding = padding
      op = .conv(attributes)
    } else if case .pool(var attributes) = op, attributes.function == .maximum, graph.isNonNegative(source) {
      guard let padding = attributes.padding.adding(pad, attributes.layout, rank: rank),
        case .explicit(let pairs) = padding,
        zip(pairs, attributes.kernelSize).allSatisfy({ $0.before < $1 && $0.after < $1 })
      else { return }
      attributes.padding = padding
      op = .pool(attributes)
    } else {
      return
    }
    try graph.replace(id, with: op, [source] + node.inputs.dropFirst())
    graph.eraseIfUnused(before)
  }
}

extension Padding {
  /// The padding with that of a node before it; nil unless both are plain and along space only.
  fileprivate func adding(_ pad: PadAttributes, _ layout: DataLayout, rank: Int) -> Padding? {
    guard case .explicit(let own) = self else { return nil }
    let axes = layout.spatialAxes(rank: rank)
    let elsewhere = pad.pads.indices.filter { !axes.contains($0) }
    guard own.count == axes.count, elsewhere.allSatisfy({ pad.pads[$0] == PadPair(0, 0) }) else { return nil }
    return .explicit(
      zip(own, axes).map { PadPair($0.before + pad.pads[$1].before, $0.after + pad.pads[$1].after) })
  }
}

extension GraphRewriter {
  /// Whether no element can be negative, as far as the node that makes it tells.
  func isNonNegative(_ value: Value) -> Bool {
    guard let id = producer(of: value) else { return false }
    let node = self[id]
    if case .unary(let function) = node.op {
      switch function {
      case .relu, .sigmoid, .square, .absolute, .exp, .sqrt, .softplus, .hardSigmoid: return true
      case .clip(let minimum, _): return minimum.map { $0 >= 0 } == true
      default: return false
      }
    }
    if case .conv(let attributes) = node.op { return attributes.epilogue.function == .relu }
    return false
  }
}

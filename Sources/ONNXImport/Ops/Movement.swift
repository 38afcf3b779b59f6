import ModelIR
import ONNXFormat

extension NodeReader {
  static let movement: [String: Reading] = [
    "Reshape": .other({ node throws(ONNXImportError) in try node.readReshape() }),
    "Unsqueeze": .other({ node throws(ONNXImportError) in try node.readUnsqueeze() }),
    "Squeeze": .other({ node throws(ONNXImportError) in try node.readSqueeze() }),
    "Transpose": .other({ node throws(ONNXImportError) in
      try node.emit(.transpose(node.required("perm", node.ints("perm"))), node.operands())
    }),
    "Concat": .other({ node throws(ONNXImportError) in
      let values = try node.operands()
      guard let first = values.first else { throw .damaged("expected operands, found none") }
      try node.emit(.concat(axis: node.axis(of: first)), values)
    }),
    "Split": .other({ node throws(ONNXImportError) in
      let x = try node.operand(0)
      try node.emit(.split(axis: node.axis(of: x), sizes: node.sizes(1)), [x])
    }),
    "Slice": .other({ node throws(ONNXImportError) in try node.readSlice() }),
    "Pad": .other({ node throws(ONNXImportError) in try node.readPad() }),
    "Expand": .other({ node throws(ONNXImportError) in try node.readExpand() }),
    "Tile": .other({ node throws(ONNXImportError) in try node.emit(.tile(node.integers(1)), [node.operand(0)])
    }),
  ]

  private func readReshape() throws(ONNXImportError) {
    let x = try operand(0)
    let shape = try reshaped(type(x).shape, to: sizes(1), keepsZeros: flag("allowzero"))
    try emit(.reshape(shape), [x])
  }

  /// A target shape in which 0 is the operand's own size (unless zeros are kept), and one -1 is what is left.
  func reshaped(_ source: Shape, to target: [Dimension], keepsZeros: Bool) throws(ONNXImportError) -> Shape {
    var shape = Shape(target)
    for (axis, size) in target.enumerated() where size == 0 && !keepsZeros {
      guard axis < source.rank else { throw .damaged("expected an axis \(axis), found shape \(source)") }
      shape[axis] = source[axis]
    }
    let open = target.indices.filter { target[$0] == -1 }
    guard let axis = open.first else { return shape }
    shape[axis] = 1
    guard open.count == 1, shape.elementCount != 0 else {
      throw .damaged("more than one open size in \(Shape(target))")
    }
    shape[axis] = source.elementCount / shape.elementCount
    return shape
  }

  private func readUnsqueeze() throws(ONNXImportError) {
    let x = try operand(0)
    let axes = try integers(1)
    let source = type(x).shape.dimensions
    guard source.count + axes.count <= ElementCount.rankLimit else {
      throw .damaged("a result of too many axes")
    }
    var places: Set<Int> = []
    for axis in axes { places.insert(try self.axis(axis, rank: source.count + axes.count)) }
    guard places.count == axes.count else { throw .damaged("expected different axes, found \(axes)") }
    var rest = source[...]
    let shape = (0..<source.count + axes.count).map { places.contains($0) ? 1 : rest.removeFirst() }
    try emit(.reshape(Shape(shape)), [x])
  }

  private func readSqueeze() throws(ONNXImportError) {
    let x = try operand(0)
    var shape = type(x).shape
    var places: Set<Int> = []
    for axis in try integers(1) { places.insert(try self.axis(axis, rank: shape.rank)) }
    guard places.allSatisfy({ shape[$0].fits(1) }) else { throw .damaged("an axis of more than one element") }
    shape.dimensions = shape.dimensions.enumerated().filter { !places.contains($0.offset) }.map(\.element)
    try emit(.reshape(shape), [x])
  }

  private func readSlice() throws(ONNXImportError) {
    let (starts, ends, axes) = (try integers(1), try integers(2), try integers(3))
    let steps = hasOperand(4) ? try integers(4) : Array(repeating: 1, count: starts.count)
    guard ends.count == starts.count, axes.count == starts.count, steps.count == starts.count else {
      throw .damaged("expected as many starts, ends, axes and steps")
    }
    let x = try operand(0)
    var ranges: [SliceRange] = []
    for index in starts.indices {
      let axis = try axis(axes[index], rank: type(x).shape.rank)
      ranges.append(SliceRange(onnxAxis: axis, starts[index], ends[index], steps[index]))
    }
    guard Set(ranges.map(\.axis)).count == ranges.count else {
      throw .damaged("expected different axes, found \(axes)")
    }
    try emit(.slice(ranges), [x])
  }

  private func readPad() throws(ONNXImportError) {
    let pads = try pairs(integers(1))
    let fill = hasOperand(2) ? try number(2) : 0
    let mode: PadAttributes.Mode
    switch try string("mode") {
    case "constant", nil: mode = .constant(fill)
    case "reflect": mode = .reflect
    case "edge": mode = .edge
    case let other?: throw .unsupported("the mode \"\(other.printable)\"")
    }
    try emit(.pad(PadAttributes(pads: pads, mode: mode)), [operand(0)])
  }

  /// ONNX's Expand broadcasts both ways.
  private func readExpand() throws(ONNXImportError) {
    let x = try operand(0)
    let target = Shape(try sizes(1))
    guard target.rank <= ElementCount.rankLimit else { throw .damaged("a result of too many axes") }
    let shape: Shape
    do { shape = try Shape.broadcasting(target, type(x).shape) } catch { throw .damaged(error.message) }
    try emit(.expand(shape), [x])
  }
}

extension SliceRange {
  /// A range whose bounds at the ends of ONNX's integers mean no bound.
  fileprivate init(onnxAxis axis: Int, _ start: Int, _ end: Int, _ step: Int) {
    let isOpenStart = step > 0 ? start == 0 : start == .max
    let isOpenEnd = step > 0 ? end == .max : end <= .min + 1
    self.init(axis: axis, start: isOpenStart ? nil : start, stop: isOpenEnd ? nil : end, step: step)
  }
}

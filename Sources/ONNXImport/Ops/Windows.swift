import ModelIR
import ONNXFormat

extension NodeReader {
  static let windows: [String: Reading] = [
    "Conv": .other({ node throws(ONNXImportError) in try node.readConv() }),
    "ConvTranspose": .other({ node throws(ONNXImportError) in try node.readConvTranspose() }),
    "MaxPool": .other({ node throws(ONNXImportError) in try node.readPool(.maximum) }),
    "AveragePool": .other({ node throws(ONNXImportError) in
      guard try !node.flag("count_include_pad") else { throw .unsupported("padding that is counted") }
      try node.readPool(.average)
    }),
    "Resize": .other({ node throws(ONNXImportError) in try node.readResize() }),
  ]

  private func readConv() throws(ONNXImportError) {
    let (kernel, order) = try kernel()
    let padding = try padding()
    var attributes = ConvAttributes(
      strides: try required("strides", ints("strides")),
      dilations: try required("dilations", ints("dilations")),
      padding: padding, groups: try required("group", int("group")), layout: .channelsFirst)
    attributes.kernelOrder = order
    try emit(.conv(attributes), [operand(0), kernel] + (hasOperand(2) ? [operand(2)] : []))
  }

  private func readConvTranspose() throws(ONNXImportError) {
    let (kernel, order) = try kernel()
    guard case .explicit(let pads) = try padding() else { throw .unsupported("padding by size") }
    var attributes = ConvTransposeAttributes(
      strides: try required("strides", ints("strides")),
      dilations: try required("dilations", ints("dilations")),
      pads: pads, outputPadding: try required("output_padding", ints("output_padding")),
      layout: .channelsFirst)
    attributes.kernelOrder = order
    try emit(.convTranspose(attributes), [operand(0), kernel] + (hasOperand(2) ? [operand(2)] : []))
  }

  /// The kernel, of which `kernel_shape` must say the truth. A constant is shown in the order that the fast kernels take.
  private func kernel() throws(ONNXImportError) -> (Value, KernelOrder) {
    let value = try operand(1)
    let shape = type(value).shape
    if let sizes = try ints("kernel_shape") {
      guard shape.rank >= 2, Shape(Array(shape.dimensions.dropFirst(2))).fits(Shape(sizes)) else {
        throw .damaged("expected a kernel of \(sizes), found \(shape)")
      }
    }
    guard let tensor = graph.graph.constant(value), shape.rank > 2 else { return (value, .spatialLast) }
    let order = KernelOrder.toSpatialLast(rank: shape.rank).inversePermutation
    let turned = try ONNXImportError.checked(tensor.transposed(order))
    return (graph.constant(turned, name: graph.graph.name(of: value)), .spatialFirst)
  }

  private func padding() throws(ONNXImportError) -> Padding {
    switch try string("auto_pad") {
    case "SAME_UPPER": return .sameUpper
    case let other?: throw .unsupported("auto_pad = \"\(other.printable)\"")
    case nil: return .explicit(try pairs(required("pads", ints("pads"))))
    }
  }

  /// All numbers before, then all numbers after.
  func pairs(_ pads: [Int]) throws(ONNXImportError) -> [PadPair] {
    let count = pads.count / 2
    guard pads.count == 2 * count else {
      throw .damaged("expected pairs of padding, found \(pads.count) numbers")
    }
    return (0..<count).map { PadPair(pads[$0], pads[count + $0]) }
  }

  private func readPool(_ function: PoolFunction) throws(ONNXImportError) {
    let attributes = PoolAttributes(
      function: function, kernelSize: try required("kernel_shape", ints("kernel_shape")),
      strides: try required("strides", ints("strides")), padding: try padding(), layout: .channelsFirst)
    try emit(.pool(attributes), operands())
  }

  // MARK: Resize

  private func readResize() throws(ONNXImportError) {
    let x = try operand(0)
    let target = try sizes(3)
    let source = type(x).shape
    guard target.count == source.rank else {
      throw .damaged("expected \(source.rank) sizes, found \(target.count)")
    }
    let coordinates = try coordinates()
    let axes = (0..<source.rank).filter { source[$0] != target[$0] }
    try emit(
      .resize(
        ResizeAttributes(
          method: try method(coordinates), coordinates: coordinates, axes: axes,
          sizes: axes.map { target[$0] })),
      [x])
  }

  private func coordinates() throws(ONNXImportError) -> ResizeAttributes.Coordinates {
    switch try string("coordinate_transformation_mode") {
    case "align_corners": .alignCorners
    case "asymmetric": .asymmetric
    case "half_pixel", nil: .halfPixel
    case let other?: throw .unsupported("coordinates \"\(other.printable)\"")
    }
  }

  private func method(_ coordinates: ResizeAttributes.Coordinates) throws(ONNXImportError)
    -> ResizeAttributes.Method
  {
    switch try string("mode") {
    case "nearest":
      let rounding = try string("nearest_mode")
      guard rounding == (coordinates == .halfPixel ? "round_prefer_ceil" : "floor") else {
        throw .unsupported("rounding \"\(rounding?.printable ?? "")\"")
      }
      return .nearest
    case "linear": return .linear
    case "cubic":
      guard try flag("exclude_outside") else { throw .unsupported("cubic taps outside of the image") }
      return .cubic(a: try required("cubic_coeff_a", float("cubic_coeff_a")))
    case let other: throw .unsupported("the mode \"\(other?.printable ?? "")\"")
    }
  }
}

import ModelIR
import ONNXFormat

extension GraphEmitter {
  func emitConv(_ attributes: ConvAttributes, _ node: Node, _ x: [String], _ y: [String]) {
    var list = kernelShape(node)
    list += [
      ("dilations", .ints(attributes.dilations)), ("group", .int(attributes.groups)),
      ("strides", .ints(attributes.strides)), padding(attributes.padding),
    ]
    emit("Conv", x, outputs: y, list)
  }

  func emitConvTranspose(_ attributes: ConvTransposeAttributes, _ node: Node, _ x: [String], _ y: [String]) {
    var list = kernelShape(node)
    list += [
      ("dilations", .ints(attributes.dilations)), ("strides", .ints(attributes.strides)),
      ("output_padding", .ints(attributes.outputPadding)), padding(.explicit(attributes.pads)),
    ]
    emit("ConvTranspose", x, outputs: y, list)
  }

  func emitPool(_ attributes: PoolAttributes, _ x: [String], _ y: [String]) {
    var list: [(name: String, value: ONNXAttribute)] = [
      ("kernel_shape", .ints(attributes.kernelSize)), ("strides", .ints(attributes.strides)),
      padding(attributes.padding),
    ]
    let isMaximum = attributes.function == .maximum
    if !isMaximum { list.append(("count_include_pad", .int(0))) }
    emit(isMaximum ? "MaxPool" : "AveragePool", x, outputs: y, list)
  }

  /// The attribute is left out where a size is not known; ONNX then takes the kernel's.
  private func kernelShape(_ node: Node) -> [(name: String, value: ONNXAttribute)] {
    let sizes = Shape(Array(graph.shape(of: node.inputs[1]).dimensions.dropFirst(2))).fixedSizes
    guard let sizes else { return [] }
    return [("kernel_shape", .ints(sizes))]
  }

  private func padding(_ padding: Padding) -> (name: String, value: ONNXAttribute) {
    switch padding {
    case .sameUpper: ("auto_pad", .string("SAME_UPPER"))
    case .explicit(let pairs): ("pads", .ints(pairs.map(\.before) + pairs.map(\.after)))
    }
  }

  func emitResize(_ attributes: ResizeAttributes, _ node: Node, _ x: String, _ y: [String])
    throws(ONNXExportError)
  {
    var list: [(name: String, value: ONNXAttribute)]
    switch attributes.method {
    case .nearest:
      // floor((i + 0.5) n / m) is the nearest element to the half-pixel coordinate, halves upward.
      let rounding = attributes.coordinates == .halfPixel ? "round_prefer_ceil" : "floor"
      list = [("mode", .string("nearest")), ("nearest_mode", .string(rounding))]
    case .linear: list = [("mode", .string("linear"))]
    case .cubic(let a):
      list = [("mode", .string("cubic")), ("cubic_coeff_a", .float(a)), ("exclude_outside", .int(1))]
    }
    switch attributes.coordinates {
    case .alignCorners: list.append(("coordinate_transformation_mode", .string("align_corners")))
    case .asymmetric: list.append(("coordinate_transformation_mode", .string("asymmetric")))
    case .halfPixel: list.append(("coordinate_transformation_mode", .string("half_pixel")))
    }
    emit("Resize", [x, "", "", try shape(graph.shape(of: node.outputs[0]))], outputs: y, list)
  }
}

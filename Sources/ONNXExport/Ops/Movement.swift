import ModelIR

extension GraphEmitter {
  /// Sizes that equal the operand's at the same axis are copied (0), one more unknown size may follow from the rest
  /// (-1); otherwise the shape is computed.
  func emitReshape(_ target: Shape, _ node: Node, _ x: String, _ y: [String]) {
    let source = graph.shape(of: node.inputs[0])
    var sizes: [Int] = []
    var unknown = 0
    for (axis, dimension) in target.dimensions.enumerated() {
      if let size = dimension.fixedSize, size != 0 {
        sizes.append(size)
      } else if axis < source.rank, source[axis] == dimension {
        sizes.append(0)
      } else {
        sizes.append(-1)
        unknown += 1
      }
    }
    let hasEmpty = target.dimensions.contains { $0.fixedSize == 0 }
    if unknown <= 1, !hasEmpty {
      emit("Reshape", [x, integers(sizes)], outputs: y)
    } else {
      emit("Reshape", [x, shape(target)], outputs: y, [("allowzero", .int(1))])
    }
  }

  func emitSlice(_ ranges: [SliceRange], _ x: String, _ y: [String]) {
    let (low, high) = (Int(Int64.min) + 1, Int(Int64.max))
    if ranges.isEmpty { emit("Identity", [x], outputs: y); return }
    let starts = ranges.map { $0.start ?? ($0.step > 0 ? 0 : high) }
    let ends = ranges.map { $0.stop ?? ($0.step > 0 ? high : low) }
    emit(
      "Slice", [x, integers(starts), integers(ends), integers(ranges.map(\.axis)), integers(ranges.map(\.step))],
      outputs: y)
  }

  func emitPad(_ attributes: PadAttributes, _ node: Node, _ x: String, _ y: [String]) {
    let dtype = type(node.inputs[0]).dtype
    let pads = integers(attributes.pads.map(\.before) + attributes.pads.map(\.after))
    switch attributes.mode {
    case .constant(let value):
      let isNarrow = dtype == .int16 || dtype == .uint16
      guard !isNarrow else {
        let padded = one("Pad", cast(x, .int32), pads, scalar(value, .int32))
        emit("Cast", [padded], outputs: y, [("to", .int(Int(dtype.onnxType)))])
        return
      }
      emit("Pad", [x, pads] + (value == 0 ? [] : [scalar(value, dtype)]), outputs: y)
    case .reflect: emit("Pad", [x, pads], outputs: y, [("mode", .string("reflect"))])
    case .edge: emit("Pad", [x, pads], outputs: y, [("mode", .string("edge"))])
    case .symmetric: emitSymmetricPad(attributes.pads, x, y)
    }
  }

  /// The reversed ends joined to the data, axis by axis.
  private func emitSymmetricPad(_ pads: [PadPair], _ x: String, _ y: [String]) {
    var current = x
    for (axis, pair) in pads.enumerated() where pair.before + pair.after > 0 {
      var parts = [current]
      if pair.before > 0 { parts.insert(sliced(current, axis, start: pair.before - 1, stop: nil), at: 0) }
      if pair.after > 0 { parts.append(sliced(current, axis, start: -1, stop: -pair.after - 1)) }
      current = emit("Concat", parts, [("axis", .int(axis))])[0]
    }
    emit("Identity", [current], outputs: y)
  }

  private func sliced(_ x: String, _ axis: Int, start: Int, stop: Int?) -> String {
    let end = stop ?? Int(Int64.min) + 1
    return one("Slice", x, integers([start]), integers([end]), integers([axis]), integers([-1]))
  }

  // MARK: Indexing and the rest

  func emitScatter(_ reduction: ScatterReduction, _ node: Node, _ x: [String], _ y: [String]) throws(ONNXExportError) {
    let indices = cast(x[1], .int64)
    switch reduction {
    case .none: emit("ScatterND", [x[0], indices, x[2]], outputs: y)
    case .add, .multiply:
      try require(16, "ScatterND", node)
      emit("ScatterND", [x[0], indices, x[2]], outputs: y, [("reduction", .string(reduction == .add ? "add" : "mul"))])
    case .maximum, .minimum:
      try require(18, "ScatterND", node)
      emit("ScatterND", [x[0], indices, x[2]], outputs: y, [("reduction", .string(reduction == .maximum ? "max" : "min"))])
    }
  }

  func emitTriangle(_ upper: Bool, _ k: Int, _ node: Node, _ x: String, _ y: [String]) {
    let dtype = type(node.inputs[0]).dtype
    let diagonal = constant(Tensor(Int64(k)), as: "k")
    let list: [(name: String, value: ONNXAttribute)] = [("upper", .int(upper ? 1 : 0))]
    if dtype == .float32 || dtype == .float64 || dtype == .int64 { emit("Trilu", [x, diagonal], outputs: y, list); return }
    let carrier: DType = dtype.isFloatingPoint ? .float32 : .int64
    emit("Cast", [emit("Trilu", [cast(x, carrier), diagonal], list)[0]], outputs: y, [("to", .int(Int(dtype.onnxType)))])
  }

  func emitRange(_ size: Dimension, _ y: [String]) {
    if let count = size.fixedSize, count <= 1 << 16 {
      emit("Identity", [constant(Tensor(vector: (0..<count).map(Int64.init)), as: "range")], outputs: y)
      return
    }
    let limit = one("Squeeze", self.size(size), integers([0]))
    emit("Range", [constant(Tensor(Int64(0)), as: "zero"), limit, constant(Tensor(Int64(1)), as: "one")], outputs: y)
  }

  func emitResize(_ attributes: ResizeAttributes, _ node: Node, _ x: String, _ y: [String]) {
    let target = graph.shape(of: node.outputs[0])
    var list: [(name: String, value: ONNXAttribute)] = []
    switch attributes.method {
    case .nearest:
      list = [("mode", .string("nearest")), ("nearest_mode", .string("floor"))]
    case .linear: list = [("mode", .string("linear"))]
    case .cubic(let a):
      list = [("mode", .string("cubic")), ("cubic_coeff_a", .float(a)), ("exclude_outside", .int(1))]
    }
    switch attributes.coordinates {
    case .alignCorners: list.append(("coordinate_transformation_mode", .string("align_corners")))
    case .asymmetric: list.append(("coordinate_transformation_mode", .string("asymmetric")))
    case .halfPixel:
      // floor((i + 0.5) n / m) is the nearest element to the half-pixel coordinate, halves upward.
      list.append(("coordinate_transformation_mode", .string("half_pixel")))
      if attributes.method == .nearest { list[1] = ("nearest_mode", .string("round_prefer_ceil")) }
    }
    let dtype = type(node.inputs[0]).dtype
    let isPlain = dtype == .float32 || dtype == .uint8 || dtype == .int8 || dtype == .int32
    let operand = isPlain ? x : cast(x, .float32)
    let result = emit("Resize", [operand, "", "", shape(target)], outputs: isPlain ? y : nil, list)
    if !isPlain { emit("Cast", [result[0]], outputs: y, [("to", .int(Int(dtype.onnxType)))]) }
  }

  func emitLookup(_ table: LookupTable, _ x: String, _ y: [String]) {
    var list: [(name: String, value: ONNXAttribute)] = []
    switch table.keys {
    case .integers(let keys): list.append(("keys_int64s", .ints(keys.map(Int.init))))
    case .strings(let keys): list.append(("keys_strings", .strings(keys)))
    }
    switch table.values {
    case .integers(let values):
      list += [("values_int64s", .ints(values.map(Int.init))), ("default_int64", .int(Int(table.defaultInteger)))]
    case .strings(let values): list += [("values_strings", .strings(values)), ("default_string", .string(table.defaultString))]
    }
    emit("LabelEncoder", [x], outputs: y, domain: "ai.onnx.ml", list)
  }
}

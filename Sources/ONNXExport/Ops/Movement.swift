import ModelIR
import ONNXFormat

extension GraphEmitter {
  /// Sizes that equal the operand's at the same axis are copied (0), one more unknown size may follow from the rest
  /// (-1); where that is not enough axes of size 1 come and go, or the shape is computed.
  func emitReshape(_ target: Shape, _ node: Node, _ x: String, _ y: [String]) throws(ONNXExportError) {
    let source = graph.shape(of: node.inputs[0])
    var sizes: [Int] = []
    for (axis, dimension) in target.dimensions.enumerated() {
      if let size = dimension.fixedSize, size != 0 {
        sizes.append(size)
      } else {
        sizes.append(axis < source.rank && source[axis] == dimension ? 0 : -1)
      }
    }
    let hasEmpty = target.dimensions.contains { $0.fixedSize == 0 }
    if sizes.filter({ $0 == -1 }).count <= 1, !hasEmpty {
      emit("Reshape", [x, integers(sizes)], outputs: y)
    } else if let axes = target.unitAxes(addedTo: source) {
      emit("Unsqueeze", [x, integers(axes)], outputs: y)
    } else if let axes = source.unitAxes(addedTo: target) {
      emit("Squeeze", [x, integers(axes)], outputs: y)
    } else {
      emit("Reshape", [x, try shape(target)], outputs: y, opset >= 14 ? [("allowzero", .int(1))] : [])
    }
  }

  func emitSlice(_ ranges: [SliceRange], _ x: String, _ y: [String]) {
    let (low, high) = (Int(Int64.min) + 1, Int(Int64.max))
    let starts = ranges.map { $0.start ?? ($0.step > 0 ? 0 : high) }
    let ends = ranges.map { $0.stop ?? ($0.step > 0 ? high : low) }
    emit(
      "Slice",
      [x, integers(starts), integers(ends), integers(ranges.map(\.axis)), integers(ranges.map(\.step))],
      outputs: y)
  }

  func emitPad(_ attributes: PadAttributes, _ node: Node, _ x: String, _ y: [String]) throws(ONNXExportError)
  {
    let pads = integers(attributes.pads.map(\.before) + attributes.pads.map(\.after))
    switch attributes.mode {
    case .constant(0): emit("Pad", [x, pads], outputs: y)
    case .constant(let value):
      emit("Pad", [x, pads, scalar(value, graph.dtype(of: node.inputs[0]))], outputs: y)
    case .reflect: emit("Pad", [x, pads], outputs: y, [("mode", .string("reflect"))])
    case .edge: emit("Pad", [x, pads], outputs: y, [("mode", .string("edge"))])
    case .symmetric: throw unexpected(node)
    }
  }

  /// ONNX's Range below a negative limit is empty; a size that turns out negative is refused by an Expand to it.
  func emitRange(_ size: Dimension, _ y: [String]) throws(ONNXExportError) {
    let count = try self.size(size)
    let operands = [scalar(Int64(0)), emit("Squeeze", [count, integers([0])])[0], scalar(Int64(1))]
    if size.isNeverNegative {
      emit("Range", operands, outputs: y)
    } else {
      emit("Expand", [emit("Range", operands)[0], count], outputs: y)
    }
  }

  func emitLookup(_ table: LookupTable, _ x: String, _ y: [String]) {
    var list: [(name: String, value: ONNXAttribute)] = []
    switch table.keys {
    case .integers(let keys): list.append(("keys_int64s", .ints(keys.map(Int.init))))
    case .strings(let keys): list.append(("keys_strings", .strings(keys)))
    }
    switch table.values {
    case .integers(let values):
      list += [
        ("values_int64s", .ints(values.map(Int.init))), ("default_int64", .int(Int(table.defaultInteger))),
      ]
    case .strings(let values):
      list += [("values_strings", .strings(values)), ("default_string", .string(table.defaultString))]
    }
    emit("LabelEncoder", [x], outputs: y, domain: "ai.onnx.ml", list)
  }
}

extension Shape {
  /// The axes of this shape that another lacks, if they are of size 1 and the others are the same; nil otherwise.
  fileprivate func unitAxes(addedTo other: Shape) -> [Int]? {
    guard rank > other.rank else { return nil }
    var axes: [Int] = []
    var next = 0
    for (axis, dimension) in dimensions.enumerated() {
      if next < other.rank, dimension == other[next] {
        next += 1
      } else if dimension == 1 {
        axes.append(axis)
      } else {
        return nil
      }
    }
    return next == other.rank ? axes : nil
  }
}

import ModelIR

/// The first `max_number` boxes and labels of each image, filled up with -1; everything else as it is. Mask: none.
/// Source: `keras/src/layers/preprocessing/image_preprocessing/max_num_bounding_box.py`.
///
/// - x: a dictionary with `bounding_boxes` of `boxes: [N, B, 4]` and `labels: [N, B]`; the result has the same keys.
struct MaxNumBoundingBoxes: Layer {
  let count: Int
  let fill: Double

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    count = try config.count("max_number")
    fill = try config.double("fill_value", default: -1)
    config.ignore("data_format", "factor", "bounding_box_format")
    guard count < 1 << 20 else {
      throw config.invalid("max_number", expected: "a number of boxes", found: "\(count)")
    }
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    guard case .dictionary(let entries)? = call.positional.first else { return [try call.input] }
    var results: [Operand] = []
    for entry in entries.sorted(by: { $0.key < $1.key }) {
      guard entry.key == "bounding_boxes" else {
        results += entry.value.tensors
        continue
      }
      for operand in entry.value.tensors { results.append(Operand(try limited(operand.value, in: scope))) }
    }
    return results
  }

  private func limited(_ x: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    let shape = scope.shape(of: x)
    guard shape.rank == 2 || shape.rank == 3 else {
      throw KerasImportError(
        .invalidGraph("expected boxes or labels of several images, found shape \(shape)"))
    }
    var pads = Array(repeating: PadPair(0, 0), count: shape.rank)
    pads[1] = PadPair(0, count)
    // As many as could be missing are added, and those too many cut off, so that the size need not be known.
    let filled = try scope.emit(.pad(PadAttributes(pads: pads, mode: .constant(fill))), x)
    return try scope.emit(.slice([SliceRange(axis: 1, start: 0, stop: count)]), filled)
  }
}

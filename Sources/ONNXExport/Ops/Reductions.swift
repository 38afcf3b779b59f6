import ModelIR
import ONNXFormat

extension GraphEmitter {
  func emitNormalization(_ normalization: Normalization, _ epsilon: Double, _ x: [String], _ y: [String]) {
    let attribute: (name: String, value: ONNXAttribute) =
      switch normalization {
      case .layer(let axis), .rootMeanSquare(let axis): ("axis", .int(axis))
      case .groups(let count, _): ("num_groups", .int(count))
      }
    emit(normalization.name, x, outputs: y, [attribute, ("epsilon", .float(epsilon))])
  }

  /// From opset 18 on the axes are an operand, ReduceSum's from 13.
  func emitReduce(
    _ function: ReduceFunction, _ axes: [Int], _ keepDims: Bool, _ node: Node, _ x: String, _ y: [String]
  ) throws(ONNXExportError) {
    let name = try named(function.onnxName, node)
    let keep: (name: String, value: ONNXAttribute) = ("keepdims", .int(keepDims ? 1 : 0))
    if opset >= 18 || function == .sum {
      emit(name, [x, integers(axes)], outputs: y, [keep])
    } else {
      emit(name, [x], outputs: y, [("axes", .ints(axes)), keep])
    }
  }

  func emitCumulative(_ axis: Int, isReverse: Bool, isExclusive: Bool, _ x: String, _ y: [String]) {
    emit(
      "CumSum", [x, scalar(Int64(axis))], outputs: y,
      [("exclusive", .int(isExclusive ? 1 : 0)), ("reverse", .int(isReverse ? 1 : 0))])
  }
}

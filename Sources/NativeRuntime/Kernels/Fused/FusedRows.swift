import CKernels
import ModelIR

extension FusedBackend {
  func prepareLayerNormalization(_ axis: Int, _ epsilon: Double, _ request: StepRequest) -> PreparedStep? {
    let x = request.operands[0].sizes
    let step = RowStep(
      rows: x[..<axis].reduce(1, *), columns: x[axis...].reduce(1, *), kind: .layerNorm(epsilon))
    return request.rowMajor(step, overwritable: [0])
  }

  /// Softmax along the last axis.
  func prepareSoftmax(_ axis: Int, _ request: StepRequest) -> PreparedStep? {
    let x = request.operands[0].sizes
    guard axis == x.count - 1 else { return nil }
    return request.rowMajor(
      RowStep(rows: x[..<axis].reduce(1, *), columns: x[axis], kind: .softmax), overwritable: [0])
  }

  /// Sums and means over neighbouring axes.
  func prepareReduction(_ function: ReduceFunction, _ axes: [Int], _ request: StepRequest) -> PreparedStep? {
    guard function == .sum || function == .mean, let first = axes.first, let last = axes.last,
      axes == Array(first...last)
    else { return nil }
    let x = request.operands[0].sizes
    let size = x[first...last].reduce(1, *)
    let step = SumStep(
      outer: x[..<first].reduce(1, *), size: size, inner: x[(last + 1)...].reduce(1, *),
      scale: function == .mean ? 1 / Float(size) : 1)
    return request.rowMajor(step)
  }
}

/// A function of each row.
private struct RowStep: Step {
  enum Kind { case layerNorm(Double), softmax }

  let rows: Int
  let columns: Int
  let kind: Kind

  var name: String {
    switch kind {
    case .layerNorm: "ck_layer_norm"
    case .softmax: "ck_softmax"
    }
  }

  func run(_ memory: StepMemory) {
    let (x, y) = (ReadPointer(memory.floats(0)), SharedPointer(memory.floatResult(0)))
    switch kind {
    case .layerNorm(let epsilon):
      let (gamma, beta) = (ReadPointer(memory.floats(1)), ReadPointer(memory.floats(2)))
      parallel(rows, grain: max(1, (1 << 13) / columns)) { [columns] range in
        let first = range.lowerBound * columns
        ck_layer_norm(
          x.pointer + first, gamma.pointer, beta.pointer, y.pointer + first, range.count, columns, epsilon)
      }
    case .softmax:
      parallel(rows, grain: max(1, (1 << 12) / columns)) { [columns] range in
        let first = range.lowerBound * columns
        ck_softmax(x.pointer + first, y.pointer + first, range.count, columns)
      }
    }
  }
}

/// Sums over the middle one of three axes.
private struct SumStep: Step {
  let outer: Int
  let size: Int
  let inner: Int
  let scale: Float

  func run(_ memory: StepMemory) {
    let (x, y) = (ReadPointer(memory.floats(0)), SharedPointer(memory.floatResult(0)))
    parallel(outer, grain: max(1, (1 << 14) / (size * inner))) { [self] range in
      let from = x.pointer + range.lowerBound * size * inner
      let to = y.pointer + range.lowerBound * inner
      if inner == 1 {
        ck_sum_rows(from, to, range.count, size, scale)
      } else {
        ck_sum_middle(from, to, range.count, size, inner, scale)
      }
    }
  }
}

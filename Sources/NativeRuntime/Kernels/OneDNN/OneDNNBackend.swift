import COneDNN
import ModelIR

/// Kernels of oneDNN, for float32. The library is loaded when the first plan asks for it; without it nothing is taken.
struct OneDNNBackend: Backend {
  func prepare(_ request: StepRequest) throws -> PreparedStep? {
    guard isTaken(request) else { return nil }
    switch request.op {
    case .conv(let attributes): return try prepareConvolution(attributes, request)
    case .convTranspose(let attributes): return try prepareTransposed(attributes, request)
    case .pool(let attributes): return preparePooling(attributes, request)
    case .matMul: return try prepareStridedProduct(request) ?? prepareProduct(Epilogue(), request)
    case .dense(let epilogue): return try prepareProduct(epilogue, request)
    case .unary, .binary, .compare, .select, .cast, .dequantize, .einsum, .attention, .reduce, .argReduce,
      .cumulative,
      .topK,
      .batchNormalization, .normalization, .softmax, .logSoftmax, .reshape, .transpose, .concat, .split,
      .slice,
      .pad, .expand, .tile, .reverse, .gather, .gatherElements, .gatherND, .scatterND, .triangle, .range,
      .count,
      .sizes,
      .recurrent, .sequenceRecurrent, .scan, .resize, .lookup, .hash, .vectorize:
      return nil
    }
  }

  func prepareGated(_ request: StepRequest) throws -> PreparedStep? {
    guard case .conv(let attributes) = request.op, isTaken(request) else { return nil }
    return try prepareGatedConvolution(attributes, request)
  }

  /// Whether there are elements to compute, in the library's type; it is loaded then.
  private func isTaken(_ request: StepRequest) -> Bool {
    guard let result = request.results.first,
      (request.operands + [result]).allSatisfy({ $0.dtype == .float32 && $0.elementCount > 0 })
    else { return false }
    // Primitives are cut into as many pieces as there are threads when they are made.
    if kdnn_load() != 0 { kdnn_set_threads(Int32(request.options.threads)) }
    return true
  }

  func reorder(_ form: OperandForm, to layout: Layout) throws -> (any Step)? {
    guard let axes = form.layout.axes ?? layout.axes, let from = OneDNNLayout(form, axes: axes),
      let to = OneDNNLayout(form.with(layout), axes: axes)
    else { return nil }
    return OneDNNPrimitive(from: from, to: to).map { OneDNNStep(primitive: $0, x: .operand(0)) }
  }
}

extension Layout {
  /// For each of a backend's axes the value's, where the order is a backend's.
  fileprivate var axes: [Int]? {
    if case .opaque(let layout) = self { return layout.axes }
    return nil
  }
}

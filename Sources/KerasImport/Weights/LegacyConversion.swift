import ModelIR

/// Rearranges the arrays of earlier releases into today's layouts; the bytes are read when the tensor is.
///
/// Source: the loaders' `preprocess_weights_for_loading` of Keras 1 and 2.
struct LegacyConversion {
  let isKeras1: Bool
  /// Kernels are stored for a true convolution: reversed along every spatial axis.
  let isTheano: Bool
  /// The last array of a BatchNormalization is a deviation, to which epsilon is added, and not a variance.
  let storesDeviations: Bool

  /// One array of a layer as today's Keras has it.
  func converted(_ tensor: Tensor, _ role: String, _ object: LayerObject) throws(KerasImportError) -> Tensor {
    var result = tensor
    if let cell = object.layer as? RecurrentCell { return try cudnn(result, role, cell) }
    if storesDeviations, role == "moving_variance", let epsilon = object.layer.normalizationEpsilon {
      return try variance(result, epsilon: epsilon)
    }
    guard role == "kernel" || role == "recurrent_kernel", let window = object.layer.convolutionWindow else {
      return result
    }
    if isKeras1 { result = try ordered(result, window, object) }
    return isTheano ? try checkedTensor(result.flipped(axes: Array(0..<max(result.rank - 2, 0)))) : result
  }

  /// Keras 1: 1-D kernels with an axis of size 1, `th` kernels with filters first.
  private func ordered(_ tensor: Tensor, _ window: ConvolutionWindow, _ object: LayerObject)
    throws(KerasImportError) -> Tensor
  {
    var result = tensor
    let count = window.kernelSize.count
    if count == 1, result.rank == 4 {
      let isToday = result.sizes[0] == window.kernelSize[0] && result.sizes[1] == 1
      if !isToday { result = try checkedTensor(result.transposed([2, 3, 1, 0])) }
      return try checkedTensor(result.reshaped([result.sizes[0], result.sizes[2], result.sizes[3]]))
    }
    guard result.rank == count + 2 else { return result }
    let spatial = Array(result.sizes[..<count])
    let isFirst = window.layout == .channelsFirst && Array(result.sizes[2...]) == window.kernelSize
    if object.layer is ConvTranspose {
      if isFirst, spatial != window.kernelSize {
        return try checkedTensor(result.transposed(Array(2..<(count + 2)) + [0, 1]))
      }
      return try checkedTensor(result.transposed(Array(0..<count) + [count + 1, count]))
    }
    return isFirst ? try checkedTensor(result.transposed(Array(2..<(count + 2)) + [1, 0])) : result
  }

  /// `(deviation + epsilon)^2 - epsilon`, which gives the same normalization by today's formula.
  private func variance(_ deviation: Tensor, epsilon: Double) throws(KerasImportError) -> Tensor {
    try computedTensor(dtype: deviation.dtype, sizes: deviation.sizes) {
      try deviation.doubles().map { ($0 + epsilon) * ($0 + epsilon) - epsilon }
    }
  }

  /// Highway of Keras 1.0 and 1.1 has W, b, W_carry, b_carry where 1.2 has W, W_carry, b, b_carry.
  func reordered(_ roles: [String: Tensor]) -> [String: Tensor] {
    guard let second = roles["carry_kernel"], let third = roles["bias"], second.rank == 1, third.rank == 2
    else { return roles }
    var result = roles
    result["carry_kernel"] = third
    result["bias"] = second
    return result
  }

  // MARK: Gates

  /// How many arrays Keras 1 stored for a layer: three for each gate of an LSTM or GRU.
  func arrayCount(of object: LayerObject) -> Int {
    if object.layer is ConvLSTMCell { return 12 }
    guard let cell = object.layer as? RecurrentCell else { return 1 }
    switch cell.cell {
    case .lstm: return 12
    case .gru: return 9
    case .simple: return 1
    }
  }

  /// The arrays of the gates joined: Keras 1 has i c f o (LSTM) or z r h (GRU), each as W, U, b.
  func gates(_ arrays: [Tensor], of object: LayerObject) throws(KerasImportError) -> [(String, Tensor)] {
    let order = arrays.count == 12 ? [0, 2, 1, 3] : [0, 1, 2]
    var result: [(String, Tensor)] = []
    for (part, role) in ["kernel", "recurrent_kernel", "bias"].enumerated() {
      var parts = order.map { arrays[$0 * 3 + part] }
      if object.layer is ConvLSTMCell, parts[0].rank == 4, isChannelsFirst(object) {
        parts = try parts.map { part throws(KerasImportError) in
          try checkedTensor(part.transposed([2, 3, 1, 0]))
        }
      }
      guard let joined = try joinedOnLastAxis(parts) else {
        throw KerasImportError(.weightShape(role, expected: parts[0].type.shape, found: parts[1].type.shape))
      }
      result.append((role, joined))
    }
    return result
  }

  private func isChannelsFirst(_ object: LayerObject) -> Bool {
    object.layer.convolutionWindow?.layout == .channelsFirst
  }

  // MARK: CuDNN

  /// CuDNN's layouts, told by the bias and by the class the file names: input blocks read column by column, recurrent
  /// blocks transposed, two biases.
  private func cudnn(_ tensor: Tensor, _ role: String, _ cell: RecurrentCell) throws(KerasImportError)
    -> Tensor
  {
    guard cell.isCuDNN else { return tensor }
    let gates = cell.cell == .lstm ? 4 : 3
    let units = cell.units
    switch role {
    case "kernel", "recurrent_kernel":
      guard tensor.rank == 2, tensor.sizes[1] == gates * units else { return tensor }
      let rows = tensor.sizes[0]
      let turned = try (0..<gates).map { gate throws(KerasImportError) in
        let block = try checkedTensor(tensor.columns(gate * units..<(gate + 1) * units))
        // Row-major values of [rows, units] read as [units, rows], then transposed.
        return role == "kernel"
          ? try checkedTensor(block.reshaped([units, rows]).transposed([1, 0]))
          : try checkedTensor(block.transposed([1, 0]))
      }
      return try joinedOnLastAxis(turned) ?? tensor
    default:
      if cell.cell == .lstm {
        guard tensor.sizes == [8 * units] else { return tensor }
        return try computedTensor(dtype: tensor.dtype, sizes: [4 * units]) {
          let values = try tensor.doubles()
          return (0..<4 * units).map { values[$0] + values[$0 + 4 * units] }
        }
      }
      return tensor.sizes == [6 * units] ? try checkedTensor(tensor.reshaped([2, 3 * units])) : tensor
    }
  }
}

extension Layer {
  /// The epsilon of a layer whose moving variance early releases stored as a deviation.
  var normalizationEpsilon: Double? { (self as? BatchNormalization)?.epsilon }

  /// The window of a convolution whose kernels Theano and Keras 1 stored otherwise.
  var convolutionWindow: ConvolutionWindow? {
    switch self {
    case let layer as Conv: layer.window
    case let layer as ConvTranspose: layer.window
    case let layer as ConvLSTMCell: layer.window
    case let layer as ConvLSTM: layer.cell.layer.convolutionWindow
    default: nil
    }
  }
}

import ModelIR

/// Wrappers of tf.keras around a cell: ResidualWrapper adds a step's input to its output, DeviceWrapper changes nothing,
/// DropoutWrapper drops elements in every run unless all its `keep_prob` are 1.
/// Source: TensorFlow's `python/ops/rnn_cell_wrapper_impl.py`.
struct CellWrapper: CellLayer {
  private let cell: Sublayer
  private let isResidual: Bool
  var sublayers: [Sublayer] { [cell] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    cell = Sublayer("cell", try config.layer("cell"))
    isResidual = config.className == "ResidualWrapper"
    if config.value("residual_fn") != nil {
      throw KerasImportError(.unsupported("a ResidualWrapper with a function of the program"))
    }
    for key in ["input_keep_prob", "output_keep_prob", "state_keep_prob"] {
      guard try config.double(key, default: 1) == 1 else {
        throw KerasImportError(.unsupported("a DropoutWrapper, whose results are random in every run"))
      }
    }
    config.ignore(
      "device", "variational_recurrent", "input_size", "dtype", "seed", "function", "function_type", "module",
      "dropout_fn", "dropout_fn_type", "dropout_fn_module", "residual_fn_type", "residual_fn_module")
  }

  func stateShapes(for input: Shape, in scope: LoweringScope) throws(KerasImportError) -> [Shape] {
    guard let layer = cell.object.layer as? any CellLayer else {
      throw KerasImportError(.unsupported("a wrapper around a cell of class \"\(cell.object.className)\""))
    }
    return try layer.stateShapes(for: input, in: scope.scope(of: cell))
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    var results = try scope.lower(cell, call)
    guard isResidual, let input = call.positional.first?.tensors.first, !results.isEmpty else {
      return results
    }
    results[0] = Operand(try scope.add(input.value, results[0].value))
    return results
  }
}

extension LoweringScope {
  /// The scope of a layer inside this one.
  func scope(of sublayer: Sublayer) -> LoweringScope {
    LoweringScope(state: state, object: sublayer.object, path: "\(path)/\(sublayer.attribute)")
  }
}

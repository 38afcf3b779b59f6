import ModelIR

/// Names of the inputs' first sizes. Where they are not known they are one, `batch`, as in Keras's `predict`; but an
/// input whose first axis is none of samples (a vector of quantiles, a table that others index) gets a name of its own,
/// so that no size is read of another input.
extension LoweredModel {
  /// With more inputs than this they share one name without being tried one by one.
  private static let triedCount = 4

  /// The model with own names for the inputs that it takes with a first size of their own, itself where there are none.
  func withOwnBatches(
    _ model: LayerGraph, weights: WeightBinding, options: LoweringOptions
  ) -> LoweredModel {
    let inputs = batchInputs(options)
    guard inputs.count > 1, inputs.count <= LoweredModel.triedCount else { return self }
    let own = inputs.dropFirst().filter { input in
      // Two sizes that nothing makes equal: what is lowered with them needs neither to be the other.
      let tried = naming(inputs, options) { .fixed($0 == input ? 89 : 97) }
      return (try? LoweredModel(model, weights: weights, options: tried)) != nil  // A refusal is the answer.
    }
    if own.isEmpty { return self }
    let named = naming(own, options) { .symbol("\(graph.name(of: $0))_0") }
    // What cannot be lowered with them keeps the one name.
    return (try? LoweredModel(model, weights: weights, options: named)) ?? self
  }

  /// The inputs whose first size is `batch` because nothing else is said of it, and which something is computed of
  /// together with the first of them.
  private func batchInputs(_ options: LoweringOptions) -> [Value] {
    let inputs = graph.inputs.filter { input in
      graph.shape(of: input).dimensions.first == .symbol("batch")
        && options.inputShapes[graph.name(of: input)] == nil
    }
    guard let first = inputs.first, inputs.count > 1 else { return [] }
    return [first] + inputs.dropFirst().filter { meets($0, first) }
  }

  /// Whether something is computed of two inputs: of their elements, or of the size of one and the elements of the other,
  /// when a result has the shared name in two of its axes.
  private func meets(_ a: Value, _ b: Value) -> Bool {
    var origins: [Value: Set<Value>] = [a: [a], b: [b]]
    for node in graph.nodes {
      let found = node.inputs.reduce(into: Set<Value>()) { $0.formUnion(origins[$1, default: []]) }
      if found.count == 2 { return true }
      if found.isEmpty { continue }
      for output in node.outputs {
        if graph.shape(of: output).dimensions.filter({ $0.substituting(["batch": 1]) != $0 }).count > 1 {
          return true
        }
        origins[output] = found
      }
    }
    return false
  }

  private func naming(
    _ inputs: some Sequence<Value>, _ options: LoweringOptions, _ size: (Value) -> Dimension
  ) -> LoweringOptions {
    var options = options
    for input in inputs {
      var shape = graph.shape(of: input)
      shape[0] = size(input)
      options.inputShapes[graph.name(of: input)] = shape
    }
    return options
  }
}

public import ModelIR

/// A layer that an RNN runs once for each step: `LSTMCell`, a wrapper around a cell, or a cell of a program's own.
///
/// ``Layer/lower(_:in:)`` is called with a step's input and the list of the states, as Keras's `call(inputs, states)`
/// (constants of the RNN come as `constants`); it gives the output, then the new states. One step's operations are all
/// that there is to write: the loop, masks, directions, the forward pass and ONNX follow.
/// Source: `keras/src/layers/rnn/rnn.py`.
public protocol CellLayer: Layer {
  /// The shapes of the states for a step's input of this shape, the batch axis first in all of them.
  func stateShapes(for input: Shape, in scope: LoweringScope) throws(KerasImportError) -> [Shape]
}

extension CellLayer {
  /// The input of a step, the states, and what the RNN has for every step.
  public var callParameters: [String] { ["inputs", "states", "constants"] }
}

extension CallArguments where Reference == Operand {
  /// A cell's input and its states.
  /// - Throws: `invalidGraph` unless the call is that of a cell.
  public func step(states count: Int) throws(KerasImportError) -> (input: Value, states: [Value]) {
    guard let input = positional.first?.tensors.first, let states = argument("states", at: 1)?.tensors,
      states.count == count
    else {
      throw KerasImportError(.invalidGraph("a cell of \(count) states is called by a recurrent layer only"))
    }
    return (input.value, states.map(\.value))
  }
}

extension LoweringScope {
  /// Runs a cell over axis 1 as a loop.
  ///
  /// Masked steps keep the states and repeat the output of the step before (zeros at first), or give zeros.
  /// - Parameter constants: what every step sees beside its input.
  func scanned(
    _ cell: Sublayer, _ x: Value, constants: [Value] = [], _ run: RecurrentRun
  ) throws(KerasImportError) -> RecurrentResult {
    var loop = try CellLoop(cell, x, constants: constants, run, in: self)
    return try loop.lower(in: self)
  }
}

/// One loop over a cell while it is built.
private struct CellLoop {
  let cell: Sublayer
  let layer: any CellLayer
  let x: Value
  let constants: [Value]
  let run: RecurrentRun
  /// The size of the batch axis outside, and inside: a name where outside it is computed.
  let batch: Dimension
  let innerBatch: Dimension
  let step: Shape
  let dtype: DType
  let stateShapes: [Shape]
  let outputShape: Shape

  init(
    _ cell: Sublayer, _ x: Value, constants: [Value], _ run: RecurrentRun, in scope: LoweringScope
  ) throws(KerasImportError) {
    guard let layer = cell.object.layer as? any CellLayer else {
      throw KerasImportError(.unsupported("an RNN over cells of class \"\(cell.object.className)\""))
    }
    let shape = scope.shape(of: x)
    guard shape.rank >= 2 else {
      throw KerasImportError(.invalidGraph("expected a sequence of rank 3 or more, found shape \(shape)"))
    }
    (self.cell, self.layer, self.x, self.constants, self.run) = (cell, layer, x, constants, run)
    let batch = shape[0]
    let innerBatch =
      batch.fixedSize != nil || batch.symbolName != nil ? batch : Dimension.symbol("loop_batch")
    let dtype = cell.object.policy.compute
    (self.batch, self.innerBatch, self.dtype) = (batch, innerBatch, dtype)
    step = Shape([innerBatch] + shape.dimensions[2...])
    // A first try on a graph of its own tells the output's shape.
    let inner = CellLoop.inner(cell, in: scope)
    stateShapes = try layer.stateShapes(for: step, in: inner)
    guard !stateShapes.isEmpty else { throw KerasImportError(.unsupported("a cell without states")) }
    var inputs = stateShapes.map { inner.input(TensorType(dtype, $0)) }
    let given = constants.map { inner.input(CellLoop.inside(scope.type(of: $0), batch, innerBatch)) }
    inputs.append(inner.input(TensorType(scope.dtype(of: x), step)))
    let results = try inner.lowerSelf(CellLoop.call(inputs.removeLast(), inputs, given))
    guard results.count == stateShapes.count + 1 else {
      throw KerasImportError(
        .invalidGraph("the cell gives \(results.count - 1) states instead of \(stateShapes.count)"))
    }
    outputShape = inner.shape(of: results[0].value)
  }

  private static func inner(_ cell: Sublayer, in scope: LoweringScope) -> LoweringScope {
    LoweringScope(
      state: LoweringState(weights: scope.state.weights), object: cell.object,
      path: "\(scope.path)/\(cell.attribute)")
  }

  private static func call(_ x: Value, _ states: [Value], _ constants: [Value]) -> Call {
    func list(_ values: [Value]) -> CallArgument<Operand> { .list(values.map { .tensor(Operand($0)) }) }
    return Call(
      positional: [.tensor(Operand(x)), list(states)],
      keywords: constants.isEmpty ? [] : [("constants", list(constants))])
  }

  private static func inside(_ type: TensorType, _ batch: Dimension, _ inner: Dimension) -> TensorType {
    TensorType(type.dtype, Shape(type.shape.dimensions.map { $0 == batch ? inner : $0 }))
  }

  /// The loop's body: states, constants, the output before where steps are masked, then what is walked.
  private func body(in scope: LoweringScope) throws(KerasImportError) -> Subgraph {
    let inner = CellLoop.inner(cell, in: scope)
    let states = stateShapes.map { inner.input(TensorType(dtype, $0)) }
    let given = constants.map { inner.input(CellLoop.inside(scope.type(of: $0), batch, innerBatch)) }
    let previous = run.mask.map { _ in inner.input(TensorType(dtype, outputShape)) }
    let x = inner.input(TensorType(scope.dtype(of: x), step))
    // One truth for a step, or for each of its places.
    let mask = run.mask.map { mask in
      inner.input(TensorType(.bool, Shape([innerBatch] + scope.shape(of: mask).dimensions.dropFirst(2))))
    }
    let results = try inner.lowerSelf(CellLoop.call(x, states, given)).map(\.value)
    var output = try inner.cast(results[0], to: dtype)
    var next: [Value] = []
    for value in results.dropFirst() { next.append(try inner.cast(value, to: dtype)) }
    if let mask, let previous {
      func chosen(_ new: Value, _ old: Value) throws(KerasImportError) -> Value {
        try inner.emit(.select, inner.trailing(mask, rank: inner.rank(of: new)), new, old)
      }
      output = try chosen(output, run.zeroOutputForMask ? inner.scalar(0, dtype) : previous)
      for index in next.indices { next[index] = try chosen(next[index], states[index]) }
    }
    let outputs = next + given + (previous == nil ? [] : [output]) + [output]
    inner.state.graph.outputs = outputs.enumerated().map { Graph.Output(name: "result\($0)", value: $1) }
    return Subgraph(inner.state.graph)
  }

  mutating func lower(in scope: LoweringScope) throws(KerasImportError) -> RecurrentResult {
    var operands = run.initialStates
    if operands.isEmpty {
      for shape in stateShapes {
        operands.append(try scope.emit(.expand(outside(shape)), scope.scalar(0, dtype)))
      }
    }
    guard operands.count == stateShapes.count else {
      throw KerasImportError(
        .invalidGraph("expected \(stateShapes.count) initial states, found \(operands.count)"))
    }
    for index in operands.indices { operands[index] = try scope.cast(operands[index], to: dtype) }
    operands += constants
    if run.mask != nil {
      operands.append(try scope.emit(.expand(outside(outputShape)), scope.scalar(0, dtype)))
    }
    let stateCount = operands.count
    operands += [x] + [run.mask].compactMap(\.self)
    let attributes = ScanAttributes(
      body: try body(in: scope), stateCount: stateCount, reverse: run.goBackwards)
    let results = try scope.emitAll(.scan(attributes), operands)
    var states: [Value] = []
    for (index, shape) in stateShapes.enumerated() {
      states.append(try scope.reshape(results[index], outside(shape)))
    }
    let steps = scope.shape(of: x)[1]
    let whole = outside(outputShape).inserting(steps, at: 1)
    var sequence = try scope.reshape(results[results.count - 1], whole)
    // The output of the step that is processed last.
    let range =
      run.goBackwards
      ? SliceRange(axis: 1, start: 0, stop: 1) : SliceRange(axis: 1, start: -1, stop: nil)
    let last = try scope.reshape(scope.emit(.slice([range]), sequence), outside(outputShape))
    if run.goBackwards { sequence = try scope.emit(.reverse(axes: [1]), sequence) }
    return RecurrentResult(sequence: sequence, last: last, states: states)
  }

  /// A shape inside as it is outside.
  private func outside(_ shape: Shape) -> Shape {
    Shape(shape.dimensions.map { $0 == innerBatch ? batch : $0 })
  }
}

extension LoweringScope {
  /// A further input of a loop's body.
  fileprivate func input(_ type: TensorType) -> Value {
    state.graph.input(name: "input\(state.graph.inputs.count)", type: type)
  }
}

extension Shape {
  fileprivate func inserting(_ size: Dimension, at axis: Int) -> Shape {
    var dimensions = dimensions
    dimensions.insert(size, at: axis)
    return Shape(dimensions)
  }
}

import ModelIR

/// The options that every recurrent layer has.
struct RecurrentOptions: Sendable {
  let returnSequences: Bool
  let returnState: Bool
  let goBackwards: Bool
  let zeroOutputForMask: Bool
  /// Sequences, and the masks of their steps, are `[T, N, ...]` outside the layer: tf.keras.
  let timeMajor: Bool
  /// The mask beside the sequence counts also when initial states are given (``EraMark/masksBesideStates``).
  let masksBesideStates: Bool

  /// What `RNN.call` takes.
  static let callParameters = ["sequences", "initial_state", "mask", "training"]

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    returnSequences = try config.bool("return_sequences", default: false)
    returnState = try config.bool("return_state", default: false)
    goBackwards = try config.bool("go_backwards", default: false)
    zeroOutputForMask = try config.bool("zero_output_for_mask", default: false)
    timeMajor = try config.bool("time_major", default: false)
    masksBesideStates = config.has(.masksBesideStates)
    config.ignore("stateful", "unroll", "use_cudnn", "input_dim", "input_length", "implementation")
  }
}

/// A layer that Bidirectional can run in both directions.
protocol RecurrentLayer: Layer {
  /// The largest rate of its dropouts, which count in training only.
  var dropout: Double { get }
  var options: RecurrentOptions { get }
  /// Runs the layer without choosing what it returns; `sequence` in the order of processing.
  func run(_ x: Value, _ run: RecurrentRun, in scope: LoweringScope) throws(KerasImportError)
    -> RecurrentResult
}

/// LSTM, GRU, SimpleRNN, and RNN over known cells, one or stacked. Initial states are zeros unless given; a stateful
/// layer starts from zeros. Mask: passed when sequences are returned.
/// Source: `keras/src/layers/rnn/rnn.py`.
///
/// - x: `[N, T, C]`; result: `[N, F]` or `[N, T, F]`, then the states of every cell.
struct RecurrentStack: RecurrentLayer {
  let options: RecurrentOptions
  /// Built-in cells in order, under their attributes; nil where there is another: then the cell is run in a loop.
  let cells: [(sublayer: Sublayer, cell: RecurrentCell)]?
  let wrapper: Sublayer
  /// How many of the tensors given with the sequence are constants of the cell.
  let constantCount: Int
  var maskRule: MaskRule { .custom }
  var sublayers: [Sublayer] { [wrapper] }
  var callParameters: [String] { RecurrentOptions.callParameters + ["constants"] }
  var dropout: Double { cells?.map(\.cell.dropout).max() ?? 0 }  // Other cells see to it themselves.

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    options = try RecurrentOptions(&config)
    let object: LayerObject
    if config.className == "RNN" {
      object = try config.layer("cell")
      constantCount = try config.int("num_constants", default: 0)
    } else {
      constantCount = 0
      let cell = try RecurrentCell(&config)
      object = LayerObject(
        name: "cell", className: config.className + "Cell", module: "keras.layers",
        config: .object(config.json),
        layer: cell, policy: config.policy)
    }
    wrapper = Sublayer("cell", object)
    if let stack = object.layer as? StackedCells {
      cells = stack.builtIn
    } else if let cell = object.layer as? RecurrentCell {
      cells = [(wrapper, cell)]
    } else if object.layer is any CellLayer {
      cells = nil
    } else {
      throw KerasImportError(.unsupported("an RNN over cells of class \"\(object.className)\""))
    }
  }

  func run(_ x: Value, _ run: RecurrentRun, in scope: LoweringScope) throws(KerasImportError)
    -> RecurrentResult
  {
    try self.run(x, run, constants: [], in: scope)
  }

  /// A stack of cells is a stack of layers: a masked step holds the states of all of them.
  private func run(
    _ x: Value, _ run: RecurrentRun, constants: [Value], in scope: LoweringScope
  ) throws(KerasImportError) -> RecurrentResult {
    guard let cells, constants.isEmpty else {
      return try scope.scanned(wrapper, x, constants: constants, run)
    }
    var states = run.initialStates
    let stateCount = cells.reduce(0) { $0 + ($1.cell.cell == .lstm ? 2 : 1) }
    guard states.isEmpty || states.count == stateCount else {
      throw KerasImportError(.invalidGraph("expected \(stateCount) initial states, found \(states.count)"))
    }
    let x = try scope.inComputeType(x)
    var result = RecurrentResult(sequence: x, last: x, states: [])
    for (index, entry) in cells.enumerated() {
      var step = run
      let count = entry.cell.cell == .lstm ? 2 : 1
      step.initialStates = Array(states.prefix(count))
      states.removeFirst(min(count, states.count))
      step.goBackwards = run.goBackwards && index == 0
      // Later cells see the steps in the order of processing, and so must their mask.
      if let mask = run.mask, run.goBackwards, index > 0 {
        step.mask = try scope.emit(.reverse(axes: [1]), mask)
      }
      step.zeroOutputForMask = run.zeroOutputForMask && index == cells.count - 1
      let own = LoweringScope(
        state: scope.state, object: entry.sublayer.object, path: "\(scope.path)/\(entry.sublayer.attribute)")
      let made = try scope.recurrent(entry.cell, of: entry.sublayer, result.sequence, weightsIn: own, step)
      result = RecurrentResult(sequence: made.sequence, last: made.last, states: result.states + made.states)
    }
    return result
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    var (input, states) = call.recurrentInputs
    var constants = call.argument("constants", at: nil)?.tensors ?? []  // None given: the last of the states.
    if constants.isEmpty, constantCount > 0 {
      constants = states.suffix(constantCount)
      states.removeLast(constants.count)
    }
    guard let input else { throw KerasImportError(.invalidGraph("the call has no tensor")) }
    let x = try scope.batchFirst(input.value, isTimeMajor: options.timeMajor)
    try scope.expectNoDropout(dropout)
    let mask = try scope.stepMask(call, input, options, masksBesideStates: options.masksBesideStates)
    let run = RecurrentRun(
      mask: mask, initialStates: states.map(\.value), goBackwards: options.goBackwards,
      zeroOutputForMask: options.zeroOutputForMask)
    let result = try self.run(x, run, constants: constants.map(\.value), in: scope)
    var output = Operand(options.returnSequences ? result.sequence : result.last)
    if options.returnSequences {
      output.value = try scope.batchFirst(output.value, isTimeMajor: options.timeMajor)
      output.mask = call.operand("mask")?.value ?? input.mask
    }
    return [output] + (options.returnState ? result.states.map { Operand($0) } : [])
  }
}

extension CallArguments where Reference == Operand {
  /// The sequence and the initial states: in a list after the sequence, or as `initial_state`.
  var recurrentInputs: (sequence: Operand?, states: [Operand]) {
    let first = inputs
    let given = argument("initial_state", at: nil)?.tensors ?? []  // None given: those after the sequence.
    return (first.first, given.isEmpty ? Array(first.dropFirst()) : given)
  }
}

extension LoweringScope {
  /// The mask of the steps of a sequence, as bool: that of the call, else the one beside the sequence. Keras 3 takes that
  /// only where the sequence is the call's only tensor.
  func stepMask(
    _ call: Call, _ input: Operand, _ options: RecurrentOptions, masksBesideStates: Bool
  ) throws(KerasImportError) -> Value? {
    let implicit = masksBesideStates || call.recurrentInputs.states.isEmpty ? input.mask : nil
    guard let mask = call.operand("mask")?.value ?? implicit else { return nil }
    return try batchFirst(cast(mask, to: .bool), isTimeMajor: options.timeMajor)
  }

  /// `[N, T, ...]` of `[T, N, ...]`, and the other way round; what is not time-major as it is.
  func batchFirst(_ x: Value, isTimeMajor: Bool) throws(KerasImportError) -> Value {
    isTimeMajor ? try transpose(x, [1, 0] + Array(2..<rank(of: x))) : x
  }
}

/// Cells run one after another at each step. Source: `keras/src/layers/rnn/stacked_rnn_cells.py`.
struct StackedCells: CellLayer {
  private let cells: [(sublayer: Sublayer, layer: any CellLayer)]
  var sublayers: [Sublayer] { cells.map(\.sublayer) }

  /// The cells where all are built in; nil otherwise.
  var builtIn: [(sublayer: Sublayer, cell: RecurrentCell)]? {
    let known = cells.compactMap { entry in (entry.layer as? RecurrentCell).map { (entry.sublayer, $0) } }
    return known.count == cells.count ? known : nil
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    var cells: [(sublayer: Sublayer, layer: any CellLayer)] = []
    for (index, object) in try config.layers("cells").enumerated() {
      guard let layer = object.layer as? any CellLayer else {
        throw KerasImportError(.unsupported("a stack with a cell of class \"\(object.className)\""))
      }
      cells.append((Sublayer("cells/\(index)", object), layer))
    }
    guard !cells.isEmpty else { throw config.invalid("cells", expected: "cells", found: "none") }
    self.cells = cells
  }

  func stateShapes(for input: Shape, in scope: LoweringScope) throws(KerasImportError) -> [Shape] {
    var shapes: [Shape] = []
    var step = input
    for cell in cells {
      let own = try cell.layer.stateShapes(for: step, in: scope.scope(of: cell.sublayer))
      shapes += own
      // What the next cell sees has the shape of the first state: true of Keras's own cells.
      if let first = own.first { step = first }
    }
    return shapes
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    guard var output = call.positional.first?.tensors.first else {
      throw KerasImportError(.invalidGraph("cells are called by a recurrent layer only"))
    }
    guard var states = call.argument("states", at: 1)?.tensors else {
      throw KerasImportError(.invalidGraph("cells are called with their states"))
    }
    var next: [Operand] = []
    for cell in cells {
      let shape = scope.shape(of: output.value)
      let count = try cell.layer.stateShapes(for: shape, in: scope.scope(of: cell.sublayer)).count
      guard states.count >= count else {
        throw KerasImportError(.invalidGraph("expected \(count) states for a cell, found \(states.count)"))
      }
      let step = Call(
        positional: [.tensor(output), .list(states.prefix(count).map { .tensor($0) })],
        keywords: call.keywords.filter { $0.key == "constants" })
      states.removeFirst(count)
      let results = try scope.lower(cell.sublayer, step)
      guard let first = results.first else { throw KerasImportError(.invalidGraph("a cell gives no output")) }
      output = first
      next += results.dropFirst()
    }
    return [output] + next
  }
}

/// Two recurrent layers, one over the reversed sequence. Masked steps output 0 when sequences are returned; the
/// backward sequence is turned round before merging; states: forward's, then backward's.
/// Source: `keras/src/layers/rnn/bidirectional.py`.
struct Bidirectional: Layer {
  enum MergeMode: String, CaseIterable { case concat, sum, mul, ave }

  let forward: LayerObject
  let backward: LayerObject
  let mergeMode: MergeMode?
  let zeroesMasked: Bool
  let masksBesideStates: Bool
  var maskRule: MaskRule { .custom }
  var callParameters: [String] { RecurrentOptions.callParameters }
  var sublayers: [Sublayer] { [Sublayer("forward_layer", forward), Sublayer("backward_layer", backward)] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    forward = try config.layer("layer")
    if config.value("backward_layer") != nil {
      backward = try config.layer("backward_layer")
    } else {
      guard var serialized = config.value("layer")?.object, var inner = serialized["config"]?.object else {
        throw KerasImportError(.missingKey("layer"))
      }
      inner["go_backwards"] = .bool(!(inner["go_backwards"]?.bool ?? false))
      inner["name"] = .string("backward_\(forward.name)")
      serialized["config"] = .object(inner)
      backward = try LayerObject(
        serialized: .object(serialized), registry: config.registry, outer: config.policy)
    }
    let isNull = config.json["merge_mode"]?.isNull ?? false
    mergeMode = isNull ? nil : try config.choice("merge_mode", default: .concat)
    zeroesMasked = !config.has(.repeatsMaskedSteps)
    masksBesideStates = config.has(.masksBesideStates)
    config.ignore("merge_mode", "input_dim", "input_length", "stateful")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    guard let first = forward.layer as? any RecurrentLayer, let second = backward.layer as? any RecurrentLayer
    else {
      throw KerasImportError(.unsupported("Bidirectional around a layer of class \"\(forward.className)\""))
    }
    let (input, states) = call.recurrentInputs
    guard let input else { throw KerasImportError(.invalidGraph("the call has no tensor")) }
    try scope.expectNoDropout(first.dropout, second.dropout)
    let mask = try scope.stepMask(call, input, first.options, masksBesideStates: masksBesideStates)
    let isTimeMajor = first.options.timeMajor
    let x = try scope.batchFirst(input.value, isTimeMajor: isTimeMajor)
    let half = states.count / 2
    let returnsSequences = first.options.returnSequences
    func run(_ layer: any RecurrentLayer, _ object: LayerObject, _ name: String, _ states: [Operand])
      throws(KerasImportError) -> RecurrentResult
    {
      let own = LoweringScope(state: scope.state, object: object, path: "\(scope.path)/\(name)")
      let zero = zeroesMasked ? returnsSequences : layer.options.zeroOutputForMask
      let run = RecurrentRun(
        mask: mask, initialStates: states.map(\.value), goBackwards: layer.options.goBackwards,
        zeroOutputForMask: zero)
      return try layer.run(x, run, in: own)
    }
    let y = try run(first, forward, "forward_layer", Array(states.prefix(half)))
    let z = try run(second, backward, "backward_layer", Array(states.dropFirst(half)))
    let left = returnsSequences ? y.sequence : y.last
    let right = returnsSequences ? try scope.emit(.reverse(axes: [1]), z.sequence) : z.last
    var outputs = try merged(left, right, in: scope).map { value throws(KerasImportError) in
      Operand(try scope.batchFirst(value, isTimeMajor: isTimeMajor && returnsSequences))
    }
    let passed = call.operand("mask")?.value ?? input.mask
    if returnsSequences { for index in outputs.indices { outputs[index].mask = passed } }
    return outputs + (first.options.returnState ? (y.states + z.states).map { Operand($0) } : [])
  }

  private func merged(_ y: Value, _ z: Value, in scope: LoweringScope) throws(KerasImportError) -> [Value] {
    switch mergeMode {
    case .concat: [try scope.emit(.concat(axis: scope.rank(of: y) - 1), y, z)]
    case .sum: [try scope.add(y, z)]
    case .mul: [try scope.multiply(y, z)]
    case .ave: [try scope.multiply(scope.add(y, z), 0.5)]
    case nil: [y, z]
    }
  }
}

/// A layer applied to every step: time is folded into the batch. Mask: passed.
/// Source: `keras/src/layers/rnn/time_distributed.py`.
struct TimeDistributed: Layer {
  let inner: LayerObject
  var maskRule: MaskRule { .pass }
  var callParameters: [String] { ["inputs", "training", "mask"] }
  var sublayers: [Sublayer] { [Sublayer("layer", inner)] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    inner = try config.layer("layer")
    if inner.policy.quantization != nil {
      // Keras calls the layer's plain `call`, which multiplies by the stored integers without their scales.
      throw KerasImportError(
        .unsupported("a quantised layer inside TimeDistributed, which Keras computes without its scales"))
    }
    config.ignore("input_dim", "input_length")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let operand = try call.input
    let shape = scope.shape(of: operand.value)
    guard shape.rank >= 3 else {
      throw KerasImportError(
        .invalidGraph("TimeDistributed needs an input of rank 3 or more, found \(shape)"))
    }
    let folded = Shape([shape[0] * shape[1]] + shape.dimensions[2...])
    var flat = Operand(try scope.reshape(operand.value, folded))
    if let mask = operand.mask, scope.rank(of: mask) > 2 {
      let own = scope.shape(of: mask)
      flat.mask = try scope.reshape(mask, Shape([own[0] * own[1]] + own.dimensions[2...]))
    }
    let results = try scope.lower(Sublayer("layer", inner), Call([flat]))
    return try results.map { result throws(KerasImportError) in
      let own = scope.shape(of: result.value)
      return Operand(try scope.reshape(result.value, Shape([shape[0], shape[1]] + own.dimensions[1...])))
    }
  }
}

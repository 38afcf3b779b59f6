import ModelIR
import NativeFormat

/// What an operation of control flow calls: one of Keras's activations by name, an operation or a layer.
///
/// Keras writes no more of a layer than its configuration where it is an argument, so that layers with weights are
/// refused. Python code is never executed.
/// Source: `serialize_keras_object` and `_retrieve_class_or_fn` of `keras/src/saving/serialization_lib.py`.
private struct Callable {
  private enum Function {
    case activation(Activation)
    case layer(LayerObject)
  }

  private let function: Function

  init(_ object: SerializedObject, _ config: LayerConfig) throws(KerasImportError) {
    switch (object.json["class_name"]?.string, object.json["config"]?.object) {
    case ("__lambda__", _):
      throw KerasImportError(
        .unsupported(
          "a lambda, which a file holds as code; code is never executed: save the model with a layer or an operation in its place"
        ))
    case (let className, nil):
      guard className == "function", Activation.Name(rawValue: object.name) != nil else {
        throw KerasImportError(
          .unsupported(
            "the function \"\(object.name)\", which the file does not hold (of functions Keras finds its activations again): save the model with a layer or an operation in its place"
          ))
      }
      function = .activation(try Activation(object.json, registry: config.registry, policy: config.policy))
    default:
      let layer = try LayerObject(serialized: object.json, registry: config.registry, outer: config.policy)
      guard !layer.hasWeights else {
        throw KerasImportError(
          .unsupported(
            "a call of \(layer.className), whose weights Keras does not write where a layer is an argument: call the layer itself"
          ))
      }
      function = .layer(layer)
    }
  }

  /// The results of a call, flattened.
  func call(_ arguments: [CallArgument<Operand>], in scope: LoweringScope) throws(KerasImportError) -> [Value]
  {
    switch function {
    case .layer(let object):
      return try scope.lower(object, Call(positional: arguments), name: object.name).map(\.value)
    case .activation(let activation):
      guard arguments.count == 1, case .tensor(let x) = arguments[0] else {
        throw KerasImportError(.unsupported("an activation called on other than one tensor"))
      }
      return [try activation.apply(x.value, in: scope)]
    }
  }
}

extension OperationCall {
  /// A function, operation or layer among the settings or the arguments.
  private func callable(_ name: String, at position: Int) throws(KerasImportError) -> Callable {
    if let json = value(name) { return try Callable(SerializedObject(json), serializedConfig) }
    guard case .object(let object)? = argument(name, at: position) else {
      throw KerasImportError(.unsupported("something else than a function in place of \"\(name)\""))
    }
    return try Callable(object, serializedConfig)
  }

  /// `f` of every slice along axis 0, the results stacked; `xs` may be a structure.
  func map() throws(KerasImportError) -> [Value] {
    let isVectorized = value("function") != nil
    let f = try isVectorized ? callable("function", at: 0) : callable("f", at: 0)
    let xs = try required("xs", isVectorized ? argument("elements", at: 0) : argument("xs", at: 1))
    return try scope.eachSlice(of: xs, carrying: []) { step, _, inner throws(KerasImportError) in
      (try f.call([step], in: inner), [])
    }.results
  }

  /// `carry, y = f(carry, x)` of every slice along axis 0 (or `length` times without any): the last carry, then the `y`
  /// stacked.
  func scan() throws(KerasImportError) -> [Value] {
    let f = try callable("f", at: 0)
    let initial = try required("init", argument("init", at: 1))
    ignore("unroll")
    let isReverse = try bool("reverse", default: false)
    let length = try int("length")
    guard let xs = argument("xs", at: 2) else {
      throw KerasImportError(.unsupported("a scan over nothing"))
    }
    let first = xs.tensors.first.map { scope.shape(of: $0.value)[0] }
    if let length, first != .fixed(length) {
      throw KerasImportError(.unsupported("a scan of a part of an axis"))
    }
    let carry = try initial.tensors.map { operand throws(KerasImportError) in
      try value(.tensor(operand), like: nil)
    }
    let done = try scope.eachSlice(of: xs, carrying: carry, reverse: isReverse) {
      step, states, inner throws(KerasImportError) in
      var rest = states[...]
      let results = try f.call([initial.refilled(from: &rest), step], in: inner)
      return (Array(results.dropFirst(states.count)), Array(results.prefix(states.count)))
    }
    return done.states + done.results
  }

  /// `y[0] = x[0]`, `y[i] = f(y[i - 1], x[i])` for an associative `f`, in the order in which Keras combines pairs.
  /// Source: `associative_scan` of `keras/src/backend/tensorflow/core.py`.
  func associativeScan() throws(KerasImportError) -> [Value] {
    let f = try callable("f", at: 0)
    let structure = try required("elems", argument("elems", at: 1))
    var elements = try structure.tensors.map { operand throws(KerasImportError) in
      try value(.tensor(operand), like: nil)
    }
    guard let first = elements.first else { return [] }
    let axis = try scope.axis(int("axis", default: 0), rank: scope.rank(of: first))
    guard let count = scope.shape(of: first)[axis].fixedSize, count <= 1 << 12 else {
      throw KerasImportError(.unsupported("an associative scan over an axis whose size is not known"))
    }
    let isReverse = try bool("reverse", default: false)
    func turned(_ values: [Value]) throws(KerasImportError) -> [Value] {
      guard isReverse else { return values }
      return try values.map { value throws(KerasImportError) in try scope.reversed(value, axes: [axis]) }
    }
    elements = try turned(elements)
    let pairs = AssociativeScan(axis: axis, scope: scope) { [scope] a, b throws(KerasImportError) in
      var (first, second) = (a[...], b[...])
      return try f.call([structure.refilled(from: &first), structure.refilled(from: &second)], in: scope)
    }
    return try turned(pairs.scan(elements, count: count))
  }

  /// The results of the branch that `index`, brought into range, chooses. All are computed: none has effects.
  func switchBranches() throws(KerasImportError) -> [Value] {
    let index = try scope.cast(tensor("index", at: 0), to: .int32)
    guard case .list(let items)? = argument("branches", at: 1), !items.isEmpty else {
      throw KerasImportError(.missingKey("branches"))
    }
    var operands: [CallArgument<Operand>] = []
    for position in call.positional.indices.dropFirst(2) {
      operands.append(try required("operands", argument("operands", at: position)))
    }
    var chosen: [Value] = []
    for (number, item) in items.enumerated() {
      guard case .object(let object) = item else { throw KerasImportError(.missingKey("branches")) }
      let results = try Callable(object, serializedConfig).call(operands, in: scope)
      guard number > 0 else { chosen = results; continue }
      guard results.map(scope.type) == chosen.map(scope.type) else {
        throw KerasImportError(.unsupported("branches whose results differ in type or shape"))
      }
      let isLater = try scope.compare(.greaterOrEqual, index, Double(number))
      for place in chosen.indices { chosen[place] = try scope.select(isLater, results[place], chosen[place]) }
    }
    return chosen
  }
}

/// Keras's order of combining: pairs first, then the scan of the pairs, then what lies between.
private struct AssociativeScan {
  let axis: Int
  let scope: LoweringScope
  let combine: ([Value], [Value]) throws(KerasImportError) -> [Value]

  init(
    axis: Int, scope: LoweringScope, combine: @escaping ([Value], [Value]) throws(KerasImportError) -> [Value]
  ) {
    (self.axis, self.scope, self.combine) = (axis, scope, combine)
  }

  /// - Parameter count: how many there are along the axis.
  func scan(_ elements: [Value], count: Int) throws(KerasImportError) -> [Value] {
    guard count >= 2 else { return elements }
    let half = count / 2
    let reduced = try combine(
      part(elements, from: 0, to: 2 * half, step: 2), part(elements, from: 1, to: 2 * half, step: 2))
    let odd = try scan(reduced, count: half)
    let first = try part(elements, from: 0, to: 1)
    let between = (count - 1) / 2
    guard between > 0 else { return try joined(first, odd) }
    let even = try combine(
      part(odd, from: 0, to: between), part(elements, from: 2, to: count, step: 2))
    let ahead = try joined(first, even)
    var results: [Value] = []
    for (a, b) in zip(ahead, odd) { results.append(try interleaved(a, b, half: half, count: count)) }
    return results
  }

  private func part(
    _ values: [Value], from start: Int, to stop: Int, step: Int = 1
  ) throws(KerasImportError) -> [Value] {
    try values.map { value throws(KerasImportError) in
      try scope.emit(.slice([SliceRange(axis: axis, start: start, stop: stop, step: step)]), value)
    }
  }

  private func joined(_ a: [Value], _ b: [Value]) throws(KerasImportError) -> [Value] {
    try zip(a, b).map { pair throws(KerasImportError) in try scope.concat([pair.0, pair.1], axis: axis) }
  }

  /// `a0 b0 a1 b1 ...`, with one `a` more where the count is odd.
  private func interleaved(_ a: Value, _ b: Value, half: Int, count: Int) throws(KerasImportError) -> Value {
    let places = (0..<count).map { Int64($0 % 2 == 0 ? $0 / 2 : (count + 1) / 2 + $0 / 2) }
    return try scope.emit(
      .gather(axis: axis), scope.concat([a, b], axis: axis), scope.constant(Tensor(vector: places)))
  }
}

extension CallArgument where Reference == Operand {
  /// The same structure with other values, taken in the order of ``tensors``.
  fileprivate func refilled(from values: inout ArraySlice<Value>) throws(KerasImportError) -> CallArgument {
    switch self {
    case .tensor:
      guard let value = values.popFirst() else {
        throw KerasImportError(.unsupported("a structure that changes"))
      }
      return .tensor(Operand(value))
    case .list(let items):
      var filled: [CallArgument] = []
      for item in items { filled.append(try item.refilled(from: &values)) }
      return .list(filled)
    case .dictionary(let entries):
      var filled: [(key: String, value: CallArgument)] = []
      for entry in entries.sorted(by: { $0.key < $1.key }) {
        filled.append((entry.key, try entry.value.refilled(from: &values)))
      }
      return .dictionary(filled)
    case .array, .integer, .number, .bool, .string, .none, .slice, .ellipsis, .object:
      throw KerasImportError(.unsupported("constants among what is walked"))
    }
  }
}

extension LoweringScope {
  /// Runs `body` on every slice along axis 0 of a structure, one after the other, with values that it carries on.
  /// - Parameter body: a slice, the values carried and the scope inside; gives results and the values for the next.
  fileprivate func eachSlice(
    of structure: CallArgument<Operand>, carrying states: [Value], reverse: Bool = false,
    _ body: (CallArgument<Operand>, [Value], LoweringScope) throws(KerasImportError) -> ([Value], [Value])
  ) throws(KerasImportError) -> (states: [Value], results: [Value]) {
    let walked = structure.tensors.map(\.value)
    guard let first = walked.first,
      walked.allSatisfy({ rank(of: $0) > 0 && shape(of: $0)[0] == shape(of: first)[0] })
    else { throw KerasImportError(.unsupported("slices of tensors of different sizes")) }
    for value in walked { try state.checkUse(of: value) }
    let inner = LoweringScope(
      state: LoweringState(weights: state.weights), object: object, path: path, isTraining: isTraining)
    // The loop walks axis 1; axis 0 is one of size 1, put before everything.
    let held = states.isEmpty ? [scalar(0, .float32)] : states
    var carried: [Value] = []
    for (index, value) in held.enumerated() {
      carried.append(inner.state.graph.input(name: "state\(index)", type: type(of: value).behindOne))
    }
    var slices: [Value] = []
    for (index, value) in walked.enumerated() {
      let whole = TensorType(dtype(of: value), Shape([1] + shape(of: value).dimensions.dropFirst()))
      slices.append(inner.state.graph.input(name: "x\(index)", type: whole))
    }
    func plain(_ values: [Value]) throws(KerasImportError) -> [Value] {
      try values.map { value throws(KerasImportError) in try inner.squeeze(value, axes: [0]) }
    }
    var rest = try plain(slices)[...]
    let step = try structure.refilled(from: &rest)
    let (results, next) = try body(step, states.isEmpty ? [] : plain(carried), inner)
    guard next.count == states.count else {
      throw KerasImportError(.invalidGraph("a body that carries \(next.count) values on, of \(states.count)"))
    }
    var outputs = states.isEmpty ? carried : []
    for value in next + results { outputs.append(try inner.expandDims(value, axes: [0])) }
    inner.state.graph.outputs = outputs.enumerated().map { Graph.Output(name: "result\($0)", value: $1) }
    let attributes = ScanAttributes(
      body: Subgraph(inner.state.graph), stateCount: held.count, reverse: reverse)
    let operands = try (held + walked).map { value throws(KerasImportError) in
      try expandDims(value, axes: [0])
    }
    let found = try emitAll(.scan(attributes), operands).map { value throws(KerasImportError) in
      try squeeze(value, axes: [0])
    }
    return (Array(found.prefix(states.count)), Array(found.dropFirst(held.count)))
  }
}

extension TensorType {
  /// With an axis of size 1 before the others.
  fileprivate var behindOne: TensorType { TensorType(dtype, Shape([1] + shape.dimensions)) }
}

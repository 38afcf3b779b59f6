import ModelIR
import NativeFormat

/// What a Lambda layer or a custom layer without weights computes, in a small language over the operations of
/// `keras.ops`: `x / 255`, `x[..., 0:1]`, `mean(x, axis=1)`, `x[0] * x[1]`.
///
/// - Names: `x`, or the parameter of a `lambda NAME:` in front, the layer's input (a list of them where it is called with several, `x[0]`, `x[1]`); the numbers of the
///   layer's configuration and of a Lambda's `arguments` by their keys; `True`, `False`, `None`, `pi`.
/// - Operators by Python's precedence: `+ - * / // % ** @`, comparisons, `& | ^ ~`; indices and slices as NumPy's.
/// - Functions: those of `keras.ops` by their names, arguments beside tensors as keywords: `concatenate([x, -x],
///   axis=-1)`, `where(x > 0, x, 0.1 * x)`, `softmax(x, axis=-1)`; `ops.`, `keras.ops.`, `tf.` and `K.` in front do not count.
///
/// Nothing is executed: the expression becomes operations of the graph like any layer.
public struct LayerExpression: Sendable {
  /// The text it was made from.
  public let text: String
  private let tree: ExpressionTree
  /// What it calls the layer's input.
  private let input: String

  /// Reads an expression.
  /// - Throws: `invalidValue` with expected and found where it is none.
  public init(_ text: String) throws(KerasImportError) {
    self.text = text
    (tree, input) = try ExpressionParser.parse(text)
  }

  /// Emits the expression's operations.
  func lower(
    _ call: Call, names: [String: Double], registry: LayerRegistry, in scope: LoweringScope
  ) throws(KerasImportError) -> [Operand] {
    let inputs = call.inputs
    guard let first = inputs.first else { throw KerasImportError(.invalidGraph("the call has no tensor")) }
    var known: [String: CallArgument<Operand>] = [
      input: inputs.count == 1
        ? .tensor(Operand(first.value)) : .list(inputs.map { .tensor(Operand($0.value)) }),
      "True": .bool(true), "False": .bool(false), "None": .none, "pi": .number(Double.pi),
    ]
    for (name, number) in names where known[name] == nil { known[name] = .number(number) }
    let evaluation = ExpressionEvaluation(known: known, registry: registry, scope: scope)
    switch try evaluation.value(of: tree) {
    case .list(let items):
      return try items.map { item throws(KerasImportError) in Operand(try evaluation.tensor(item)) }
    case let other: return [Operand(try evaluation.tensor(other))]
    }
  }
}

/// Evaluates a tree on the values of a graph.
private struct ExpressionEvaluation {
  let known: [String: CallArgument<Operand>]
  let registry: LayerRegistry
  let scope: LoweringScope

  private static let operators = [
    "+": "Add", "-": "Subtract", "*": "Multiply", "/": "TrueDivide", "//": "FloorDivide", "%": "Mod",
    "**": "Power",
    "@": "Matmul", "<": "Less", "<=": "LessEqual", ">": "Greater", ">=": "GreaterEqual", "==": "Equal",
    "!=": "NotEqual", "&": "LogicalAnd", "|": "LogicalOr", "^": "LogicalXor",
  ]

  func value(of tree: ExpressionTree) throws(KerasImportError) -> CallArgument<Operand> {
    switch tree {
    case .number(let number, let isInteger):
      return isInteger ? .integer(Int(number)) : .number(number)
    case .string(let text): return .string(text)
    case .name(let name, let place):
      guard let value = known[name] else {
        let names = known.keys.filter { $0 != "pi" }.sorted().joined(separator: ", ")
        throw misfit("one of \(names)", "\"\(name)\" at character \(place)")
      }
      return value
    case .list(let items):
      return .list(try items.map { item throws(KerasImportError) in try value(of: item) })
    case .call(let name, let place, let positional, let keywords):
      return try call(name, at: place, positional, keywords)
    case .index(let base, let parts): return try indexed(base, parts)
    case .slice(let start, let stop, let step):
      return .slice(start: try bound(start), stop: try bound(stop), step: try bound(step))
    case .ellipsis: return .ellipsis
    case .unary(let operation, let operand): return try unary(operation, value(of: operand))
    case .binary(let operation, let a, let b): return try binary(operation, value(of: a), value(of: b))
    }
  }

  private func bound(_ tree: ExpressionTree?) throws(KerasImportError) -> CallArgument<Operand> {
    guard let tree else { return .none }
    return try value(of: tree)
  }

  /// A result as a tensor; plain numbers become constants of the layer's type.
  func tensor(_ value: CallArgument<Operand>) throws(KerasImportError) -> Value {
    switch value {
    case .tensor(let operand): return operand.value
    case .array(let tensor): return scope.constant(tensor)
    case .integer(let number): return scope.scalar(Double(number), scope.computeDType)
    case .number(let number): return scope.scalar(number, scope.computeDType)
    case .list, .dictionary, .bool, .string, .none, .slice, .ellipsis, .object:
      throw misfit("tensors as the result", "something else")
    }
  }

  private func misfit(_ expected: String, _ found: String) -> KerasImportError {
    KerasImportError(.invalidValue(key: "expression", expected: expected, found: found))
  }

  // MARK: Operators

  private func unary(
    _ operation: String, _ operand: CallArgument<Operand>
  ) throws(KerasImportError) -> CallArgument<Operand> {
    try expectNoList(operand, operation)
    switch (operation, operand) {
    case ("-", .integer(let number)): return .integer(-number)
    case ("-", .number(let number)): return .number(-number)
    default: return try apply(operation == "-" ? "Negative" : "LogicalNot", [operand], [])
    }
  }

  private func binary(
    _ operation: String, _ a: CallArgument<Operand>, _ b: CallArgument<Operand>
  ) throws(KerasImportError) -> CallArgument<Operand> {
    for operand in [a, b] { try expectNoList(operand, operation) }
    if let a = a.plainNumber, let b = b.plainNumber, let result = ExpressionEvaluation.number(operation, a, b)
    {
      let isWhole = result.isFinite && result == result.rounded() && result.magnitude < 4e15
      return isWhole && operation != "/" ? .integer(Int(result)) : .number(result)
    }
    guard let name = ExpressionEvaluation.operators[operation] else {
      throw misfit("an operator", "\"\(operation)\"")
    }
    return try apply(name, [a, b], [])
  }

  /// Python has no arithmetic of lists of tensors, which the inputs of a layer with several are.
  private func expectNoList(_ operand: CallArgument<Operand>, _ operation: String) throws(KerasImportError) {
    guard case .list(let items) = operand, !operand.tensors.isEmpty else { return }
    throw misfit("a tensor beside \"\(operation)\"", "a list of \(items.count): pick one, as x[0]")
  }

  private static func number(_ operation: String, _ a: Double, _ b: Double) -> Double? {
    switch operation {
    case "+": a + b
    case "-": a - b
    case "*": a * b
    case "/": a / b
    case "//": (a / b).rounded(.down)
    default: nil
    }
  }

  private func indexed(
    _ base: ExpressionTree, _ parts: [ExpressionTree]
  ) throws(KerasImportError) -> CallArgument<Operand> {
    let whole = try value(of: base)
    let index = try parts.map { part throws(KerasImportError) in try value(of: part) }
    if case .list(let items) = whole, index.count == 1, case .integer(let number) = index[0] {
      let place = number < 0 ? number + items.count : number
      guard items.indices.contains(place) else {
        throw misfit("an index below \(items.count), the number of inputs", "\(number)")
      }
      return items[place]
    }
    return try apply("GetItem", [whole, index.count == 1 ? index[0] : .list(index)], [])
  }

  // MARK: Functions

  private func call(
    _ name: String, at place: Int, _ positional: [ExpressionTree],
    _ keywords: [(name: String, value: ExpressionTree)]
  ) throws(KerasImportError) -> CallArgument<Operand> {
    var arguments = try positional.map { argument throws(KerasImportError) in try value(of: argument) }
    var named: [(key: String, value: CallArgument<Operand>)] = []
    for keyword in keywords { named.append((keyword.name, try value(of: keyword.value))) }
    let bare = name.split(separator: ".").last.map(String.init) ?? name
    let className = ExpressionEvaluation.className(of: bare)
    if ExpressionEvaluation.axisComesSecond.contains(className) {
      // Configurations have them by name.
      for key in ["axis", "keepdims"].prefix(max(arguments.count - 1, 0)).reversed() {
        named.append((key, arguments.removeLast()))
      }
    }
    if bare == "l2_normalize" {
      guard named.contains(where: { $0.key == "axis" }) else {
        throw misfit("an axis of \(name)", "none at character \(place)")
      }
      // `x / sqrt(max(sum x^2, 1e-12))`, as the backend and TensorFlow have it.
      named.append(("epsilon", .number(1e-6)))
    }
    guard registry.knowsOperation(className) else {
      let nearest = registry.operationNames.map(ExpressionEvaluation.functionName).nearest(to: bare)
      let advice = nearest.map { "; did you mean \"\($0)\"?" } ?? ""  // Nothing alike: no advice.
      throw misfit("a function of keras.ops", "\"\(name)\" at character \(place)\(advice)")
    }
    return try apply(className, arguments, named)
  }

  /// What functions of other names are in `keras.ops`.
  private static let classNames = [
    "abs": "Absolute", "pow": "Power", "divide": "Divide", "sub": "Subtract", "mul": "Multiply",
    "concat": "Concatenate", "reduce_mean": "Mean", "reduce_sum": "Sum", "reduce_max": "Max",
    "reduce_min": "Min",
    "reduce_prod": "Prod", "reduce_any": "Any", "reduce_all": "All", "reduce_std": "Std",
    "reduce_variance": "Var",
    "l2_normalize": "Normalize",
  ]

  /// Operations that are called with an axis behind the tensor, and with `keepdims` behind it where they reduce.
  private static let axisComesSecond: Set<String> = [
    "All", "Any", "Argmax", "Argmin", "Argsort", "Concatenate", "CountNonzero", "Cumprod", "Cumsum",
    "LogSoftmax",
    "Logsumexp", "Max", "Mean", "Median", "Min", "Nanmax", "Nanmean", "Nanmin", "Nansum", "Normalize", "Prod",
    "Softmax",
    "Sort", "Stack", "Std", "Sum", "Var",
  ]

  /// `expand_dims` is ExpandDims.
  private static func className(of name: String) -> String {
    classNames[name]
      ?? name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }

  /// ExpandDims is `expand_dims`.
  private static func functionName(of className: String) -> String {
    className.reduce(into: "") { name, letter in
      if letter.isUppercase, !name.isEmpty { name += "_" }
      name += letter.lowercased()
    }
  }

  /// An operation by its class, with what is no tensor as its configuration.
  private func apply(
    _ className: String, _ positional: [CallArgument<Operand>],
    _ keywords: [(key: String, value: CallArgument<Operand>)]
  ) throws(KerasImportError) -> CallArgument<Operand> {
    var settings: [(String, JSONValue)] = []
    var operands: [(key: String, value: CallArgument<Operand>)] = []
    for keyword in keywords {
      if let plain = keyword.value.plainJSON {
        settings.append((keyword.key, plain))
      } else {
        operands.append(keyword)
      }
    }
    var config = LayerConfig(
      className: className, module: "keras.src.ops.numpy", name: className, policy: scope.object.policy,
      json: JSONObject(settings), registry: registry)
    let layer = try registry.makeLayer(&config)
    let results = try layer.lower(Call(positional: positional, keywords: operands), in: scope)
    return results.count == 1 ? .tensor(results[0]) : .list(results.map { .tensor($0) })
  }
}

extension CallArgument {
  fileprivate var plainNumber: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .number(let number): number
    case .tensor, .array, .list, .dictionary, .bool, .string, .none, .slice, .ellipsis, .object: nil
    }
  }

  /// A setting as a configuration has it; nil for what holds tensors.
  fileprivate var plainJSON: JSONValue? {
    switch self {
    case .integer(let number): return .integer(number)
    case .number(let number): return .number(number)
    case .bool(let flag): return .bool(flag)
    case .string(let text): return .string(text)
    case .none: return .null
    case .list(let items):
      var result: [JSONValue] = []
      for item in items {
        guard let plain = item.plainJSON else { return nil }
        result.append(plain)
      }
      return .array(result)
    case .tensor, .array, .dictionary, .slice, .ellipsis, .object: return nil
    }
  }
}

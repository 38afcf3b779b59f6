import KerasImport
import ModelIR
import NativeFormat

/// Writes the calls of a model as Keras 3 does: `{"args": [...], "kwargs": {...}}` with tensors by their history.
struct CallWriter {
  let graph: LayerGraph
  /// The names of the layers in the new model.
  let names: [String]
  let lowered: LoweredModel?
  /// The path of the model among the models around it; empty for the outermost.
  let path: String
  /// Written before Keras 3: arguments that were not given stand as null, and operands as lists.
  let isLegacy: Bool
  /// Mask arguments to add, and where tensors are read from without their masks.
  var masks: [KerasTensor: [(String, JSONValue)]] = [:]
  var stripped: [KerasTensor: JSONValue] = [:]
  /// What is read in the place of the results of operations that Keras 3 does not have.
  var moved: [KerasTensor: JSONValue] = [:]

  /// The `inbound_nodes` of a layer.
  /// - Throws: ``KerasExportError`` for an array that cannot be written.
  func nodes(of layer: Int) throws(KerasExportError) -> [JSONValue] {
    let calls = graph.calls.filter { $0.layer == layer }.sorted { $0.call < $1.call }
    return try calls.map { call throws(KerasExportError) in
      var keywords = JSONObject()
      for (key, argument) in call.arguments.keywords {
        if isLegacy, key == "training", !graph.layers[layer].isOperation {
          // Keras 3 predicts with training=False in every layer, whatever the call says.
          if case .bool(true) = argument, graph.layers[layer].normalizesByBatch {
            throw .unsupported(
              "a call with training=True takes the batch's statistics, which Keras 3 predicts without")
          }
          continue
        }
        let value = try value(argument)
        if !isLegacy || !value.isNull { keywords[key] = value }
      }
      let added = masks[KerasTensor(layer: layer, call: call.call, output: 0), default: []]
      for (key, mask) in added { keywords[key] = mask }
      let isOperation = graph.layers[layer].isOperation && graph.layers[layer].className != "GetItem"
      // A condition says nothing about the type of what is chosen.
      let types = call.arguments.tensors.compactMap { type(of: $0)?.dtype }
      let dtype = types.first { $0 != .bool } ?? types.first
      let arguments = try call.arguments.positional.map { argument throws(KerasExportError) in
        try isLegacy && isOperation ? operand(argument, dtype) : value(argument)
      }
      return .object(JSONObject([("args", .array(arguments)), ("kwargs", .object(keywords))]))
    }
  }

  /// An operand of an operation: lists of numbers are arrays of the type of the tensors beside them.
  private func operand(
    _ argument: CallArgument<KerasTensor>, _ dtype: DType?
  ) throws(KerasExportError) -> JSONValue {
    guard case .list(let items) = argument, let dtype else { return try value(argument) }
    guard let numbers = argument.numbers else {
      // What stands beside tensors in a list is an operand, too.
      guard !argument.tensors.isEmpty else { return try value(argument) }
      return .array(try items.map { item throws(KerasExportError) in try operand(item, dtype) })
    }
    let type: DType
    if argument.isBoolean {
      type = .bool
    } else if argument.isWhole, dtype != .int64 {
      type = .int32  // They may be indices, and take part in arithmetic of any type all the same.
    } else {
      type = dtype == .bool ? .float32 : dtype
    }
    let tensor: Tensor
    do { tensor = try Tensor(numbers.values, sizes: numbers.sizes, dtype: type) } catch {
      throw .weight(name: "a constant", message: error.message)
    }
    return try CallWriter.array(tensor)
  }

  /// `input_layers` or `output_layers`.
  ///
  /// Where a nested Functional model's results are outputs, Keras counts the model's own construction as call 0.
  func structure(_ argument: CallArgument<KerasTensor>) -> JSONValue {
    switch argument {
    case .tensor(let tensor):
      if let history = moved[tensor]?["config"]?["keras_history"] { return history }
      let nested = graph.layers[tensor.layer].layer as? NestedModel
      return history(tensor, ahead: nested?.model.kind == .functional ? 1 : 0)
    case .list(let items): return .array(items.map(structure))
    case .dictionary(let entries):
      return .object(JSONObject(entries.map { ($0.key, structure($0.value)) }))
    default: return .null
    }
  }

  func history(_ tensor: KerasTensor, ahead: Int = 0) -> JSONValue {
    .array([.string(names[tensor.layer]), .integer(tensor.call + ahead), .integer(tensor.output)])
  }

  private func value(_ argument: CallArgument<KerasTensor>) throws(KerasExportError) -> JSONValue {
    switch argument {
    case .tensor(let tensor):
      return stripped[tensor] ?? moved[tensor] ?? CallWriter.tensor(history(tensor), type: type(of: tensor))
    case .array(let tensor): return try CallWriter.array(tensor)
    case .list(let items):
      return .array(try items.map { item throws(KerasExportError) in try value(item) })
    case .dictionary(let entries):
      return .object(
        JSONObject(try entries.map { entry throws(KerasExportError) in (entry.key, try value(entry.value)) }))
    case .integer(let integer): return .integer(integer)
    case .number(let number): return .number(number)
    case .bool(let bool): return .bool(bool)
    case .string(let string): return .string(string)
    case .none: return .null
    case .slice(let start, let stop, let step):
      return CallWriter.object(
        "__slice__", [("start", try value(start)), ("stop", try value(stop)), ("step", try value(step))])
    case .ellipsis: return CallWriter.object("__ellipsis__", [])
    case .object(let object): return object.json
    }
  }

  /// A part of one axis as a key of `x[...]`.
  static func slice(_ range: SliceRange) -> JSONValue {
    func bound(_ number: Int?) -> JSONValue { number.map(JSONValue.integer) ?? .null }
    return object(
      "__slice__",
      [("start", bound(range.start)), ("stop", bound(range.stop)), ("step", .integer(range.step))])
  }

  /// A tensor argument. Keras wants a shape and a type beside the history, and looks at neither: the layer that makes the
  /// tensor says what they are.
  static func tensor(_ history: JSONValue, type: TensorType?) -> JSONValue {
    let type = type ?? TensorType(.float32, [])  // Of a model that was not lowered; see above.
    return object(
      tensorClass,
      [
        ("shape", shape(type.shape)), ("dtype", .string(type.dtype.rawValue)), ("keras_history", history),
      ])
  }

  private static let tensorClass = "__keras_tensor__"

  /// The layer, call and output that an argument of a written call names; nil for what is no tensor.
  static func history(of argument: JSONValue) -> JSONValue? {
    argument["class_name"]?.string == tensorClass ? argument["config"]?["keras_history"] : nil
  }

  /// Whether an argument is a tensor of the model, or a list that holds one.
  static func holdsTensor(_ argument: JSONValue) -> Bool {
    history(of: argument) != nil || argument.array?.contains(where: holdsTensor) == true
  }

  /// A shape with null for sizes that are open.
  static func shape(_ shape: Shape) -> JSONValue {
    .array(shape.dimensions.map { $0.fixedSize.map(JSONValue.integer) ?? .null })
  }

  private static func object(_ className: String, _ config: [(String, JSONValue)]) -> JSONValue {
    ["class_name": .string(className), "config": .object(JSONObject(config))]
  }

  /// A tensor as `numpy.array` is serialised.
  static func array(_ tensor: Tensor) throws(KerasExportError) -> JSONValue {
    object(
      "__numpy__",
      [
        ("value", nested(try numbers(tensor)[...], tensor.sizes)), ("dtype", .string(tensor.dtype.rawValue)),
      ])
  }

  /// The elements, row-major.
  /// - Throws: `weight` when the bytes cannot be read, `unsupported` for integers that JSON numbers do not hold.
  static func numbers(_ tensor: Tensor) throws(KerasExportError) -> [JSONValue] {
    if let strings = tensor.strings { return strings.map(JSONValue.string) }
    let values: [Double]
    do { values = try tensor.doubles() } catch { throw .weight(name: "a constant", message: "\(error)") }
    return try values.map { value throws(KerasExportError) in
      if tensor.dtype == .bool { return .bool(value != 0) }
      if tensor.dtype.isFloatingPoint { return .number(value) }
      guard let integer = Int(exactly: value), abs(value) <= 0x1p53 else {
        throw .unsupported("the integer \(value) is too large for a configuration")
      }
      return .integer(integer)
    }
  }

  private static func nested(_ values: ArraySlice<JSONValue>, _ sizes: [Int]) -> JSONValue {
    guard let count = sizes.first else { return values.first ?? .null }
    let width = count > 0 ? values.count / count : 0
    return .array(
      (0..<count).map { index in
        let start = values.startIndex + index * width
        return nested(values[start..<(start + width)], Array(sizes.dropFirst()))
      })
  }

  /// The type of a tensor where it is known: that of inputs of nested models is what the model is called with.
  private func type(of tensor: KerasTensor) -> TensorType? {
    lowered.flatMap { lowered in
      lowered.value(of: tensor, in: graph, at: path).map { lowered.graph.type(of: $0) }
    }
  }
}

extension CallArgument {
  /// True for an integer, and for lists of them in any nesting.
  fileprivate var isWhole: Bool {
    switch self {
    case .integer: true
    case .list(let items): items.allSatisfy(\.isWhole)
    default: false
    }
  }
}

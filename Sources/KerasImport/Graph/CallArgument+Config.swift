import ModelIR
import NativeFormat

/// A reference to a tensor as a configuration writes it: layer name, call, output.
struct TensorReference: Hashable, Sendable {
  var layer: String
  var call: Int
  var output: Int

  /// Reads `["layer", node, tensor]`, a `keras_history`.
  init?(history: JSONValue) {
    guard let items = history.array, items.count == 3, let layer = items[0].string, let call = items[1].int,
      let output = items[2].int, call >= 0, output >= 0
    else { return nil }
    self.layer = layer
    self.call = call
    self.output = output
  }
}

extension CallArgument where Reference == TensorReference {
  /// Decodes one call argument of canonical form (Keras 3's `serialize_keras_object` of an argument).
  init(serialized value: JSONValue) throws(KerasImportError) {
    switch value {
    case .null: self = .none
    case .bool(let bool): self = .bool(bool)
    case .integer(let int): self = .integer(int)
    case .number(let number): self = .number(number)
    case .string(let string): self = .string(string)
    case .array(let items):
      var list: [CallArgument] = []
      for item in items { list.append(try CallArgument(serialized: item)) }
      self = .list(list)
    case .object(let object):
      guard let className = object["class_name"]?.string,
        object.contains("config") || className.hasPrefix("__")
      else {
        var entries: [(key: String, value: CallArgument)] = []
        for entry in object { entries.append((entry.key, try CallArgument(serialized: entry.value))) }
        self = .dictionary(entries)
        return
      }
      self = try CallArgument(className: className, config: object["config"] ?? .null, of: value)
    }
  }

  /// Elements written out: numbers, truth values or text.
  private static func array(_ config: JSONValue) throws(KerasImportError) -> Tensor {
    let name = config["dtype"]?.string
    let dtype = name.map { DType(rawValue: $0) } ?? .float32  // Keras 3.0 wrote no type beside its floats.
    guard let dtype else { throw KerasImportError(.unsupported("an array of \(name ?? "")")) }
    if dtype == .string, let text = config["value"]?.textArray {
      return try checkedTensor(Tensor(text.values, sizes: text.sizes))
    }
    guard let array = config["value"]?.numericArray else {
      throw KerasImportError(.invalidGraph("expected an array of numbers, found \(config.shortText)"))
    }
    return try checkedTensor(Tensor(array.values, sizes: array.sizes, dtype: dtype))
  }

  private init(className: String, config: JSONValue, of value: JSONValue) throws(KerasImportError) {
    switch className {
    case "__keras_tensor__":
      guard let history = config["keras_history"], let reference = TensorReference(history: history) else {
        throw KerasImportError(.invalidGraph("a tensor argument has no keras_history"))
      }
      self = .tensor(reference)
    case "__numpy__", "__tensor__":
      self = .array(try CallArgument.array(config))
    case "__slice__":
      self = .slice(
        start: try CallArgument(serialized: config["start"] ?? .null),
        stop: try CallArgument(serialized: config["stop"] ?? .null),
        step: try CallArgument(serialized: config["step"] ?? .null))
    case "__ellipsis__": self = .ellipsis
    case "__tuple__", "TensorShape":
      self = try CallArgument(serialized: config["items"] ?? config)
    case "DTypePolicy": self = .string(config["name"]?.string ?? "float32")
    default: self = .object(SerializedObject(value))
    }
  }
}

extension CallArguments where Reference == TensorReference {
  /// Decodes one entry of `inbound_nodes`: `{"args": [...], "kwargs": {...}}`.
  init(node: JSONValue) throws(KerasImportError) {
    guard let object = node.object, let args = object["args"]?.array else {
      throw KerasImportError(.invalidGraph("expected a node with args and kwargs, found \(node.shortText)"))
    }
    self.init(positional: [])
    for argument in args { positional.append(try CallArgument<TensorReference>(serialized: argument)) }
    guard let kwargs = object["kwargs"]?.object else { return }
    for entry in kwargs {
      keywords.append((entry.key, try CallArgument<TensorReference>(serialized: entry.value)))
    }
  }
}

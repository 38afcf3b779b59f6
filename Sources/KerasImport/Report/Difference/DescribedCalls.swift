import NativeFormat

/// What layers are called with, in a form that can be compared and shown.
extension LayerGraph {
  func described(_ arguments: CallArguments<KerasTensor>) -> JSONValue {
    if arguments.keywords.isEmpty, arguments.positional.count == 1 {
      return described(arguments.positional[0])
    }
    var object: JSONObject = [:]
    for (position, argument) in arguments.positional.enumerated() {
      object["\(position)"] = described(argument)
    }
    for (key, value) in arguments.keywords { object[key] = described(value) }
    return .object(object)
  }

  func described(_ argument: CallArgument<KerasTensor>) -> JSONValue {
    switch argument {
    case .tensor(let tensor): .string(described(tensor))
    case .array(let tensor): .string("an array \(tensor.type)")
    case .list(let items): .array(items.map(described))
    case .dictionary(let entries): .object(JSONObject(entries.map { ($0.key, described($0.value)) }))
    case .integer(let value): .integer(value)
    case .number(let value): .number(value)
    case .bool(let value): .bool(value)
    case .string(let value): .string(value)
    case .none: .null
    case .slice(let start, let stop, let step): ["slice": .array([start, stop, step].map(described))]
    case .ellipsis: "..."
    case .object(let object): object.json
    }
  }

  /// The layer that gives a tensor; with the call and the output where they are not the first.
  private func described(_ tensor: KerasTensor) -> String {
    let name = layers[tensor.layer].name
    return tensor.call == 0 && tensor.output == 0 ? name : "\(name)[\(tensor.call)][\(tensor.output)]"
  }
}

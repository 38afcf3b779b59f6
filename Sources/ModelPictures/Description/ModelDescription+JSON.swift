import ModelIR
import NativeFormat

extension ModelDescription {
  /// The description as JSON, keys sorted, as `Documentation/summary.schema.json` has it.
  public var json: String { jsonValue.text(.pretty) + "\n" }

  var jsonValue: JSONValue {
    .sorted([
      "name": .string(name), "class_name": .string(className), "format": .string(format),
      "keras_version": kerasVersion.isEmpty ? .null : .string(kerasVersion), "schema_version": 1,
      "inputs": .array(inputs.map(\.jsonValue)), "outputs": .array(outputs.map(\.jsonValue)),
      "parameters": parameters.jsonValue, "cost": cost.jsonValue, "layers": layers.jsonValue,
      "notes": .array(notes.map { .string($0) }),
    ])
  }
}

extension LayerGroup {
  /// The layers, each with what it takes.
  fileprivate var jsonValue: JSONValue {
    var sources: [[JSONValue]] = Array(repeating: [], count: layers.count)
    for connection in connections {
      sources[connection.target].append(
        .sorted(["layer": .string(layers[connection.source].name), "output": .integer(connection.output)]))
    }
    return .array(zip(layers, sources).map { $0.jsonValue(inbound: $1) })
  }
}

extension LayerDescription {
  fileprivate func jsonValue(inbound: [JSONValue]) -> JSONValue {
    .sorted([
      "name": .string(name), "path": .string(path), "class_name": .string(className),
      "family": .string(family.rawValue), "activation": activation.map { .string($0) } ?? .null,
      "dtype": .string(dtype), "input_shapes": .array(inputShapes.map { $0?.jsonValue ?? .null }),
      "output_shapes": .array(outputShapes.map { $0?.jsonValue ?? .null }),
      "parameters": parameters?.jsonValue ?? .null, "cost": cost.jsonValue, "supported": .bool(isSupported),
      "inbound": .array(inbound), "layers": nested.jsonValue,
    ])
  }
}

extension ParameterCount {
  fileprivate var jsonValue: JSONValue {
    .sorted([
      "total": .integer(total), "trainable": .integer(trainable), "non_trainable": .integer(nonTrainable),
      "bytes": .integer(byteCount),
    ])
  }
}

extension LayerCost {
  fileprivate var jsonValue: JSONValue {
    .sorted([
      "flops": operations.map { .integer($0) } ?? .null,
      "output_bytes": outputByteCount.map { .integer($0) } ?? .null,
    ])
  }
}

extension TensorSpec {
  fileprivate var jsonValue: JSONValue {
    .sorted(["name": .string(name), "dtype": .string(type.dtype.rawValue), "shape": type.shape.jsonValue])
  }
}

extension Shape {
  /// Sizes, and names of those that are open.
  fileprivate var jsonValue: JSONValue {
    .array(
      dimensions.map { dimension in dimension.fixedSize.map { .integer($0) } ?? .string("\(dimension)") })
  }
}

extension JSONValue {
  /// An object with its keys in alphabetical order.
  fileprivate static func sorted(_ members: [String: JSONValue]) -> JSONValue {
    .object(JSONObject(members.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
  }
}

public import KerasImport
import ModelIR
import NativeFormat

extension ModelDescription {
  /// The summary as JSON, keys sorted, as `Documentation/summary.schema.json` has it: a `ModelReport`, which can be
  /// decoded of it, and what is known beyond that: cost, activations, types, the shapes of inputs.
  /// - Parameter report: of the model that is described.
  public func json(_ report: ModelReport) -> String {
    var described: [String: LayerDescription] = [:]
    collect(layers, &described)
    let value = JSONValue.sorted([
      "schemaVersion": 1, "file": .string(report.file), "status": .string(report.status.rawValue),
      "fileFormat": .text(report.fileFormat?.rawValue), "format": .string(format), "name": .string(name),
      "className": .string(className), "kerasVersion": .string(kerasVersion),
      "inputs": .array(inputs.map(\.jsonValue)), "outputs": .array(outputs.map(\.jsonValue)),
      "layers": .array(report.layers.map { $0.jsonValue(described) }),
      "weights": .array(report.weights.map(\.jsonValue)), "trainable": report.trainable.jsonValue,
      "nonTrainable": report.nonTrainable.jsonValue, "cost": cost.jsonValue,
      "problems": .array(report.problems.map(\.jsonValue)),
      "warnings": .array(report.warnings.map { .string($0) }),
    ])
    return value.text(.pretty) + "\n"
  }

  private func collect(_ group: LayerGroup, _ found: inout [String: LayerDescription]) {
    for layer in group.layers {
      found[layer.path] = layer
      collect(layer.nested, &found)
    }
  }
}

extension ModelReport.Layer {
  /// - Parameter described: what is known beyond the report, by path.
  fileprivate func jsonValue(_ described: [String: LayerDescription]) -> JSONValue {
    var members: [String: JSONValue] = [
      "name": .string(name), "path": .string(path), "className": .string(className),
      "isSupported": .bool(isSupported),
      "outputShapes": outputShapes.map { .array($0.map { .array($0.map(\.jsonValue)) }) } ?? .null,
      "parameterCount": .count(parameterCount), "inputs": .array(inputs.map { .string($0) }),
      "layers": .array(layers.map { $0.jsonValue(described) }),
    ]
    if let layer = described[path] {
      let shapes = layer.outputShapes.compactMap { $0 }
      if shapes.count == layer.outputShapes.count {
        members["outputShapes"] = .array(shapes.map(\.jsonValue))
      }
      members["inputShapes"] = .array(layer.inputShapes.map { $0?.jsonValue ?? .null })
      members["activation"] = .text(layer.activation)
      members["dtype"] = .string(layer.dtype)
      members["family"] = .string(layer.family.rawValue)
      members["cost"] = layer.cost.jsonValue
    }
    return .sorted(members)
  }
}

extension ModelReport.Size {
  fileprivate var jsonValue: JSONValue {
    switch self {
    case .fixed(let size): .integer(size)
    case .named(let name): .string(name)
    }
  }
}

extension ModelReport.Weight {
  fileprivate var jsonValue: JSONValue {
    .sorted([
      "name": .string(name), "dtype": .string(dtype.rawValue), "sizes": .array(sizes.map { .integer($0) }),
      "byteCount": .integer(byteCount), "isTrainable": .bool(isTrainable),
    ])
  }
}

extension ModelReport.Count {
  fileprivate var jsonValue: JSONValue {
    .sorted(["parameters": .integer(parameters), "bytes": .integer(bytes)])
  }
}

extension ModelReport.Problem {
  fileprivate var jsonValue: JSONValue {
    .sorted([
      "kind": .string(kind), "layer": .text(layer), "className": .text(className),
      "message": .string(message),
      "suggestion": .text(suggestion),
    ])
  }
}

extension LayerCost {
  fileprivate var jsonValue: JSONValue {
    .sorted(["operations": .count(operations), "outputByteCount": .count(outputByteCount)])
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

  fileprivate static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
  fileprivate static func count(_ count: Int?) -> JSONValue { count.map { .integer($0) } ?? .null }
}

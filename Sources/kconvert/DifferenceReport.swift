import KerasImport
import ModelIR
import NativeFormat

/// A ``ModelDifference`` as a table for people, and as JSON.
struct DifferenceReport {
  let difference: ModelDifference
  /// The files and what they are.
  let names: (first: String, second: String)
  let formats: (first: String, second: String)

  init(
    _ difference: ModelDifference, names: (first: String, second: String),
    formats: (first: String, second: String)
  ) {
    self.difference = difference
    self.names = names
    self.formats = formats
  }

  // MARK: Text

  var text: String {
    let head = "- \(names.first) (\(formats.first))\n+ \(names.second) (\(formats.second))\n"
    if difference.isEmpty {
      return head
        + "\nnothing differs: \(difference.equalLayerCount) layers, \(difference.weights.count) weights\n"
    }
    return head + modelText + layerText + weightText
  }

  private var modelText: String {
    difference.changes.isEmpty ? "" : "\nModel\n" + difference.changes.map(DifferenceReport.line).joined()
  }

  private var layerText: String {
    let layers = difference.layers.map { layer in
      DifferenceReport.title(layer) + layer.changes.map { "  " + DifferenceReport.line($0) }.joined()
    }
    return "\nLayers: \(difference.equalLayerCount) equal, \(difference.layers.count) different\n"
      + layers.joined()
  }

  private static func title(_ layer: ModelDifference.Layer) -> String {
    switch (layer.firstClass, layer.secondClass) {
    case (let first?, nil): "  - \(layer.path) (\(first))\n"
    case (nil, let second?): "  + \(layer.path) (\(second))\n"
    case (let first?, let second?) where first != second: "  ~ \(layer.path) (\(first) -> \(second))\n"
    case (let first, _): "  ~ \(layer.path) (\(first ?? ""))\n"
    }
  }

  private static func line(_ change: ModelDifference.Change) -> String {
    func text(_ value: ConfigValue?) -> String { value?.json.text(.compact).shortened(to: 200) ?? "(absent)" }
    return "  \(change.key): \(text(change.first)) -> \(text(change.second))\n"
  }

  private var weightText: String {
    let changed = difference.weights.filter { !$0.isEqual }
    let title = "\nWeights: \(difference.weights.count - changed.count) equal, \(changed.count) different\n"
    if changed.isEmpty { return title }
    let header = ["weight", "type", "norm", "norm of difference", "relative", "max absolute"]
    return title + TextColumns([header] + changed.map(DifferenceReport.cells), leftCount: 2).text
  }

  private static func cells(_ weight: WeightDifference) -> [String] {
    let mark = weight.second == nil ? "- " : weight.first == nil ? "+ " : "~ "
    let types = [weight.first, weight.second].compactMap { $0?.description }
    // No types, no text.
    let type = types.count == 2 && types[0] != types[1] ? types.joined(separator: " -> ") : types.first ?? ""
    guard let distance = weight.distance else { return [mark + weight.name, type, "", "", "", ""] }
    let numbers = [distance.firstNorm, distance.norm, distance.relative, distance.maximum]
    return [mark + weight.name, type] + numbers.map(Compare.text)
  }

  // MARK: JSON

  var json: JSONValue {
    [
      "first": ["file": .string(names.first), "format": .string(formats.first)],
      "second": ["file": .string(names.second), "format": .string(formats.second)],
      "equal": .bool(difference.isEmpty),
      "model": .array(difference.changes.map(DifferenceReport.json)),
      "equal_layers": .integer(difference.equalLayerCount),
      "layers": .array(difference.layers.map(DifferenceReport.json)),
      "weights": .array(difference.weights.map(DifferenceReport.json)),
    ]
  }

  private static func status(_ first: (some Any)?, _ second: (some Any)?, isEqual: Bool = false) -> JSONValue
  {
    if first == nil { return "added" }
    if second == nil { return "removed" }
    return isEqual ? "equal" : "changed"
  }

  private static func json(_ change: ModelDifference.Change) -> JSONValue {
    // A key that is absent is not there; null is a value.
    var object: JSONObject = ["key": .string(change.key)]
    object["first"] = change.first?.json
    object["second"] = change.second?.json
    return .object(object)
  }

  private static func json(_ layer: ModelDifference.Layer) -> JSONValue {
    [
      "path": .string(layer.path), "status": status(layer.firstClass, layer.secondClass),
      "first_class": layer.firstClass.map { .string($0) } ?? .null,
      "second_class": layer.secondClass.map { .string($0) } ?? .null,
      "keys": .array(layer.changes.map(json)),
    ]
  }

  private static func json(_ weight: WeightDifference) -> JSONValue {
    func type(_ type: TensorType?) -> JSONValue {
      guard let type else { return .null }
      let sizes = (type.shape.fixedSizes ?? []).map { JSONValue.integer($0) }  // A tensor's sizes are known.
      return ["dtype": .string(type.dtype.rawValue), "shape": .array(sizes)]
    }
    var object: JSONObject = [
      "name": .string(weight.name), "status": status(weight.first, weight.second, isEqual: weight.isEqual),
      "first": type(weight.first), "second": type(weight.second),
    ]
    if let distance = weight.distance {
      object["first_norm"] = .number(distance.firstNorm)
      object["second_norm"] = .number(distance.secondNorm)
      object["difference_norm"] = .number(distance.norm)
      object["relative"] = .number(distance.relative)
      object["max_absolute"] = .number(distance.maximum)
      object["changed_elements"] = .integer(distance.changedCount)
    }
    return .object(object)
  }
}

/// Rows of cells under each other, the first columns to the left and the others to the right.
struct TextColumns {
  private let rows: [[String]]
  private let leftCount: Int

  init(_ rows: [[String]], leftCount: Int) {
    self.rows = rows.map { $0.map(\.printable) }
    self.leftCount = leftCount
  }

  var text: String {
    // No rows, no text.
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = zip(row, widths).enumerated().map { column, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return column < leftCount ? cell.0 + space : space + cell.0
      }
      return cells.joined(separator: "  ").trimmingEnd + "\n"
    }.joined()
  }
}

extension String {
  /// The text without the spaces at its end.
  fileprivate var trimmingEnd: String {
    String(self[..<(lastIndex { $0 != " " }.map { index(after: $0) } ?? startIndex)])
  }
}

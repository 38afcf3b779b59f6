import ModelIR

// All wording of import errors: place first, then what is wrong, expected before found.

extension KerasImportError: CustomStringConvertible {
  /// One line: the places, outermost first, then what is wrong, expected before found. What many layers have in common
  /// is said once.
  public var description: String {
    switch reason {
    case .several(let errors): Self.text(errors)
    case .unsupportedLayer: Self.text([self])
    default: (path.map(\.text) + [reason.text]).joined(separator: ": ")
    }
  }

  /// How to go on, in a line of its own; nil where the description says all there is.
  public var suggestion: String? {
    remedies.isEmpty ? nil : remedies.map(\.text).joined(separator: "; ")
  }

  /// How to go on, each way once; empty where the description says all there is.
  public var remedies: [Remedy] {
    if case .several(let errors) = reason { return errors.flatMap(\.remedies).unique }
    return reason.remedy.map { [$0] } ?? []  // There is none.
  }

  /// The refusals of several layers in one line, the file named once.
  private static func text(_ errors: [KerasImportError]) -> String {
    var refusals = GroupedRefusals()
    var file: String?
    for error in errors {
      var rest = error.path
      if case .file(let name)? = rest.first {
        file = name
        rest.removeFirst()
      }
      let layers = rest.prefix { $0.asLayer != nil }
      let places = rest.dropFirst(layers.count).map(\.text)
      let layer = layers.compactMap { $0.asLayer?.name }.joined(separator: "/")
      if case .unsupportedLayer(let className) = error.reason {
        refusals.add(unsupported: className, layer: layer)
      } else {
        let reason = (places + [error.reason.text]).joined(separator: ": ")
        // Without a layer the reason stands alone.
        refusals.add(reason, layer: layer, className: layers.last?.asLayer?.className ?? "")
      }
    }
    return [file, refusals.text].compactMap { $0 }.joined(separator: ": ")
  }
}

/// Refusals of layers, each reason once with the layers that it holds for.
package struct GroupedRefusals {
  private struct Group {
    let className: String
    /// nil: the class itself is not known.
    let reason: String?
    var layers: [String]
  }

  private var groups: [Group] = []

  package init() {}

  /// True while nothing has been added.
  package var isEmpty: Bool { groups.isEmpty }

  /// Adds a layer whose class is not known; `layer` is empty for the model itself.
  package mutating func add(unsupported className: String, layer: String) { add(className, nil, layer) }

  /// Adds a reason against a layer of a known class.
  package mutating func add(_ reason: String, layer: String, className: String) {
    add(className, reason, layer)
  }

  private mutating func add(_ className: String, _ reason: String?, _ layer: String) {
    if let index = groups.firstIndex(where: { $0.className == className && $0.reason == reason }) {
      groups[index].layers.append(layer)
    } else {
      groups.append(Group(className: className, reason: reason, layers: [layer]))
    }
  }

  /// `not supported: LayerScale (18 layers: a, b, c …), Lambda (1 layer: l); layer "d" (Dense): ...`.
  package var text: String {
    let unknown = groups.filter { $0.reason == nil }.map { group in
      "\(group.className)\(GroupedRefusals.list(group.layers))"
    }
    let reasons = groups.compactMap { group in
      group.reason.map { reason in
        if group.layers.count > 1 {
          return "\(group.className)\(GroupedRefusals.list(group.layers)): \(reason)"
        }
        let layer = group.layers.first ?? ""  // A group is made with its first layer.
        return layer.isEmpty ? reason : "layer \"\(layer)\" (\(group.className)): \(reason)"
      }
    }
    let first = unknown.isEmpty ? [] : ["not supported: " + unknown.joined(separator: ", ")]
    return (first + reasons).joined(separator: "; ")
  }

  private static func list(_ layers: [String]) -> String {
    let named = layers.filter { !$0.isEmpty }
    guard !named.isEmpty else { return "" }
    let shown = named.prefix(3).joined(separator: ", ") + (named.count > 3 ? " …" : "")
    return " (\(named.count) \(named.count == 1 ? "layer" : "layers"): \(shown))"
  }
}

extension Array where Element: Hashable {
  /// Each once, in the order of the first.
  fileprivate var unique: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}

extension KerasImportError.Place {
  var text: String {
    switch self {
    case .file(let name): name
    case .layer(let name, let className): "layer \"\(name)\" (\(className))"
    case .call(let number): "call \(number)"
    case .key(let key): "key \"\(key)\""
    case .weight(let name): "weight \"\(name)\""
    }
  }

  var asLayer: (name: String, className: String)? {
    if case .layer(let name, let className) = self { (name, className) } else { nil }
  }
}

extension KerasImportError.Reason {
  var text: String {
    switch self {
    case .io(let file, let message): return "\(file): \(message)"
    case .notAKerasFile(let message, _): return "not a Keras model: \(message)"
    case .corrupted(let message), .unsupported(let message, _), .invalidGraph(let message): return message
    case .unsupportedLayer(let className): return "not supported: \(className)"
    case .several(let errors): return errors.map(\.description).joined(separator: "; ")
    case .missingKey(let key): return "missing key \"\(key)\""
    case .noSuchLayerClass(let name, let nearest):
      return "there is no layer class \"\(name)\"; did you mean \"\(nearest)\"?"
    case .unknownKeys(let keys, let nearest):
      return (keys.count == 1 ? "unknown key " : "unknown keys ")
        + keys.map { "\"\($0)\"" }.joined(separator: ", ")
        + (nearest.map { "; did you mean \"\($0)\"?" } ?? "")  // Nothing is near.
    case .invalidValue(let key, let expected, let found):
      return "\"\(key)\": expected \(expected), found \(found)"
    case .noSuchWeight(let name, let nearest):
      // Nothing is near.
      return "there is no weight \"\(name)\"" + (nearest.map { "; did you mean \"\($0)\"?" } ?? "")
    case .undeclaredWeight(let name, let declared):
      let names = declared.map { "\"\($0)\"" }.joined(separator: ", ")
      return "the layer asks for weight \"\(name)\" but declares \(names.isEmpty ? "none" : names)"
    case .replacement(let error): return "\(error)"
    case .weightNotFound(let name): return "weight \"\(name)\" is missing from the file"
    case .weightShape(let name, let expected, let found, let origin):
      let source = origin.map { "; the input \($0)" } ?? ""  // Nothing to add.
      return "weight \"\(name)\": expected shape \(expected), found \(found)" + source
    case .unusedWeights(let names):
      let shown = names.prefix(5).map { "\"\($0)\"" }.joined(separator: ", ")
      return "weights that no layer asks for: \(shown)"
        + (names.count > 5 ? " and \(names.count - 5) more" : "")
    case .incomplete(let message, _): return message
    // Nothing to add without an origin.
    case .graph(let error, let origin): return error.message + (origin.map { "; the operand \($0)" } ?? "")
    }
  }

  fileprivate var remedy: KerasImportError.Remedy? {
    switch self {
    case .notAKerasFile(_, let suggestion): suggestion.map { .advice($0) }
    case .unsupported(_, let remedy): remedy
    case .incomplete(_, let remedy): remedy
    case .unsupportedLayer(let className): Self.remedy(for: className)
    case .io, .corrupted, .invalidGraph, .several, .missingKey, .unknownKeys, .invalidValue, .graph,
      .noSuchLayerClass, .weightNotFound, .noSuchWeight, .undeclaredWeight, .weightShape, .replacement,
      .unusedWeights:
      nil
    }
  }

  private static func remedy(for className: String) -> KerasImportError.Remedy {
    if className == "Lambda" { return .lambda }
    if let reason = RefusedLayers.reasons[className] { return .advice(reason) }
    return className.hasPrefix("tf.")
      ? .advice("rebuild that step with layers or keras.ops") : .layerClass
  }
}

extension KerasImportError.Remedy {
  fileprivate var text: String {
    switch self {
    case .weights: "name the file of the weights (KerasModel.Options.weights)"
    case .architecture: "open the architecture with this file as its weights (KerasModel.Options.weights)"
    case .inputShape:
      "give the shape of its input (LoweringOptions.inputShapes), or build the model in Keras before it is saved"
    case .asset: "name the file (KerasModel.Options.assets)"
    case .lambda:
      "a Lambda's Python code is never run; say what it computes with LayerRegistry.define(lambda:as:)"
    case .layerClass: "register the class with LayerRegistry.register (article \"Custom layers\")"
    case .advice(let words): words
    }
  }
}

import ModelIR

/// All wording of import errors: place first, then what is wrong, expected before found.
extension KerasImportError: CustomStringConvertible {
  /// One line: the places, outermost first, then what is wrong, expected before found.
  public var description: String {
    if case .several(let errors) = reason {
      let parts = errors.map { $0.description }
      return parts.joined(separator: "; ")
    }
    let places = path.map(\.text)
    return (places + [reason.text]).joined(separator: ": ")
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
}

extension KerasImportError.Reason {
  var text: String {
    switch self {
    case .io(let file, let message): return "\(file): \(message)"
    case .notAKerasFile(let message): return "not a Keras model: \(message)"
    case .corrupted(let message), .unsupported(let message), .invalidGraph(let message): return message
    case .unsupportedLayer(let className, let nearest):
      let hint = nearest.map { "; did you mean \"\($0)\"?" } ?? ""
      return "unsupported layer class or operation \"\(className)\"\(hint)"
    case .several(let errors): return errors.map(\.description).joined(separator: "; ")
    case .missingKey(let key): return "missing key \"\(key)\""
    case .unknownKeys(let keys):
      return (keys.count == 1 ? "unknown key " : "unknown keys ")
        + keys.map { "\"\($0)\"" }.joined(separator: ", ")
    case .invalidValue(let key, let expected, let found):
      return "\"\(key)\": expected \(expected), found \(found)"
    case .weightNotFound(let name): return "weight \"\(name)\" is missing from the file"
    case .weightShape(let name, let expected, let found, let origin):
      let source = origin.map { "; the input \($0)" } ?? ""
      return "weight \"\(name)\": expected shape \(expected), found \(found)" + source
    case .unusedWeights(let names):
      let shown = names.prefix(5).map { "\"\($0)\"" }.joined(separator: ", ")
      return "weights that no layer asks for: \(shown)"
        + (names.count > 5 ? " and \(names.count - 5) more" : "")
    case .incomplete(let message, let missing): return "\(message); \(missing)"
    case .graph(let error, let origin): return error.message + (origin.map { "; the operand \($0)" } ?? "")
    }
  }
}

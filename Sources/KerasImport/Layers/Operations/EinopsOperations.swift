import ModelIR

/// The operation of `keras/src/ops/einops.py`.
extension LayerRegistry {
  mutating func addEinopsOperations() { add("Rearrange", as: OperationCall.rearrange) }
}

extension OperationCall {
  /// Axes split, moved and joined by names: `"b h (w c) -> b (h w) c"`, sizes of the parts by keyword; one part of a split
  /// may follow from the rest.
  func rearrange() throws(KerasImportError) -> Value {
    let x = try tensor("tensor", at: 0)
    let pattern = try required("pattern", string("pattern", at: 1))
    guard let arrow = pattern.firstRange(of: "->") else {
      throw KerasImportError(.invalidGraph("the pattern \"\(pattern)\""))
    }
    let input = try AxisGroup.parsed(pattern[..<arrow.lowerBound])
    let output = try AxisGroup.parsed(pattern[arrow.upperBound...])
    guard input.count == scope.rank(of: x) else {
      throw KerasImportError(.invalidGraph("\"\(pattern)\" for shape \(scope.shape(of: x))"))
    }
    var lengths: [String: Dimension] = [:]
    for (group, size) in zip(input, scope.shape(of: x).dimensions) {
      var known = Dimension.fixed(1)
      var open: [String] = []
      for name in group.names {
        if group.names.count > 1 || group.isJoined, let length = try sizes(name)?.first {
          lengths[name] = length
          known = known * length
        } else {
          open.append(name)
        }
      }
      guard open.count < 2 else { throw KerasImportError(.invalidGraph("the sizes of \(open) are open")) }
      if let name = open.first { lengths[name] = size / known }
    }
    let names = input.flatMap(\.names)
    let wanted = output.flatMap(\.names)
    guard Set(names) == Set(wanted), Set(names).count == names.count, names.count == wanted.count else {
      throw KerasImportError(.invalidGraph("\"\(pattern)\" names different axes"))
    }
    let split = try scope.reshape(x, Shape(names.compactMap { lengths[$0] }))
    let moved = try scope.transpose(split, wanted.compactMap { names.firstIndex(of: $0) })
    return try scope.reshape(moved, Shape(output.map { $0.names.compactMap { lengths[$0] }.reduce(1, *) }))
  }
}

/// The names of one axis of a pattern: one, or several in parentheses.
private struct AxisGroup {
  var names: [String]
  var isJoined: Bool

  static func parsed(_ text: Substring) throws(KerasImportError) -> [AxisGroup] {
    var groups: [AxisGroup] = []
    var open: [String]?
    let spaced = text.replacing("(", with: " ( ").replacing(")", with: " ) ")
    for word in spaced.split(whereSeparator: \.isWhitespace) {
      switch word {
      case "(" where open == nil: open = []
      case ")" where open != nil:
        if let names = open { groups.append(AxisGroup(names: names, isJoined: true)) }
        open = nil
      case "(", ")": throw KerasImportError(.invalidGraph("parentheses in \"\(text)\""))
      default:
        if open != nil {
          open?.append(String(word))
        } else {
          groups.append(AxisGroup(names: [String(word)], isJoined: false))
        }
      }
    }
    return groups
  }
}

import NativeFormat

/// A key of a map by layer path, which Keras reads as a regular expression of the whole path.
///
/// Only characters, `\\` before one, `.`, and `*`, `+`, `?` behind them are read; matching takes time by the product of
/// the lengths, whatever a file says.
/// Source: `DTypePolicyMap.__getitem__` of `keras/src/dtype_policies/dtype_policy_map.py`.
struct PathPattern {
  private struct Part {
    /// nil: any character.
    let character: Character?
    var isOptional = false
    var isRepeated = false
  }

  private var parts: [Part] = []

  /// - Throws: `unsupported` for a regular expression of another kind.
  init(_ text: String) throws(KerasImportError) {
    var isEscaped = false
    for character in text {
      if isEscaped {
        guard !character.isLetter, !character.isNumber else { throw PathPattern.refusal(text) }
        parts.append(Part(character: character))
        isEscaped = false
        continue
      }
      switch character {
      case "\\": isEscaped = true
      case ".": parts.append(Part(character: nil))
      case "*", "+", "?":
        guard let last = parts.indices.last, !parts[last].isOptional, !parts[last].isRepeated else {
          throw PathPattern.refusal(text)
        }
        parts[last].isOptional = character != "+"
        parts[last].isRepeated = character != "?"
      case "[", "]", "(", ")", "{", "}", "|", "^", "$": throw PathPattern.refusal(text)
      default: parts.append(Part(character: character))
      }
    }
    if isEscaped { throw PathPattern.refusal(text) }
  }

  private static func refusal(_ text: String) -> KerasImportError {
    KerasImportError(
      .unsupported(
        "the regular expression \"\(text)\" in a map of dtype policies; name the layers by their paths"))
  }

  /// Whether the whole path is of the pattern.
  func matches(_ path: some StringProtocol) -> Bool {
    // The parts that the next character may be of; `parts.count`: the end.
    var states = reachable(from: [0])
    for character in path {
      var next: Set<Int> = []
      for state in states where state < parts.count {
        let part = parts[state]
        guard part.character == nil || part.character == character else { continue }
        next.insert(state + 1)
        if part.isRepeated { next.insert(state) }
      }
      states = reachable(from: next)
    }
    return states.contains(parts.count)
  }

  private func reachable(from states: Set<Int>) -> Set<Int> {
    var result = states
    for state in states {
      var state = state
      while state < parts.count, parts[state].isOptional {
        state += 1
        result.insert(state)
      }
    }
    return result
  }

  /// The value for a layer, known by its path or the end of it: an exact key goes before a pattern.
  /// - Throws: `unsupported` where two patterns say something, or one does for some layers of the name and not for others.
  static func entry(for path: String, in map: JSONObject) throws(KerasImportError) -> JSONValue? {
    if let exact = map.first(where: { $0.key == path || $0.key.hasSuffix("/" + path) }) { return exact.value }
    var found: JSONValue?
    for (key, value) in map where key.contains(where: { ".*+?\\[](){}|^$".contains($0) }) {
      if try PathPattern(key).matches(path) {
        guard found == nil else {
          throw KerasImportError(.unsupported("two patterns of a map of dtype policies for \"\(path)\""))
        }
        found = value
        continue
      }
      for slash in key.indices where key[slash] == "/" {
        guard try !PathPattern(String(key[key.index(after: slash)...])).matches(path) else {
          throw KerasImportError(
            .unsupported(
              "the pattern \"\(key)\" of a map of dtype policies, which is of some layers \"\(path)\" and not of others; name them by their paths"
            ))
        }
      }
    }
    return found
  }
}

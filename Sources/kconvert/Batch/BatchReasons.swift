/// Why models of a batch failed, counted by kind.
struct BatchReasons {
  private var counts: [String: Int] = [:]
  private static let kindLimit = 200

  /// Counts a model once under each class that is not supported, or under its reason.
  mutating func add(_ entry: BatchEntry) {
    let classes = entry.unsupported.map { "not supported: \($0.className)" }
    for kind in classes.isEmpty ? [BatchReasons.kind(of: entry)] : classes {
      let known = counts[kind] != nil || counts.count < BatchReasons.kindLimit
      counts[known ? kind : "other reasons", default: 0] += 1
    }
  }

  /// The most frequent first.
  var table: String {
    let rows = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let width = rows.first.map { "\($0.value)".count } ?? 0  // No rows, no width.
    return rows.map { kind, count in
      "  \(String(repeating: " ", count: width - "\(count)".count))\(count)  \(kind)\n"
    }.joined()
  }

  /// A reason without what is the file's own: its path, names in quotes, numbers.
  private static func kind(of entry: BatchEntry) -> String {
    guard let reason = entry.reason else { return "exit code \(entry.code)" }
    var text = reason[...]
    if text.hasPrefix("\(entry.file): ") { text = text.dropFirst(entry.file.count + 2) }
    var (kind, isQuoted) = ("", false)
    for character in text {
      if character == "\"" { isQuoted.toggle() }
      if isQuoted, character != "\"" { continue }
      // Digits of a name, as in "libhdf5", stay.
      if character.isNumber, kind.last?.isLetter != true || kind.last == "N" {
        if kind.last != "N" { kind.append("N") }
      } else {
        kind.append(character)
      }
    }
    return kind.replacing("\"\"", with: "\"…\"").shortened(to: 100)
  }
}

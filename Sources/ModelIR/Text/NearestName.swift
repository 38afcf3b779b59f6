extension Collection<String> {
  /// The name that somebody who wrote `name` may have meant: the nearest one, where few letters differ; nil when none is near.
  package func nearest(to name: String) -> String? {
    // Of short names every other one is as near.
    let limit = name.count < 3 ? 0 : Swift.max(1, name.count / 3)
    let scored = map { (name: $0, distance: editDistance(name, $0)) }
    // A part of a path, as the layer's name alone, is near too.
    let close = scored.filter { $0.distance <= limit || $0.name.hasSuffix("/" + name) }
    return close.min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
  }
}

/// The fewest letters to insert, remove, replace, or change with their neighbour to make one word of another.
private func editDistance(_ a: String, _ b: String) -> Int {
  let (first, second) = (Array(a.lowercased().utf8), Array(b.lowercased().utf8))
  // The distances of what stood before the last letter, and of what ends with it, to each beginning of the second word.
  var (before, last) = ([Int](), Array(0...second.count))
  for i in first.indices {
    var row = [i + 1]
    for j in second.indices {
      var least = Swift.min(last[j] + (first[i] == second[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
      if i > 0, j > 0, first[i] == second[j - 1], first[i - 1] == second[j] {
        least = Swift.min(least, before[j - 1] + 1)
      }
      row.append(least)
    }
    (before, last) = (last, row)
  }
  return last[second.count]
}

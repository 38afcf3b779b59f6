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

/// The fewest letters to insert, remove or replace to make one word of another.
private func editDistance(_ a: String, _ b: String) -> Int {
  let (first, second) = (Array(a.lowercased().utf8), Array(b.lowercased().utf8))
  var row = Array(0...second.count)
  for (i, letter) in first.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, other) in second.enumerated() {
      let replaced = diagonal + (letter == other ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = Swift.min(replaced, row[j] + 1, diagonal + 1)
    }
  }
  return row[second.count]
}

import ModelIR

func vectorize(_ attributes: TextAttributes, _ x: Tensor) throws -> Tensor {
  guard let strings = x.strings else { throw KernelError("expected strings, found \(x.dtype.rawValue)") }
  guard case .strings(let keys) = attributes.table.keys, case .integers(let values) = attributes.table.values
  else {
    throw KernelError("expected a table from strings to integers")
  }
  let index = Dictionary(zip(keys.map { Array($0.utf8) }, values), uniquingKeysWith: { first, _ in first })
  let texts: [[[UInt8]]]
  var sizes = x.sizes
  if attributes.rule.split == nil {
    let width = sizes.popLast() ?? 1  // A scalar is one string.
    texts = (0..<(width == 0 ? 0 : strings.count / width)).map { row in
      strings[(row * width)..<((row + 1) * width)].map { attributes.rule.standardized($0) }
    }
  } else {
    texts = strings.map { attributes.rule.tokens(of: attributes.rule.standardized($0)) }
  }
  let rows = texts.map { tokens in
    attributes.rule.ngrams(tokens).map { index[$0] ?? attributes.table.defaultInteger }
  }
  return try attributes.result.tensor(rows, sizes: sizes)
}

extension TextAttributes.Rule {
  /// The bytes of a text in lower case and without punctuation.
  fileprivate func standardized(_ text: String) -> [UInt8] {
    var bytes = Array(text.utf8)
    if lowercases { bytes = bytes.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 } }
    if stripsPunctuation {
      bytes.removeAll { byte in
        (0x21...0x2F).contains(byte) || (0x3A...0x40).contains(byte) || (0x5B...0x60).contains(byte)
          || (0x7B...0x7E).contains(byte)
      }
    }
    return bytes
  }

  fileprivate func tokens(of text: [UInt8]) -> [[UInt8]] {
    switch split {
    case .character: String(decoding: text, as: UTF8.self).unicodeScalars.map { Array(String($0).utf8) }
    case .whitespace, nil: text.split { $0 == 0x20 || (0x09...0x0D).contains($0) }.map(Array.init)
    }
  }

  fileprivate func ngrams(_ tokens: [[UInt8]]) -> [[UInt8]] {
    if ngramWidths.isEmpty { return tokens }
    return ngramWidths.flatMap { width in
      tokens.count < width
        ? [] : (0...(tokens.count - width)).map { Array(tokens[$0..<($0 + width)].joined(separator: [0x20])) }
    }
  }
}

extension TextAttributes.Result {
  /// One row of numbers for each text.
  fileprivate func tensor(_ rows: [[Int64]], sizes: [Int]) throws -> Tensor {
    switch self {
    case .sequence(let size):
      let length = try number(size)
      let filled = rows.flatMap { $0.prefix(length) + Array(repeating: 0, count: max(0, length - $0.count)) }
      return try Tensor(filled, sizes: sizes + [length])
    case .length: return try Tensor(rows.map { Int64($0.count) }, sizes: sizes)
    case .counts(let depth):
      var counts = [Int64](repeating: 0, count: rows.count * depth)
      for (row, numbers) in rows.enumerated() {
        for number in numbers where number >= 0 && number < depth { counts[row * depth + Int(number)] += 1 }
      }
      return try Tensor(counts, sizes: sizes + [depth])
    }
  }
}

extension Tensor: CustomStringConvertible, CustomDebugStringConvertible {
  /// `float32[2, 3]`
  public var description: String { "\(type)" }

  /// The type and the first elements: `float32[2, 3]: 0.5, 1.0, ...`
  public var debugDescription: String {
    let shown = 8
    let texts: [String]
    if let strings {
      texts = strings.prefix(shown).map { "\"\($0)\"" }
    } else {
      // The type alone.
      guard elementCount <= 1 << 16, let numbers = try? [Double](self) else { return description }
      texts = numbers.prefix(shown).map { number in
        dtype.isFloatingPoint ? "\(number)" : Int(exactly: number).map(String.init) ?? "\(number)"
      }
    }
    return "\(description): \(texts.joined(separator: ", "))" + (elementCount > shown ? ", ..." : "")
  }
}

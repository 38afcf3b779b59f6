/// The texts that came before in a document: configurations repeat theirs from layer to layer, and a text that is there
/// costs less than a new one, to make and to compare.
struct KnownTexts {
  private struct Entry {
    var range = 0..<0
    var text = ""
  }

  private let bytes: UnsafeRawBufferPointer
  /// The last text of each hash.
  private var entries: [Entry]

  /// Texts up to this size lie in the value itself.
  private static let inlineByteCount = 15
  private static let entryCount = 256

  init(in bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    entries = bytes.count < 4096 ? [] : Array(repeating: Entry(), count: KnownTexts.entryCount)
  }

  /// The text of a range of the document, which is ASCII.
  mutating func text(_ range: Range<Int>) -> String {
    guard range.count > KnownTexts.inlineByteCount, !entries.isEmpty else { return made(range) }
    let place = hash(range)
    if entries[place].range.count == range.count, isSame(entries[place].range.lowerBound, range) {
      return entries[place].text
    }
    let text = made(range)
    entries[place] = Entry(range: range, text: text)
    return text
  }

  private func made(_ range: Range<Int>) -> String {
    String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
  }

  /// Of the first and the last eight bytes.
  private func hash(_ range: Range<Int>) -> Int {
    let mixed =
      word(range.lowerBound) &* 0x9E37_79B9_7F4A_7C15 ^ word(range.upperBound - 8) &+ UInt64(range.count)
    return Int(truncatingIfNeeded: (mixed &* 0x9E37_79B9_7F4A_7C15) >> 56)
  }

  private func isSame(_ start: Int, _ range: Range<Int>) -> Bool {
    var offset = 0
    while offset + 8 < range.count {
      guard word(start + offset) == word(range.lowerBound + offset) else { return false }
      offset += 8
    }
    return word(start + range.count - 8) == word(range.upperBound - 8)
  }

  private func word(_ place: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self) }
}

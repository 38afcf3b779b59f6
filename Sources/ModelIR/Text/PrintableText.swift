extension StringProtocol {
  /// The text as it may be shown on a terminal: control characters, those that turn the direction of writing, and those
  /// that break lines stand as `\u{1B}`. Names, versions and paths from files go through this before they are printed.
  package var printable: String { escaped { "\\u{\(String($0, radix: 16, uppercase: true))}" } }

  /// The same for JSON, whose strings have escapes of their own; line breaks between values stay.
  package var printableJSON: String {
    escaped(keeping: "\n") { code in
      let digits = String(code, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
  }

  /// The same for text of several lines.
  package var printableLines: String {
    escaped(keeping: "\n") { "\\u{\(String($0, radix: 16, uppercase: true))}" }
  }

  /// At most `limit` characters: the beginning and the end of a longer text.
  package func shortened(to limit: Int) -> String {
    guard count > limit else { return String(self) }
    return "\(prefix(limit * 3 / 4)) … \(suffix(limit / 4))"
  }

  private func escaped(keeping kept: Unicode.Scalar? = nil, _ escape: (UInt32) -> String) -> String {
    guard unicodeScalars.contains(where: { $0.isUnprintable && $0 != kept }) else { return String(self) }
    var text = ""
    for scalar in unicodeScalars {
      if scalar.isUnprintable, scalar != kept {
        text += escape(scalar.value)
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}

extension Unicode.Scalar {
  /// Controls (C0, DEL, C1), marks of direction, and separators of lines and paragraphs; all of them in the first plane.
  fileprivate var isUnprintable: Bool {
    switch value {
    case 0..<0x20, 0x7F..<0xA0, 0x61C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}

import ModelIR

/// Text for XML and HTML: nothing that a file holds is markup.
extension String {
  /// The text with the characters escaped that mean something in markup or in a quoted attribute; control characters
  /// made visible.
  var markup: String {
    var text = ""
    for scalar in printable.unicodeScalars {
      switch scalar {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "'": text += "&#39;"
      // No characters of XML.
      case "\u{FFFE}", "\u{FFFF}": text += "\u{FFFD}"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}

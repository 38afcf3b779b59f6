/// Lays the table out in box characters.
struct SummaryTable {
  private let summary: ModelSummary
  private let header: [String]
  private let cells: [[[String]]]
  private let widths: [Int]
  private let numberColumns: Range<Int>

  /// - Parameter columns: further columns of numbers, behind the parameters.
  init(_ summary: ModelSummary, width: Int?, columns: [ModelSummary.Column] = []) {
    self.summary = summary
    numberColumns = 2..<3 + columns.count
    header =
      ["Layer (type)", "Output Shape", "Param #"] + columns.map(\.title)
      + (summary.showsConnections ? ["Connected to"] : [])
    var cells: [[[String]]] = []
    for row in summary.rows {
      var line = [[row.layer.printable], [row.outputShape.printable], [row.parameters.printable]]
      line += columns.map { [$0.cells[row.path] ?? ""] }  // A row that a column does not know stays empty.
      if summary.showsConnections {
        line.append(
          row.connectedTo.isEmpty ? ["-"] : SummaryTable.separated(row.connectedTo.map(\.printable)))
      }
      cells.append(line)
    }
    var widths = header.map(\.count)
    for line in cells {
      for (column, texts) in line.enumerated() {
        for text in texts { widths[column] = max(widths[column], text.count) }
      }
    }
    if let width { widths = SummaryTable.fitted(widths, width) }
    self.widths = widths
    self.cells = cells.map { line in line.enumerated().map { SummaryTable.wrapped($1, widths[$0]) } }
  }

  private static func separated(_ names: [String]) -> [String] {
    names.enumerated().map { $0.offset < names.count - 1 ? $0.element + "," : $0.element }
  }

  /// Takes from the widest columns until the table fits.
  private static func fitted(_ widths: [Int], _ total: Int) -> [Int] {
    var result = widths
    let room = total - 3 * widths.count - 1
    while result.reduce(0, +) > room, let widest = result.indices.max(by: { result[$0] < result[$1] }),
      result[widest] > 12
    {
      result[widest] -= 1
    }
    return result
  }

  private static func wrapped(_ texts: [String], _ width: Int) -> [String] {
    texts.flatMap { text -> [String] in
      var lines: [String] = []
      var rest = Substring(text)
      while rest.count > width {
        let head = rest.prefix(width)
        let cut = head.lastIndex(of: " ").map { head.index(after: $0) } ?? head.endIndex
        lines.append(String(rest[..<cut]))
        rest = rest[cut...]
      }
      return lines + [String(rest)]
    }
  }

  var text: String {
    var lines = ["Model: \"\(summary.modelName.printable)\"", "Format: \(summary.format.printable)"]
    lines.append(rule("┏", "━", "┳", "┓"))
    lines.append(line(header, "┃"))
    lines.append(rule("┡", "━", "╇", "┩"))
    for (index, row) in cells.enumerated() {
      let height = row.map(\.count).max() ?? 0  // A row without cells has no height.
      for part in 0..<height { lines.append(line(row.map { part < $0.count ? $0[part] : "" }, "│")) }
      if index < cells.count - 1 { lines.append(rule("├", "─", "┼", "┤")) }
    }
    lines.append(rule("└", "─", "┴", "┘"))
    let total = ModelSummary.Count(
      parameters: summary.trainable.parameters + summary.nonTrainable.parameters,
      bytes: summary.trainable.bytes + summary.nonTrainable.bytes)
    lines.append(" Total params: \(total.text)")
    lines.append(" Trainable params: \(summary.trainable.text)")
    lines.append(" Non-trainable params: \(summary.nonTrainable.text)")
    return lines.joined(separator: "\n") + "\n"
  }

  private func rule(_ left: String, _ fill: String, _ middle: String, _ right: String) -> String {
    left + widths.map { String(repeating: fill, count: $0 + 2) }.joined(separator: middle) + right
  }

  private func line(_ texts: [String], _ bar: String) -> String {
    var parts: [String] = []
    for (column, text) in texts.enumerated() {
      let padding = String(repeating: " ", count: max(widths[column] - text.count, 0))
      // Numbers are aligned to the right, as in Keras.
      parts.append(numberColumns.contains(column) ? " \(padding)\(text) " : " \(text)\(padding) ")
    }
    return bar + parts.joined(separator: bar) + bar
  }
}

extension ModelSummary {
  /// `1,234,567`.
  package static func grouped(_ number: Int) -> String {
    let digits = Array(String(number))
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { result += "," }
      result.append(digit)
    }
    return result
  }
}

extension ModelSummary.Count {
  /// `1,234 (4.82 KB)`.
  package var text: String { "\(ModelSummary.grouped(parameters)) (\(sizeText))" }

  /// `4.82 KB`.
  package var sizeText: String {
    let units = ["B", "KB", "MB", "GB", "TB", "PB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    let hundredths = Int((value * 100).rounded(.toNearestOrEven))
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest) \(units[unit])"
  }
}

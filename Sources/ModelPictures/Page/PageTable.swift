/// A table of a page: heads that sort, and rows made of cells.
struct PageTable {
  /// A cell's content as markup, and the number it is sorted by.
  struct Cell {
    var markup: String
    var isNumber = false
    /// What it is sorted by if it is a number; nil sorts last.
    var value: Double?

    static func text(_ text: String) -> Cell { Cell(markup: text.markup) }
    static func number(_ text: String, _ value: Double?) -> Cell {
      Cell(markup: text.markup, isNumber: true, value: value)
    }
    /// A whole number; `?` where it is not known.
    static func count(_ count: Int?, _ text: (Int) -> String = NumberText.grouped) -> Cell {
      .number(count.map(text) ?? "?", count.map { Double($0) })
    }
  }

  let id: String
  let title: String
  /// The heads, and whether numbers stand below them.
  let heads: [(title: String, isNumber: Bool)]
  /// The rows: attributes and cells.
  var rows: [(attributes: String, cells: [Cell])] = []

  var markup: String {
    let heads = heads.map { head in
      "<th scope=\"col\" aria-sort=\"none\"\(head.isNumber ? " class=\"number\"" : "")><button type=\"button\">\(head.title)</button></th>"
    }
    let body = rows.map { row in "<tr\(row.attributes)>\(row.cells.map(PageTable.markup).joined())</tr>" }
    return """
      <section class="table" id="\(id)" aria-labelledby="\(id)-title">
      <div class="bar"><h2 id="\(id)-title">\(title)</h2><output aria-live="polite" class="hint">\(rows.count)</output>\
      <input type="search" placeholder="Filter" aria-label="Filter \(title.lowercased())"></div>
      <div class="scroll" tabindex="0" role="region" aria-labelledby="\(id)-title"><table><thead><tr>\(heads.joined())</tr></thead>
      <tbody>
      \(body.joined(separator: "\n"))
      </tbody></table></div>
      </section>

      """
  }

  private static func markup(_ cell: Cell) -> String {
    guard cell.isNumber else { return "<td>\(cell.markup)</td>" }
    let value = cell.value.map { $0.isFinite ? "\($0)" : "" } ?? ""  // What has no value sorts last.
    return "<td class=\"number\" data-value=\"\(value)\">\(cell.markup)</td>"
  }
}

/// Aligned columns under a heading, two spaces apart; numbers to the right. A cell that is unknown is `-`,
/// and what could disturb a terminal is escaped.
struct Table: Sendable {
  enum Column: Sendable {
    case text(String)
    case number(String)

    var heading: String {
      switch self {
      case .text(let heading), .number(let heading): heading
      }
    }
  }

  private let columns: [Column]
  private var rows: [[String]] = []

  init(_ columns: [Column]) { self.columns = columns }

  var isEmpty: Bool { rows.isEmpty }

  /// Adds a row of as many cells as there are columns; missing ones are unknown.
  mutating func append(_ cells: [String?]) {
    rows.append(
      columns.indices.map { index in cells.indices.contains(index) ? cells[index].map(terminalSafe) ?? "-" : "-" })
  }

  /// The heading and the rows, without line ends and without spaces at the end.
  var lines: [String] {
    let all = [columns.map(\.heading)] + rows
    let widths = columns.indices.map { index in all.map { displayWidth($0[index]) }.max() ?? 0 }
    return all.map { row in
      let cells = columns.indices.map { pad(row[$0], to: widths[$0], columns[$0]) }
      var line = Substring(cells.joined(separator: "  "))
      while line.last == " " { line.removeLast() }
      return String(line)
    }
  }

  private func pad(_ cell: String, to width: Int, _ column: Column) -> String {
    let space = String(repeating: " ", count: max(0, width - displayWidth(cell)))
    return switch column {
    case .text: cell + space
    case .number: space + cell
    }
  }
}

import ScanModel
import Worker

/// One difference between a library's tree and its catalogue, as `--json` shows it.
struct DifferenceDocument: Encodable {
  /// A value of a column: a number, a word, true or false, or `null`.
  struct Value: Encodable {
    let value: ColumnDifference.Value

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch value {
      case .none: try container.encodeNil()
      case .integer(let number): try container.encode(number)
      case .text(let text): try container.encode(text)
      case .boolean(let isTrue): try container.encode(isTrue)
      }
    }
  }

  struct Column: Encodable {
    let column: String
    let catalogue: Value
    let tree: Value
  }

  let difference: String
  let kind: String
  let path: String
  @OrNull var pathBase64: String?
  /// Catalogued files that are not listed one by one; `null` but for directories.
  @OrNull var files: Int64?
  var columns: [Column] = []
  @OrNull var errorType: String?
  @OrNull var errno: Int32?
  @OrNull var message: String?

  init(_ difference: Difference) {
    self.difference = difference.sort.word
    kind = difference.kind.rawValue
    let path = EscapedPath(difference.path)
    self.path = path.path
    pathBase64 = path.pathBase64
    switch difference.sort {
    case .unknown: break
    case .missing(let files), .excluded(let files): self.files = difference.kind == .directory ? files : nil
    case .changed(let columns):
      self.columns = columns.map {
        Column(
          column: $0.column.rawValue, catalogue: Value(value: $0.catalogued), tree: Value(value: $0.found))
      }
    case .unreadable(let type, let errno, let message):
      (errorType, self.errno, self.message) = (type.rawValue, errno, message)
    case .mountMissing(let message, let files):
      (errorType, self.message, self.files) = (ScanErrorType.mountMissing.rawValue, message, files)
    }
  }

  private enum CodingKeys: String, CodingKey {
    case difference, kind, path, files, columns, errno, message
    case pathBase64 = "path_base64"
    case errorType = "error_type"
  }
}

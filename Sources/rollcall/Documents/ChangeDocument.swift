import Catalog

/// What a scan has done to a file, as `--json` shows it.
struct ChangeDocument: Encodable {
  let change: String
  /// Removed, as a rule excludes it.
  let excluded: Bool
  let kind: String
  let id: Int64
  let path: String
  @OrNull var pathBase64: String?

  init(_ change: FileChange) {
    switch change.change {
    case .added: (self.change, excluded) = ("added", false)
    case .updated: (self.change, excluded) = ("updated", false)
    case .removed(let isExcluded): (self.change, excluded) = ("removed", isExcluded)
    }
    kind = change.kind.rawValue
    id = change.id
    let path = EscapedPath(change.path)
    self.path = path.path
    pathBase64 = path.pathBase64
  }

  private enum CodingKeys: String, CodingKey {
    case change, excluded, kind, id, path
    case pathBase64 = "path_base64"
  }
}

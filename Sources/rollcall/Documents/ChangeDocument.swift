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
  /// Where it was, of what was moved.
  @OrNull var fromPath: String?
  @OrNull var fromPathBase64: String?

  init(_ change: FileChange) {
    var from: EscapedPath?
    switch change.change {
    case .added: (self.change, excluded) = ("added", false)
    case .moved(let path):
      (self.change, excluded) = ("moved", false)
      from = EscapedPath(path)
    case .updated: (self.change, excluded) = ("updated", false)
    case .removed(let isExcluded): (self.change, excluded) = ("removed", isExcluded)
    }
    kind = change.kind.rawValue
    id = change.id
    let path = EscapedPath(change.path)
    self.path = path.path
    pathBase64 = path.pathBase64
    fromPath = from?.path
    fromPathBase64 = from?.pathBase64
  }

  private enum CodingKeys: String, CodingKey {
    case change, excluded, kind, id, path
    case pathBase64 = "path_base64"
    case fromPath = "from_path"
    case fromPathBase64 = "from_path_base64"
  }
}

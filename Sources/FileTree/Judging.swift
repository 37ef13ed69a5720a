import Glibc
import ScanModel

/// The rules at the directory that is listed.
struct Judge {
  let rules: WalkRules
  private(set) var directory: DirectoryRules

  init(_ rules: WalkRules) {
    self.rules = rules
    directory = DirectoryRules(rules.entries)
  }

  enum Judgement {
    case admitted
    /// A glob ignores the name.
    case ignored
    /// Another rule forbids the entry, which is there and has a row perhaps; `nil`: in silence.
    case rejected(ScanErrorType?)
  }

  /// - Parameter path: as `DirectoryRules.begin` takes it.
  mutating func begin(directory path: [UInt8]) { directory.begin(directory: path) }

  func judge(_ name: UnsafeRawBufferPointer, _ kind: FileKind, size: Int64) -> Judgement {
    if directory.isIgnored(name, isDirectory: kind == .directory) { return .ignored }
    return switch directory.verdict(name, kind: kind, size: size) {
    case .admitted: .admitted
    case .ignored: .rejected(nil)
    case .rejected(let type): .rejected(type)
    }
  }
}

extension Walk {
  /// Judges an entry by its name and by what the listing tells of it, so that what the rules do not admit is
  /// not even looked at. True where it is done with. Where the listing tells nothing, `isPassedOver` judges
  /// it when it has been looked at.
  mutating func isPassedOver(
    unseen entry: EntryBuffer.Entry, node: Int, _ listing: inout DirectoryListing
  ) throws(Failure) -> Bool {
    guard let judge, let kind = entry.kind else { return false }
    return try settle(judge.judge(entry.bytes, kind, size: 0), of: entry, size: 0, node: node, &listing)
  }

  /// Judges an entry that was looked at.
  mutating func isPassedOver(
    _ entry: EntryBuffer.Entry, _ attributes: FileAttributes, node: Int, _ listing: inout DirectoryListing
  ) throws(Failure) -> Bool {
    guard let judge else { return false }
    let (kind, size) = (attributes.kind, attributes.size)
    return try settle(judge.judge(entry.bytes, kind, size: size), of: entry, size: size, node: node, &listing)
  }

  private mutating func settle(
    _ judgement: Judge.Judgement, of entry: EntryBuffer.Entry, size: Int64, node: Int,
    _ listing: inout DirectoryListing
  ) throws(Failure) -> Bool {
    switch judgement {
    case .admitted: return false
    case .ignored: listing.ignored += 1
    case .rejected(let type):
      let id = tree.stack[node].id
      try deliver { () throws(Sink.Failure) in try sink.rejected(directory: id, name: entry.bytes) }
      if let type, let judge {
        try fail(node, entry: entry, cause: judge.rules.cause(type, size: size))
      } else {
        listing.ignored += 1
      }
    }
    return true
  }
}

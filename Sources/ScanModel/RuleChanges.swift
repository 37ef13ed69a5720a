/// New values for some of a library's rules; `nil` leaves a rule as it is.
public struct RuleChanges: Sendable, Equatable {
  /// A limit that can also be taken away.
  public enum Limit: Sendable, Equatable {
    case unlimited
    case atMost(Int)

    var number: Int? {
      if case .atMost(let number) = self { number } else { nil }
    }
  }

  /// The rule of extensions, which can also be taken away.
  public enum Extensions: Sendable, Equatable {
    case all
    case only([String])

    var list: [String]? {
      if case .only(let list) = self { list } else { nil }
    }
  }

  public var oneFilesystem: Bool?
  public var queue: String?
  public var maxParallel: Int?
  public var maxFilesPerSecond: Limit?
  public var removalLimit: Int?
  public var removalLimitPercent: Int?
  public var layout: Layout?
  public var extensions: Extensions?
  /// In bytes.
  public var maxSize: Limit?
  public var symlinks: SymlinkPolicy?
  /// All globs; the empty list takes them away.
  public var ignore: [String]?
  public var rejected: RejectedPolicy?

  public init() {}

  public var isEmpty: Bool { self == RuleChanges() }

  /// `rules` with the changes made.
  public func applied(to rules: LibraryRules) -> LibraryRules {
    LibraryRules(
      oneFilesystem: oneFilesystem ?? rules.oneFilesystem, queue: queue ?? rules.queue,
      maxParallel: maxParallel ?? rules.maxParallel,
      maxFilesPerSecond: maxFilesPerSecond.map(\.number) ?? rules.maxFilesPerSecond,
      removalLimit: removalLimit ?? rules.removalLimit,
      removalLimitPercent: removalLimitPercent ?? rules.removalLimitPercent,
      layout: layout ?? rules.layout,
      extensions: extensions.map(\.list) ?? rules.extensions,
      maxSize: maxSize.map { $0.number.map(Int64.init) } ?? rules.maxSize,
      symlinks: symlinks ?? rules.symlinks, ignore: ignore ?? rules.ignore, rejected: rejected ?? rules.rejected)
  }
}

/// The changed rules alone, under the names that `LibraryRules` has in JSON: whatever else a row holds, such as
/// the rules of a younger release, stays as it is.
extension RuleChanges: Encodable {
  private enum CodingKeys: String, CodingKey {
    case oneFilesystem = "one_filesystem"
    case queue
    case maxParallel = "max_parallel"
    case maxFilesPerSecond = "max_files_per_second"
    case removalLimit = "removal_limit"
    case removalLimitPercent = "removal_limit_percent"
    case layout, extensions
    case maxSize = "max_size"
    case symlinks, ignore, rejected
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encodeIfPresent(oneFilesystem, forKey: .oneFilesystem)
    try container.encodeIfPresent(queue, forKey: .queue)
    try container.encodeIfPresent(maxParallel, forKey: .maxParallel)
    if let maxFilesPerSecond { try container.encode(maxFilesPerSecond.number, forKey: .maxFilesPerSecond) }
    try container.encodeIfPresent(removalLimit, forKey: .removalLimit)
    try container.encodeIfPresent(removalLimitPercent, forKey: .removalLimitPercent)
    try container.encodeIfPresent(layout, forKey: .layout)
    if let extensions { try container.encode(extensions.list, forKey: .extensions) }
    if let maxSize { try container.encode(maxSize.number, forKey: .maxSize) }
    try container.encodeIfPresent(symlinks, forKey: .symlinks)
    try container.encodeIfPresent(ignore, forKey: .ignore)
    try container.encodeIfPresent(rejected, forKey: .rejected)
  }
}

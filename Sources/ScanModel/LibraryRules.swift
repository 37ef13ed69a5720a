/// A library's rules and limits (R13). A scan runs under a snapshot of them.
public struct LibraryRules: Sendable, Equatable {
  /// Stay on the root's file system; nested mount points are rows, and are not entered.
  public var oneFilesystem: Bool
  /// The queue on which the library's scans are run.
  public var queue: String
  /// How many slices of one scan may be queued or running at once.
  public var maxParallel: Int
  /// How many entries all slots on all workers may look at in a second, together; `nil`: no limit.
  public var maxFilesPerSecond: Int?
  /// Removals are held when they are more files than this, and more than `removalLimitPercent` as well.
  public var removalLimit: Int
  /// Per cent of the library's files; see `removalLimit`.
  public var removalLimitPercent: Int
  public var layout: Layout
  /// What files may have behind their last dot, in lower case (of ASCII) and without the dot; `nil`: anything, and
  /// nothing too.
  public var extensions: [String]?
  /// The largest that a file may be, in bytes; `nil`: no limit.
  public var maxSize: Int64?
  public var symlinks: SymlinkPolicy
  /// Globs as in gitignore(5), in their order: the last that matches decides.
  public var ignore: [String]
  public var rejected: RejectedPolicy

  /// What `maxParallel` may be.
  public static let maxParallelRange = 1...10_000
  /// What `maxFilesPerSecond` may be.
  public static let maxFilesPerSecondRange = 1...1_000_000_000
  /// What `removalLimit` may be.
  public static let removalLimitRange = 0...1_000_000_000_000
  /// What `removalLimitPercent` may be.
  public static let removalLimitPercentRange = 0...100

  public init(
    oneFilesystem: Bool = false, queue: String = "default", maxParallel: Int = 16, maxFilesPerSecond: Int? = nil,
    removalLimit: Int = 1000, removalLimitPercent: Int = 50, layout: Layout = .flat, extensions: [String]? = nil,
    maxSize: Int64? = nil, symlinks: SymlinkPolicy = .record, ignore: [String] = [], rejected: RejectedPolicy = .error
  ) {
    self.oneFilesystem = oneFilesystem
    self.queue = queue
    self.maxParallel = maxParallel
    self.maxFilesPerSecond = maxFilesPerSecond
    self.removalLimit = removalLimit
    self.removalLimitPercent = removalLimitPercent
    self.layout = layout
    self.extensions = extensions
    self.maxSize = maxSize
    self.symlinks = symlinks
    self.ignore = ignore
    self.rejected = rejected
  }
}

/// The names in JSON are a contract: rows, snapshots and `--json` have them.
extension LibraryRules: Codable {
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

  /// Rows and snapshots that an earlier release wrote lack the younger rules, which are at their defaults then.
  public init(from decoder: any Decoder) throws {
    let standard = LibraryRules()
    let container = try decoder.container(keyedBy: CodingKeys.self)
    oneFilesystem = try container.decode(Bool.self, forKey: .oneFilesystem)
    queue = try container.decode(String.self, forKey: .queue)
    maxParallel = try container.decode(Int.self, forKey: .maxParallel)
    maxFilesPerSecond = try container.decodeIfPresent(Int.self, forKey: .maxFilesPerSecond)
    removalLimit = try container.decodeIfPresent(Int.self, forKey: .removalLimit) ?? standard.removalLimit
    removalLimitPercent =
      try container.decodeIfPresent(Int.self, forKey: .removalLimitPercent) ?? standard.removalLimitPercent
    layout = try container.decodeIfPresent(Layout.self, forKey: .layout) ?? standard.layout
    extensions = try container.decodeIfPresent([String].self, forKey: .extensions)
    maxSize = try container.decodeIfPresent(Int64.self, forKey: .maxSize)
    symlinks = try container.decodeIfPresent(SymlinkPolicy.self, forKey: .symlinks) ?? standard.symlinks
    ignore = try container.decodeIfPresent([String].self, forKey: .ignore) ?? standard.ignore
    rejected = try container.decodeIfPresent(RejectedPolicy.self, forKey: .rejected) ?? standard.rejected
  }

  /// No limit is `null`, not a key that is missing.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(oneFilesystem, forKey: .oneFilesystem)
    try container.encode(queue, forKey: .queue)
    try container.encode(maxParallel, forKey: .maxParallel)
    try container.encode(maxFilesPerSecond, forKey: .maxFilesPerSecond)
    try container.encode(removalLimit, forKey: .removalLimit)
    try container.encode(removalLimitPercent, forKey: .removalLimitPercent)
    try container.encode(layout, forKey: .layout)
    try container.encode(extensions, forKey: .extensions)
    try container.encode(maxSize, forKey: .maxSize)
    try container.encode(symlinks, forKey: .symlinks)
    try container.encode(ignore, forKey: .ignore)
    try container.encode(rejected, forKey: .rejected)
  }
}

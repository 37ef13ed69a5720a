/// A library's rules and limits (R13). A scan runs under a snapshot of them.
public struct LibraryRules: Sendable, Equatable, Codable {
  /// Stay on the root's file system; nested mount points are rows, and are not entered.
  public var oneFilesystem: Bool
  /// The queue on which the library's scans are run.
  public var queue: String
  /// How many slices of one scan may be queued or running at once.
  public var maxParallel: Int

  public init(oneFilesystem: Bool = false, queue: String = "default", maxParallel: Int = 16) {
    self.oneFilesystem = oneFilesystem
    self.queue = queue
    self.maxParallel = maxParallel
  }

  private enum CodingKeys: String, CodingKey {
    case oneFilesystem = "one_filesystem"
    case queue
    case maxParallel = "max_parallel"
  }
}

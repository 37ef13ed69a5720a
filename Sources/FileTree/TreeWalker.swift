import ScanModel

/// Walks a directory tree depth first by raw system calls on directory descriptors. Knows no jobs and no
/// database: a run takes a frontier and limits, gives what it finds to a sink, and answers with what is
/// left of the frontier.
///
/// Paths of any length and trees of any depth are walked with a bounded number of descriptors. Everything is
/// opened beneath the root's descriptor and through no link, so nothing outside the root is reached whatever
/// is renamed meanwhile (`Opening`). A failure belongs to one entry or directory, and the walk goes on.
///
/// For one thread at a time.
public final class TreeWalker {
  /// Most directories that are open at once, besides the root and the one that is listed.
  static let openDirectories = 64
  /// Most directories that are held to be visited. Further ones of the same run are left to the next.
  static let heldDirectories = 16_384

  private let root: TreeRoot
  private let oneFilesystem: Bool
  private let rules: WalkRules?
  private let skipsRepeatedNames: Bool
  /// What the kernel allows, unless a test says otherwise.
  var opening = Opening.best
  let buffer = EntryBuffer()

  /// - Parameters:
  ///   - rootPath: absolute. Slashes at its end are ignored: they would follow a link.
  ///   - oneFilesystem: do not enter directories on other file systems than the root's, nor automounts.
  ///   - rules: which entries are admitted; `nil`: all.
  ///   - mounts: what must be mounted at the root and below it; by default whatever is there.
  ///   - skipsRepeatedNames: deliver a name once that a listing repeats, as `readdir(3)` may for what is
  ///     renamed meanwhile. It costs memory for the names of one directory, and an allocation each.
  public init(
    rootPath: [UInt8], oneFilesystem: Bool, rules: WalkRules? = nil, mounts: MountWatch = MountWatch(),
    skipsRepeatedNames: Bool = false
  ) {
    root = TreeRoot(path: rootPath, mounts: mounts)
    self.oneFilesystem = oneFilesystem
    self.rules = rules
    self.skipsRepeatedNames = skipsRepeatedNames
  }

  public convenience init(
    rootPath: String, oneFilesystem: Bool, rules: WalkRules? = nil, mounts: MountWatch = MountWatch(),
    skipsRepeatedNames: Bool = false
  ) {
    self.init(
      rootPath: Array(rootPath.utf8), oneFilesystem: oneFilesystem, rules: rules, mounts: mounts,
      skipsRepeatedNames: skipsRepeatedNames)
  }

  /// Visits the frontier's directories and what it finds below them, until all is visited or a limit is
  /// reached. A run without an error finishes at least one directory.
  public func run<Sink: WalkSink>(
    _ frontier: Frontier, limits: WalkLimits, into sink: Sink
  ) throws(WalkError<Sink.Failure>) -> WalkOutcome {
    let descriptor = try root.open(Sink.Failure.self)
    let identity = try root.identity(of: descriptor, Sink.Failure.self)
    let stack: DirectoryStack
    do { stack = try DirectoryStack(frontier) } catch { throw .brokenFrontier(directory: error.directory) }
    let links = LinkResolver(root: descriptor.number, rootPath: root.path, opening: opening)
    let device = oneFilesystem ? identity.device : nil
    let tree = OpenTree(
      root: descriptor, rootPath: root.path, stack: stack, capacity: Self.openDirectories, opening: opening,
      mayFollow: { [rules] in rules?.hides($0, isDirectory: true, staysOn: device, links) ?? false })
    var walk = Walk(
      tree: tree, rootDevice: device, mounts: root.mounts, limits: limits, buffer: buffer,
      names: skipsRepeatedNames ? RepeatedNames() : nil, rules: rules, sink: sink)
    try walk.passOverMissingMounts()
    let outcome = try walk.run()
    try root.confirm(identity, Sink.Failure.self)
    return outcome
  }
}

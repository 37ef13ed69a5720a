import CLinux
import CrashPoints
import Glibc
import ScanModel

/// One run of a walker: visits the top of the stack until nothing is left or a limit is reached.
struct Walk<Sink: WalkSink>: ~Copyable {
  typealias Failure = WalkError<Sink.Failure>

  var tree: OpenTree
  /// Set if the walk stays on the root's file system.
  let rootDevice: UInt64?
  let mounts: MountWatch
  let limits: WalkLimits
  let buffer: EntryBuffer
  /// Set if names are to be delivered once that a listing repeats.
  let names: RepeatedNames?
  /// Set if the rules do not admit everything.
  var judge: Judge?
  let sink: Sink
  var outcome = WalkOutcome()
  var churn = Churn()
  /// Directories that were found when the stack was full.
  var deferred: [Int64] = []

  init(
    tree: consuming OpenTree, rootDevice: UInt64?, mounts: MountWatch, limits: WalkLimits, buffer: EntryBuffer,
    names: RepeatedNames?, rules: WalkRules?, sink: Sink
  ) {
    self.tree = tree
    self.rootDevice = rootDevice
    self.mounts = mounts
    self.limits = limits
    self.buffer = buffer
    self.names = names
    judge = rules.map(Judge.init)
    self.sink = sink
  }

  mutating func run() throws(Failure) -> WalkOutcome {
    while tree.stack.count > 0 {
      let top = tree.stack.top
      guard tree.stack[top].isPending else {
        tree.pop()
        continue
      }
      if outcome.directories > 0, isLimitReached { break }
      if limits.isAborted() { throw .aborted }
      tree.enter(top)
      try visit(top)
      outcome.directories += 1
    }
    outcome.remaining = tree.stack.pending + deferred
    return outcome
  }

  private var isLimitReached: Bool {
    if outcome.entries >= limits.entries || limits.shouldYield() { return true }
    guard let deadline = limits.deadline else { return false }
    return ContinuousClock.now >= deadline
  }

  private mutating func visit(_ node: Int) throws(Failure) {
    let id = tree.stack[node].id
    let directory: Descriptor
    do { directory = try open(node) } catch { return try cannotOpen(node, error) }
    let status: statx
    do { status = try directory.status() } catch { return try fail(node, cause: .system(error)) }
    let attributes: FileAttributes
    do { attributes = try FileAttributes(status) } catch { return try fail(node, cause: .init(error)) }
    let isExpected: Bool
    do { isExpected = try self.isExpected(node, attributes) } catch { return try fail(node, cause: .system(error)) }
    guard isExpected else { return try fail(node, cause: .replaced) }
    if let cause = missingMount(at: node, directory, status) { return try fail(node, cause: cause) }

    guard try deliver({ () throws(Sink.Failure) in try sink.willList(directory: id, attributes: attributes) }) else {
      return
    }
    #if CRASH_POINTS
      tree.stack.withName(of: node) { crashPoint(listing: $0) }
    #endif
    let before = tree.stack.count
    try list(directory, node: node, attributes: attributes, hasUsualTimes: status.hasUsualTimes)
    if tree.stack.count > before { tree.keep(directory, for: node) }
  }

  /// Whether an opened directory is the one that was found here, and one that may be entered.
  private mutating func isExpected(_ node: Int, _ attributes: FileAttributes) throws(SystemError) -> Bool {
    if let rootDevice, let device = try tree.expectedDevice(of: node, root: rootDevice), attributes.device != device {
      return false
    }
    guard let identity = tree.stack[node].identity else { return true }
    return attributes.identity == identity
  }

  private mutating func cannotOpen(_ node: Int, _ error: SystemError) throws(Failure) {
    if isGone(node, error) {
      let id = tree.stack[node].id
      return try deliver { () throws(Sink.Failure) in try sink.vanished(directory: id) }
    }
    try fail(node, cause: error.isLedAway ? .ledAway(error) : error.isNoDirectory ? .replaced : .system(error))
  }

  /// Reports a failure of a directory itself.
  func fail(_ node: Int, cause: WalkFailure.Cause) throws(Failure) {
    let failure = WalkFailure(
      path: tree.stack.path(of: node), directory: tree.stack[node].id, isEntry: false, cause: cause)
    try deliver { () throws(Sink.Failure) in try sink.failure(failure) }
  }

  /// Reports a failure of an entry of a directory. Its path, which may be long, is built only if it is wanted.
  func fail(_ node: Int, entry: EntryBuffer.Entry, cause: WalkFailure.Cause) throws(Failure) {
    let id = tree.stack[node].id
    let isCounted = try deliver { () throws(Sink.Failure) in
      try sink.isCounted(failureOf: entry.bytes, in: id, cause)
    }
    if isCounted { return }
    var path = tree.stack.path(of: node)
    if !path.isEmpty { path.append(UInt8(ascii: "/")) }
    path.append(contentsOf: entry.bytes)
    let failure = WalkFailure(path: path, directory: id, isEntry: true, cause: cause)
    try deliver { () throws(Sink.Failure) in try sink.failure(failure) }
  }

  /// A call of the sink, whose errors end the walk.
  @inline(__always)
  func deliver<Result>(_ call: () throws(Sink.Failure) -> Result) throws(Failure) -> Result {
    do { return try call() } catch { throw .sink(error) }
  }
}

extension WalkFailure.Cause {
  init(_ unusable: FileAttributes.Unusable) {
    switch unusable {
    case .timestampOutOfRange: self = .timestampOutOfRange
    case .unknownKind(let mode): self = .unknownKind(mode: mode)
    }
  }
}

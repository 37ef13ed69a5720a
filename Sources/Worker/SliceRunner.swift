import BlockingThread
import Catalog
import CrashPoints
import FileTree
import JobQueue
import Logging
import ScanModel

/// Works on a claimed slice: walks its frontier and commits, or ends its scan. The slot's thread owns it.
final class SliceRunner {
  let catalog: PostgresSlotCatalog
  /// Where the pointers of slices go that a checkpoint queues; without it they are left to the slice's end.
  let queue: (any SlotQueue)?
  private let activity: SlotActivity
  let stop: WorkerStop
  private let pace: SlotPace
  let logger: Logger
  private let gate: RootGate

  init(
    catalog: PostgresSlotCatalog, queue: (any SlotQueue)? = nil, activity: SlotActivity, stop: WorkerStop,
    pace: SlotPace, logger: Logger, allowedRoots: AllowedRoots = .anywhere
  ) {
    self.catalog = catalog
    self.queue = queue
    self.activity = activity
    self.stop = stop
    self.pace = pace
    self.logger = logger
    gate = RootGate(allowedRoots)
  }

  /// Throws only where Postgres is away.
  func run(_ claim: SliceClaim) throws(CatalogError) -> SlotMachine.WorkOutcome {
    activity.beginSlice()
    if let refusal = gate.refusal(of: claim.rootPath) {
      return .rootUnavailable(message: "\(ScanErrorType.pathTraversal.rawValue): \(refusal)")
    }
    do {
      switch claim.kind {
      case .walk where claim.isCareful:
        var walk = CarefulWalk(self, claim)
        return try walk.run()
      case .walk: return try walk(claim)
      case .finalise:
        return try Finalisation(catalog: catalog, activity: activity, stop: stop, pace: pace, logger: logger).run(claim)
      }
    } catch {
      return try outcome(of: error)
    }
  }

  private func outcome(of error: CatalogError) throws(CatalogError) -> SlotMachine.WorkOutcome {
    switch error {
    case .fenced: return .superseded
    case _ where error.isRetryable: return .interrupted
    case _ where error.isOutage: throw error
    // The statement was cancelled, to be in time.
    case _ where stop.isUrgent: return .interrupted
    default: return .failed(message: error.description)
    }
  }

  /// A listing may repeat a name, which its directory cannot hold twice: then the slice is walked again,
  /// with every name taken once. That is dearer, and so is not how it begins.
  private func walk(_ claim: SliceClaim) throws(CatalogError) -> SlotMachine.WorkOutcome {
    try takingNamesOnce(claim) { (skipsRepeatedNames) throws(CatalogError) in
      let walked = try visit(claim.frontier, of: claim, limits(claim), skipsRepeatedNames: skipsRepeatedNames)
      let results: SliceResults
      switch walked {
      case .results(let found): results = found
      case .ended(let outcome): return outcome
      }
      let queued = try catalog.commit(claim, results)
      log(claim, results, queued)
      return .committed(queued: queued)
    }
  }

  func takingNamesOnce<Result>(
    _ claim: SliceClaim, _ walk: (_ skipsRepeatedNames: Bool) throws(CatalogError) -> Result
  ) throws(CatalogError) -> Result {
    do {
      return try walk(false)
    } catch {
      guard error.isUniqueViolation else { throw error }
      logger.info("a listing repeated a name; walking the slice again", metadata: claim.logMetadata)
      return try walk(true)
    }
  }

  /// Walks a frontier, or the part of it that the limits allow, up to the commit.
  ///
  /// - Parameter fickle: mount points that did not stay what they were in the same walk before.
  func visit(
    _ frontier: SliceFrontier, of claim: SliceClaim, _ limits: WalkLimits, skipsRepeatedNames: Bool,
    fickle: [Int64: String] = [:]
  ) throws(CatalogError) -> Walked {
    let mounts = MountWatch(claim.mounts, fickle: fickle)
    let rows = SliceRows(
      claim: claim, frontier: frontier, mounts: mounts, writer: try catalog.rows(for: claim),
      known: catalog.knownRows(for: claim), activity: activity,
      looking: AbsenceCheck(
        rootPath: claim.rootPath, mounts: mounts, pace: limits.pace, isAborted: limits.isAborted))
    crashPoint(.walkBegun)
    let rules: WalkRules?
    do { rules = try WalkRules(claim.rules) } catch {
      catalog.abandon(claim)
      return .ended(.failed(message: "a rule of the library cannot be used: \(error)"))
    }
    let walker = TreeWalker(
      rootPath: claim.rootPath, oneFilesystem: claim.rules.oneFilesystem, rules: rules, mounts: mounts,
      skipsRepeatedNames: skipsRepeatedNames)
    do {
      let walked = try walker.run(frontier.forWalker, limits: limits, into: rows)
      crashPoint(.walkEnded)
      return .results(try rows.finish(remaining: walked.remaining))
    } catch {
      catalog.abandon(claim)
      if case .mountReplaced = error, mounts.fickle.count > fickle.count {
        // As often as there are mounts at the most: nothing else that the slice holds is to blame.
        return try visit(
          frontier, of: claim, limits, skipsRepeatedNames: skipsRepeatedNames, fickle: mounts.fickle)
      }
      return .ended(try outcome(of: error, claim))
    }
  }

  private func outcome(of error: WalkError<CatalogError>, _ claim: SliceClaim) throws(CatalogError)
    -> SlotMachine.WorkOutcome
  {
    switch error {
    case .rootUnavailable, .rootRefused, .rootReplaced:
      .rootUnavailable(message: error.rootRefusal(expecting: claim.mounts))
    case .brokenFrontier, .mountReplaced: .failed(message: error.description)
    case .aborted: activity.isLockLost ? .superseded : .interrupted
    case .sink(let cause): throw cause
    }
  }

  func limits(_ claim: SliceClaim) -> WalkLimits {
    let budget = SliceBudget(entriesSeen: claim.entriesSeen)
    let (stop, activity) = (stop, activity)
    let isAborted = { stop.isUrgent || activity.isLockLost }
    return WalkLimits(
      entries: budget.entries, deadline: .now + budget.duration,
      shouldYield: { stop.isRequested },
      isAborted: isAborted, pace: pace.pace(of: claim, isAborted: isAborted))
  }

  func log(_ claim: SliceClaim, _ results: SliceResults, _ queued: [SliceID]) {
    logger.debug(
      "slice committed",
      metadata: claim.logMetadata.merging([
        "directories": "\(results.directoriesSeen)", "files": "\(results.filesSeen)",
        "unchanged": "\(results.filesUnchanged)", "missing": "\(results.missing.count)",
        "errors": "\(results.errors.changes.total)", "left": "\(results.frontier.count)", "queued": "\(queued.count)",
      ]) { $1 })
  }
}

/// How far a walk came before its commit.
enum Walked {
  case results(SliceResults)
  case ended(SlotMachine.WorkOutcome)
}

extension SliceClaim {
  /// What every line about a slice names.
  var logMetadata: Logger.Metadata {
    ["library": "\(libraryName)", "scan": "\(slice.scan)", "slice": "\(slice)"]
  }
}

extension SliceFrontier {
  var forWalker: Frontier {
    Frontier(
      directories: directories.map {
        Frontier.Directory(
          id: $0.id, parent: $0.parent, name: $0.name, isFollowed: $0.isFollowed)
      },
      visits: visits)
  }

  /// The names from the root to a directory of the chain, which is relative to the root.
  func path(of directory: Int64) -> [UInt8] {
    let chain = Dictionary(directories.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var names: [[UInt8]] = []
    var next = chain[directory]
    while let found = next, let parent = found.parent, names.count < directories.count {
      names.append(found.name)
      next = chain[parent]
    }
    return Array(names.reversed().joined(separator: [UInt8(ascii: "/")]))
  }
}

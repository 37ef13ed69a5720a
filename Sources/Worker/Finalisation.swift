import Catalog
import CrashPoints
import FileTree
import Logging
import ScanModel

/// Works on a claimed `finalise` slice: looks again at what its scan misses, finds out what of it has only moved,
/// decides, moves and removes it in batches, and ends the scan. For the slot's thread.
///
/// Every step commits by itself and is fenced. Whoever claims the slice after a death, a stop or a failure
/// goes on by what the rows say:
///
///     changed by the walk, and since ──► list that again, up to three times ──► another `finalise` slice
///     nothing staged ─────────────────────────────────────────────────────────────────────────────► end
///     staged, no verdict ──► look again ──► exclude ──► match, count ──► decide ─┬─ hold ──► moves ──► end
///     `apply`, and still staged ───────────────────────────────────────► moves ──┴► batches ──────────► end
///
/// The walk may have missed what was renamed while it ran (`Rewalk`). What is missing is looked for, counted and
/// decided on. What the rules exclude is there: it goes before, so that nothing of it is counted, and whatever the
/// verdict is. What has moved is not missing; it goes to its place whatever the verdict is.
///
/// Only the comparison of stamps and the look at what is staged need the library's root. Both go on where they were; the
/// look only if that was minutes ago at the most.
struct Finalisation {
  /// Names that are looked at between two commits.
  private static let pageRows: Int32 = 1_000
  /// Files that one batch removes: enough that the commit costs little, few enough to be done in a moment.
  private static let batchFiles: Int32 = 5_000

  let catalog: PostgresSlotCatalog
  let activity: SlotActivity
  let stop: WorkerStop
  let pace: SlotPace
  let logger: Logger

  /// How a step ended.
  private enum Step {
    case done
    case given(SlotMachine.WorkOutcome)
  }

  func run(_ claim: SliceClaim) throws(CatalogError) -> SlotMachine.WorkOutcome {
    guard !catalog.hasUsedItsAttempts(claim) else { return ended(claim, as: try catalog.giveUp(claim)) }
    if let standing = try catalog.rewalkStanding(claim) {
      if case .given(let outcome) = try rewalk(claim, from: standing) { return outcome }
    }
    let verdict: RemovalVerdict
    switch try catalog.removalStanding(claim) {
    case .settled: return try end(claim)
    case .decided(let decided): verdict = decided
    case .replaced:
      var count = RemovalCount(claim)
      if case .given(let outcome) = try complete(&count) { return outcome }
      // Most are files that were saved anew.
      guard count.moves > 0 else { return try end(claim) }
      verdict = try decide(claim, count)
    case .undecided(let excludes, let looked):
      if case .given(let outcome) = try lookAgain(claim, after: looked) { return outcome }
      crashPoint(.removalsLookedAt)
      if excludes, case .given(let outcome) = try exclude(claim) { return outcome }
      var count = RemovalCount(claim)
      if case .given(let outcome) = try complete(&count) { return outcome }
      verdict = try decide(claim, count)
    }
    if case .given(let outcome) = try move(claim) { return outcome }
    if verdict == .apply, case .given(let outcome) = try apply(claim) { return outcome }
    return try end(claim)
  }

  private func decide(_ claim: SliceClaim, _ count: RemovalCount) throws(CatalogError) -> RemovalVerdict {
    crashPoint(.movesStaged)
    let verdict = try catalog.decideRemovals(claim, files: count.files)
    crashPoint(.removalsDecided)
    logger.info("removals decided", metadata: claim.logMetadata.merging(["verdict": "\(verdict.rawValue)"]) { $1 })
    return verdict
  }

  private func end(_ claim: SliceClaim) throws(CatalogError) -> SlotMachine.WorkOutcome {
    crashPoint(.endReady)
    return ended(claim, as: try catalog.end(claim))
  }

  private func ended(_ claim: SliceClaim, as status: ScanStatus) -> SlotMachine.WorkOutcome {
    logger.info("scan ended", metadata: claim.logMetadata.merging(["status": "\(status.rawValue)"]) { $1 })
    return .committed(queued: [])
  }

  /// Hands over to slices that list again what has changed since; goes on where there is nothing.
  private func rewalk(_ claim: SliceClaim, from standing: RewalkStanding) throws(CatalogError) -> Step {
    let isAborted = self.isAborted
    var rewalk = Rewalk(
      catalog: catalog,
      check: StampCheck(
        rootPath: claim.rootPath, mounts: MountWatch(claim.mounts), pace: pace.pace(of: claim, isAborted: isAborted),
        isAborted: isAborted), began_ns: standing.began_ns)
    var last = standing.compared
    while true {
      if let outcome = interruption { return .given(outcome) }
      do throws(RewalkError) {
        guard let end = try rewalk.look(claim, after: last) else { break }
        last = end
      } catch {
        switch error {
        case .catalog(let cause): throw cause
        case .walk(.mountReplaced): continue  // it is gone round from now on
        case .walk(let cause): return .given(outcome(of: cause, claim))
        }
      }
      activity.noteProgress()
    }
    guard let queued = try catalog.beginRewalk(claim) else { return .done }
    logger.info("listing again what has changed since", metadata: claim.logMetadata)
    return .given(.committed(queued: queued))
  }

  private var isAborted: () -> Bool {
    let (stop, activity) = (stop, activity)
    return { stop.isUrgent || activity.isLockLost }
  }

  /// Unstages all that is there again, and all that cannot be told.
  private func lookAgain(_ claim: SliceClaim, after looked: StagedPlace?) throws(CatalogError) -> Step {
    let isAborted = self.isAborted
    let check = AbsenceCheck(
      rootPath: claim.rootPath, mounts: MountWatch(claim.mounts), pace: pace.pace(of: claim, isAborted: isAborted),
      isAborted: isAborted)
    var last = looked
    var lost = LostMounts(claim.mounts)
    while true {
      if let outcome = interruption { return .given(outcome) }
      let page = try catalog.stagedRemovals(claim, after: last, limit: Self.pageRows)
      guard let end = page.removals.last?.place else { return .done }
      let present: [StagedRemoval]
      do throws(WalkError<Never>) {
        present = try self.present(in: page, by: check) { lost.note($0, $1) }
      } catch {
        if case .mountReplaced = error { continue }  // it is gone round from now on
        return .given(outcome(of: error, claim))
      }
      try catalog.commitLook(claim, upTo: end, present: present, errors: lost.takeErrors())
      crashPoint(.removalsPageLookedAt)
      activity.noteProgress()
      last = end
    }
  }

  private func present(
    in page: StagedPage, by check: AbsenceCheck, lostMount: (Int64, String) -> Void
  ) throws(WalkError<Never>) -> [StagedRemoval] {
    let names = page.removals.map { AbsentName(directory: $0.directory, name: $0.name, isDirectory: $0.isDirectory) }
    let areGone = try check.areGone(names, in: page.frontier.forWalker, lostMount: lostMount)
    return zip(page.removals, areGone).filter { !$1 }.map(\.0)
  }

  private func outcome(of error: WalkError<Never>, _ claim: SliceClaim) -> SlotMachine.WorkOutcome {
    switch error {
    case .rootUnavailable, .rootRefused, .rootReplaced:
      .rootUnavailable(message: error.rootRefusal(expecting: claim.mounts))
    case .brokenFrontier, .mountReplaced: .failed(message: error.description)
    case .aborted: activity.isLockLost ? .superseded : .interrupted
    }
  }

  private func complete(_ count: inout RemovalCount) throws(CatalogError) -> Step {
    repeat {
      if let outcome = interruption { return .given(outcome) }
      activity.noteProgress()
      if count.moves > 0 { crashPoint(.movesPageStaged) }
    } while try count.step(on: catalog)
    return .done
  }

  private func exclude(_ claim: SliceClaim) throws(CatalogError) -> Step {
    try removeAll(of: claim, "exclusions applied") { () throws(CatalogError) in
      try catalog.excludeStaged(claim, limit: Self.batchFiles)
    }
  }

  private func apply(_ claim: SliceClaim) throws(CatalogError) -> Step {
    try removeAll(of: claim, "removals applied") { () throws(CatalogError) in
      try catalog.applyRemovals(claim, limit: Self.batchFiles)
    }
  }

  /// Puts what has moved to its place, in batches.
  private func move(_ claim: SliceClaim) throws(CatalogError) -> Step {
    var moved: Int64 = 0
    while true {
      if let outcome = interruption { return .given(outcome) }
      let batch = try catalog.applyMoves(claim, limit: Self.batchFiles)
      if batch.files > 0 { crashPoint(.moveBatchDone) }
      activity.noteProgress()
      moved += batch.files
      guard batch.isLeft else { break }
    }
    if moved > 0 { logger.info("moves applied", metadata: claim.logMetadata.merging(["files": "\(moved)"]) { $1 }) }
    return .done
  }

  /// Removes batches until nothing of their sort is staged.
  private func removeAll(
    of claim: SliceClaim, _ done: Logger.Message, _ next: () throws(CatalogError) -> RemovalBatch
  ) throws(CatalogError) -> Step {
    var removed: Int64 = 0
    while true {
      if let outcome = interruption { return .given(outcome) }
      let batch = try next()
      crashPoint(.removalBatchDone)
      activity.noteProgress()
      removed += batch.files
      guard batch.isLeft else { break }
    }
    logger.info(done, metadata: claim.logMetadata.merging(["files": "\(removed)"]) { $1 })
    return .done
  }

  /// Why to go no further, between two commits.
  private var interruption: SlotMachine.WorkOutcome? {
    if activity.isLockLost { return .superseded }
    return stop.isRequested ? .interrupted : nil
  }
}

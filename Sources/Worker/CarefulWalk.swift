import Catalog
import CrashPoints
import FileTree
import Logging
import ScanModel

/// The walk of a slice that has failed before: one directory a commit, with a checkpoint between any two.
/// So when it fails again, the first directory of its frontier is the one at which it did; at the last
/// attempt that one, the culprit, is left out as an error, and the rest goes on.
///
/// What the slice held when it failed is visited first, and stays in it until it has been visited: at the
/// slice's budget it goes back to its queue with the rest of that, still to be walked carefully. So what kills
/// a worker there is met by no other walk, wherever it stands in the frontier. What the walk has found goes on
/// as any other find, in slices that have not failed yet.
struct CarefulWalk {
  private let runner: SliceRunner
  private let budget: WalkLimits
  private var claim: SliceClaim
  /// What the slice held when it failed; as far as it is left, the frontier begins with it.
  private let suspects: Set<Int64>
  private var entries = 0
  /// Queued by checkpoints, and no pointer is pushed yet.
  private var unpushed: [SliceID] = []

  init(_ runner: SliceRunner, _ claim: SliceClaim) {
    self.runner = runner
    self.claim = claim
    suspects = Set(claim.frontier.visits)
    budget = runner.limits(claim)
  }

  mutating func run() throws(CatalogError) -> SlotMachine.WorkOutcome {
    // Not even an error in the culprit's place could be committed.
    guard !runner.catalog.hasUsedItsAttempts(claim) else { return .failed(message: claim.lastFailure ?? "no reason") }
    // In a commit of its own: the next directory may be another culprit.
    if let culprit = claim.culprit {
      if let outcome = try commit(SliceResults(leavingOut: culprit, of: claim)) { return outcome }
    }
    while let directory = claim.frontier.visits.first {
      let outcome = try runner.takingNamesOnce(claim) { (skipsRepeatedNames) throws(CatalogError) in
        try visit(directory, skipsRepeatedNames: skipsRepeatedNames)
      }
      if let outcome { return outcome }
    }
    return try end(SliceResults())
  }

  /// Visits one directory; how the walk ended, if it did.
  private mutating func visit(
    _ directory: Int64, skipsRepeatedNames: Bool
  ) throws(CatalogError) -> SlotMachine.WorkOutcome? {
    let frontier = claim.frontier.visiting([directory])
    var limits = budget
    limits.entries = 0
    switch try runner.visit(frontier, of: claim, limits, skipsRepeatedNames: skipsRepeatedNames) {
    case .ended(let outcome): return outcome
    case .results(var results):
      let rest = claim.frontier.visits.dropFirst()
      let waiting = suspectsLeft(in: rest)
      results.frontier = rest.prefix(waiting) + results.frontier + rest.dropFirst(waiting)
      entries += Int(results.entries)
      return try commit(results)
    }
  }

  private mutating func commit(_ results: SliceResults) throws(CatalogError) -> SlotMachine.WorkOutcome? {
    if results.frontier.isEmpty || isOver { return try end(results) }
    let checkpoint = try runner.catalog.checkpoint(claim, results)
    crashPoint(.checkpointDone)
    claim = checkpoint.claim
    unpushed += checkpoint.queued
    pushPointers()
    return nil
  }

  private func end(_ results: SliceResults) throws(CatalogError) -> SlotMachine.WorkOutcome {
    let waiting = suspectsLeft(in: results.frontier[...])
    guard waiting > 0 else {
      let queued = try runner.catalog.commit(claim, results)
      runner.log(claim, results, queued)
      return .committed(queued: unpushed + queued)
    }
    let checkpoint = try runner.catalog.checkpoint(claim, results, keeping: waiting)
    runner.log(claim, results, checkpoint.queued)
    // Its own pointer goes to the back of the queue, as those of others do.
    return try runner.catalog.release(checkpoint.claim)
      ? .committed(queued: unpushed + checkpoint.queued + [claim.slice]) : .superseded
  }

  private func suspectsLeft(in frontier: ArraySlice<Int64>) -> Int { frontier.prefix { suspects.contains($0) }.count }

  private var isOver: Bool {
    entries >= budget.entries || budget.shouldYield() || budget.deadline.map { $0 <= .now } == true
  }

  /// At once, so that others take part. What cannot be pushed now is pushed with what the slice's end queues.
  private mutating func pushPointers() {
    guard let queue = runner.queue, !unpushed.isEmpty else { return }
    do {
      try queue.push(unpushed.map(QueueMessage.pointerBytes), to: claim.queue)
      unpushed = []
      crashPoint(.checkpointPushed)
    } catch {
      runner.logger.debug("pointers wait for Redis", metadata: claim.logMetadata.merging(["error": "\(error)"]) { $1 })
    }
  }
}

extension SliceResults {
  /// An error in place of the first directory of the claim's frontier, and the rest of the frontier.
  init(leavingOut culprit: Int64, of claim: SliceClaim) {
    self.init()
    let failures = claim.lastFailure.map { ", at last because: \($0)" } ?? ""
    errors.note(unread: culprit, known: claim.frontier.directories.first { $0.id == culprit }?.known, .ioError)
    errors.rows = [
      SliceError(
        place: .directory(culprit), path: claim.frontier.path(of: culprit), type: .ioError, operation: nil, errno: nil,
        message:
          "left out, with all that lies below: its slice failed \(claim.attempts) times in a row here\(failures); "
          + "see the log of the worker, then scan again")
    ]
    frontier = claim.frontier.visits.filter { $0 != culprit }
  }
}

import Catalog
import JobQueue
import ScanModel

/// From a pointer to the claim of its slice.
extension SlotMachine {
  mutating func inspected(
    _ job: TakenJob, _ slice: SliceID, _ standing: SliceStanding, stopping: Bool
  ) -> Action {
    switch standing {
    case .open where stopping:
      return settle(.handBack(job, lock(of: job), .front), then: .look)
    case .open(_, _, _, let queue) where queue != job.queue:
      // Under another queue's lock two could work on it at once, and end each other for ever.
      let moved = Successors(slices: [slice], queue: queue)
      return settle(.finish(job, lock(of: job), then: moved), then: .look)
    case .open(let epoch, let attempts, let holder, _):
      let lock = lock(of: job) ?? HeldLock(slice: slice, claim: ClaimID())
      lastTry = (job, lock)
      let stranger = holder == worker ? nil : holder
      state = .locking(Candidate(job: job, lock: lock, epoch: epoch, attempts: attempts, holder: stranger))
      return .lock(job, lock)
    case .done(let queued, let queue):
      return settle(.finish(job, lock(of: job), then: Successors(slices: queued, queue: queue)), then: .look)
    case .held, .ended:
      return settle(.finish(job, lock(of: job), then: .none), then: .look)
    }
  }

  /// The lock that an earlier try of this job may have left.
  func lock(of job: TakenJob) -> HeldLock? {
    lastTry.flatMap { $0.job == job ? $0.lock : nil }
  }

  mutating func locked(_ candidate: Candidate, _ outcome: ClaimOutcome, stopping: Bool) -> Action {
    switch outcome {
    case .claimed:
      if stopping { return giveBack(candidate) }
      guard let holder = candidate.holder else { return enter(candidate) }
      state = .finding(candidate)
      return .findHolder(holder, queue: candidate.job.queue)
    case .held, .gone:
      // Another slot is at work on it, or the job was taken out of the list: not ours in either case.
      lastTry = nil
      return proceed(.look, stopping: stopping)
    }
  }

  mutating func found(_ candidate: Candidate, isAlive: Bool, stopping: Bool) -> Action {
    if stopping { return giveBack(candidate) }
    var candidate = candidate
    candidate.holderDied = !isAlive
    return enter(candidate)
  }

  private mutating func enter(_ candidate: Candidate) -> Action {
    state = .entering(candidate)
    return .enter(candidate.lock, alone: candidate.isSuspect)
  }

  mutating func entered(_ candidate: Candidate, mayWork: Bool, stopping: Bool) -> Action {
    guard mayWork, !stopping else { return giveBack(candidate) }
    state = .claiming(candidate)
    return .claim(candidate.lock, epoch: candidate.epoch, holderDied: candidate.holderDied)
  }

  mutating func claimed(_ candidate: Candidate, _ claim: SliceClaim?, stopping: Bool) -> Action {
    guard let claim else { return giveBack(candidate) }
    // It failed after it was inspected: this slot is not alone, as it would have to be.
    let isSurprise = claim.attempts > 0 && !candidate.isSuspect
    if stopping || isSurprise {
      state = .ceding(candidate.job, candidate.lock, to: .front)
      return .release(claim)
    }
    if claim.beginsScan {
      state = .preparing(candidate.job, candidate.lock, claim)
      return .preflight(claim)
    }
    return work(candidate.job, candidate.lock, claim)
  }

  mutating func preflighted(
    _ job: TakenJob, _ lock: HeldLock, _ claim: SliceClaim, _ findings: [PreflightFinding], stopping: Bool
  ) -> Action {
    if !findings.failures.isEmpty {
      state = .ceding(job, lock, to: .back)
      return .reject(claim, findings)
    }
    if stopping {
      state = .ceding(job, lock, to: .front)
      return .release(claim)
    }
    return work(job, lock, claim)
  }

  private mutating func work(_ job: TakenJob, _ lock: HeldLock, _ claim: SliceClaim) -> Action {
    state = .working(job, lock, claim)
    return .work(claim)
  }

  private mutating func giveBack(_ candidate: Candidate) -> Action {
    settle(.handBack(candidate.job, candidate.lock, .front), then: .look)
  }
}

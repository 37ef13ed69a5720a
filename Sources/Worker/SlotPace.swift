import BlockingThread
import Catalog
import FileTree
import Foundation
import JobQueue
import Logging
import ScanModel

/// A slot's part in the rates of libraries with `--max-files-per-second`: it reserves about a tenth of a second's
/// worth at a time, and waits until that is its own. The slot's thread owns it.
///
/// While Redis cannot be asked, the slot walks on at the rate divided by `max_parallel`: no more slots than that can
/// be at work on the library, so that together they keep to it.
final class SlotPace {
  /// How long a wait lasts before the next look at whether to give up.
  private static let tick = Duration.milliseconds(50)
  /// How long a Redis that did not answer is left alone.
  private static let silence = Duration.seconds(1)

  private struct Limit: Equatable {
    let library: LibraryID
    let queue: String
    let rate: Int
    let maxParallel: Int

    /// Entries that are reserved at once.
    var batch: Int { max(1, min(rate / 10, 256)) }
    /// All that a library's slots can have reserved, each one batch, and those of as many that are gone.
    var longestWait: Duration { .seconds(1) * (2 * maxParallel * batch) / rate + .seconds(1) }
    /// How long one slot takes for a batch at its own share of the rate.
    var shareOfBatch: Duration { .seconds(1) * (batch * maxParallel) / rate }
  }

  private let throttle: RedisThrottle
  private let activity: SlotActivity
  private let outage: Outage
  private let logger: Logger
  private var current: (limit: Limit, pace: WalkPace)?
  /// Before it Redis is not asked.
  private var nextQuestion = ContinuousClock.now
  /// The last question had no answer.
  private var isCutOff = false
  /// Up to when this slot's own share is spoken for.
  private var ownShare = ContinuousClock.now

  init(throttle: RedisThrottle, activity: SlotActivity, outage: Outage, logger: Logger) {
    self.throttle = throttle
    self.activity = activity
    self.outage = outage
    self.logger = logger
  }

  /// The pace of a claim's library; `nil` where it has no limit. What one slice has left over serves the next one of
  /// the same library.
  ///
  /// - Parameter isAborted: ends a wait; of the slot, not of the claim.
  func pace(of claim: SliceClaim, isAborted: @escaping () -> Bool) -> WalkPace? {
    guard let rate = claim.rules.maxFilesPerSecond, rate > 0 else { return nil }
    let limit = Limit(
      library: claim.library, queue: claim.queue, rate: rate, maxParallel: max(1, claim.rules.maxParallel))
    if let current, current.limit == limit { return current.pace }
    let pace = WalkPace { [unowned self] in
      wait(until: begin(limit), isAborted)
      return limit.batch
    }
    current = (limit, pace)
    return pace
  }

  /// When the next batch may be looked at.
  private func begin(_ limit: Limit) -> ContinuousClock.Instant {
    guard .now >= nextQuestion else { return shareOnly(limit) }
    do {
      let wait = try throttle.reserve(
        limit.batch, of: limit.library, queue: limit.queue, rate: limit.rate, longest: limit.longestWait)
      isCutOff = false
      return .now + wait
    } catch {
      nextQuestion = .now + Self.silence
      if !isCutOff { complain(of: error, limit) }
      isCutOff = true
      return shareOnly(limit)
    }
  }

  private func shareOnly(_ limit: Limit) -> ContinuousClock.Instant {
    let begin = max(ownShare, .now)
    ownShare = begin + limit.shareOfBatch
    return begin
  }

  private func complain(of error: QueueError, _ limit: Limit) {
    guard !error.isOutage else { return outage.begin(error.description) }
    logger.warning(
      "cannot share a library's rate; walking at this slot's part of it",
      metadata: ["library": "\(limit.library)", "error": "\(error)"])
  }

  /// A wait is progress: nobody shall take it for a stall.
  private func wait(until end: ContinuousClock.Instant, _ isAborted: () -> Bool) {
    while !isAborted() {
      let left = ContinuousClock.now.duration(to: end)
      guard left > .zero else { return }
      Thread.sleep(forTimeInterval: min(left, Self.tick) / .seconds(1))
      activity.noteProgress()
    }
  }
}

import Catalog
import FileTree
import Foundation
import JobQueue
import RedisClient
import ScanModel

/// The part of `verify` in a library's rate (`--max-files-per-second`): it takes its share as a slot does, through
/// Redis. While Redis cannot be asked, it keeps to the rate by itself.
final class VerifyPace {
  /// How long a Redis that did not answer is left alone.
  private static let silence = Duration.seconds(5)

  private let library: LibraryRecord
  private let rate: Int
  private let throttle: RedisThrottle
  /// Before it Redis is not asked.
  private var nextQuestion = ContinuousClock.now
  /// Up to when the rate is used up where nobody shares it.
  private var ownShare = ContinuousClock.now

  /// `nil` where the library has no rate.
  init?(of library: LibraryRecord, _ environment: Environment) throws {
    guard let rate = library.rules.maxFilesPerSecond, rate > 0 else { return nil }
    self.library = library
    self.rate = rate
    throttle = try environment.throttle()
  }

  var walkPace: WalkPace {
    WalkPace { [self] in
      Thread.sleep(forTimeInterval: max(0, ContinuousClock.now.duration(to: begin()) / .seconds(1)))
      return batch
    }
  }

  /// Entries that are reserved at once: a tenth of a second's worth.
  private var batch: Int { max(1, min(rate / 10, 256)) }

  private var longestWait: Duration {
    .seconds(1) * (2 * (library.rules.maxParallel + 1) * batch) / rate + .seconds(1)
  }

  /// When the next batch may be looked at.
  private func begin() -> ContinuousClock.Instant {
    if .now >= nextQuestion {
      do {
        return .now
          + (try throttle.reserve(batch, of: library.id, queue: library.rules.queue, rate: rate, longest: longestWait))
      } catch {
        // What it says is of no account: the rate is kept to in any case.
        nextQuestion = .now + Self.silence
      }
    }
    let begin = max(ownShare, .now)
    ownShare = begin + .seconds(1) * batch / rate
    return begin
  }
}

extension Environment {
  fileprivate func throttle() throws(RedisError) -> RedisThrottle {
    let endpoint = try RedisEndpoint(url: configuration.redisURL)
    return RedisThrottle(connection: RedisConnection(endpoint: endpoint), prefix: configuration.prefix)
  }
}

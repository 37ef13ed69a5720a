import BlockingThread
import Catalog
import JobQueue
import Logging
import ScanModel

/// The health thread: looks at Redis, and at which libraries there are, and sends lookouts to their roots. It has
/// connections of its own. A root that hangs costs one lookout its time, and nobody else: another lookout goes on with
/// the rest.
final class Health: Sendable {
  /// How soon a library that was added is found.
  private static let tick = Duration.seconds(2)
  /// How long a look at a root takes at the most, unless it hangs.
  static let patience = Duration.seconds(5)

  private let settings: WorkerSettings
  private let shared: WorkerShared
  private let logger: Logger

  init(settings: WorkerSettings, shared: WorkerShared, logger: Logger) {
    self.settings = settings
    self.shared = shared
    self.logger = logger
  }

  /// Runs until the worker is told to stop. What cannot be asked is asked again at the next tick: an outage is told by
  /// those who work.
  func run(_ catalog: Catalog, _ examination: RedisExamination) {
    while !shared.stop.isRequested {
      if shared.health.redis(within: settings.healthInterval) == nil { examine(examination) }
      do { try sendLookouts(catalog) } catch {
        logger.debug("cannot look for libraries", metadata: ["error": "\(error)"])
      }
      shared.stop.wait(for: max(.milliseconds(100), min(Self.tick, settings.healthInterval)))
    }
  }

  private func examine(_ examination: RedisExamination) {
    do { shared.health.note(try examination.look()) } catch {
      logger.debug("cannot look at Redis", metadata: ["error": "\(error)"])
    }
  }

  private func sendLookouts(_ catalog: Catalog) throws(CatalogError) {
    let libraries = try catalog.libraries(servedBy: settings.queues)
    var errands: [HealthBoard.Errand] = []
    for library in shared.health.due(among: libraries, interval: settings.healthInterval) {
      let mounts = try catalog.recordedMounts(of: library, host: settings.host)
      errands.append(HealthBoard.Errand(library: library, mounts: mounts))
    }
    guard let number = shared.health.send(errands, patience: Self.patience) else { return }
    let (health, allowed) = (shared.health, settings.allowedRoots)
    let look: @Sendable () -> Void = {
      while let errand = health.next(for: number) {
        health.note(RootSight(of: errand.library, errand.mounts, allowed: allowed), of: errand.library)
      }
    }
    do { _ = try BlockingThread(name: "lookout", body: look) } catch {
      health.giveUp(number)
      logger.warning("cannot look at roots", metadata: ["error": "\(error)"])
    }
  }
}

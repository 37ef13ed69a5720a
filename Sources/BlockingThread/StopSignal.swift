import Glibc
import Synchronization

/// A flag that is set once and wakes everybody who waits for it: the end of waits between retries, of
/// polling loops, of a thread. Any thread may call anything.
///
/// Waits are measured on `CLOCK_MONOTONIC`: setting the wall clock neither cuts nor stretches them.
public final class StopSignal: @unchecked Sendable {
  // @unchecked: the mutex and the condition are made for sharing and live at fixed addresses until the
  // last reference goes; the flag is atomic and changes under the mutex only.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let flag = Atomic(false)

  public init() {
    // With default attributes and a known clock these calls have no failure on Linux (pthread_cond_init(3)).
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// One atomic load: cheap enough for an inner loop.
  public var isSet: Bool { flag.load(ordering: .acquiring) }

  /// Sets the flag for good and wakes all waiters. Setting it again changes nothing.
  public func set() {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    flag.store(true, ordering: .releasing)
    pthread_cond_broadcast(condition)
  }

  /// Blocks the calling thread until the flag is set.
  public func wait() {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !isSet { pthread_cond_wait(condition, mutex) }
  }

  /// Blocks the calling thread until the flag is set or `duration` has passed; whether it is set. A
  /// duration of zero or less does not block.
  @discardableResult
  public func wait(for duration: Duration) -> Bool {
    guard duration > .zero else { return isSet }
    var deadline = Self.monotonicDeadline(after: duration)
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !isSet {
      if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { break }
    }
    return isSet
  }

  private static func monotonicDeadline(after duration: Duration) -> timespec {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    // A century is for ever, and no sum of it overflows.
    let (seconds, attoseconds) = min(duration, .seconds(3_155_760_000)).components
    let nanoseconds = now.tv_nsec + Int(attoseconds / 1_000_000_000)
    return timespec(
      tv_sec: now.tv_sec + Int(seconds) + nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
  }
}

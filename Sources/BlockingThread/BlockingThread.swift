import CLinux
import Glibc

/// A named thread of its own for work that blocks, so that Swift's cooperative pool never does.
///
/// The body runs to its end whether anybody joins or not: a thread that hangs in a system call can be
/// abandoned by dropping the last reference.
public final class BlockingThread: Sendable {
  /// The system refused to start a thread.
  public struct StartError: Error, Sendable, CustomStringConvertible {
    public let name: String
    /// As `pthread_create(3)` returns it; EAGAIN is a limit on threads or memory.
    public let errno: Int32

    public var description: String {
      let reason = linux_errno_description(errno).map { String(cString: $0) } ?? "error \(errno)"
      return "cannot start thread \(name): \(reason); raise the limit on threads (ulimit -u) or free memory"
    }
  }

  public let name: String
  private let ended = StopSignal()

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - name: shown by `ps -L` and `top -H`, cut to 15 bytes there (`pthread_setname_np(3)`).
  ///   - stackSize: bytes; `nil` is the system's default (8 MiB of address space, as a rule).
  ///   - body: runs once, on the new thread.
  public init(name: String, stackSize: Int? = nil, body: @escaping @Sendable () -> Void) throws(StartError) {
    self.name = name
    let start = ThreadStart(name: name, ended: ended, body: body)
    let error = start.launch(stackSize: stackSize)
    guard error == 0 else { throw StartError(name: name, errno: error) }
  }

  /// Whether the body has returned and what it captured is released.
  public var isFinished: Bool { ended.isSet }

  /// Blocks the calling thread until the body has returned and what it captured is released. Any number of
  /// threads may join.
  public func join() { ended.wait() }

  /// As `join`, but for no longer than `duration`; whether the body has returned.
  @discardableResult
  public func join(for duration: Duration) -> Bool { ended.wait(for: duration) }
}

/// What crosses `pthread_create`'s pointer. The thread is detached: its end is told by `BlockingThread`'s
/// signal, which unlike `pthread_join` may be awaited twice, by several threads, with a limit, or never.
private final class ThreadStart: Sendable {
  let name: String
  let ended: StopSignal
  let body: @Sendable () -> Void

  init(name: String, ended: StopSignal, body: @escaping @Sendable () -> Void) {
    self.name = name
    self.ended = ended
    self.body = body
  }

  /// 0, or an errno. In a nonisolated function, because the entry point must not inherit an actor.
  func launch(stackSize: Int?) -> Int32 {
    var attributes = pthread_attr_t()
    let error = pthread_attr_init(&attributes)
    guard error == 0 else { return error }
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    if let stackSize {
      let error = pthread_attr_setstacksize(&attributes, stackSize)
      guard error == 0 else { return error }
    }
    let passed = Unmanaged.passRetained(self)
    var thread = pthread_t()
    let created = pthread_create(&thread, &attributes, threadMain, passed.toOpaque())
    if created != 0 { passed.release() }
    return created
  }
}

private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  let ended = runBody(argument)
  ended.set()
  return nil
}

/// Runs the body and lets go of it before it returns: whoever joins may rely on what the body held (a
/// connection, a file) being closed.
@inline(never)
private func runBody(_ argument: UnsafeMutableRawPointer) -> StopSignal {
  let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
  var name = Array(start.name.utf8.prefix(15).map { CChar(bitPattern: $0) })
  name.append(0)
  _ = linux_set_thread_name(name)  // A thread without its name does its work as well.
  start.body()
  return start.ended
}

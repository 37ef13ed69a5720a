#if CRASH_POINTS
  import Glibc
  import Synchronization

  /// What `ROLLCALL_CRASH_AT` orders of this process.
  @usableFromInline
  final class CrashOrder: Sendable {
    private enum Place: Sendable {
      case point(CrashPoint, pass: Int)
      case listing(of: [CChar])
    }

    @usableFromInline static let own: CrashOrder? = getenv("ROLLCALL_CRASH_AT").map { .init(String(cString: $0)) }

    private let place: Place
    private let signal: Int32
    private let passes = Atomic<Int>(0)

    /// An order that means nothing would be a test that never kills anything.
    private init(_ order: String) {
      let stop = "stop:"
      let list = "list:"
      let stops = order.hasPrefix(stop)
      signal = stops ? SIGSTOP : SIGKILL
      let text = stops ? order.dropFirst(stop.count) : order[...]
      if text.hasPrefix(list) {
        place = .listing(of: Array(String(text.dropFirst(list.count)).utf8CString))
        return
      }
      let parts = text.split(separator: ":")
      guard let point = parts.first.flatMap({ CrashPoint(rawValue: String($0)) }),
        let pass = parts.count == 1 ? 1 : Int(parts[1])
      else { preconditionFailure("ROLLCALL_CRASH_AT names no crash point: \(order)") }
      place = .point(point, pass: pass)
    }

    func isAt(_ point: CrashPoint) -> Bool {
      if case .point(point, _) = place { true } else { false }
    }

    @usableFromInline
    func pass(_ point: CrashPoint) {
      guard case .point(point, let fatal) = place else { return }
      if passes.add(1, ordering: .relaxed).newValue == fatal { end() }
    }

    func list(_ name: UnsafePointer<CChar>) {
      guard case .listing(let fatal) = place else { return }
      if strcmp(name, fatal) == 0 { end() }
    }

    /// To the calling thread, which then goes no step further: a signal to the process may be met by another
    /// thread, and this one would run on for a while.
    private func end() { raise(signal) }
  }

  /// Dies if the directory of this name, a C string, is the one that `ROLLCALL_CRASH_AT` tells.
  public func crashPoint(listing name: UnsafePointer<CChar>) { CrashOrder.own?.list(name) }
#endif

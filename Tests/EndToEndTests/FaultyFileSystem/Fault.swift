import Glibc

/// A rule of the plan by which the file system is faulty (`Tests/FaultyFileSystem/plan.h`).
struct Fault {
  enum Call: String { case open, list, stat, readlink }

  enum When {
    case always
    /// The Nth such call only, counted from 1.
    case only(Int)
    /// All but those before the Nth.
    case from(Int)
    /// The first so many of every so many such calls.
    case mostly(Int, of: Int)
    /// A listing that has given something already.
    case begun
  }

  enum Effect {
    case fails(Int32)
    /// Until there is another plan.
    case hangs
    /// So many bytes a call at most.
    case short(Int)
    case ends
    case skips(String)
    case repeats(String)
    case modified(Int)
    /// Modified and changed then, to the second.
    case stamped(Int)
  }

  let call: Call
  /// Relative to the tree, with `*` for whatever there is; `.` is the tree itself.
  let path: String
  let when: When
  let effect: Effect

  init(_ call: Call, _ path: String, _ effect: Effect, _ when: When = .always) {
    (self.call, self.path, self.when, self.effect) = (call, path, when, effect)
  }

  /// As the plan has it.
  var line: String { [call.rawValue, path, when.text, effect.text].joined(separator: "\t") }
}

extension Fault.When {
  fileprivate var text: String {
    switch self {
    case .always: "always"
    case .only(let number): "\(number)"
    case .from(let number): "\(number)+"
    case .mostly(let first, let every): "\(first)/\(every)"
    case .begun: "begun"
    }
  }
}

extension Fault.Effect {
  fileprivate var text: String {
    switch self {
    case .fails(let errno): "errno=\(errno)"
    case .hangs: "hang"
    case .short(let bytes): "short=\(bytes)"
    case .ends: "end"
    case .skips(let pattern): "skip=\(pattern)"
    case .repeats(let name): "repeat=\(name)"
    case .modified(let seconds): "mtime=\(seconds)"
    case .stamped(let seconds): "times=\(seconds)"
    }
  }
}

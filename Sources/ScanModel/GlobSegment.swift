/// The part of a glob between two slashes, compiled: it is matched on the bytes of one name.
///
/// A star goes back to the last star only, which is enough because no star crosses a slash. So a name costs at most
/// its length times the segment's, however hostile both are.
struct GlobSegment: Sendable {
  enum Token: Sendable {
    case literal(UInt8)
    /// `?`: one byte.
    case any
    /// `[…]`: one byte of the set, which never holds a slash.
    case set(ByteSet)
    /// `*`: any bytes, or none.
    case star

    func accepts(_ byte: UInt8) -> Bool {
      switch self {
      case .literal(let literal): literal == byte
      case .any, .star: true
      case .set(let set): set.contains(byte)
      }
    }

    var isStar: Bool {
      if case .star = self { true } else { false }
    }
  }

  private let tokens: [Token]
  /// The length of the shortest name that can match.
  private let shortest: Int

  init(_ tokens: [Token]) {
    self.tokens = tokens
    shortest = tokens.count { !$0.isStar }
  }

  /// No allocation.
  func matches(_ name: UnsafeRawBufferPointer) -> Bool {
    guard unsafe isPossible(name) else { return false }
    var position = 0
    var token = 0
    // Where the last star stands, and how far it reaches as yet.
    var star = -1
    var reach = 0
    while position < name.count {
      if token < tokens.count, tokens[token].isStar {
        star = token
        reach = position
        token += 1
      } else if token < tokens.count, unsafe tokens[token].accepts(name[position]) {
        token += 1
        position += 1
      } else {
        guard star >= 0 else { return false }
        reach += 1
        position = reach
        token = star + 1
      }
    }
    while token < tokens.count, tokens[token].isStar { token += 1 }
    return token == tokens.count
  }

  /// Tells most names by their length and their first and last byte.
  private func isPossible(_ name: UnsafeRawBufferPointer) -> Bool {
    guard name.count >= shortest, let first = tokens.first, let last = tokens.last else { return false }
    if tokens.count == shortest, name.count != shortest { return false }
    guard unsafe !name.isEmpty else { return true }
    return unsafe first.accepts(name[0]) && last.accepts(name[name.count - 1])
  }
}

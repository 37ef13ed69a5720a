import ScanModel

extension HeartbeatLine {
  /// Which roots of its queues' libraries a worker sees, and which not: bounded, whatever libraries there are. One
  /// that stands nowhere was not looked at so far or, where `leftOut` is more than 0, has no room here.
  public struct Roots: Sendable, Codable, Equatable {
    public struct Unseen: Sendable, Codable, Equatable {
      public var library: Int64
      /// In few words.
      public var reason: String
      /// Since it was found, or since the look began that does not end.
      public var ageMs: Int64

      private enum CodingKeys: String, CodingKey {
        case library, reason
        case ageMs = "age_ms"
      }
    }

    /// Libraries' ids.
    public var seen: [Int64] = []
    /// Of the oldest answer among those that are seen.
    public var seenAgeMs: Int64 = 0
    public var unseen: [Unseen] = []
    public var leftOut = 0

    static let mostSeen = 256, mostUnseen = 24, longestReason = 120

    init() {}

    mutating func add(seen library: LibraryID, for age: Duration) {
      guard seen.count < Self.mostSeen else { return leftOut += 1 }
      seen.append(library.rawValue)
      seenAgeMs = max(seenAgeMs, age.milliseconds)
    }

    mutating func add(_ library: LibraryID, unseen reason: String, for age: Duration) {
      guard unseen.count < Self.mostUnseen else { return leftOut += 1 }
      unseen.append(Unseen(library: library.rawValue, reason: Self.cut(reason), ageMs: age.milliseconds))
    }

    /// To a number of bytes, in the text and in JSON alike.
    private static func cut(_ reason: String) -> String {
      var text = ""
      for scalar in reason.unicodeScalars {
        let isControl = scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value)
        let next = isControl ? "?" : String(scalar)
        guard text.utf8.count + next.utf8.count <= longestReason else { return text + "…" }
        text += next
      }
      return text
    }

    private enum CodingKeys: String, CodingKey {
      case seen, unseen
      case seenAgeMs = "seen_age_ms"
      case leftOut = "left_out"
    }
  }
}

extension Duration {
  var milliseconds: Int64 { Int64(self / .milliseconds(1)) }
}

/// The extensions that files may have, made ready to look up without allocation.
struct ExtensionSet: Sendable {
  /// Lower case, sorted.
  private let extensions: [[UInt8]]

  init(_ extensions: [String]) {
    self.extensions = extensions.map { $0.utf8.map(lowered) }.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// Whether what follows the last dot is one of them, in whatever case (of ASCII). A name without a dot has no
  /// extension, nor one that only begins with one.
  func admits(_ name: UnsafeRawBufferPointer) -> Bool {
    guard let dot = unsafe name.lastIndex(of: UInt8(ascii: ".")), dot > 0, dot + 1 < name.count else {
      return false
    }
    let own = unsafe UnsafeRawBufferPointer(rebasing: name[(dot + 1)...])
    var candidates = extensions.indices
    while let middle = candidates.middle {
      switch unsafe order(own, extensions[middle]) {
      case 0: return true
      case ..<0: candidates = candidates.lowerBound..<middle
      default: candidates = (middle + 1)..<candidates.upperBound
      }
    }
    return false
  }

  /// Below 0 where `own` is before `other`, above 0 where behind.
  private func order(_ own: UnsafeRawBufferPointer, _ other: [UInt8]) -> Int {
    for index in 0..<min(own.count, other.count) {
      let byte = unsafe lowered(own[index])
      if byte != other[index] { return Int(byte) - Int(other[index]) }
    }
    return own.count - other.count
  }
}

extension Range<Int> {
  fileprivate var middle: Int? { isEmpty ? nil : lowerBound + count / 2 }
}

/// ASCII letters in lower case, all other bytes as they are.
func lowered(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte | 0x20 : byte }

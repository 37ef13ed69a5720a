/// What a directory's listing was, in 128 bits: equal signatures under the same version mean that nothing
/// in the directory has changed.
public struct DirectorySignature: Sendable, Equatable {
  /// Of the way in which the bytes are made. Raise it with any change of that.
  private static let algorithm: Int32 = 1

  /// In the order of the digest's bytes.
  public let high: UInt64
  public let low: UInt64
  public let version: Int32

  public init(high: UInt64, low: UInt64, version: Int32) {
    self.high = high
    self.low = low
    self.version = version
  }

  /// The version for listings under a version of a library's rules.
  public static func version(rules: Int32) -> Int32 { algorithm << 24 | rules & 0xff_ffff }

  /// 16 bytes, as the catalogue holds them; `nil` where these are no signature.
  public init?(bytes: [UInt8], version: Int32) {
    guard bytes.count == 16 else { return nil }
    func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    self.init(high: word(bytes[0..<8]), low: word(bytes[8..<16]), version: version)
  }

  public var bytes: [UInt8] {
    [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
  }
}

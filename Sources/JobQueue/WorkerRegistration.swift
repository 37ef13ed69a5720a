import Foundation
import RedisClient

/// What a worker's field in the hash of workers says, as JSON: enough to find all its in-flight lists.
public struct WorkerRegistration: Sendable, Equatable, Codable {
  /// How many slots the worker has had; they are numbered from 0.
  public let slots: Int
  /// When the process started; whole seconds.
  public let startedAt: Date

  public init(slots: Int, startedAt: Date) {
    self.slots = slots
    self.startedAt = startedAt
  }

  /// `nil` for what this program did not write.
  init?(json: [UInt8]) {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    // Why it is unreadable does not matter: people may write to the hash, and are told that it is.
    guard let read = try? decoder.decode(Self.self, from: Data(json)), (0...Self.mostSlots).contains(read.slots)
    else { return nil }
    self = read
  }

  /// More is no worker's own writing; it bounds what a reader asks Redis for.
  static let mostSlots = 4096

  private enum CodingKeys: String, CodingKey {
    case slots
    case startedAt = "started_at"
  }
}

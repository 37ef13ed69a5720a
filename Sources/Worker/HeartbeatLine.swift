import Foundation

/// A worker's heartbeat: one line of JSON for people and tools. It decides nothing but which hosts serve a
/// queue; whether a worker lives is told by the key that holds it.
public struct HeartbeatLine: Sendable, Codable, Equatable {
  /// What one slot is at; the optional parts are of a slot that holds a slice.
  public struct Slot: Sendable, Codable, Equatable {
    public var slot: Int
    /// `idle`, `claiming`, `walk` or `finalise`.
    public var state: String
    public var library: String?
    public var scan: Int64?
    public var slice: String?
    /// Since the slice was taken.
    public var ageMs: Int64?
    /// Since the slot last got somewhere.
    public var progressAgeMs: Int64
    /// Entries listed in the slice so far.
    public var entries: Int64?

    private enum CodingKeys: String, CodingKey {
      case slot, state, library, scan, slice, entries
      case ageMs = "age_ms"
      case progressAgeMs = "progress_age_ms"
    }
  }

  public var host: String
  public var pid: Int32
  public var version: String
  public var queues: [String]
  public var slots: [Slot]
  /// `nil` in a heartbeat of a release that did not look.
  public var roots: Roots?
  /// Resident memory in bytes.
  public var rssBytes: Int64
  /// Processor time used since the start, in seconds.
  public var cpuSeconds: Double
  /// Entries listed a second since the last heartbeat.
  public var filesPerSecond: Double

  private enum CodingKeys: String, CodingKey {
    case host, pid, version, queues, slots, roots
    case rssBytes = "rss_bytes"
    case cpuSeconds = "cpu_seconds"
    case filesPerSecond = "files_per_second"
  }

  /// `nil` for what no release of this program wrote.
  public init?(json: String) {
    // Anybody can write to Redis: an unreadable line tells nothing, whatever is wrong with it.
    guard let line = try? JSONDecoder().decode(Self.self, from: Data(json.utf8)) else { return nil }
    self = line
  }

  init(
    host: String, pid: Int32, version: String, queues: [String], slots: [Slot], roots: Roots? = nil, rssBytes: Int64,
    cpuSeconds: Double,
    filesPerSecond: Double
  ) {
    self.host = host
    self.pid = pid
    self.version = version
    self.queues = queues
    self.slots = slots
    self.roots = roots
    self.rssBytes = rssBytes
    self.cpuSeconds = cpuSeconds
    self.filesPerSecond = filesPerSecond
  }

  func json() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(self))
  }
}

import Foundation
import Logging
import ScanModel

/// The effective settings of this process and where each is from. The initial values here are the only
/// place where a default stands; `Setting.all` gives each property its key, its form and its explanation.
struct Configuration: Sendable {
  var redisURL = "redis://127.0.0.1:6379/0"
  var postgresURL = "postgresql:///rollcall"
  var prefix = "rollcall"
  /// Where logs go, standard error, decides unless the user does.
  var logFormat: LogFormat = isatty(STDERR_FILENO) == 1 ? .text : .json
  var logLevel = Logger.Level.info

  /// Of the host on which it is set: where a library is added, and where it is walked.
  var allowedRoots = AllowedRoots.anywhere

  var slots = ProcessInfo.processInfo.activeProcessorCount
  var queues = ["default"]
  var workerName = localHostName()

  var lockTTL = Duration.seconds(10)
  var lockRenew = Duration.seconds(3)
  var sweepInterval = Duration.seconds(2)
  var reconcileInterval = Duration.seconds(30)
  var healthInterval = Duration.seconds(30)
  var cleanupInterval = Duration.seconds(5 * 60)
  var stallAfter = Duration.seconds(60)
  var stallPauseAfter = Duration.seconds(5 * 60)
  var operationTimeout = Duration.seconds(30)
  var shutdownTimeout = Duration.seconds(30)
  var maxAttempts = 3
  var retryInterval = Duration.seconds(5)
  var scanRetention = Duration.seconds(30 * 86_400)
  var tombstoneRetention = Duration.seconds(30 * 86_400)
  var emergencyCleanupEnabled = true
  var alertScanDuration = Duration.seconds(30 * 60)
  /// Per cent.
  var alertErrorRate = 10.0
  var alertLockAge = Duration.seconds(60 * 60)

  /// By key; a key that is absent has its default.
  var origins: [String: Origin] = [:]

  func origin(of key: String) -> Origin { origins[key] ?? .standard }

  /// The prefix where it is not the default: then other shells must be told.
  var chosenPrefix: String? { prefix == Configuration().prefix ? nil : prefix }
}

/// What this machine calls itself, without asking the network.
func localHostName() -> String {
  var name = [CChar](repeating: 0, count: 256)
  guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
  return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// How logs are written.
enum LogFormat: String, Sendable, CaseIterable {
  case text, json
}

/// The layer that gave a setting its value.
enum Origin: Sendable, Equatable, CustomStringConvertible {
  case standard
  case file(path: String, line: Int)
  /// The variable's name.
  case environment(String)
  /// The flag as it is typed.
  case flag(String)

  var description: String {
    switch self {
    case .standard: "default"
    case .file(let path, let line): "file \(path):\(line)"
    case .environment(let name): "environment \(name)"
    case .flag(let name): "flag \(name)"
    }
  }
}

/// A configuration that cannot be used; the program ends with exit code 2 and this one line.
struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  let description: String
}

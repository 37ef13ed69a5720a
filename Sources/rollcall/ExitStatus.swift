import ArgumentParser
import Catalog
import JobQueue
import PostgresClient
import RedisClient
import ScanModel

/// How the program ends: a code that scripts rely on, and one line for people.
struct ExitStatus {
  static let failure: Int32 = 1
  static let usage: Int32 = 2
  static let partial: Int32 = 3
  static let refused: Int32 = 4
  static let unreachable: Int32 = 5

  let code: Int32
  /// `nil` where everything has been said.
  let message: String?

  /// Of an error that ended a command.
  init(_ error: any Error) {
    switch error {
    case let error as CommandFailure: (code, message) = (error.code, error.message)
    case let error as ExitCode: (code, message) = (error.rawValue, nil)
    case StandardOutput.Failure.closed: (code, message) = (0, nil)
    case let error as CatalogError: (code, message) = (Self.code(of: error), error.description)
    case let error as PostgresError: (code, message) = (Self.code(of: error), error.description)
    case let error as QueueError: (code, message) = (Self.code(of: error), error.description)
    case let error as RedisError: (code, message) = (Self.code(of: error), error.description)
    case let error as ConfigurationError: (code, message) = (Self.usage, error.description)
    case let error as LocalServersError: (code, message) = (Self.code(of: error), error.description)
    default: (code, message) = (Self.failure, "\(error)")
    }
  }

  private static func code(of error: CatalogError) -> Int32 {
    switch error {
    case .postgres(let cause): code(of: cause)
    case .schemaMissing, .schemaOlder, .schemaNewer, .migrationChanged: usage
    case .libraryActive: refused
    case .libraryNameTaken, .libraryRootTaken, .fenced, .nameRepeated: failure
    }
  }

  private static func code(of error: PostgresError) -> Int32 {
    switch error {
    case .badConnectionString: usage
    case .unreachable, .authentication, .databaseMissing, .deadline: unreachable
    case .server where error.isOutage: unreachable
    case .server, .decoding: failure
    }
  }

  private static func code(of error: QueueError) -> Int32 {
    switch error {
    case .redis(_, let cause): code(of: cause)
    case .json: failure
    }
  }

  private static func code(of error: RedisError) -> Int32 {
    switch error {
    case .badURL: usage
    case .protocolViolation: unreachable
    case _ where error.isOutage: unreachable
    default: failure
    }
  }

  private static func code(of error: LocalServersError) -> Int32 {
    switch error.cause {
    case .directory: usage
    case .servers: unreachable
    }
  }

  /// The exit code of a scan that has ended (`scan --wait`).
  static func code(of status: ScanStatus) -> Int32 {
    switch status {
    case .partial: partial
    case .failed, .cancelled: failure
    case .pending, .running, .paused, .completed: 0
    }
  }
}

/// A command that cannot be done, said in one line.
struct CommandFailure: Error {
  let message: String
  var code = ExitStatus.failure
}

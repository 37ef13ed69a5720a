// The program: arguments, configuration, wiring, terminal output. A map of its files:
//
//   Rollcall.swift       the commands' root, and how every error becomes one line and an exit code
//   Commands/            one file a command (or a family of them)
//   Configuration/       defaults, file, environment, flags
//   Documents/           what --json shows
//   LocalServers/        the private Redis and Postgres of `rollcall up`
//   Logging/             log lines, as text or JSON
//   Output/              tables, humane numbers, progress, JSON

import ArgumentParser
import Foundation

@main
struct Rollcall: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "rollcall",
    abstract: "Takes the roll of file trees, and keeps a catalogue of them in Postgres.",
    discussion: """
      Exit codes: 0 done; 1 a scan failed or was cancelled, or another error; 2 usage, configuration or schema; \
      3 the scan is partial; 4 refused, the library has an active scan; 5 Redis or Postgres cannot be reached.
      """,
    version: version,
    subcommands: [
      Up.self, Migrate.self, Library.self, Scan.self, WorkerCommand.self, Status.self, History.self, Errors.self,
      Queue.self, Workers.self, Config.self, Version.self,
    ])

  static func main() async {
    prepareSignals()
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      end(with: error)
    }
  }

  /// A write to a socket or pipe whose reader has gone is an error to handle, not an end. And whoever
  /// started this program with signals blocked must still be able to stop it.
  private static func prepareSignals() {
    signal(SIGPIPE, SIG_IGN)
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
  }

  /// Help and version requests print and succeed; everything else is one line and an exit code.
  private static func end(with error: any Error) -> Never {
    if let status = ExitStatus(error) {
      if let message = status.message { complain(message) }
      Foundation.exit(status.code)
    }
    if exitCode(for: error) == .success { exit(withError: error) }
    complain(fullMessage(for: error).replacing("Error: ", with: "", maxReplacements: 1))
    Foundation.exit(ExitStatus.usage)
  }
}

/// Says what is wrong on standard error. There is nobody to tell if that cannot be written.
func complain(_ message: String) {
  try? StandardOutput.error.line("rollcall: " + message)
}

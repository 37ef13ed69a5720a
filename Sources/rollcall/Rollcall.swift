// The program: arguments, configuration, wiring, terminal output. A map of its files:
//
//   Rollcall.swift       the commands' root
//   ExitStatus.swift     how every error becomes one line and an exit code
//   Services.swift       what runs until a signal asks for its end
//   Commands/            one file a command (or a family of them)
//   Configuration/       defaults, file, environment, flags
//   Documents/           what --json shows
//   LocalServers/        the private Redis and Postgres of `rollcall up`
//   Logging/             log lines, as text or JSON
//   Preflight/           what `rollcall preflight` checks
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

      Settings come from flags, ROLLCALL_* variables and a file; `rollcall config` shows them all.
      """,
    version: "rollcall \(version)",
    subcommands: [
      Up.self, Migrate.self, Library.self, Scan.self, WorkerCommand.self, ReaperCommand.self, Status.self,
      History.self, Errors.self, Changes.self, Events.self, Cancel.self, Confirm.self, Discard.self, Queue.self,
      Workers.self, Preflight.self, Verify.self, Config.self, Version.self,
    ])

  static func main() async {
    prepareSignals()
    checkArguments()
    var command: any ParsableCommand
    do { command = try parseAsRoot() } catch { end(parsing: error) }
    do {
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      end(running: error)
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

  /// Swift reads bytes that are no UTF-8 as replacement characters: a name or a rule would silently be another.
  private static func checkArguments() {
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let argument = CommandLine.unsafeArgv[index], String(validatingCString: argument) == nil else { continue }
      complain(
        "argument \(index), \"\(String(cString: argument))\", is not valid UTF-8: names, roots and rules must be, files "
          + "need not")
      Foundation.exit(ExitStatus.usage)
    }
  }

  /// Requests for help and the version print and succeed; all else is wrong usage, said in one line.
  private static func end(parsing error: any Error) -> Never {
    if exitCode(for: error) == .success { exit(withError: error) }
    complain(usageLine(message(for: error), fullMessage(for: error)))
    Foundation.exit(ExitStatus.usage)
  }

  private static func end(running error: any Error) -> Never {
    // A command that only has subcommands, and `help`, answer with the parser's own request for help.
    if !(error is ExitCode), exitCode(for: error) == .success { exit(withError: error) }
    let status = ExitStatus(error)
    if let message = status.message { complain(message) }
    Foundation.exit(status.code)
  }

  /// The parser's message, and the command whose help tells more: in its full message that stands last.
  private static func usageLine(_ message: String, _ full: String) -> String {
    let advice = full.firstMatch(of: /See '(.+ --help)' for more/).map { "; see `\($0.1)`" } ?? ""
    return message.split(whereSeparator: \.isNewline).joined(separator: " ") + advice
  }
}

/// Says what is wrong on standard error, in one line that leaves a terminal alone whatever names are in it.
/// There is nobody to tell if that cannot be written.
func complain(_ message: String) {
  try? StandardOutput.error.line(terminalSafe("rollcall: " + message))
}

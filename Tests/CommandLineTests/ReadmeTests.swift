import Foundation
import TestSupport
import Testing

/// The README's commands are run as it shows them, in its order, beside a `rollcall up`.
@Suite struct ReadmeTests {
  private struct Block {
    let kind: String
    let text: String
  }

  private static func blocks() throws -> [Block] {
    let text = try String(contentsOfFile: repository + "README.md", encoding: .utf8)
    let marked = /<!-- tested(?:: (\w+))?[^>]*-->\n```\w*\n((?s:.*?))```/
    return text.matches(of: marked).map { Block(kind: String($0.1 ?? ""), text: String($0.2)) }
  }

  @Test func `every command that the README shows does what it says`() throws {
    let instance = try UpInstance()
    let up = try instance.serving()
    var environment = try instance.exports(up)
    for name in ["media", "music", "nas"] { environment[name.uppercased()] = try instance.tree(name) }
    let programs = URL(filePath: instance.program).deletingLastPathComponent().path
    environment["PATH"] = programs + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")

    let blocks = try Self.blocks()
    #expect(Set(blocks.map(\.kind)) == ["", "cron", "sql", "worker"])
    for block in blocks {
      let ended = try run(block, environment)
      #expect(ended.code == 0, "\(block.text)\n\(ended.errors)")
      #expect(!ended.text.contains("(error)"), "redis-cli: \(ended.text)")
    }
    try expectEffects(environment)
    up.send(SIGTERM)
    #expect(try up.wait().code == 0)
  }

  private func run(_ block: Block, _ environment: [String: String]) throws -> ChildProcess.Ended {
    switch block.kind {
    case "cron":
      // Five fields, then the command, for sh.
      let command = block.text.split(separator: " ", omittingEmptySubsequences: true).dropFirst(5).joined(
        separator: " ")
      return try ChildProcess(["sh", "-c", command], environment: environment).wait()
    case "sql":
      let url = try #require(environment["ROLLCALL_POSTGRES_URL"])
      let words = ["psql", url, "--no-psqlrc", "--set=ON_ERROR_STOP=1"]
      return try ChildProcess(words, environment: environment, input: Array(block.text.utf8)).wait()
    case "worker":
      // The last line stays until it is told to stop.
      let lines = block.text.trimmingCharacters(in: .newlines).split(separator: "\n")
      let script = lines.dropLast().joined(separator: "\n") + "\nexec \(lines.last ?? "")"
      let worker = try ChildProcess(["bash", "-euo", "pipefail", "-c", script], environment: environment)
      try eventually("the worker starts") {
        try #require(worker.isRunning, "\(worker.errorsSoFar)")
        return worker.errorsSoFar.contains(/(worker|reaper) started/)
      }
      worker.send(SIGTERM)
      return try worker.wait()
    default:
      return try ChildProcess(["bash", "-euo", "pipefail", "-c", block.text], environment: environment).wait()
    }
  }

  /// What the commands were for.
  private func expectEffects(_ environment: [String: String]) throws {
    let libraries = try array(rollcall(["library", "list", "--json"], environment))
    #expect(Set(libraries.map { $0["name"] as? String }) == ["music", "media", "nas"])
    // Of the requests for one library that are not its first scan each is kept with its reason.
    try eventually("all requests are dealt with") {
      let queue = try array(rollcall(["queue", "--json"], environment)).first { $0["queue"] as? String == "default" }
      return queue?["waiting"] as? Int == 0 && queue?["in_flight"] as? Int == 0
    }
    for library in ["music", "media"] {
      let scan = try object(rollcall(["status", library, "--json"], environment))
      #expect(scan["status"] as? String == "completed", "\(library)")
    }
  }
}

import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// Names of every kind in all that the program says about them.
  @Suite struct HostileOutputTests {
    /// Seeds of Tests/Oracle/grow.py with some hundred files.
    @Test(arguments: [7_002, 7_004])
    func `no listing does to a terminal what a name would, and JSON holds every path`(_ seed: Int) throws {
      let trees = try TemporaryDirectory(inMemory: true)
      let root = trees.appending("root")
      try OracleProgram.grow(0, [(seed, root)])
      let deployment = try TestDeployment()
      try deployment.addLibrary(root)
      let worker = try deployment.worker()
      let rows = try TreeRows(of: root, in: deployment)
      try expectExact(deployment.scan(), rows)
      try expectHarmless(deployment, scan: 1)
      #expect(try paths(in: ["changes", "1"], deployment) == listed("kind <> 'directory'", deployment))

      // Now every file is an error.
      try deployment.succeed(["library", "set", "x", "--extensions", "none-has-this"])
      #expect(try deployment.scan().status == "partial")
      try expectHarmless(deployment, scan: 2)
      #expect(try paths(in: ["errors", "2"], deployment) == listed("kind = 'file'", deployment))
      #expect(worker.isRunning)
    }

    private func expectHarmless(_ deployment: TestDeployment, scan: Int) throws {
      let commands = [
        ["status"], ["status", "x"], ["history"], ["history", "x"], ["errors", "\(scan)"], ["changes", "\(scan)"],
        ["events", "\(scan)"], ["library", "list"], ["library", "show", "x"], ["workers"],
      ]
      for command in commands {
        let shown = try #require(try String(validating: deployment.run(command).output, as: UTF8.self))
        let bad = shown.unicodeScalars.filter {
          $0.value < 0x20 && $0 != "\n" || (0x7f..<0xa0).contains($0.value) || (0x202a...0x202e).contains($0.value)
        }
        #expect(bad.isEmpty, "\(command): \(bad)")
        let document = try deployment.run(command + ["--json"]).output
        #expect(String(validating: document, as: UTF8.self) != nil, "\(command)")
        _ = try JSONSerialization.jsonObject(with: Data(document))
      }
    }

    /// The exact paths that a listing's JSON holds, in hexadecimal.
    private func paths(in command: [String], _ deployment: TestDeployment) throws -> [String] {
      struct Row: Decodable {
        let path: String
        let path_base64: String?
      }
      let rows = try JSONDecoder().decode([Row].self, from: Data(deployment.run(command + ["--json"]).output))
      return try rows.map { row in
        let bytes = try #require(row.path_base64.map { Data(base64Encoded: $0) } ?? Data(row.path.utf8))
        return bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
      }.sorted()
    }

    private func listed(_ condition: String, _ deployment: TestDeployment) throws -> [String] {
      try deployment.database.query("SELECT encode(path, 'hex') FROM listing WHERE \(condition)").sorted()
    }
  }
}

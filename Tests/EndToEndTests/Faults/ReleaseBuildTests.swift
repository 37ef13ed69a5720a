import CrashPoints
import Foundation
import TestSupport
import Testing

extension Faults {
  @Suite struct ReleaseBuildTests {
    private static let variable = "ROLLCALL_CRASH_AT"

    @Test func `the program that users run has no crash points`() throws {
      let tested = try RollcallBinary.path()
      let debug = try RollcallBinary.debugPath()
      let content = try #require(FileManager.default.contents(atPath: debug))
      #expect(content.range(of: Data(Self.variable.utf8)) != nil, "this look would find them")
      guard !tested.contains("/debug/") else { return }
      let shipped = try #require(FileManager.default.contents(atPath: tested))
      #expect(shipped.range(of: Data(Self.variable.utf8)) == nil)
    }

    @Test func `a command dies at a crash point in a debug build alone`() throws {
      let deployment = try TestDeployment(settings: [Self.variable: CrashPoint.scanAdmitted.rawValue])
      try deployment.succeed(["library", "add", "x", "/usr/share/doc"])
      let isDebug = try RollcallBinary.path().contains("/debug/")
      #expect(try deployment.run(["scan", "x"]).code == (isDebug ? 128 + SIGKILL : 0))
      // Refused, as the scan is pending; its pointer would be pushed all the same.
      let command = try deployment.start(["scan", "x"], build: RollcallBinary.debugPath())
      #expect(try command.wait().code == 128 + SIGKILL)
    }
  }
}

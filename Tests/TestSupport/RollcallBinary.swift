import Foundation

/// The program as a user runs it: end-to-end tests start it and look at it from outside.
public enum RollcallBinary {
  public struct Missing: Error, CustomStringConvertible {
    public let description: String
  }

  /// Its exit code where a server is away when it starts, or does not answer in time, as on a machine that stands still
  /// for seconds.
  public static let serverIsAway: Int32 = 5

  /// Where the built program is (`ROLLCALL_BINARY`).
  public static func path() throws -> String {
    let path: String
    do { path = try TestServers.variable("ROLLCALL_BINARY") } catch {
      throw Missing(
        description: "ROLLCALL_BINARY is not set: run the tests through ops/test, or set it to a built program")
    }
    guard access(path, X_OK) == 0 else {
      throw Missing(description: "ROLLCALL_BINARY is \(path), which is no program: build it with `swift build`")
    }
    return path
  }

  /// The debug build of the same sources, which alone has crash points: it lies beside the tests' own program.
  public static func debugPath() throws -> String {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let path = URL(filePath: tests).deletingLastPathComponent().appending(path: "rollcall").path
    guard access(path, X_OK) == 0 else {
      throw Missing(description: "\(path) is no program: build it with `swift build --build-tests`")
    }
    return path
  }
}

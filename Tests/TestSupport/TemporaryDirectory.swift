import Foundation

/// A directory of a test's own with a short path (sockets lie in it); removed with the last reference.
public final class TemporaryDirectory: Sendable {
  public let path: String

  /// - Parameter inMemory: on a file system that makes and removes files many times faster, where there is one.
  public init(inMemory: Bool = false) throws {
    let memory = "/dev/shm"
    let parent = inMemory && access(memory, W_OK) == 0 ? memory : "/tmp"
    var template = Array("\(parent)/rollcall-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw CocoaError(.fileWriteUnknown) }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit {
    // A test's tree may hold names and depths that Foundation cannot remove.
    let remove = Process()
    remove.executableURL = URL(filePath: "/bin/rm")
    remove.arguments = ["-rf", "--", path]
    try? remove.run()  // Leftovers in /tmp harm no test.
    remove.waitUntilExit()
  }

  public func appending(_ name: String) -> String { path + "/" + name }
}

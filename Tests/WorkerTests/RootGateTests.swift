import ScanModel
import TestSupport
import Testing

@testable import Worker

@Suite struct RootGateTests {
  private let tree: TestTree

  init() throws {
    tree = try TestTree()
    try tree.directory("a")
    try tree.directory("a/b")
    try tree.symlink("link", to: "a")
  }

  @Test func `a worker walks a real directory that its host allows, and leaves it to the walk whether one is there`() {
    for place in ["a", "a/b", "nothing"] {
      #expect(RootGate(.anywhere).refusal(of: tree.path(place)) == nil)
      #expect(RootGate(AllowedRoots([tree.path("a")])).refusal(of: tree.path(place)) == nil || place == "nothing")
    }
  }

  @Test(arguments: ["link", "link/b", "a/../a", "./a"])
  func `a root that is a link or goes through one is refused, naming where that leads`(place: String) throws {
    let refusal = try #require(RootGate(.anywhere).refusal(of: tree.path(place)))
    #expect(refusal.contains(tree.path("a")) && refusal.contains("real path") && !refusal.contains("\n"))
  }

  @Test func `what its own host does not allow is refused, there or not`() {
    let gate = RootGate(AllowedRoots([tree.path("a/b")]))
    for place in ["a", "nothing"] {
      #expect(gate.refusal(of: tree.path(place))?.contains("allowed_roots") == true)
    }
    #expect(RootGate(.anywhere).refusal(of: "/")?.contains("allowed_roots") == true)
  }
}

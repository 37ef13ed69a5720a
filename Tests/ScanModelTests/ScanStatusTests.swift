import ScanModel
import Testing

@Suite("A scan's states")
struct ScanStatusTests {
  @Test("those that hold the library's one place are pending, running and paused")
  func active() {
    #expect(ScanStatus.allCases.filter(\.isActive) == [.pending, .running, .paused])
  }

  @Test("all words are those of the database and the documents")
  func words() {
    #expect(
      ScanStatus.allCases.map(\.rawValue)
        == ["pending", "running", "paused", "completed", "partial", "failed", "cancelled"])
    #expect(ScanMode.allCases.map(\.rawValue) == ["full", "quick"])
    #expect(SliceState.allCases.map(\.rawValue) == ["ready", "queued", "running", "done"])
    #expect([SliceKind.walk, .finalise].map(\.rawValue) == ["walk", "finalise"])
  }
}

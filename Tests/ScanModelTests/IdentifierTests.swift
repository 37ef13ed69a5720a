import ScanModel
import Testing

@Suite("Identifiers")
struct IdentifierTests {
  @Test("a slice is printed as <scan>/<n> and read back", arguments: [(1, 1), (42, 7), (Int64.max, Int32.max)])
  func roundTrip(scan: Int64, number: Int32) throws {
    let slice = SliceID(scan: ScanID(scan), number: number)
    #expect(slice.description == "\(scan)/\(number)")
    #expect(SliceID(slice.description) == slice)
  }

  @Test(
    "a slice is read in its canonical form only",
    arguments: [
      "", "/", "1", "1/", "/1", "1/2/3", "1//2", "0/1", "1/0", "-1/1", "1/-1", "+1/1", "1/+1", "01/1", "1/01", " 1/1",
      "1/1 ", "1/ 1", "1/1\n", "1.0/1", "1e1/1", "0x1/1", "a/b", "١/١", "1/2147483648", "9223372036854775808/1",
      "1\u{0}/1", "1/1\u{0}",
    ])
  func refusesOtherForms(text: String) {
    #expect(SliceID(text) == nil)
  }

  @Test("two incarnations of one worker differ, and keep its name")
  func incarnations() {
    let workers = (0..<100).map { _ in WorkerID(name: "anna") }
    #expect(Set(workers).count == workers.count)
    #expect(workers.allSatisfy { $0.description.wholeMatch(of: /anna-[0-9a-f]{8}/) != nil })
  }

  @Test("a slot names its worker and its place there")
  func slot() {
    #expect(SlotID(worker: WorkerID(name: "anna", suffix: "7f"), index: 3).description == "anna-7f/3")
  }

  @Test("a claim is a version 4 UUID of RFC 9562 in lower case, and new each time")
  func claims() {
    let claims = (0..<1_000).map { _ in ClaimID() }
    #expect(Set(claims).count == claims.count)
    let form = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
    #expect(claims.allSatisfy { $0.description.wholeMatch(of: form) != nil })
  }
}

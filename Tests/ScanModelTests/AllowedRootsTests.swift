import ScanModel
import Testing

@Suite struct AllowedRootsTests {
  @Test func `by default a library may lie anywhere but at the root of all`() {
    #expect(AllowedRoots.anywhere.refusal(of: "/srv") == nil)
    #expect(AllowedRoots.anywhere.refusal(of: "/")?.contains("unless allowed_roots lists it") == true)
  }

  @Test(arguments: [
    ("/srv", true), ("/srv/media", true), ("/mnt/nas", true), ("/mnt/nas/a/b", true), ("/srvx", false), ("/sr", false),
    ("/mnt", false), ("/", false), ("/SRV", false), ("/mnt/cafe\u{301}/x", true), ("/mnt/caf\u{e9}/x", false),
  ])
  func `a root lies in one of the directories or is one`(root: String, isAllowed: Bool) {
    let allowed = AllowedRoots(["/srv", "/mnt/nas", "/mnt/cafe\u{301}"])
    #expect((allowed.refusal(of: root) == nil) == isAllowed)
  }

  @Test func `a refusal names the root and what is allowed`() {
    #expect(
      AllowedRoots(["/srv", "/mnt"]).refusal(of: "/home")
        == "/home is not in any of allowed_roots (/srv:/mnt), which this host's configuration sets")
  }

  @Test func `the root of all allows itself and everything, where it is listed`() {
    for root in ["/", "/srv"] { #expect(AllowedRoots(["/"]).refusal(of: root) == nil) }
  }
}

import TestSupport
import Testing

extension EndToEnd {
  /// What any language can LPUSH, and what comes of pushing it twice.
  @Suite struct RequestTests {
    private let tree: TestTree
    private let deployment: TestDeployment

    init() throws {
      tree = try TestTree()
      try tree.directory("a")
      for index in 0..<50 { try tree.file("a/\(index)", bytes: index) }
      deployment = try TestDeployment()
      try deployment.addLibrary(tree.root)
    }

    @Test func `a request with nothing but a library is scanned`() throws {
      let worker = try deployment.worker()
      try push(#"{"library":"x"}"#)
      try expectOneScan(of: worker)
    }

    @Test func `a request with a root path is a scan of the library of that root`() throws {
      let worker = try deployment.worker()
      try push(#"{"root_path":"\#(tree.root)"}"#)
      try expectOneScan(of: worker)
    }

    @Test func `a request with an id that lies twice on the list is one scan`() throws {
      let request = #"{"library":"x","request_id":"nightly"}"#
      try push(request, request)
      let worker = try deployment.worker()
      try expectOneScan(of: worker)
    }

    @Test func `a request with an id that comes again after the end is the same scan`() throws {
      let request = #"{"library":"x","request_id":"nightly"}"#
      let worker = try deployment.worker()
      try push(request)
      try expectOneScan(of: worker)
      try push(request)
      try expectOneScan(of: worker)
    }

    @Test func `a pointer that lies several times on the list has one effect`() throws {
      try deployment.succeed(["scan", "x"])
      let pointer = try deployment.redis(["LINDEX", deployment.key("queue"), "0"])
      try push(pointer, pointer, pointer)
      let worker = try deployment.worker()
      try expectOneScan(of: worker)
    }

    @Test func `a pointer to a scan that has ended is finished quietly`() throws {
      try deployment.succeed(["scan", "x"])
      let pointer = try deployment.redis(["LINDEX", deployment.key("queue"), "0"])
      let worker = try deployment.worker()
      try expectOneScan(of: worker)
      try push(pointer, pointer)
      try expectOneScan(of: worker)
    }

    private func push(_ messages: String...) throws {
      try deployment.redis(["LPUSH", deployment.key("queue")] + messages)
    }

    /// One exact scan, and of all messages no trace.
    private func expectOneScan(of worker: ChildProcess) throws {
      let scan = try deployment.endedScan()
      try expectExact(scan, TreeRows(of: tree.root, in: deployment))
      try deployment.expectNothingLeft()
      #expect(try deployment.database.query("SELECT count(*) FROM scans") == ["1"])
      #expect(try deployment.database.query("SELECT * FROM scan_events WHERE event = 'refused'") == [])
      #expect(try !deployment.keys().contains("dead"))
      #expect(worker.isRunning)
    }
  }
}

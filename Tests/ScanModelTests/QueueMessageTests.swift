import Testing

@testable import ScanModel

@Suite("Messages on the queue")
struct QueueMessageTests {
  static let requests: [(String, ScanRequest)] = [
    (#"{"library":"media"}"#, ScanRequest(target: .name("media"))),
    (#"{"root_path":"/srv/media"}"#, ScanRequest(target: .rootPath("/srv/media"))),
    (
      #" { "mode" : "quick", "requested_by":"cron", "request_id":"r-1", "library":"media", "v":1 } "# + "\n",
      ScanRequest(target: .name("media"), requestID: "r-1", requestedBy: "cron", mode: .quick)
    ),
    (#"{"library":"media","mode":"full"}"#, ScanRequest(target: .name("media"))),
    (#"{"library":"media","v":1.0}"#, ScanRequest(target: .name("media"))),
    // null is absent
    (
      #"{"library":"media","root_path":null,"slice":null,"v":null,"mode":null,"request_id":null,"requested_by":null}"#,
      ScanRequest(target: .name("media"))
    ),
    // unknown fields, of whatever type
    (#"{"library":"media","priority":9,"x":[{"library":5}],"y":{"v":2}}"#, ScanRequest(target: .name("media"))),
    (#"{"Library":"x","library":"media"}"#, ScanRequest(target: .name("media"))),
    // any text is a name; whether such a library exists is the catalogue's to say
    (#"{"library":"Ünïcode \u00e9 \ud83c\udfb5 \" \\ \n"}"#, ScanRequest(target: .name("Ünïcode é 🎵 \" \\ \n"))),
    (#"{"root_path":"relative/../path"}"#, ScanRequest(target: .rootPath("relative/../path"))),
  ]

  @Test("a request is read from any valid JSON", arguments: requests)
  func readsRequests(text: String, request: ScanRequest) throws {
    #expect(try QueueMessage.parse(Array(text.utf8)) == .request(request))
  }

  @Test("a pointer's exact bytes are those that the design promises, and are read back")
  func pointerRoundTrip() throws {
    for slice in [SliceID("1/1"), SliceID("77/12"), SliceID("\(Int64.max)/\(Int32.max)")] {
      let slice = try #require(slice)
      let bytes = QueueMessage.pointerBytes(slice)
      #expect(bytes == Array(#"{"v":1,"slice":"\#(slice)"}"#.utf8))
      #expect(try QueueMessage.parse(bytes) == .pointer(slice))
    }
  }

  @Test(
    "a pointer is read in any JSON form",
    arguments: [
      #"{"slice":"7/2"}"#, #"{"slice":"7/2","v":1}"#, #"{"v":1, "slice":"7/2"}"#, #"{"v":1,"slice":"7\/2"}"#,
      #"{"v":1,"slice":"\u0037/2","more":true}"#, #"{"v":null,"slice":"7/2"}"#,
    ])
  func readsOtherPointers(text: String) throws {
    #expect(try QueueMessage.parse(Array(text.utf8)) == .pointer(try #require(SliceID("7/2"))))
  }

  @Test("a message may be as long as the limit, and no longer")
  func lengthLimit() throws {
    let shell = #"{"library":"m","pad":""}"#
    let longest =
      #"{"library":"m","pad":"\#(String(repeating: "x", count: QueueMessage.maximumBytes - shell.utf8.count))"}"#
    #expect(longest.utf8.count == 65_536)
    #expect(try QueueMessage.parse(Array(longest.utf8)) == .request(ScanRequest(target: .name("m"))))
    #expect(throws: QueueMessage.Garbage(reason: "message of 65537 bytes, more than 65536")) {
      try QueueMessage.parse(Array((longest + " ").utf8))
    }
  }
}

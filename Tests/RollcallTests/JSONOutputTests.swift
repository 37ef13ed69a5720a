import Foundation
import TestSupport
import Testing

@testable import rollcall

@Suite struct JSONOutputTests {
  private struct Document: Encodable {
    var id: Int64
    var rootPath: String
    @OrNull var startedAt: Date?
    @OrNull var progress: Double?

    private enum CodingKeys: String, CodingKey {
      case id
      case rootPath = "root_path"
      case startedAt = "started_at"
      case progress
    }
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  @Test func `a document is one line; what is unknown is null, not absent`() throws {
    let document = Document(id: .max, rootPath: "/a\n\"b\"", startedAt: nil, progress: nil)
    #expect(
      text(try JSONOutput.document(document))
        == #"{"id":9223372036854775807,"progress":null,"root_path":"/a\n\"b\"","started_at":null}"# + "\n")
  }

  @Test func `times are RFC 3339 in UTC with microseconds`() throws {
    let moment = Date(timeIntervalSince1970: 1_767_323_045.000678)
    #expect(JSONOutput.rfc3339(moment) == "2026-01-02T03:04:05.000678Z")
    #expect(JSONOutput.rfc3339(Date(timeIntervalSince1970: -0.25)) == "1969-12-31T23:59:59.750000Z")
    #expect(JSONOutput.rfc3339(Date(timeIntervalSince1970: 1.9999999)) == "1970-01-01T00:00:02.000000Z")
    #expect(JSONOutput.rfc3339(Date(timeIntervalSince1970: -62_135_596_800)) == "0001-01-01T00:00:00.000000Z")
    let last = Date(timeIntervalSince1970: 253_402_300_799)
    #expect(JSONOutput.rfc3339(last) == "9999-12-31T23:59:59.000000Z")
    #expect(JSONOutput.rfc3339(last + 0.999999) == "9999-12-31T23:59:59.999999Z")
    for far in [1e13, 1e300, .infinity] {
      #expect(JSONOutput.rfc3339(Date(timeIntervalSince1970: far)) == "9999-12-31T23:59:59.999999Z")
      #expect(JSONOutput.rfc3339(Date(timeIntervalSince1970: -far)) == "0000-01-01T00:00:00.000000Z")
    }
    let document = Document(id: 1, rootPath: "/", startedAt: moment, progress: 12.5)
    #expect(text(try JSONOutput.document(document)).contains(#""started_at":"2026-01-02T03:04:05.000678Z""#))
  }

  private func written(_ body: (StandardOutput) throws -> Void) throws -> String {
    let directory = try TemporaryDirectory()
    let path = directory.appending("out")
    let descriptor = open(path, O_WRONLY | O_CREAT, 0o600)
    try body(StandardOutput(descriptor: descriptor))
    close(descriptor)
    return try String(contentsOfFile: path, encoding: .utf8)
  }

  @Test func `a listing is an array with one element a line`() throws {
    let listing = try written { output in
      var array = JSONArrayWriter(output)
      for number in 1...3 { try array.append(["n": number]) }
      try array.finish()
    }
    #expect(listing == "[\n{\"n\":1},\n{\"n\":2},\n{\"n\":3}\n]\n")
    #expect(try written { try JSONArrayWriter($0).finish() } == "[]\n")
  }

  @Test func `a reader that has gone ends the output quietly`() throws {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    close(ends[0])
    #expect(throws: StandardOutput.Failure.closed) { try StandardOutput(descriptor: ends[1]).line("x") }
    close(ends[1])
    #expect(throws: StandardOutput.Failure.failed(errno: EBADF)) { try StandardOutput(descriptor: -1).line("x") }
  }

  @Test func `a full pipe that does not block is written to the end`() async throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    #expect(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
    let (reader, writer) = (ends[0], ends[1])
    let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 * 31) }
    let received = await withCheckedContinuation { continuation in
      Thread { continuation.resume(returning: readAll(reader)) }.start()
      Thread {
        // A failure shows as bytes that are missing.
        try? StandardOutput(descriptor: writer).write(bytes)
        close(writer)
      }.start()
    }
    #expect(received == bytes)
    close(reader)
  }
}

import Foundation
import TestSupport
import Testing

/// `rollcall scan`: what it accepts, what it refuses, how it waits, and with what code it ends.
@Suite struct ScanCommandTests {
  private let deployment: TestDeployment
  private let directory: TemporaryDirectory
  private let root: String

  init() throws {
    deployment = try TestDeployment()
    directory = try TemporaryDirectory()
    root = directory.appending("media")
    try run(["mkdir", "-p", "\(root)/inner"])
    try run(["touch", "\(root)/a", "\(root)/b", "\(root)/inner/c"])
  }

  private func scan(_ arguments: String..., in place: String = "/", more: [String: String] = [:]) throws
    -> ChildProcess.Ended
  {
    try deployment.start(["scan"] + arguments, wrapper: ["env", "--chdir=\(place)"], more: more).wait()
  }

  @Test func `a path becomes a library named after its directory, however it is written`() throws {
    let worker = try deployment.worker()
    let ended = try scan(root, "--wait")
    #expect(ended.code == 0)
    #expect(ended.text.contains("of library media"))
    #expect(ended.text.contains("Status       completed"))
    #expect(ended.text.contains("Files        3"))
    // The same root in other words is the same library, which is scanned again; that may also be said from near it.
    let places = [("\(root)/", "/"), ("./", root), ("media/", directory.path), (".//media/./.", directory.path)]
    for (path, place) in places {
      let again = try scan(path, "--wait", in: place)
      #expect(again.code == 0, "\(again.errors)")
      #expect(again.text.contains("Changes      3 unchanged"))
    }
    #expect(try array(deployment.run(["library", "list", "--json"])).map { $0["root_path"] as? String } == [root])
    worker.send(SIGTERM)
    #expect(try worker.wait().code == 0)
  }

  @Test func `what holds no slash is a name, and an unknown one is said`() throws {
    expectFailure(try scan("media", in: directory.path), code: 1, saying: "no library is named \"media\"")
    expectFailure(try scan("."), code: 1, saying: "no library is named \".\"")
    expectFailure(try scan("/missing"), code: 1, saying: "/missing", "No such file")
    expectFailure(try scan("\(root)/a"), code: 1, saying: "not a directory")
    expectFailure(try deployment.run(["status", "media"]), code: 1, saying: "no library is named \"media\"")
    expectFailure(try deployment.run(["errors", "7"]), code: 1, saying: "no scan 7", "rollcall history")
  }

  @Test func `a name that is taken is refused, as is a root`() throws {
    try deployment.succeed(["library", "add", "media", "/usr/share/doc"])
    expectFailure(try scan(root), code: 1, saying: "another library is named \"media\"", "rollcall library add NAME")
    let added = try deployment.run(["library", "add", "media", root])
    expectFailure(added, code: 1, saying: "a library named \"media\" already")
    let again = try deployment.run(["library", "add", "other", "/usr/share/doc"])
    expectFailure(again, code: 1, saying: "/usr/share/doc is the root of another library")
    #expect(try deployment.run(["library", "add", "other", root]).code == 0)
  }

  @Test func `a second scan is refused with the first one's id, who asked, and since when`() throws {
    let first = try object(scan("\(root)/", "--requested-by", "Ann", "--json"))
    let since = try #require(first["requested_at"] as? String)
    let id = try #require(first["id"] as? Int)
    expectFailure(try scan("media"), code: 4, saying: "refused", " \(id), pending", "by Ann", since)
    expectFailure(try scan("media", "--wait", "--json"), code: 4, saying: " \(id), pending", "by Ann", since)
    let removed = try deployment.run(["library", "remove", "media", "--yes"])
    expectFailure(removed, code: 4, saying: "refused", " \(id), pending", "by Ann", since)
  }

  @Test func `the same request id is the same scan, also when it has ended`() throws {
    let first = try object(scan("\(root)/", "--request-id", "r1", "--json"))
    let second = try object(scan("media", "--request-id", "r1", "--json"))
    #expect(first["id"] as? Int == second["id"] as? Int)
    let worker = try deployment.worker()
    let ended = try object(scan("media", "--request-id", "r1", "--wait", "--json"))
    #expect(ended["id"] as? Int == first["id"] as? Int)
    #expect(ended["status"] as? String == "completed")
    #expect(ended["request_id"] as? String == "r1")
    #expect(try object(scan("media", "--request-id", "r1", "--json"))["status"] as? String == "completed")
    #expect(try array(deployment.run(["history", "--json"])).count == 1)
    withExtendedLifetime(worker) {}
  }

  @Test func `without Redis a scan is accepted, and asking again tells the workers`() throws {
    let away = ["ROLLCALL_REDIS_URL": "unix:///nonexistent/redis.sock"]
    let ended = try scan("\(root)/", more: away)
    #expect(ended.code == 0)
    #expect(ended.text.contains("is pending"))
    #expect(ended.errors.split(separator: "\n").count == 1)
    #expect(ended.errors.contains("is accepted, but no worker can be told"))
    #expect(try deployment.redis(["LLEN", deployment.key("queue")]) == "0")

    #expect(try scan("media").code == 4)
    #expect(try deployment.redis(["LLEN", deployment.key("queue")]) == "1")
    let worker = try deployment.worker()
    try eventually("the scan ends") {
      try object(deployment.run(["status", "media", "--json"]))["status"] as? String == "completed"
    }
    withExtendedLifetime(worker) {}
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func `a signal detaches from the scan, which goes on`(signal: Int32)
    throws
  {
    let waiting = try deployment.start(["scan", "\(root)/", "--wait", "--json"])
    try eventually("it waits and says why") { waiting.errorsSoFar.contains("no worker serves queue default") }
    waiting.send(signal)
    let ended = try waiting.wait()
    #expect(ended.code == 1)
    #expect(ended.text == "")
    #expect(ended.errors.contains("detached: scan 1 goes on; see `rollcall status media`"))
    let worker = try deployment.worker()
    try eventually("the scan ends") {
      try object(deployment.run(["status", "media", "--json"]))["status"] as? String == "completed"
    }
    withExtendedLifetime(worker) {}
  }

  @Test func `a scan with errors ends with 3, and its errors can be listed`() throws {
    try run(["mkdir", "-m", "000", "\(root)/closed"])
    let worker = try deployment.worker(wrapper: withoutPrivileges)
    let ended = try scan("\(root)/", "--wait")
    #expect(ended.code == 3, "\(ended.errors)")
    #expect(ended.text.contains("Status       partial"))
    #expect(ended.text.contains("see `rollcall errors 1`"))
    let listed = try deployment.succeed(["errors", "1"])
    #expect(listed.contains("closed") && listed.contains("Permission denied"))
    let errors = try array(deployment.run(["errors", "1", "--json"]))
    #expect(errors.map { $0["path"] as? String } == ["closed"])
    #expect(errors[0]["errno"] as? Int == Int(EACCES))
    #expect(errors[0]["path_base64"] is NSNull)
    withExtendedLifetime(worker) {}
  }

  @Test(arguments: [false, true])
  func `a scan whose root is gone fails with 1 and speaks of the mount`(isAskedByPath: Bool) throws {
    let library = try object(deployment.run(["library", "add", "gone", root, "--json"]))
    #expect(library["last_scan"] is NSNull)
    try run(["rm", "-r", root])
    let worker = try deployment.worker()
    let ended = try scan(isAskedByPath ? "./media/" : "gone", "--wait", "--json", in: directory.path)
    #expect(ended.code == 1)
    let scan = try object(ended)
    #expect(scan["status"] as? String == "failed")
    #expect((scan["error_message"] as? String)?.contains("mount") == true)
    withExtendedLifetime(worker) {}
  }
}

/// Root may read everything, and so would find no closed directory.
let withoutPrivileges =
  geteuid() == 0 ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] : []

import Glibc
import TestSupport
import Testing

@testable import Worker

/// The `finalise` slice on a real tree.
@Suite struct FinalisationTests {
  @Test func `what is gone becomes a tombstone, what is there again stays`() throws {
    let walked = try WalkedTree { tree in
      for name in ["gone", "gone/below", "back"] { try tree.directory(name) }
      for name in ["gone/f", "gone/below/f", "back/f", "a", "b", "c"] { try tree.file(name) }
    }
    for path in ["gone/below/f", "gone/below", "gone/f", "gone", "a"] { walked.remove(path) }
    try walked.stage(files: "name IN ('a', 'b')", directories: "name IN ('gone', 'back')")
    #expect(try walked.finalise() == .committed(queued: []))
    #expect(try walked.removed == ["a", "gone/", "gone/below/", "gone/below/f", "gone/f"])
    #expect(try walked.scanRow == ["completed 3 0 apply"])
    #expect(try walked.stagedRows == ["0"])
  }

  @Test func `a scan whose missing files are all back removes nothing`() throws {
    let walked = try WalkedTree { try $0.file("a") }
    try walked.stage(files: "true")
    #expect(try walked.finalise() == .committed(queued: []))
    #expect(try walked.removed == [])
    #expect(try walked.scanRow == ["completed 0 0 apply"])
  }

  @Test func `what a rule excludes goes though it is there, and beside it only what is missing`() throws {
    let walked = try WalkedTree { tree in
      for name in ["ignored", "ignored/below", "gone"] { try tree.directory(name) }
      for name in ["ignored/f", "ignored/below/f", "gone/f", "large", "back", "kept"] { try tree.file(name) }
    }
    for path in ["gone/f", "gone"] { walked.remove(path) }
    try walked.stage(files: "name = 'large'", directories: "name = 'ignored'", excluded: true)
    try walked.stage(files: "name = 'back'", directories: "name = 'gone'")
    #expect(try walked.finalise() == .committed(queued: []))
    #expect(
      try walked.removed == ["gone/", "gone/f", "ignored/", "ignored/below/", "ignored/below/f", "ignored/f", "large"])
    #expect(try walked.scanRow == ["completed 4 0 apply"])
    #expect(
      try walked.database.query("SELECT path_text FROM catalog_files WHERE excluded ORDER BY 1") == [
        "ignored/below/f", "ignored/f", "large",
      ])
    #expect(try walked.stagedRows == ["0"])
  }

  @Test func `what is excluded goes where what is missing is held, and needs no root by itself`() throws {
    for isRootThere in [true, false] {
      let walked = try WalkedTree { tree in for index in 0..<20 { try tree.file("\(index)") } }
      try walked.stage(files: "name = convert_to('0', 'UTF8')", excluded: true)
      if isRootThere {
        for index in 1..<20 { walked.remove("\(index)") }
        try walked.stage(files: "name <> convert_to('0', 'UTF8')")
        try walked.database.query("UPDATE scans SET rules = rules || '{\"removal_limit\": 18}'")
      } else {
        #expect(rename(walked.tree.root, walked.tree.outside("aside")) == 0)
      }
      #expect(try walked.finalise() == .committed(queued: []))
      #expect(try walked.removed == ["0"])
      #expect(try walked.scanRow == [isRootThere ? "partial 1 19 hold" : "completed 1 0 apply"])
      #expect(try walked.stagedRows == [isRootThere ? "19" : "0"])
    }
  }

  @Test func `what cannot be told stays`() throws {
    let walked = try WalkedTree { tree in
      try tree.directory("d")
      for name in ["d/f", "a", "kept"] { try tree.file(name) }
    }
    // No file system has such names: the answer is another error than that they are absent.
    try walked.database.query("UPDATE files SET name = convert_to(repeat('n', 300), 'UTF8') WHERE name = 'a'")
    try walked.database.query("UPDATE directories SET name = convert_to(repeat('n', 300), 'UTF8') WHERE name = 'd'")
    for path in ["d/f", "d", "a"] { walked.remove(path) }
    try walked.stage(files: "name <> convert_to('kept', 'UTF8')", directories: "true")
    #expect(try walked.finalise() == .committed(queued: []))
    #expect(try walked.removed == [])
    #expect(try walked.scanRow == ["completed 0 0 apply"])
  }

  /// Each leaves the root's path without the tree.
  @Test(arguments: ["absent", "another directory", "a file"])
  func `a host that does not see the root refuses, and another one ends the scan`(_ what: String) throws {
    let walked = try WalkedTree { tree in for name in ["a", "b"] { try tree.file(name) } }
    walked.remove("a")
    try walked.stage(files: "true")
    let aside = walked.tree.outside("aside")
    #expect(rename(walked.tree.root, aside) == 0)
    switch what {
    case "another directory": #expect(mkdir(walked.tree.root, 0o755) == 0)
    case "a file": close(creat(walked.tree.root, 0o644))
    default: break
    }
    guard case .rootUnavailable(let message) = try walked.finalise() else {
      Issue.record("finalised without its root")
      return
    }
    #expect(message.hasPrefix("mount_missing: root \(walked.tree.root) "))
    #expect(try walked.removed == [])
    #expect(try walked.stagedRows == ["2"])
    #expect(try walked.scanRow == ["running 0 0"])

    if what != "absent" { #expect(Glibc.remove(walked.tree.root) == 0) }
    #expect(rename(aside, walked.tree.root) == 0)
    #expect(try walked.finalise() == .committed(queued: []))
    #expect(try walked.removed == ["a"])
  }

  @Test func `where nothing is staged, or all is decided, nobody needs the root`() throws {
    for isDecided in [false, true] {
      let walked = try WalkedTree { try $0.file("a") }
      if isDecided {
        try walked.stage(files: "true")
        try walked.database.query("UPDATE scans SET removal_verdict = 'apply'")
      }
      #expect(rename(walked.tree.root, walked.tree.outside("aside")) == 0)
      #expect(try walked.finalise() == .committed(queued: []))
      #expect(try walked.removed == (isDecided ? ["a"] : []))
    }
  }

  @Test func `many removals go in several commits`() throws {
    let count = 10_001
    let walked = try WalkedTree { tree in for name in (0..<count).map(String.init) + ["kept"] { try tree.file(name) } }
    for index in 0..<count { walked.remove("\(index)") }
    try walked.stage(files: "name <> convert_to('kept', 'UTF8')")
    try walked.database.query("UPDATE scans SET rules = rules || '{\"removal_limit\": 20000}'")
    #expect(try walked.finalise() == .committed(queued: []))
    #expect(try walked.scanRow == ["completed \(count) 0 apply"])
    #expect(
      try walked.database.query("SELECT count(DISTINCT removed_at) FROM files WHERE removed_at IS NOT NULL") == ["3"])
    #expect(try walked.database.query("SELECT count(*) FROM files WHERE removed_at IS NULL") == ["1"])
  }

  @Test func `too many removals are held, and the files stay`() throws {
    let walked = try WalkedTree { tree in for name in (0..<20).map(String.init) + ["kept"] { try tree.file(name) } }
    for index in 0..<20 { walked.remove("\(index)") }
    try walked.stage(files: "name <> convert_to('kept', 'UTF8')")
    try walked.database.query("UPDATE scans SET rules = rules || '{\"removal_limit\": 19}'")
    #expect(try walked.finalise() == .committed(queued: []))
    #expect(try walked.scanRow == ["partial 0 20 hold"])
    #expect(try walked.removed == [])
    #expect(try walked.stagedRows == ["20"])
  }

  @Test func `whoever is told to stop hands the slice back, and the next one goes on`() throws {
    let walked = try WalkedTree { tree in for index in 0..<20 { try tree.file("\(index)") } }
    for index in 0..<10 { walked.remove("\(index)") }
    try walked.stage(files: "true")
    walked.activity.isLockLost = true
    #expect(try walked.finalise() == .superseded)
    walked.activity.isLockLost = false
    walked.stop.request()
    #expect(try walked.finalise() == .interrupted)
    #expect(try walked.removed == [])
    #expect(try walked.scanRow == ["running 0 0"])
  }

  /// The next worker goes on with the batches, and needs neither a look nor a verdict.
  @Test func `a stop between two batches of removals hands the rest to the next worker`() throws {
    let count = 12_000
    let walked = try WalkedTree { tree in for name in (0..<count).map(String.init) + ["kept"] { try tree.file(name) } }
    for index in 0..<count { walked.remove("\(index)") }
    try walked.stage(files: "name <> convert_to('kept', 'UTF8')")
    try walked.database.query("UPDATE scans SET rules = rules || '{\"removal_limit\": 20000}'")
    // The worker is told while it is at its first batch.
    try walked.database.query(
      """
      CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.files_removed > 0 THEN PERFORM pg_notify('x', ''), pg_sleep(1); END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER linger BEFORE UPDATE OF files_removed ON scans FOR EACH ROW EXECUTE FUNCTION linger();
      """)
    let watcher = try walked.stopWhileSleeping()
    #expect(try walked.finalise() == .interrupted)
    watcher.join()
    #expect(try walked.scanRow == ["running 5000 0 apply"])
    #expect(try walked.stagedRows == ["7000"])
    try walked.database.query("DROP TRIGGER linger ON scans")
    walked.start()
    #expect(try walked.finalise() == .committed(queued: []))
    #expect(try walked.scanRow == ["completed 12000 0 apply"])
  }

  /// The next worker goes on with the look.
  @Test func `a stop between two pages of the second look hands the rest to the next worker`() throws {
    let walked = try WalkedTree { tree in for index in 0..<6_000 { try tree.file("\(index)") } }
    for index in 0..<2_500 { walked.remove("\(index)") }
    try walked.stage(files: "convert_from(name, 'UTF8')::int < 2500")
    try walked.database.query("UPDATE scans SET rules = rules || '{\"removal_limit\": 20000}'")
    // The worker is told while it commits its first page.
    try walked.database.query(
      """
      CREATE TABLE looks (place serial, row_id bigint);
      CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO looks (row_id) VALUES (NEW.looked_row);
        PERFORM pg_sleep(CASE WHEN NEW.epoch = 1 THEN 1 ELSE 0 END);
        RETURN NEW;
      END $$;
      CREATE TRIGGER linger BEFORE UPDATE OF looked_row ON slices FOR EACH ROW EXECUTE FUNCTION linger();
      """)
    let watcher = try walked.stopWhileSleeping()
    #expect(try walked.finalise() == .interrupted)
    watcher.join()
    #expect(try walked.scanRow == ["running 0 0"])
    #expect(try walked.database.query("SELECT count(*) FROM looks") == ["1"])
    walked.start()
    #expect(try walked.finalise() == .committed(queued: []))
    #expect(try walked.scanRow == ["completed 2500 0 apply"])
    let pages = """
      SELECT count(*), bool_and(row_id > last) FROM (
        SELECT row_id, lag(row_id, 1, 0) OVER (ORDER BY place) AS last FROM looks) l
      """
    #expect(try walked.database.query(pages) == ["3\tt"])
  }

  @Test func `what lies in a directory that may not be read any more stays, and all else goes`() async {
    await #expect(processExitsWith: .success) {
      let walked = try WalkedTree { tree in
        for name in ["closed", "closed/d"] { try tree.directory(name) }
        for name in ["closed/f", "closed/d/f", "open"] { try tree.file(name) }
      }
      for path in ["closed/f", "closed/d/f", "closed/d", "open"] { walked.remove(path) }
      try walked.stage(files: "name IN ('f', 'open')", directories: "name = 'd'")
      chmod(walked.tree.path("closed"), 0)
      // Root reads everything.
      let isRoot = geteuid() == 0
      #expect(!isRoot || seteuid(65_534) == 0)
      let outcome = Result { try walked.finalise() }
      #expect(!isRoot || seteuid(0) == 0)
      chmod(walked.tree.path("closed"), 0o755)
      #expect(try outcome.get() == .committed(queued: []))
      #expect(try walked.removed == ["open"])
      #expect(try walked.scanRow == ["completed 1 0 apply"])
    }
  }

  @Test func `a slice that has used its attempts up ends its scan`() throws {
    let walked = try WalkedTree { try $0.file("a") }
    walked.remove("a")
    try walked.stage(files: "true")
    try walked.database.query("UPDATE slices SET attempts = 3 WHERE number = 2")
    #expect(try walked.finalise() == .committed(queued: []))
    #expect(try walked.scanRow == ["failed 0 0"])
    #expect(try walked.removed == [])
    #expect(try walked.stagedRows == ["0"])
  }
}

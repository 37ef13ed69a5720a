import TestSupport

extension TestDeployment {
  /// What both servers hold, as text for whoever reads a failure.
  func everything() -> String {
    let statements = [
      ("scans", "SELECT to_jsonb(s) - 'rules' - 'root_path' FROM scans s ORDER BY id DESC LIMIT 2"),
      (
        "slices",
        """
        SELECT scan_id, number, kind, state, epoch, attempts, worker, backend_pid, claimed_at, cardinality(frontier),
               queued_by FROM slices WHERE state <> 'done' ORDER BY 1, 2 LIMIT 30
        """
      ),
      ("events", "SELECT scan_id, at, event, actor, detail FROM scan_events ORDER BY id DESC LIMIT 40"),
      ("errors", "SELECT scan_id, error_type, encode(path, 'escape'), error_message FROM scan_errors LIMIT 10"),
      ("staged", "SELECT scan_id, kind, count(*) FROM staged_removals GROUP BY 1, 2"),
      (
        "backends",
        """
        SELECT pid, application_name, state, wait_event, left(query, 60) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()
        """
      ),
    ]
    let tables = statements.map { name, sql in
      "--- \(name)\n" + said { try database.query(sql).joined(separator: "\n") }
    }
    return (tables + ["--- keys\n" + said { try keysWithContents() }]).joined(separator: "\n")
  }

  /// A server that is away has nothing to say, which is told instead.
  private func said(_ body: () throws -> String) -> String {
    do { return try body() } catch { return "\(error)" }
  }

  private func keysWithContents() throws -> String {
    try keys().sorted().map { key in
      let full = self.key(key)
      let content =
        switch try redis(["TYPE", full]) {
        case "list": try redis(["LRANGE", full, "0", "4"])
        case "hash": try redis(["HGETALL", full])
        default: try redis(["GET", full]) + " for " + redis(["PTTL", full]) + " ms"
        }
      return "\(key): \(content.split(separator: "\n").joined(separator: " "))"
    }.joined(separator: "\n")
  }
}

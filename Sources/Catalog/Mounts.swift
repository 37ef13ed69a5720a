import PostgresClient
import ScanModel

extension Catalog {
  /// What a host must find mounted at a library's root and below it.
  public func recordedMounts(of library: LibraryRecord, host: String) throws(CatalogError) -> RecordedMounts {
    try recordedMounts(of: ServedLibrary(library), host: host)
  }

  /// The same of a library of which no more is known.
  public func recordedMounts(of library: ServedLibrary, host: String) throws(CatalogError) -> RecordedMounts {
    let rows = try execute(Statements.mountsRecorded, [.int64(library.id.rawValue), .text(host)])
    return try wrap { () throws(PostgresError) in
      try RecordedMounts(rows, library: library.name, host: host)
    }
  }

  /// Records what a host has found as what is right there, whatever was on record. Of file systems that other hosts
  /// can tell by their ids, what these have on record goes, and is looked at anew.
  ///
  /// - Parameter gone: mount points at which nothing is mounted any more.
  public func accept(
    _ findings: [MountFinding], gone: [Int64], of library: LibraryRecord, host: String
  ) throws(CatalogError) {
    try connect()
    let telling = findings.filter { $0.record.identity?.isTelling == true }.map(\.directory)
    let key: [PostgresParameter] = [.int64(library.id.rawValue), .text(host)]
    try wrap { () throws(PostgresError) in
      try connection.transaction { () throws(PostgresError) in
        _ = try connection.pipeline([
          (Statements.mountsForget, key + [.int64Array(gone), .int64Array(telling)]),
          (Statements.mountsRecord, key + findings.columns),
        ])
      }
    }
  }
}

extension [MountFinding] {
  /// The parameters of `mounts_record` after the library and the host.
  var columns: [PostgresParameter] {
    let known = compactMap { finding in finding.record.identity.map { (finding, $0) } }
    return [
      .int64Array(known.map(\.0.directory)), .textArray(known.map(\.1.type)), .textArray(known.map { $0.1.uuid ?? "" }),
      .int64Array(known.map { Int64(bitPattern: $0.1.fsid ?? 0) }),
      .int64Array(known.map { Int64(bitPattern: $0.1.inode) }),
      .int32Array(known.map { $0.0.record.isAccepted ? 1 : 0 }),
    ]
  }
}

extension RecordedMounts {
  /// Decodes the rows of `mounts_recorded`.
  init(_ rows: PostgresRows, library: String, host: String) throws(PostgresError) {
    var places: [Int64: Place] = [:]
    var names: [Int64: [[UInt8]]] = [:]
    var mounts: [Int64: (isRoot: Bool, hasRows: Bool, isOwn: Bool, records: [MountRecord])] = [:]
    for row in rows {
      let id = try row.int64(1)
      switch try row.text(0) {
      case "n": names[id, default: []].append(try row.bytes(3))
      case "p": places[id] = Place(parent: try row.int64(2), name: try row.bytes(3))
      default:
        let records = (mounts[id]?.records ?? []) + (try MountRecord(row, from: 7).map { [$0] } ?? [])
        mounts[id] = (try row.boolean(4), try row.boolean(5), try row.boolean(6), records)
      }
    }
    var root: RecordedMount?
    var nested: [Int64: RecordedMount] = [:]
    for (id, mount) in mounts {
      let recorded = RecordedMount(
        directory: id, own: mount.isOwn ? mount.records.first : nil, others: mount.isOwn ? [] : mount.records,
        hasRows: mount.hasRows, names: names[id] ?? [])
      if mount.isRoot { root = recorded } else { nested[id] = recorded }
    }
    self.init(library: library, host: host, root: root, nested: nested, places: places)
  }
}

extension MountRecord {
  /// Decodes type, UUID, fsid, inode and whether it is accepted as empty, from a column on; `nil` where there is none.
  fileprivate init?(_ row: PostgresRow, from column: Int) throws(PostgresError) {
    guard let type = try row.optionalText(column) else { return nil }
    let identity = MountIdentity(
      type: type, uuid: try row.optionalText(column + 1),
      fsid: try row.optionalInt64(column + 2).map(UInt64.init(bitPattern:)),
      inode: UInt64(bitPattern: try row.int64(column + 3)))
    self.init(identity: type.isEmpty ? nil : identity, isAccepted: try row.boolean(column + 4))
  }
}

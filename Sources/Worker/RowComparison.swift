import Catalog
import ScanModel

/// Compares the listings of changed directories with the catalogue's rows: sends what is new, and notes
/// what the slice's commit shall change.
struct RowComparison {
  /// Names that are looked for among the tombstones in one query.
  private static let namesPerQuery = 1_024

  private let directories: [ChangedDirectories.Directory]
  private let known: KnownRows
  private let writer: SliceWriter
  /// In which new names may be those of tombstones.
  private let withRemoved: Set<Int64>
  /// Some of them the scan has listed before.
  private let hasAgain: Bool
  private var place = 0
  private var merge: SortedMerge
  /// New names of the directory at `place`, not looked for yet.
  private var unsought: [DirectoryEntries.Entry] = []
  private var signature: DirectorySignature?
  /// Empty; its memory serves every row.
  private var findings: [SortedMerge.Finding] = []

  /// - Parameter directories: at least one.
  init(_ directories: [ChangedDirectories.Directory], known: KnownRows, writer: SliceWriter) throws(CatalogError) {
    self.directories = directories
    self.known = known
    self.writer = writer
    withRemoved = try known.directoriesWithRemovedFiles(directories.map(\.known.id))
    hasAgain = directories.contains(where: \.isAgain)
    merge = SortedMerge(directories[0].entries)
    signature = directories[0].signature
  }

  mutating func run(into results: inout SliceResults) throws(CatalogError) {
    let ids = directories.map(\.known.id)
    var last: [UInt8] = []
    var isLast = false
    while !isLast {
      let answer = try known.files(of: ids[place...], after: last, isMarked: hasAgain)
      for file in answer.page.files {
        while ids[place] != file.directory { try next(&results) }
        try meet(file, in: answer.page, &results)
      }
      isLast = answer.isLast
      if let file = answer.page.files.last { last = answer.page.withName(of: file) { Array($0) } }
    }
    while place < directories.count { try next(&results) }
  }

  private mutating func meet(
    _ file: KnownFiles.File, in page: KnownFiles, _ results: inout SliceResults
  ) throws(CatalogError) {
    var found = findings
    findings = []
    found.removeAll(keepingCapacity: true)
    page.withName(of: file) { name in merge.meet(file, name: name) { found.append($0) } }
    for finding in found {
      if directories[place].isAgain {
        try take(finding, again: file, page, &results)
      } else {
        try take(finding, page, &results)
      }
    }
    findings = found
  }

  private mutating func take(
    _ finding: SortedMerge.Finding, _ page: KnownFiles, _ results: inout SliceResults
  ) throws(CatalogError) {
    let directory = directories[place]
    switch finding {
    case .unchanged: results.filesUnchanged += 1
    case .changed(let entry, let file):
      results.filesUpdated += 1
      directory.entries.withName(of: entry) {
        results.updates.append(id: file.id, directory: directory.known.id, name: $0, entry.attributes)
        results.noteReplaced(file, in: directory.known.id, name: $0, by: entry.attributes)
      }
    case .missing(let file): note(file, in: page, isExcluded: false, &results)
    case .excluded(let file): note(file, in: page, isExcluded: true, &results)
    case .new(let entry): try add(entry, &results)
    }
  }

  /// The same in a directory that the scan has listed before: counted is what differs from that.
  private mutating func take(
    _ finding: SortedMerge.Finding, again file: KnownFiles.File, _ page: KnownFiles, _ results: inout SliceResults
  ) throws(CatalogError) {
    let directory = directories[place]
    switch finding {
    case .unchanged:
      guard file.mark == .staged else { return }
      results.unstagedFiles.append(file.id)
      results.filesUnchanged += 1
      results.bytesSeen = saturatingSum(results.bytesSeen, file.size)
    case .changed(let entry, let file):
      let isFurther = file.mark == .added || file.mark == .updated
      directory.entries.withName(of: entry) {
        if isFurther {
          results.amendments.append(id: file.id, directory: directory.known.id, name: $0, entry.attributes)
        } else {
          results.updates.append(id: file.id, directory: directory.known.id, name: $0, entry.attributes)
        }
        results.noteReplaced(file, in: directory.known.id, name: $0, by: entry.attributes)
      }
      if file.mark == .staged {
        results.unstagedFiles.append(file.id)
      } else {
        results.bytesSeen -= file.size
      }
      results.bytesSeen = saturatingSum(results.bytesSeen, entry.attributes.size)
      guard !isFurther else { return }
      results.filesUpdated += 1
      if file.mark == .counted { results.filesUnchanged -= 1 }
    case .missing(let file), .excluded(let file):
      let isExcluded = if case .excluded = finding { true } else { false }
      guard file.mark == .counted || file.mark == .added else {
        return note(file, in: page, isExcluded: isExcluded, &results)
      }
      note(
        file, in: page, isExcluded: isExcluded, &results,
        counted: MissingRows.Tally(isAdded: file.mark == .added, bytes: file.size))
    case .new(let entry): try add(entry, &results)
    }
  }

  /// A row that goes: the listing has not got its name, or the rules do not admit it.
  private mutating func note(
    _ file: KnownFiles.File, in page: KnownFiles, isExcluded: Bool, _ results: inout SliceResults,
    counted tally: MissingRows.Tally? = nil
  ) {
    let directory = directories[place]
    guard directory.isComplete else { return }
    signature = nil
    page.withName(of: file) { name in
      let isExcluded = isExcluded || directory.rules?.excludes(file, name) ?? false
      if let tally {
        results.missing.append(
          id: file.id, directory: directory.known.id, name: name, isExcluded: isExcluded, counted: tally)
      } else {
        results.missing.append(
          id: file.id, directory: directory.known.id, isDirectory: false, name: name, isExcluded: isExcluded)
      }
    }
  }

  private mutating func add(_ entry: DirectoryEntries.Entry, _ results: inout SliceResults) throws(CatalogError) {
    results.filesAdded += 1
    let directory = directories[place]
    if directory.isAgain { results.bytesSeen = saturatingSum(results.bytesSeen, entry.attributes.size) }
    guard withRemoved.contains(directory.known.id) else { return try send(entry) }
    unsought.append(entry)
    if unsought.count >= Self.namesPerQuery { try seek(&results) }
  }

  /// A file that is there again gets its row and its id back.
  private mutating func seek(_ results: inout SliceResults) throws(CatalogError) {
    guard !unsought.isEmpty else { return }
    let directory = directories[place]
    let names = unsought.map { entry in directory.entries.withName(of: entry) { Array($0) } }
    let removed = try known.removedFiles(names, in: directory.known.id)
    for (index, entry) in unsought.enumerated() {
      guard let id = removed[index] else {
        try send(entry)
        continue
      }
      directory.entries.withName(of: entry) {
        results.revivals.append(id: id, directory: directory.known.id, name: $0, entry.attributes)
        results.noteFound(id: id, directory: directory.known.id, name: $0, entry.attributes)
      }
    }
    unsought.removeAll(keepingCapacity: true)
  }

  private func send(_ entry: DirectoryEntries.Entry) throws(CatalogError) {
    let directory = directories[place]
    try directory.entries.withName(of: entry) { (name) throws(CatalogError) in
      try writer.file(in: directory.known.id, name: name, entry.attributes)
    }
  }

  /// Ends the directory at `place`, and goes on to the next.
  private mutating func next(_ results: inout SliceResults) throws(CatalogError) {
    var new: [DirectoryEntries.Entry] = []
    merge.finish { if case .new(let entry) = $0 { new.append(entry) } }
    for entry in new { try add(entry, &results) }
    try seek(&results)
    let directory = directories[place]
    // Of what could not be looked at the rows stay, and nobody knows whether they are files still.
    let isCounted = directory.isComplete && directory.entries.failures == 0
    results.note(
      directory.known, directory.attributes, isBoundary: directory.isBoundary,
      files: isCounted ? directory.entries.files : nil, bytes: isCounted ? directory.entries.bytes : nil,
      signature: signature, errors: directory.errors)
    place += 1
    guard place < directories.count else { return }
    merge = SortedMerge(directories[place].entries)
    signature = directories[place].signature
  }
}

extension DirectoryRules {
  /// Whether a known file is none that the rules admit.
  fileprivate func excludes(_ file: KnownFiles.File, _ name: UnsafeRawBufferPointer) -> Bool {
    isIgnored(name, isDirectory: false) || verdict(name, kind: file.kind, size: file.size) != .admitted
  }
}

extension SliceResults {
  /// Notes what was under a name that bears another file now, and that file.
  fileprivate mutating func noteReplaced(
    _ file: KnownFiles.File, in directory: Int64, name: UnsafeRawBufferPointer, by attributes: FileAttributes
  ) {
    guard !file.isSame(as: attributes) else { return }
    // A row that this scan has made was nothing before.
    if file.mark != .added { lost.append(file, name: name) }
    noteFound(id: file.id, directory: directory, name: name, attributes)
  }

  /// Notes a row under whose name there is another file than before, unless nobody could tell a move of it.
  fileprivate mutating func noteFound(
    id: Int64, directory: Int64, name: UnsafeRawBufferPointer, _ attributes: FileAttributes
  ) {
    if !attributes.hasOtherLinks { found.append(id: id, directory: directory, name: name, attributes) }
  }

  /// Notes a known directory's row if anything of it has changed.
  mutating func note(
    _ known: KnownDirectory, _ attributes: FileAttributes, isBoundary: Bool, files: Int64?, bytes: Int64?,
    signature: DirectorySignature?, errors: DirectoryErrors
  ) {
    let isSame =
      known.isLike(attributes, isBoundary: isBoundary) && known.files == files
      && known.bytes == bytes && known.signature == signature && known.errors == errors
    guard !isSame else { return }
    visited.append(
      VisitedDirectory(
        id: known.id, attributes: attributes, files: files, bytes: bytes, isBoundary: isBoundary, signature: signature,
        errors: errors))
  }
}

import Catalog
import FileTree
import ScanModel

/// What all comparisons of one verification go by.
struct VerificationScope {
  let rootPath: String
  let rules: LibraryRules
  /// Of the signatures that a scan would make now.
  let signatureVersion: Int32
  let mounts: MountWatch
  let pace: WalkPace?
  let rows: LibraryRows

  var absenceCheck: AbsenceCheck { AbsenceCheck(rootPath: rootPath, mounts: mounts, pace: pace) }
}

/// Why a verification ends without a result.
public enum VerificationError: Error {
  /// No scan has visited the library's root.
  case neverScanned
  /// The root, or what is mounted, is not as it should be: why, and what to do.
  case mountMissing(String)
  case failed(String)
  case catalog(CatalogError)
  /// What was found could not be told.
  case report(any Error)
}

extension VerificationError {
  init(_ error: WalkError<VerificationError>, _ mounts: RecordedMounts) {
    switch error {
    case .sink(let error): self = error
    case .rootUnavailable, .rootRefused, .rootReplaced:
      self = .mountMissing(error.rootRefusal(expecting: mounts))
    case .mountReplaced, .brokenFrontier, .aborted: self = .failed("\(error)")
    }
  }
}

/// The directories of a frontier by their ids, to tell paths.
struct DirectoryPaths {
  private let directories: [Int64: SliceFrontier.Directory]

  init(_ frontier: SliceFrontier) {
    directories = Dictionary(frontier.directories.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Relative to the root; of a name in the directory or, where that is empty, of the directory itself.
  func path(of name: [UInt8], in directory: Int64) -> [UInt8] {
    var names = name.isEmpty ? [] : [name]
    var next = directories[directory]
    while let found = next, let parent = found.parent, names.count <= directories.count {
      names.append(found.name)
      next = directories[parent]
    }
    return Array(names.reversed().joined(separator: [UInt8(ascii: "/")]))
  }
}

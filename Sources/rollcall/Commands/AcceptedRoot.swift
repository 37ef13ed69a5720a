import Catalog
import FileTree
import ScanModel

/// `library set --accept-root`: what is mounted at a library's root and below it on this host, to be recorded as right.
struct AcceptedRoot {
  private let library: LibraryRecord
  private let host = localHostName()
  private let recorded: RecordedMounts
  private let survey: MountSurvey

  /// - Throws: where there is no such library, or this host cannot look at its root.
  init(library name: String, _ catalog: Catalog) throws {
    guard let library = try catalog.library(named: name) else { throw CommandFailure.noLibrary(name) }
    let recorded = try catalog.recordedMounts(of: library, host: host)
    do { survey = try MountSurvey(rootPath: library.rootPath, recorded) } catch {
      throw CommandFailure(
        message:
          "cannot tell what is mounted on this host: \(terminalSafe("\(error)")); run this where a worker sees it")
    }
    self.library = library
    self.recorded = recorded
  }

  func record(in catalog: Catalog) throws(CatalogError) {
    try catalog.accept(survey.findings, gone: survey.gone, of: library, host: host)
  }

  /// What was accepted, for people.
  var lines: [String] {
    survey.findings.compactMap { finding in
      guard let identity = finding.record.identity else { return nil }
      let loss =
        finding.record.isAccepted
        ? ", empty or without most of what is catalogued there: what is missing is removed by the next scan" : ""
      return "Accepted \(place(of: finding.directory)) on host \(terminalSafe(host)): \(identity)\(loss)"
    }
      + survey.gone.map {
        "Nothing is mounted at \(place(of: $0)) any more: what is missing there is removed by the next scan"
      }
  }

  private func place(of directory: Int64) -> String {
    let path = String(decoding: recorded.path(of: directory), as: UTF8.self)
    return path.isEmpty ? "the root \(terminalSafe(library.rootPath))" : "mount point \(terminalSafe(path))"
  }
}

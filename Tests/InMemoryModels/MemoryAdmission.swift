import Catalog
import Foundation
import ScanModel

/// Admission: the same outcomes, tried in the same order, as `admit_scan`.
extension MemoryCatalog.State {
  mutating func admit(_ request: ScanRequest, through door: AdmissionDoor) -> Admission {
    if let id = request.requestID, let made = scans.values.first(where: { $0.request.requestID == id }),
      let record = record(made)
    {
      return .existing(record)
    }
    guard let library = library(request.target) else { return .unknownLibrary }
    if library.isRemoving { return .removing }
    if let active = scans.values.first(where: { $0.library == library.id && $0.status.isActive }),
      let record = record(active)
    {
      return .refused(by: record)
    }

    let scan = MemoryScan(id: ScanID(Int64(scans.count + 1)), library: library, request: request, door: door)
    scans[scan.id] = scan
    return record(scan).map { .admitted($0) } ?? .unknownLibrary
  }

  func record(_ scan: MemoryScan) -> ScanRecord? {
    guard let library = libraries[scan.library] else { return nil }
    return ScanRecord(
      id: scan.id, libraryID: library.id, library: library.name, rootPath: library.rootPath, mode: scan.request.mode,
      status: scan.status, requestedBy: scan.request.requestedBy, requestedThrough: scan.door.rawValue,
      requestID: scan.request.requestID, requestedAt: scan.requestedAt, startedAt: scan.startedAt,
      completedAt: scan.completedAt, counters: scan.counters, message: nil, errorMessage: scan.errorMessage,
      queue: scan.rules.queue, maxParallel: scan.rules.maxParallel)
  }
}

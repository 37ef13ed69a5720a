import CLibPQ
import Logging

/// Writes the server's notices and warnings to a logger instead of libpq's stderr.
///
/// libpq keeps an unowned pointer to it: the session that owns the `PGconn` owns this too and finishes the `PGconn`
/// first.
final class NoticeLog {
  private let logger: Logger

  init(logger: Logger) { self.logger = logger }

  func attach(to connection: OpaquePointer) {
    let receiver: PQnoticeReceiver = { context, result in
      guard let context, let result else { return }
      Unmanaged<NoticeLog>.fromOpaque(context).takeUnretainedValue().record(result)
    }
    PQsetNoticeReceiver(connection, receiver, Unmanaged.passUnretained(self).toOpaque())
  }

  /// The result is libpq's and lives only as long as this call.
  private func record(_ result: OpaquePointer) {
    // PG_DIAG_SEVERITY_NONLOCALIZED and PG_DIAG_MESSAGE_PRIMARY; libpq's own notices have only a text.
    let isWarning = PQresultErrorField(result, Int32(UInt8(ascii: "V"))).map { String(cString: $0) == "WARNING" }
    let text = PQresultErrorField(result, Int32(UInt8(ascii: "M"))) ?? PQresultErrorMessage(result)
    let message = text.map { String(cString: $0).onOneLine } ?? ""
    logger.log(level: isWarning == true ? .warning : .notice, "Postgres: \(message)")
  }
}

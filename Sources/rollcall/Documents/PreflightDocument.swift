import ScanModel

/// What one check has found, as `--json` shows it.
struct PreflightDocument: Encodable {
  let check: String
  @OrNull var library: String?
  let status: String
  let message: String
  @OrNull var advice: String?

  init(_ finding: PreflightFinding) {
    check = finding.check.rawValue
    library = finding.library
    status = finding.status
    message = finding.message
    advice = finding.advice
  }
}

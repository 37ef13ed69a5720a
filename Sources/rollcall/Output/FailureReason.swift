import Foundation

/// Why a call of Foundation's failed, in the kernel's words where there are any; one line.
func failureReason(_ error: any Error) -> String {
  if let cause = (error as? CocoaError)?.underlying as? POSIXError {
    return String(cString: strerror(cause.code.rawValue))
  }
  return (error as NSError).localizedDescription.replacing("\n", with: " ")
}

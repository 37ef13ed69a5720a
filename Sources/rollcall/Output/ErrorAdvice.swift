import ScanModel

/// What to do about errors of a type, in a few words.
enum ErrorAdvice {
  /// - Parameter type: as the catalogue names it; a later release may know more of them.
  static func text(for type: String) -> String {
    switch ScanErrorType(rawValue: type) {
    case .pathTraversal: "a link took a directory's place, or leads out of the root now: see who did it"
    case .invalidExtension: "move the file away, or allow it: library set NAME --extensions"
    case .oversized: "move the file away, or allow it: library set NAME --max-size"
    case .symlinkExternal: "point the link into the root, or use --symlinks record"
    case .permissionDenied: "let the worker's user read it (and enter the directories above)"
    case .fileNotFound: "mend or remove what points there"
    case .ioError: "look at the disk and its log (dmesg)"
    case .staleHandle: "mount the network file system again"
    case .nameTooLong: "shorten the name"
    case .symlinkLoop: "remove a link of the loop"
    case .mountMissing: "mount it, then scan again"
    case .changedDuringScan: "scan again when it is at rest"
    case .timestampOutOfRange: "set its time: touch FILE"
    case nil: "this release does not know the type: install the newer one"
    }
  }
}

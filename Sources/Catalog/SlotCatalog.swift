import ScanModel

/// What a slot needs of the catalogue, and no more: one of the two narrow protocols through which the
/// slot's steps reach the world. Every call may be repeated, because a reply can be lost after the deed.
public protocol SlotCatalog: AnyObject {
  /// Answers where the catalogue can be worked with; nothing is taken while it cannot.
  func ping() throws(CatalogError)

  /// Admits a request that lay on a queue.
  func admit(_ request: ScanRequest) throws(CatalogError) -> Admission

  func standing(of slice: SliceID) throws(CatalogError) -> SliceStanding

  /// Claims the slice from exactly `epoch`; `nil` where it moved on meanwhile. A former holder that still
  /// works under its claim is cut off first.
  ///
  /// - Parameter holderDied: whoever holds the running slice gives no sign of life: that counts an attempt.
  func claim(_ slice: SliceID, epoch: Int32, as claim: ClaimID, holderDied: Bool) throws(CatalogError) -> SliceClaim?

  /// Commits a walked slice in one transaction; throws `fenced` where the claim is superseded or the scan
  /// has ended. Returns the slices that are now queued and want a pointer, what is to be visited first first.
  func commit(_ claim: SliceClaim, _ results: SliceResults) throws(CatalogError) -> [SliceID]

  /// Commits a part of a walked slice, which goes on under the same claim with what is left: at least one
  /// directory. Throws as `commit` does.
  ///
  /// - Parameter limit: how many directories of the frontier the slice keeps at the most; others go on with
  ///   the rest.
  func checkpoint(
    _ claim: SliceClaim, _ results: SliceResults, keeping limit: Int
  ) throws(CatalogError) -> SliceCheckpoint

  /// Takes back what the claim has sent so far.
  func abandon(_ claim: SliceClaim)

  /// Commits a `finalise` slice, and with it the end of its scan. What the scan has staged as missing is
  /// removed or held by then.
  func end(_ claim: SliceClaim) throws(CatalogError) -> ScanStatus

  /// Sets a claimed slice `queued` again; it costs no attempt. False where it is no longer this claim's.
  func release(_ claim: SliceClaim) throws(CatalogError) -> Bool

  /// Counts a failed attempt. At the last one of a `finalise` slice the scan fails or, where its removals are
  /// decided, holds the rest of them and ends; of a walk slice the next claim leaves out its culprit.
  func fail(_ claim: SliceClaim, message: String) throws(CatalogError) -> SliceVerdict

  /// Records that this host cannot open the root; when all of `hosts` have said so, the scan fails.
  func refuse(_ claim: SliceClaim, hosts: [String], message: String) throws(CatalogError) -> SliceVerdict

  /// Proves that the catalogue has room for so many bytes, and leaves none of them there. Throws what the server says
  /// where it has not; false where this cannot be told.
  func proveRoom(bytes: Int64) throws(CatalogError) -> Bool

  /// Records what a scan is warned of at its start, once a scan.
  func note(_ warnings: [PreflightFinding], of claim: SliceClaim) throws(CatalogError)

  /// Ends a scan that must not begin: it fails, and its message says why and what to do.
  func reject(_ claim: SliceClaim, _ findings: [PreflightFinding]) throws(CatalogError) -> SliceVerdict
}

extension SlotCatalog {
  /// A checkpoint after which the slice keeps as many directories as its row holds.
  public func checkpoint(_ claim: SliceClaim, _ results: SliceResults) throws(CatalogError) -> SliceCheckpoint {
    try checkpoint(claim, results, keeping: .max)
  }
}

/// What a pointer on the queue points to.
public enum SliceStanding: Sendable, Equatable {
  /// May be claimed from this epoch.
  ///
  /// - attempts: failed ones so far; after the first a slice is worked on alone.
  /// - holder: who has it, where it is running.
  /// - queue: its scan's, where its pointer belongs and its lock is.
  case open(epoch: Int32, attempts: Int = 0, holder: WorkerID? = nil, queue: String)
  /// Not to be worked on now: the scan is paused, which pushes its pointers again when it goes on.
  case held
  /// Done, while the scan goes on. Its commit's pointers may have been lost with the worker: these are
  /// the slices that its commit queued and that are queued still. A second pointer to any of them does no
  /// harm; were it all that are queued, by whomever, each such pointer would breed more without end.
  case done(queued: [SliceID], queue: String)
  /// The scan has ended, or is not known any more.
  case ended
}

/// A claimed slice, and what is needed to work on it.
public struct SliceClaim: Sendable, Equatable {
  public let slice: SliceID
  public let kind: SliceKind
  public let epoch: Int32
  public let claim: ClaimID
  /// Failed attempts before this one.
  public let attempts: Int
  public let library: LibraryID
  public let libraryName: String
  public let rootPath: String
  public let queue: String
  public let rules: LibraryRules
  public let mode: ScanMode
  /// Files and directories that the scan had seen when the slice was claimed.
  public let entriesSeen: Int64
  public let frontier: SliceFrontier
  /// Of the library's rules under which the scan runs.
  public let rulesVersion: Int32
  /// The first directory of the frontier, where the slice has failed there so often that it is to be left
  /// out: neither visited nor anything below it judged.
  public let culprit: Int64?
  /// Why the slice was given up before, where it was.
  public let lastFailure: String?
  /// What must be mounted at the root and below it, as this host sees it.
  public let mounts: RecordedMounts

  public init(
    slice: SliceID, kind: SliceKind, epoch: Int32, claim: ClaimID, attempts: Int, library: LibraryID,
    libraryName: String, rootPath: String, queue: String, rules: LibraryRules, mode: ScanMode, entriesSeen: Int64,
    frontier: SliceFrontier, rulesVersion: Int32 = 1, culprit: Int64? = nil, lastFailure: String? = nil,
    mounts: RecordedMounts = RecordedMounts()
  ) {
    self.slice = slice
    self.kind = kind
    self.epoch = epoch
    self.claim = claim
    self.attempts = attempts
    self.library = library
    self.libraryName = libraryName
    self.rootPath = rootPath
    self.queue = queue
    self.rules = rules
    self.mode = mode
    self.entriesSeen = entriesSeen
    self.frontier = frontier
    self.rulesVersion = rulesVersion
    self.culprit = culprit
    self.lastFailure = lastFailure
    self.mounts = mounts
  }

  /// Of the signatures that the slice makes; others are told from them.
  public var signatureVersion: Int32 { DirectorySignature.version(rules: rulesVersion) }

  /// Whether nothing of the scan is committed so far: whoever works on it makes sure first that it can be done.
  public var beginsScan: Bool { kind == .walk && slice.number == 1 && entriesSeen == 0 }

  /// Whether the slice is walked one directory a commit, so that a failure shows where it is.
  public var isCareful: Bool { kind == .walk && attempts > 0 }

  /// The same claim after a checkpoint, with what is left of its frontier.
  public func checkpointed(_ frontier: SliceFrontier) -> SliceClaim {
    SliceClaim(
      slice: slice, kind: kind, epoch: epoch, claim: claim, attempts: 1, library: library, libraryName: libraryName,
      rootPath: rootPath, queue: queue, rules: rules, mode: mode, entriesSeen: entriesSeen, frontier: frontier,
      rulesVersion: rulesVersion, mounts: mounts)
  }
}

/// A part of a slice that is committed.
public struct SliceCheckpoint: Sendable, Equatable {
  /// What the slice goes on with.
  public let claim: SliceClaim
  /// The slices that are now queued and want a pointer: what no row could hold.
  public let queued: [SliceID]

  public init(claim: SliceClaim, queued: [SliceID]) {
    self.claim = claim
    self.queued = queued
  }
}

/// How often a slice may fail before something is left out.
public struct AttemptLimit: Sendable {
  /// Failures in a row after which a walk slice's culprit is left out. No fewer than two: only since the
  /// second one the slice is walked alone and one directory a commit, so that the culprit is known.
  public let culprit: Int
  /// Failures after which the scan fails: at once for a `finalise` slice; for a walk slice only where its
  /// culprit cannot even be left out.
  private let scan: Int

  public init(maxAttempts: Int) {
    culprit = max(maxAttempts, 2)
    scan = maxAttempts
  }

  public func ofScan(_ kind: SliceKind) -> Int { kind == .walk ? 2 * culprit : scan }
}

/// What became of a slice that could not be worked on.
public enum SliceVerdict: String, Sendable {
  /// It is queued again.
  case requeued
  /// Its scan has ended: it failed, or holds the rest of its removals.
  case failed
  /// It was no longer the caller's.
  case fenced
}

import Testing

/// What the real program does between an LPUSH and a finished catalogue: separate processes, real servers.
/// One test at a time, because each of them keeps both of a small machine's cores busy.
@Suite(.serialized) enum EndToEnd {}

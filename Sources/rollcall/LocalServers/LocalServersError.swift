/// The private servers cannot be started; one line that says what to do.
struct LocalServersError: Error, Equatable, CustomStringConvertible {
  enum Cause: Equatable {
    /// The data directory cannot be used: another one is to be chosen.
    case directory
    /// Redis or Postgres is not to be had.
    case servers
  }

  let description: String
  var cause = Cause.servers
}

/// The private servers cannot be started; one line that says what to do.
struct LocalServersError: Error, Equatable, CustomStringConvertible {
  let description: String
}

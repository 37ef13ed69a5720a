import RedisClient

/// How many pointers go into one command: few enough that no command holds Redis up.
let pointersPerCommand = 500

extension RedisConnection {
  /// LPUSHes pointers in order, in bounded commands.
  func push(_ pointers: [[UInt8]], to queue: RedisArgument) throws(RedisError) {
    var rest = pointers[...]
    while !rest.isEmpty {
      try command(["LPUSH", queue] + rest.prefix(pointersPerCommand).map { RedisArgument($0) })
      rest = rest.dropFirst(pointersPerCommand)
    }
  }
}

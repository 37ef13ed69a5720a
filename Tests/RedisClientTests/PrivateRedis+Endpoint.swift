import RedisClient
import TestSupport

extension PrivateRedis {
  func endpoint(user: String? = nil, password: String? = nil, database: Int = 0) -> RedisEndpoint {
    RedisEndpoint(address: .unix(path: socket), user: user, password: password, database: database)
  }
}

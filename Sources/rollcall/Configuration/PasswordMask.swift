/// The text with the passwords of URLs (`scheme://user:password@host`) and of libpq connection strings
/// (`password=…`) replaced. Where a password's end is ambiguous it masks too much rather than too little.
func maskingPasswords(_ text: String) -> String {
  if text.contains("://") {
    return
      text
      .replacing(/(:\/\/[^:@\/]*):.*@/) { "\($0.1):***@" }
      // Some clients take what stands alone before the @ of a Redis URL as the password.
      .replacing(/(?i)((?:redis|unix):\/\/)[^:@\/]+@/) { "\($0.1)***@" }
      .replacing(/(?i)((?:ssl)?password=)[^&#]*/) { "\($0.1)***" }
  }
  return text.replacing(/(?i)((?:ssl)?password\s*=\s*)(?:'(?:\\.|[^'\\])*'?|(?:\\.|[^\s\\])*)/) { "\($0.1)***" }
}

let x = String(decoding: PackageResources.claim_lua, as: UTF8.self)

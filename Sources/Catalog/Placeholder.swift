let x = String(decoding: PackageResources.probe_sql, as: UTF8.self)

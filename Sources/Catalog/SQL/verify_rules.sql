-- Under which version of the rules the next scan of library $1 would make signatures.
SELECT rules_version FROM libraries WHERE id = $1

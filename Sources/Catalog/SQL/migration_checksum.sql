SELECT encode(sha256($1), 'hex')

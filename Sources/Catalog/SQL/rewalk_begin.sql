SELECT begun, slice FROM begin_rewalk($1, $2, $3, $4) ORDER BY slice DESC

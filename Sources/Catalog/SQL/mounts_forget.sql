-- Of library $1, forgets the mount points $3 on all hosts, and what is on record of the directories $4 for any other
-- host than $2: that is looked at anew.
DELETE FROM library_mounts
 WHERE library_id = $1 AND (directory_id = ANY ($3::bigint[]) OR directory_id = ANY ($4::bigint[]) AND host <> $2)

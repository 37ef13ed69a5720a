-- Whether a scan before $1 has got to its end in the same library, so that what is new to $1 may have been elsewhere. What
-- a first scan has left that did not is no more than a part of it: a later one would look for every file.
SELECT scan_ended_before($1) > 0

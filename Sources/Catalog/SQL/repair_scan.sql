SELECT what, slice, queue FROM mend_scan($1, $2)

-- Which of these slices' pointers are to be pushed again. In order, so that reapers meet at the first.
SELECT p.scan, p.number
  FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::text[], $5::bigint[])
         AS p (scan, number, epoch, state, age_ms)
 WHERE repair_pointer(p.scan, p.number, p.epoch, p.state, p.age_ms, $6)

SELECT give_up_finalise($1, $2, $3, $4)

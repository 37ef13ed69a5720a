-- Whether there is room for $1 bytes; see prove_room.
SELECT prove_room($1)

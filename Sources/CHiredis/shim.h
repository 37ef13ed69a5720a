// Debian's libhiredis-dev. No pkg-config: hiredis.pc carries a flag that SwiftPM warns about.
#include <hiredis/hiredis.h>

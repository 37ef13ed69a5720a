// Debian's libssl-dev: OpenSSL's libcrypto, for its digests.
#include <openssl/evp.h>

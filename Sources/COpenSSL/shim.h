// The parts of OpenSSL 3's libcrypto that Talkpath uses: HMAC and SHA digests, random bytes, constant-time comparison.
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

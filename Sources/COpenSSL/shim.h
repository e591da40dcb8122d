// What Talkpath uses of OpenSSL 3's libcrypto: HMAC and SHA digests, random bytes, constant-time compare.
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

/*
 * Private keys as PEM text: decoded by their type, or refused with a text that
 * says what was found instead.  For key.c alone.
 */
#ifndef KEYTURN_KEYPEM_H
#define KEYTURN_KEYPEM_H

#include <stddef.h>

#include <openssl/evp.h>

#include "err.h"
#include "key.h"

/*
 * Decode the first PEM object in text: PKCS#8 or, for RSA, PKCS#1, without
 * pass phrase.  Nothing is checked beyond its syntax.
 *
 * alg  set on success
 * Returns the key, the caller's, or NULL with err set: ERR_KEY, ERR_NOMEM,
 * ERR_CRYPTO.
 */
EVP_PKEY *keypem_decode(const char *text, size_t len, enum key_alg *alg,
    struct err *err);

#endif

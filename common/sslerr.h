/*
 * What the cryptographic library has to say about its last failure, as an
 * error value.
 */
#ifndef KEYTURN_SSLERR_H
#define KEYTURN_SSLERR_H

#include "err.h"

/*
 * Set code (ERR_NOMEM instead when the library ran out of memory) and the text
 * "what: reasons", the oldest reason first, which is the cause; without
 * reasons just what.  The calling thread's OpenSSL error queue is empty
 * afterwards.  Returns -1.
 */
int sslerr_set(struct err *err, enum err_code code, const char *what);

#endif

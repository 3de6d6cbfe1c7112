/*
 * OpenSSL's error queue, emptied into an error value.
 */
#include <string.h>

#include <openssl/err.h>

#include "sslerr.h"

int
sslerr_set(struct err *err, enum err_code code, const char *what)
{
	unsigned long number;
	const char *data, *reason, *separator = ": ";
	int flags;

	err_set(err, code, "%s", what);
	while ((number = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) !=
	    0) {
		if (ERR_GET_REASON(number) == ERR_R_MALLOC_FAILURE)
			err->code = ERR_NOMEM;
		reason = ERR_reason_error_string(number);
		strlcat(err->text, separator, sizeof(err->text));
		strlcat(err->text, reason ? reason : "unknown reason",
		    sizeof(err->text));
		if ((flags & ERR_TXT_STRING) != 0 && data[0] != '\0') {
			strlcat(err->text, " (", sizeof(err->text));
			strlcat(err->text, data, sizeof(err->text));
			strlcat(err->text, ")", sizeof(err->text));
		}
		separator = ", ";
	}
	return -1;
}

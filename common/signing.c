/*
 * One signature: fields chosen, value written, digest computed; then the
 * signature put in.
 */
#include <string.h>

#include "sigfield.h"
#include "signing.h"

void
signing_clear(struct signing *s)
{
	selection_clear(&s->selection);
	buf_clear(&s->value);
}

/* Whether a From field is among the selected ones. */
static bool
has_from(const struct hdrs *h, const struct selection *s)
{
	for (size_t k = 0; k < s->count; k++)
		if (hdrs_is(h, s->fields[k], "from", strlen("from")))
			return true;
	return false;
}

int
signing_prepare(struct signing *s, const struct hdrs *h,
    const struct signing_order *order, struct err *err)
{
	const struct sigfield sf = {
		.alg = order->alg,
		.canon = order->canon,
		.domain = order->domain,
		.selector = order->selector,
		.time = order->now,
		.selection = &s->selection,
		.body_hash = order->body_hash,
	};

	if (select_for_signing(h, order->sign_headers, order->oversign_headers,
	        &s->selection, err) != 0)
		return -1;
	if (!has_from(h, &s->selection))
		return err_set(err, ERR_INPUT,
		    "no From field to sign (RFC 6376 section 5.4)");
	if (sigfield_build(&sf, &s->value, err) != 0)
		return -1;
	return header_hash(h, &s->selection, order->canon.header, SIGFIELD_NAME,
	    strlen(SIGFIELD_NAME), s->value.data, s->value.len, s->digest, err);
}

int
signing_finish(struct signing *s, const unsigned char *sig, size_t sig_len,
    struct err *err)
{
	return sigfield_finish(&s->value, sig, sig_len, err);
}

/*
 * The publisher that is a person: says what to do.
 */
#include "publish.h"
#include "recordform.h"

/* The record in the forms that zone files and web forms take. */
static void
add_record(const struct publish_request *request, const char *record,
    struct buf *told)
{
	buf_addc(told, '\n');
	recordform_write(RECORDFORM_BIND, request->name, request->ttl, record,
	    told);
	buf_adds(told, "\nor, in a web form:\n\n");
	recordform_write(RECORDFORM_TEXT, request->name, request->ttl, record,
	    told);
}

enum publish_result
publish_manual(const struct publisher_conf *conf,
    const struct publish_request *request, struct buf *told, struct err *err)
{
	(void)conf;
	(void)err;
	switch (request->action) {
	case PUBLISH_PUT:
		buf_printf(told, "Publish this record for %s:\n",
		    request->domain);
		add_record(request, request->value, told);
		break;
	case PUBLISH_REVOKE:
		buf_printf(told,
		    "Replace the TXT record at %s\nby this one, which revokes "
		    "the key:\n",
		    request->name);
		add_record(request, request->empty, told);
		break;
	case PUBLISH_REMOVE:
		buf_printf(told,
		    "Delete the TXT record at %s\n(it is \"%s\" now, or still "
		    "\"%s\").\n",
		    request->name, request->empty, request->value);
		break;
	}
	buf_printf(told,
	    "\nThen see whether every server of the zone has it so:\n"
	    "\tkeyturn dns check %s\n",
	    request->domain);
	return PUBLISH_BY_HAND;
}

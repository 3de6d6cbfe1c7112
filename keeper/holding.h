/*
 * The record of what keyturnd can sign with, beside the rings directory: a
 * record in the DNS is withdrawn only by what stands in it.  So a key is
 * entered before it can sign, and released when it cannot any more.
 *
 * Serving threads never come here: what they signed last is taken from the
 * snapshots that they sign with.
 */
#ifndef KEYTURN_KEEPER_HOLDING_H
#define KEYTURN_KEEPER_HOLDING_H

#include <stdbool.h>

#include "err.h"
#include "held.h"
#include "snap.h"

struct holding;

/* Nothing is opened yet.  NULL with err set: ERR_NOMEM. */
struct holding *holding_new(struct err *err);

/*
 * Put on record (write, fsync, rename) that the keys of the rings of next can
 * sign from now on; next is not in force yet.  The first time that there are
 * rings the record is read, and locked until the process ends.
 * Returns 0, or -1 with err set: ERR_CONF (another keyturnd keeps the record,
 * or it is damaged), ERR_IO, ERR_NOMEM.  next must not be put in force then,
 * and holding_settle is to be called with what is.
 */
int holding_enter(struct holding *h, const struct snap *next, struct err *err);

/*
 * Put on record that everything which is not in force in now has been let go:
 * nobody uses old, or anything before it, any more.  Both may be the same.  A
 * record that cannot be written is logged, and written later.
 */
void holding_settle(struct holding *h, const struct snap *old,
    const struct snap *now);

/* Put on record when the keys in force have signed last, if that changed. */
void holding_note(struct holding *h, const struct snap *now);

/*
 * Copy the record.  Returns 1; 0 when it has not been read yet; or -1 with err
 * set: ERR_NOMEM.  Clear copy in any case.
 */
int holding_copy(struct holding *h, struct held *copy, struct err *err);

/*
 * The record, held against changes until holding_done.  failing is set to
 * whether it could not be written the last time.
 */
const struct held *holding_look(struct holding *h, bool *failing);
void holding_done(struct holding *h);

#endif

/*
 * The worker's end of the channel to keyturnd: the newest policy, signatures,
 * and counters.  keyturnd may go away and come back at any time; until it does
 * the last policy stays in force and no signature is made.
 */
#ifndef KEYTURN_MILTER_CHANNEL_H
#define KEYTURN_MILTER_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chan.h"
#include "err.h"
#include "policy.h"

struct channel;

/* A policy in use, counted, and what it says apart from its tables. */
struct channel_policy {
	struct policy *policy;
	struct policy_options options;
	unsigned users; /* of channel.c alone */
};

/*
 * Start the client: a thread that keeps a control connection to keyturnd.
 *
 * path  of the channel socket, borrowed for ever
 * spec  the milter socket that is served
 * Block all signals in the calling thread first: the new one inherits.
 * Returns it, for the life of the process, or NULL with err set: ERR_NOMEM,
 * ERR_IO.
 */
struct channel *channel_start(const char *path, const char *spec,
    struct err *err);

/*
 * The newest policy, to be given back, or NULL when there never was one.  Hold
 * it for one step of one message, not for as long as the message takes.
 */
const struct channel_policy *channel_policy_get(struct channel *ch);
void channel_policy_put(struct channel *ch, const struct channel_policy *cp);

/*
 * Wait until a policy other than used is in force and it is at least of that
 * generation, or the deadline has passed.
 */
void channel_policy_wait(struct channel *ch, const struct channel_policy *used,
    uint64_t generation, long long deadline);

/*
 * Have digests signed in one round trip.
 *
 * pairs, count  1 to POLICY_SIGNATURES_MAX
 * deadline      mono_now_ms() at which to give up
 * reply         room for the answer; on success reply->signed_ has status
 *               CHAN_OK and count signatures of 1 to KEY_SIG_MAX bytes, or
 *               status CHAN_STALE and none
 * Returns 0, or -1 with err set: ERR_IO (keyturnd is away, or silent until the
 * deadline), ERR_INPUT (it answered nonsense), ERR_CRYPTO (it could not sign).
 * Any number of threads.
 */
int channel_sign(struct channel *ch, const struct chan_pair *pairs,
    size_t count, long long deadline, union chan_packet *reply,
    struct err *err);

/* Count n more of c; reported to keyturnd once a second. */
void channel_count(struct channel *ch, enum counter c, unsigned n);

/* Report what was counted and not yet reported.  For the end. */
void channel_report(struct channel *ch);

#endif

/*
 * The key that signs: promises 3 (stay) and 7 (watch), panic.
 */
#include <stddef.h>

#include "life_scene.h"

const struct life_case life_active_cases[] = {
	{ "active: well", "steady", "nothing", A, STEP_NONE, STEP_ACTIVATE,
	    28 * DAY, "",
	    "signs since 2026-01-01T10:00:00Z; its successor's turn is due "
	    "2026-04-01T10:00:00Z" },
	{ "active: its successor takes over", "due", "nothing", A, STEP_NONE,
	    STEP_RETIRE, NEVER, "", "b takes its place now" },
	{ "active: overdue and no successor", "published", "nothing", A,
	    STEP_SIGHT, STEP_NONE, 0, "",
	    "every server has its record; caches that deny it have forgotten "
	    "that by 2026-03-04T12:00:00Z" },
	{ "active: a server is silent", "steady", "silent", A, STEP_NONE,
	    STEP_ACTIVATE, 28 * DAY, "",
	    "signs since 2026-01-01T10:00:00Z; its record cannot be vouched "
	    "for now: ns2.example.net does not answer; its successor's turn is "
	    "due 2026-04-01T10:00:00Z" },
	{ "watch: its record vanished: published again before any alarm",
	    "steady", "absent", A, STEP_REPUBLISH, STEP_NONE, 0, "",
	    "its record is not what it should be: no server has its record" },
	{ "watch: published again just now", "steady", "just_republished", A,
	    STEP_NONE, STEP_REPUBLISH, 240, "",
	    "its record was handed to the DNS again at 2026-03-04T09:59:00Z, "
	    "but still: no server has its record" },
	{ "watch: published again in vain", "steady", "republished_b_silent", A,
	    STEP_NONE, STEP_REPUBLISH, 5 * HOUR + 3300, "SA",
	    "its record cannot be kept published, it was handed to the DNS "
	    "again at 2026-03-04T09:55:00Z, but still: no server has its "
	    "record; it signs on until b can, which is ready" },
	{ "watch: published again in vain for long", "due", "republished_long",
	    A, STEP_NONE, STEP_RETIRE, NEVER, "", "b takes its place now" },
	{ "stay: its file is lost and nothing else can sign", "steady",
	    "file_lost_b_silent", A, STEP_NONE, STEP_ACTIVATE, NEVER, "SA",
	    "its private key file a.pem is lost or damaged; it signs on until "
	    "b can, which is ready" },
	{ "stay: retire", "steady", "retire_a", A, STEP_NONE, STEP_NONE, NEVER,
	    "",
	    "it signs: `keyturn rotate example.com` first; if it is "
	    "compromised, `keyturn panic example.com`; to sign no more, "
	    "`keyturn remove example.com`" },
	{ "stay: revoke", "steady", "revoke_a", A, STEP_NONE, STEP_NONE, NEVER,
	    "",
	    "it signs: `keyturn rotate example.com` first; if it is "
	    "compromised, `keyturn panic example.com`; to sign no more, "
	    "`keyturn remove example.com`" },
	{ "stay: revoke, forced", "steady", "revoke_a_forced", A, STEP_NONE,
	    STEP_NONE, NEVER, "",
	    "it signs: `keyturn rotate example.com` first; if it is "
	    "compromised, `keyturn panic example.com`; to sign no more, "
	    "`keyturn remove example.com`" },
	{ "confirm: keyturnd does not hold it", "steady", "a_unheld", A,
	    STEP_CONFIRM, STEP_NONE, -62 * DAY, "",
	    "keyturnd has not taken it up yet" },
	{ "confirm: keyturnd does not answer", "steady", "a_unheld_no_daemon",
	    A, STEP_NONE, STEP_CONFIRM, NEVER, "S",
	    "keyturnd has not taken it up and does not answer: start "
	    "keyturnd" },
	{ "confirm: what was held is not known", "steady", "a_unheld_unknown",
	    A, STEP_NONE, STEP_ACTIVATE, 28 * DAY, "S",
	    "signs since 2026-01-01T10:00:00Z; its successor's turn is due "
	    "2026-04-01T10:00:00Z; what keyturnd holds is not known" },
	{ "confirm: no evidence", "steady", "a_no_evidence", A, STEP_NONE,
	    STEP_CONFIRM, NEVER, "SA",
	    "the ring has no evidence for this key, keyturnd will not sign "
	    "with it: `keyturn repair example.com`" },
	{ "active: publish", "steady", "publish_a", A, STEP_REPUBLISH,
	    STEP_NONE, 0, "", "asked for" },
	{ "active: publish all", "steady", "publish_all", A, STEP_REPUBLISH,
	    STEP_NONE, 0, "", "asked for" },
	{ "ready: publish all", "steady", "publish_all", B, STEP_REPUBLISH,
	    STEP_NONE, 0, "", "asked for" },
	{ "leaving: it stops signing", "steady", "leaving", A, STEP_RETIRE,
	    STEP_NONE, 0, "", "it stops signing: the ring is being removed" },
	{ "leaving: nothing new", "steady", "no_spare_leaving", A, STEP_RETIRE,
	    STEP_NONE, 0, "", "it stops signing: the ring is being removed" },
	{ "one: two active keys of a kind", "steady", "two_active", A,
	    STEP_RETIRE, STEP_NONE, 0, "",
	    "it stops signing: another key of its kind signs" },
	{ "active: its kind is not wanted, but nothing else signs", "steady",
	    "only_ed25519", A, STEP_NONE, STEP_ACTIVATE, 28 * DAY, "",
	    "signs since 2026-01-01T10:00:00Z; its successor's turn is due "
	    "2026-04-01T10:00:00Z" },
	{ "panic: it signs on until another can", "steady", "panic_b_silent", A,
	    STEP_CONDEMN, STEP_NONE, 0, "",
	    "it is compromised; its record is revoked as soon as another key "
	    "signs; it signs on until b can, which is ready" },
	{ "panic: it signs on, later", "steady", "compromised_b_silent", A,
	    STEP_NONE, STEP_RETIRE, NEVER, "SA",
	    "it is compromised; it signs on until b can, which is ready; to "
	    "stop it now: `keyturn panic example.com --unsigned`" },
	{ "panic: unsigned", "steady", "panic_unsigned", A, STEP_RETIRE,
	    STEP_NONE, 0, "C",
	    "it stops signing: it is compromised, and mail is to go unsigned" },
	{ "panic: unsigned, but a ready key can sign", "steady",
	    "panic_unsigned_ready", A, STEP_NONE, STEP_RETIRE, NEVER, "",
	    "b takes its place now" },
	{ "manual: the file is lost", "steady", "manual_file_lost", A,
	    STEP_NONE, STEP_ACTIVATE, NEVER, "SA",
	    "its private key file a.pem is lost or damaged; it signs on until "
	    "b can, which is ready" },
	{ .name = NULL },
};

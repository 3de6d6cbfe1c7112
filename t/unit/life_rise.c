/*
 * The way up: promise 1 (gate), the moment of a turn, new keys, slots.
 */
#include <stddef.h>

#include "life_scene.h"

const struct life_case life_rise_cases[] = {
	{ "generated: published once its name was looked at", "generated",
	    "nothing", A, STEP_PUBLISH, STEP_NONE, -3 * HOUR, "",
	    "its record can be handed to the DNS" },
	{ "generated: its name is looked at first", "generated", "no_look", A,
	    STEP_NONE, STEP_PUBLISH, NEVER, "",
	    "its name in the DNS has to be looked at first" },
	{ "generated: over a live selector", "generated", "foreign", A,
	    STEP_NONE, STEP_PUBLISH, NEVER, "SA",
	    "something else is published at its name already: ns1.example.net "
	    "has \"v=DKIM1; p=AAAA\"; remove that, or use another selector: "
	    "`keyturn retire example.com a`" },
	{ "generated: below a wildcard", "generated", "wildcard", A,
	    STEP_PUBLISH, STEP_NONE, -3 * HOUR, "",
	    "its record can be handed to the DNS" },
	{ "generated: over a live selector, forced", "generated",
	    "foreign_forced", A, STEP_PUBLISH, STEP_NONE, -3 * HOUR, "",
	    "its record can be handed to the DNS" },
	{ "generated: a server is silent", "generated", "silent", A,
	    STEP_PUBLISH, STEP_NONE, -3 * HOUR, "",
	    "its record can be handed to the DNS" },
	{ "generated: its file is lost", "generated", "file_lost", A,
	    STEP_RETIRE, STEP_NONE, 0, "A",
	    "it will not be used: its private key is lost; another key takes "
	    "its place" },
	{ "generated: the ring is leaving", "generated", "leaving", A,
	    STEP_RETIRE, STEP_NONE, 0, "",
	    "it will not be used: the ring is being removed" },
	{ "generated: its kind is not wanted any more", "generated",
	    "only_ed25519", A, STEP_RETIRE, STEP_NONE, 0, "",
	    "it will not be used: rotation.algorithms does not name its kind "
	    "any more" },
	{ "generated: retire", "generated", "retire_a", A, STEP_RETIRE,
	    STEP_NONE, 0, "", "it will not be used: asked for" },
	{ "generated: revoke", "generated", "revoke_a", A, STEP_NONE, STEP_NONE,
	    NEVER, "", "it never signed: `keyturn retire example.com a`" },
	{ "gate: the first complete sighting", "published", "nothing", A,
	    STEP_SIGHT, STEP_NONE, 0, "",
	    "every server has its record; caches that deny it have forgotten "
	    "that by 2026-03-04T12:00:00Z" },
	{ "gate: not looked at", "published", "no_look", A, STEP_NONE,
	    STEP_SIGHT, NEVER, "", "its record was not looked at this time" },
	{ "gate: a server without the record", "published", "partial", A,
	    STEP_NONE, STEP_SIGHT, NEVER, "S",
	    "its record was handed to the DNS at 2026-03-04T08:00:00Z; not "
	    "every server has it: ns2.example.net has no record; see `keyturn "
	    "dns check example.com`" },
	{ "gate: a server without the record, just now", "published",
	    "partial_just_now", A, STEP_NONE, STEP_SIGHT, NEVER, "",
	    "its record was handed to the DNS at 2026-03-04T09:50:00Z; not "
	    "every server has it: ns2.example.net has no record; see `keyturn "
	    "dns check example.com`" },
	{ "gate: a server without the record, for long", "published",
	    "partial_long", A, STEP_REPUBLISH, STEP_NONE, -HOUR, "",
	    "its record was handed to the DNS at 2026-03-04T03:00:00Z, but: "
	    "ns2.example.net has no record" },
	{ "gate: published again, still not there", "published",
	    "partial_again", A, STEP_NONE, STEP_SIGHT, NEVER, "S",
	    "its record was handed to the DNS at 2026-03-04T09:00:00Z; not "
	    "every server has it: ns2.example.net has no record; see `keyturn "
	    "dns check example.com`" },
	{ "gate: not there for a day", "published", "partial_a_day", A,
	    STEP_NONE, STEP_SIGHT, NEVER, "SA",
	    "its record was handed to the DNS at 2026-03-04T09:00:00Z; not "
	    "every server has it: ns2.example.net has no record; see `keyturn "
	    "dns check example.com`" },
	{ "gate: a silent server", "published", "silent", A, STEP_NONE,
	    STEP_SIGHT, NEVER, "S",
	    "its record was handed to the DNS at 2026-03-04T08:00:00Z; not "
	    "every server has it: ns2.example.net does not answer; see "
	    "`keyturn dns check example.com`" },
	{ "gate: one server has another key", "published", "foreign", A,
	    STEP_NONE, STEP_SIGHT, NEVER, "S",
	    "its record was handed to the DNS at 2026-03-04T08:00:00Z; not "
	    "every server has it: ns1.example.net has \"v=DKIM1; p=AAAA\"; see "
	    "`keyturn dns check example.com`" },
	{ "gate: the second sighting", "seen", "nothing", A, STEP_READY,
	    STEP_NONE, 0, "",
	    "every server had its record at 2026-03-04T08:00:00Z and has it "
	    "now" },
	{ "gate: a second too early", "seen", "one_short", A, STEP_NONE,
	    STEP_READY, 1, "",
	    "every server has its record since 2026-03-04T08:00:01Z; ready "
	    "from 2026-03-04T10:00:01Z on, when no cache can deny it any more "
	    "(2h)" },
	{ "gate: the negative TTL grew meanwhile", "seen", "ttl_grew", A,
	    STEP_NONE, STEP_READY, 2 * HOUR, "",
	    "every server has its record since 2026-03-04T08:00:00Z; ready "
	    "from 2026-03-04T12:00:00Z on, when no cache can deny it any more "
	    "(4h)" },
	{ "gate: the negative TTL shrank meanwhile", "seen", "ttl_shrank", A,
	    STEP_READY, STEP_NONE, 0, "",
	    "every server had its record at 2026-03-04T08:00:00Z and has it "
	    "now" },
	{ "gate: no negative TTL was seen", "seen", "ttl_unknown", A, STEP_NONE,
	    STEP_READY, 23 * HOUR, "",
	    "every server has its record since 2026-03-04T08:00:00Z; ready "
	    "from 2026-03-05T09:00:00Z on, when no cache can deny it any more "
	    "(1d1h)" },
	{ "gate: by resolvers", "seen", "weak", A, STEP_NONE, STEP_READY,
	    DAY + 22 * HOUR, "",
	    "every server has its record since 2026-03-04T08:00:00Z; ready "
	    "from 2026-03-06T08:00:00Z on, when no cache can deny it any more "
	    "(2d)" },
	{ "gate: incomplete in between", "seen", "partial", A, STEP_LOSE_SIGHT,
	    STEP_NONE, 0, "",
	    "every server had its record at 2026-03-04T08:00:00Z, but now: "
	    "ns2.example.net has no record; the wait will begin anew" },
	{ "gate: unanswered in between", "seen", "silent", A, STEP_LOSE_SIGHT,
	    STEP_NONE, 0, "",
	    "every server had its record at 2026-03-04T08:00:00Z, but now: "
	    "ns2.example.net does not answer; the wait will begin anew" },
	{ "gate: not looked at in between", "seen", "no_look", A, STEP_NONE,
	    STEP_READY, 0, "", "its record was not looked at this time" },
	{ "gate: rebooted in between", "seen", "rebooted", A, STEP_SIGHT,
	    STEP_NONE, 0, "",
	    "every server has its record; the wait begins anew and lasts until "
	    "2026-03-04T12:00:00Z, for the host or its clock was reset since "
	    "2026-03-04T08:00:00Z" },
	{ "gate: the clock was set forward in between", "seen", "wall_ahead", A,
	    STEP_NONE, STEP_READY, HOUR + 3000, "",
	    "every server has its record since 2026-03-04T07:00:00Z; ready "
	    "from 2026-03-04T11:50:00Z on, when no cache can deny it any more "
	    "(2h)" },
	{ "gate: the clock was set back in between", "seen", "wall_set_back", A,
	    STEP_SIGHT, STEP_NONE, 0, "",
	    "every server has its record; the wait begins anew and lasts until "
	    "2026-03-04T12:00:00Z, for the host or its clock was reset since "
	    "2026-03-04T11:00:00Z" },
	{ "gate: published again by hand loses no look", "seen",
	    "publish_a_partial", A, STEP_LOSE_SIGHT, STEP_NONE, 0, "",
	    "every server had its record at 2026-03-04T08:00:00Z, but now: "
	    "ns2.example.net has no record; the wait will begin anew" },
	{ "gate: published again by hand", "seen", "publish_a", A,
	    STEP_REPUBLISH, STEP_NONE, 0, "", "asked for" },
	{ "gate: keyturnd is not needed for it", "seen", "no_daemon", A,
	    STEP_READY, STEP_NONE, 0, "",
	    "every server had its record at 2026-03-04T08:00:00Z and has it "
	    "now" },
	{ "gate: a clock that is behind may not count", "seen", "rebooted", A,
	    STEP_SIGHT, STEP_NONE, 0, "",
	    "every server has its record; the wait begins anew and lasts until "
	    "2026-03-04T12:00:00Z, for the host or its clock was reset since "
	    "2026-03-04T08:00:00Z" },
	{ "adopt: every server has it", "published", "adopted", A,
	    STEP_ACTIVATE, STEP_NONE, 0, "",
	    "it signed before, and every server has its record" },
	{ "adopt: not every server has it", "published", "adopted_partial", A,
	    STEP_NONE, STEP_SIGHT, NEVER, "S",
	    "its record was handed to the DNS at 2026-03-04T08:00:00Z; not "
	    "every server has it: ns2.example.net has no record; see `keyturn "
	    "dns check example.com`" },
	{ "adopt: beside an active key", "published", "adopted_beside", A,
	    STEP_SIGHT, STEP_NONE, 0, "",
	    "every server has its record; caches that deny it have forgotten "
	    "that by 2026-03-04T12:00:00Z" },
	{ "force: without the gate", "published", "force", A, STEP_ACTIVATE,
	    STEP_NONE, 0, "F", "forced, without the gate" },
	{ "force: though a server lacks it", "published", "force_partial", A,
	    STEP_ACTIVATE, STEP_NONE, 0, "F", "forced, without the gate" },
	{ "force: not without keyturnd", "published", "force_no_daemon", A,
	    STEP_NONE, STEP_ACTIVATE, NEVER, "S",
	    "it should sign now, but keyturnd does not answer, and without it "
	    "nothing is activated: start keyturnd" },
	{ "force: not without the private key", "published", "force_no_file", A,
	    STEP_NONE, STEP_ACTIVATE, NEVER, "S",
	    "it should sign now, but its private key file a.pem was not read" },
	{ "force: nothing to force in a key that has no record", "generated",
	    "force", A, STEP_PUBLISH, STEP_NONE, -3 * HOUR, "",
	    "its record can be handed to the DNS" },
	{ "published: its file is lost", "seen", "file_lost", A, STEP_RETIRE,
	    STEP_NONE, 0, "A",
	    "it will not be used: its private key is lost; another key takes "
	    "its place" },
	{ "ready: its turn is due later", "steady", "nothing", B, STEP_NONE,
	    STEP_ACTIVATE, 28 * DAY, "",
	    "ready; its turn is due 2026-04-01T10:00:00Z; sooner: `keyturn "
	    "rotate example.com`" },
	{ "ready: its turn is due", "due", "nothing", B, STEP_ACTIVATE,
	    STEP_NONE, 0, "", "its turn is due; a retires" },
	{ "ready: due on a closed day", "due", "on_friday", B, STEP_NONE,
	    STEP_ACTIVATE, 4 * DAY + 14 * HOUR, "",
	    "ready; its turn waits for 2026-03-09T00:00:00Z, the next open day "
	    "by rotation.weekdays and rotation.blackout; sooner: `keyturn "
	    "rotate example.com`" },
	{ "ready: no day is open", "due", "no_open_day", B, STEP_NONE,
	    STEP_ACTIVATE, NEVER, "S",
	    "ready, but by rotation.weekdays and rotation.blackout no day is "
	    "open for a turn" },
	{ "ready: due, but not looked at now", "due", "no_look", B, STEP_NONE,
	    STEP_ACTIVATE, NEVER, "S",
	    "it should sign now, but its record cannot be vouched for now: "
	    "nobody has looked at its record" },
	{ "ready: due, but a server is silent", "due", "b_silent", B, STEP_NONE,
	    STEP_ACTIVATE, NEVER, "S",
	    "it should sign now, but its record cannot be vouched for now: "
	    "ns2.example.net does not answer" },
	{ "ready: due, but keyturnd does not answer", "due", "no_daemon", B,
	    STEP_NONE, STEP_ACTIVATE, NEVER, "S",
	    "it should sign now, but keyturnd does not answer, and without it "
	    "nothing is activated: start keyturnd" },
	{ "ready: due, but its file was not read", "due", "b_file_unread", B,
	    STEP_NONE, STEP_ACTIVATE, NEVER, "S",
	    "it should sign now, but its private key file b.pem was not read" },
	{ "ready: due, but the last turn is not confirmed", "due", "a_unheld",
	    B, STEP_NONE, STEP_ACTIVATE, NEVER, "",
	    "its turn is due, but keyturnd has not taken up a yet" },
	{ "ready: vanished", "due", "b_absent", B, STEP_LOSE_SIGHT, STEP_NONE,
	    0, "",
	    "its record is not what it was: no server has its record; it has "
	    "to pass the gate again" },
	{ "ready: one server is silent, another lacks the record", "steady",
	    "b_silent_missing", B, STEP_LOSE_SIGHT, STEP_NONE, 0, "",
	    "its record is not what it was: ns2.example.net does not answer; "
	    "it has to pass the gate again" },
	{ "ready: its file is lost", "steady", "b_file_lost", B, STEP_RETIRE,
	    STEP_NONE, 0, "A",
	    "it will not be used: its private key is lost; another key takes "
	    "its place" },
	{ "ready: evidence for other key bytes", "due", "b_other_evidence", B,
	    STEP_LOSE_SIGHT, STEP_NONE, 0, "",
	    "the ring has no evidence for this key" },
	{ "clock: no activation by the calendar while it is behind", "due",
	    "clock_behind", B, STEP_NONE, STEP_ACTIVATE, 400, "SA",
	    "the clock says 2026-03-04T10:00:00Z, but the ring has seen "
	    "2026-03-04T10:06:40Z: nothing of this kind is done before then; "
	    "if the clock is wrong, set it; or `keyturn rotate example.com`" },
	{ "clock: a little behind", "due", "clock_a_bit_behind", B, STEP_NONE,
	    STEP_ACTIVATE, 2, "",
	    "the clock says 2026-03-04T10:00:00Z, but the ring has seen "
	    "2026-03-04T10:00:02Z: nothing of this kind is done before then; "
	    "if the clock is wrong, set it; or `keyturn rotate example.com`" },
	{ "rotate: at once, and whatever the calendar", "steady", "rotate", B,
	    STEP_ACTIVATE, STEP_NONE, 0, "", "asked for; a retires" },
	{ "rotate: a leaving ring", "steady", "rotate_leaving", A, STEP_NONE,
	    STEP_RETIRE, NEVER, "",
	    "the ring is being removed, nothing new is begun" },
	{ "stay: the file of the active key is lost", "steady", "file_lost", B,
	    STEP_ACTIVATE, STEP_NONE, 0, "",
	    "the file of the active key is lost or damaged; a retires" },
	{ "stay: lost, but the ready key cannot be vouched for", "steady",
	    "file_lost_b_silent", B, STEP_NONE, STEP_ACTIVATE, NEVER, "SA",
	    "it should sign now, but its record cannot be vouched for now: "
	    "ns2.example.net does not answer" },
	{ "stay: the record was published again just now", "steady",
	    "just_republished", B, STEP_NONE, STEP_ACTIVATE, 28 * DAY, "",
	    "ready; its turn is due 2026-04-01T10:00:00Z; sooner: `keyturn "
	    "rotate example.com`" },
	{ "stay: the record cannot be kept published", "steady", "republished",
	    B, STEP_ACTIVATE, STEP_NONE, 0, "",
	    "the record of the active key is lost; a retires" },
	{ "stay: neither can that of the ready key", "steady",
	    "republished_b_silent", B, STEP_NONE, STEP_ACTIVATE, NEVER, "SA",
	    "it should sign now, but its record cannot be vouched for now: "
	    "ns2.example.net does not answer" },
	{ "panic: the ready key at once", "steady", "panic", B, STEP_ACTIVATE,
	    STEP_NONE, 0, "C", "the active key is compromised; a retires" },
	{ "panic: by name", "steady", "panic_a", B, STEP_ACTIVATE, STEP_NONE, 0,
	    "C", "the active key is compromised; a retires" },
	{ "panic: the ready key cannot be vouched for", "steady",
	    "panic_b_silent", B, STEP_NONE, STEP_ACTIVATE, NEVER, "SA",
	    "it should sign now, but its record cannot be vouched for now: "
	    "ns2.example.net does not answer" },
	{ "panic: finished by a tick", "steady", "compromised", B,
	    STEP_ACTIVATE, STEP_NONE, 0, "",
	    "the active key is compromised; a retires" },
	{ "manual: a turn is left to a person", "due", "manual", B, STEP_NONE,
	    STEP_ACTIVATE, NEVER, "S",
	    "its turn is due; a retires (mode = manual: `keyturn rotate "
	    "example.com`)" },
	{ "manual: not stuck before it is due", "steady", "manual", B,
	    STEP_NONE, STEP_ACTIVATE, 28 * DAY, "",
	    "ready; its turn is due 2026-04-01T10:00:00Z; sooner: `keyturn "
	    "rotate example.com`" },
	{ "manual: a sighting is recorded", "published", "manual", A,
	    STEP_SIGHT, STEP_NONE, 0, "",
	    "every server has its record; caches that deny it have forgotten "
	    "that by 2026-03-04T12:00:00Z" },
	{ "manual: a vanished ready key falls back", "steady",
	    "manual_b_absent", B, STEP_LOSE_SIGHT, STEP_NONE, 0, "",
	    "its record is not what it was: no server has its record; it has "
	    "to pass the gate again" },
	{ "manual: a panic is carried to its end", "steady",
	    "manual_compromised", B, STEP_ACTIVATE, STEP_NONE, 0, "",
	    "the active key is compromised; a retires" },
	{ "new: one key is always kept ready", "steady", "no_spare", NEW,
	    STEP_GENERATE, STEP_NONE, 0, "", "one key is always kept ready" },
	{ "new: without standby only before the turn", "steady", "not_yet_lead",
	    NEW, STEP_NONE, STEP_GENERATE, 21 * DAY, "",
	    "the next key is made at 2026-03-25T10:00:00Z, 7d before its "
	    "turn" },
	{ "new: within the lead", "steady", "in_lead", NEW, STEP_GENERATE,
	    STEP_NONE, 0, "", "the next turn is near" },
	{ "new: the active key is lost", "steady", "lead_lost", NEW,
	    STEP_GENERATE, STEP_NONE, 0, "",
	    "the active key or its record is lost" },
	{ "new: a free slot", "steady", "slots_free", NEW, STEP_GENERATE,
	    STEP_NONE, 0, "", "one key is always kept ready" },
	{ "one: no slot is free", "steady", "slots_full", NEW, STEP_NONE,
	    STEP_GENERATE, NEVER, "", "no slot of rotation.slots is free" },
	{ "one: the record of a slot is in caches", "steady", "slots_draining",
	    NEW, STEP_NONE, STEP_GENERATE, 60, "",
	    "no slot of rotation.slots is free before 2026-03-04T10:01:00Z" },
	{ "one: the record of a slot has left the caches", "steady",
	    "slots_drained", NEW, STEP_GENERATE, STEP_NONE, 0, "",
	    "one key is always kept ready" },
	{ "one: a slot that panic emptied early", "steady", "slots_panic", NEW,
	    STEP_NONE, STEP_GENERATE, 11 * DAY, "",
	    "no slot of rotation.slots is free before 2026-03-15T10:00:00Z" },
	{ "new: too many in a day", "steady", "eight_today", NEW, STEP_NONE,
	    STEP_GENERATE, 16 * HOUR, "SA",
	    "8 keys were made within a day and not one was used: something is "
	    "wrong; see `keyturn journal example.com`" },
	{ "new: the ring is full", "steady", "is_full", NEW, STEP_NONE,
	    STEP_GENERATE, NEVER, "SA",
	    "the ring has 1024 keys, which is the limit: make it anew with "
	    "`keyturn remove example.com` and `keyturn add`" },
	{ .name = NULL },
};

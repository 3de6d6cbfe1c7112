/*
 * The way down: promises 2 (overlap), 6 (clock), and the private key.
 */
#include <stddef.h>

#include "life_scene.h"

const struct life_case life_fall_cases[] = {
	{ "overlap: mail is on its way", "retiring", "nothing", A, STEP_NONE,
	    STEP_REVOKE, 9 * DAY, "",
	    "mail that it signed can be on its way until 2026-03-13T10:00:00Z, "
	    "14d after keyturnd let it go at 2026-02-27T10:00:00Z: its record "
	    "stays" },
	{ "overlap: over: announced", "over", "nothing", A, STEP_ARM, STEP_NONE,
	    -DAY, "",
	    "no mail needs its record: p= is made empty; announced, and done "
	    "at 2026-03-04T11:00:00Z or later" },
	{ "overlap: counted from the release", "over", "a_day_early", A,
	    STEP_NONE, STEP_REVOKE, DAY, "",
	    "mail that it signed can be on its way until 2026-03-05T10:00:00Z, "
	    "14d after keyturnd let it go at 2026-02-19T10:00:00Z: its record "
	    "stays" },
	{ "overlap: counted from the retirement at least", "over",
	    "retired_late", A, STEP_NONE, STEP_REVOKE, DAY, "",
	    "mail that it signed can be on its way until 2026-03-05T10:00:00Z, "
	    "14d after keyturnd let it go at 2026-02-19T10:00:00Z: its record "
	    "stays" },
	{ "overlap: counted from the last jump of the clock", "over",
	    "clock_jumped", A, STEP_NONE, STEP_REVOKE, 11 * DAY, "",
	    "mail that it signed can be on its way until 2026-03-15T10:00:00Z, "
	    "14d after the clock was last set, at 2026-03-01T10:00:00Z: its "
	    "record stays" },
	{ "overlap: keyturnd holds it still", "over", "a_held", A, STEP_CONFIRM,
	    STEP_NONE, -15 * DAY, "", "keyturnd still holds it" },
	{ "overlap: keyturnd holds it still and does not answer", "over",
	    "a_held_no_daemon", A, STEP_NONE, STEP_CONFIRM, NEVER, "S",
	    "keyturnd still holds it and does not answer: start keyturnd" },
	{ "overlap: what keyturnd held is not known", "over", "held_unknown", A,
	    STEP_NONE, STEP_REVOKE, NEVER, "S",
	    "what keyturnd holds is not known, and without that nothing is "
	    "withdrawn: see `keyturn status`" },
	{ "overlap: no note of a release", "over", "never_released", A,
	    STEP_NONE, STEP_REVOKE, NEVER, "",
	    "keyturnd has no note of when it released this key, so nobody "
	    "knows when it signed last: its record stays until `keyturn revoke "
	    "example.com a --force REASON`, from 2026-03-03T10:00:00Z on" },
	{ "overlap: what was held is lost", "over", "held_lost", A, STEP_NONE,
	    STEP_REVOKE, NEVER, "",
	    "keyturnd has no note of when it released this key, so nobody "
	    "knows when it signed last: its record stays until `keyturn revoke "
	    "example.com a --force REASON`, from 2026-03-03T10:00:00Z on" },
	{ "overlap: what was held is lost, forced", "over", "held_lost_forced",
	    A, STEP_ARM, STEP_NONE, -DAY, "",
	    "no mail needs its record: p= is made empty; announced, and done "
	    "at 2026-03-04T11:00:00Z or later" },
	{ "overlap: force does not shorten it", "retiring", "held_lost_forced",
	    A, STEP_NONE, STEP_REVOKE, 9 * DAY, "",
	    "mail that it signed can be on its way until 2026-03-13T10:00:00Z, "
	    "14d after keyturnd let it go at 2026-02-27T10:00:00Z: its record "
	    "stays" },
	{ "overlap: revoke too early", "retiring", "revoke_a", A, STEP_NONE,
	    STEP_REVOKE, 9 * DAY, "",
	    "mail that it signed can be on its way until 2026-03-13T10:00:00Z, "
	    "14d after keyturnd let it go at 2026-02-27T10:00:00Z: its record "
	    "stays" },
	{ "overlap: revoke too early, forced", "retiring", "revoke_a_forced", A,
	    STEP_NONE, STEP_REVOKE, 9 * DAY, "",
	    "mail that it signed can be on its way until 2026-03-13T10:00:00Z, "
	    "14d after keyturnd let it go at 2026-02-27T10:00:00Z: its record "
	    "stays" },
	{ "overlap: a key that never signed needs none", "retiring",
	    "never_activated", A, STEP_ARM, STEP_NONE, -HOUR, "",
	    "it never signed: its record is removed; announced, and done at "
	    "2026-03-04T11:00:00Z or later" },
	{ "overlap: never signed, as far as is known", "retiring",
	    "never_activated_unknown", A, STEP_NONE, STEP_REVOKE, NEVER, "S",
	    "what keyturnd holds is not known, and without that nothing is "
	    "withdrawn: see `keyturn status`" },
	{ "overlap: an adopted key that never signed here", "retiring",
	    "never_activated_adopted", A, STEP_NONE, STEP_REVOKE, NEVER, "",
	    "it was adopted and never signed here, so nobody knows when it "
	    "signed last: its record stays until `keyturn revoke example.com a "
	    "--force REASON`, from 2026-03-18T09:00:00Z on" },
	{ "overlap: a key whose name was another's", "retiring",
	    "never_published", A, STEP_GONE, STEP_NONE, 0, "",
	    "its record was never published" },
	{ "watch: its record vanished", "retiring", "retiring_absent", A,
	    STEP_REPUBLISH, STEP_NONE, 0, "",
	    "mail on its way needs its record, but: no server has its record" },
	{ "watch: its record vanished, published again in vain", "retiring",
	    "retiring_absent_again", A, STEP_NONE, STEP_REPUBLISH, 5 * HOUR,
	    "SA",
	    "mail on its way needs its record, it was handed to the DNS again "
	    "at 2026-03-04T09:00:00Z, but: no server has its record" },
	{ "clock: announced an hour ago: done", "armed", "nothing", A,
	    STEP_REVOKE, STEP_NONE, -DAY, "",
	    "no mail needs its record: p= is made empty; announced at "
	    "2026-03-04T09:00:00Z" },
	{ "clock: announced, but the hour is not over", "armed", "armed_late",
	    A, STEP_NONE, STEP_REVOKE, 1, "",
	    "no mail needs its record: p= is made empty; announced at "
	    "2026-03-04T09:00:01Z, done at 2026-03-04T10:00:01Z or later" },
	{ "clock: an hour by the wall clock only", "armed", "armed_wall_only",
	    A, STEP_NONE, STEP_REVOKE, 3540, "",
	    "no mail needs its record: p= is made empty; announced at "
	    "2026-03-04T09:00:00Z, done at 2026-03-04T10:59:00Z or later" },
	{ "clock: announced in another boot", "armed", "rebooted", A, STEP_ARM,
	    STEP_NONE, -DAY, "",
	    "no mail needs its record: p= is made empty; announced, and done "
	    "at 2026-03-04T11:00:00Z or later" },
	{ "clock: after a jump it takes a day", "armed", "armed_careful", A,
	    STEP_NONE, STEP_REVOKE, 23 * HOUR, "",
	    "no mail needs its record: p= is made empty; announced at "
	    "2026-03-04T09:00:00Z, done at 2026-03-05T09:00:00Z or later" },
	{ "clock: something else was announced", "armed", "armed_other", A,
	    STEP_ARM, STEP_NONE, -DAY, "",
	    "no mail needs its record: p= is made empty; announced, and done "
	    "at 2026-03-04T11:00:00Z or later" },
	{ "clock: announced before it was due", "armed", "armed_too_soon", A,
	    STEP_ARM, STEP_NONE, -DAY, "",
	    "no mail needs its record: p= is made empty; announced, and done "
	    "at 2026-03-04T11:00:00Z or later" },
	{ "clock: behind", "armed", "armed_behind", A, STEP_NONE, STEP_REVOKE,
	    HOUR, "SA",
	    "the clock says 2026-03-04T10:00:00Z, but the ring has seen "
	    "2026-03-04T11:00:00Z: nothing of this kind is done before then; "
	    "if the clock is wrong, set it" },
	{ "revoke = remove: announced", "over", "revoke_remove", A, STEP_ARM,
	    STEP_NONE, -DAY, "",
	    "no mail needs its record: it is removed; announced, and done at "
	    "2026-03-04T11:00:00Z or later" },
	{ "slot: announced", "over", "slot", A, STEP_ARM, STEP_NONE, -DAY, "",
	    "no mail needs its record: it is removed; announced, and done at "
	    "2026-03-04T11:00:00Z or later" },
	{ "revoke: somebody removed it before", "over", "absent", A, STEP_ARM,
	    STEP_NONE, -DAY, "",
	    "no mail needs its record: it is removed; announced, and done at "
	    "2026-03-04T11:00:00Z or later" },
	{ "panic: revoked without waiting", "retiring", "compromised", A,
	    STEP_REVOKE, STEP_NONE, 0, "", "it is compromised" },
	{ "panic: its record is not there", "retiring", "compromised_absent", A,
	    STEP_REMOVE, STEP_NONE, 0, "", "it is compromised" },
	{ "panic: not while keyturnd holds it", "retiring", "compromised_held",
	    A, STEP_CONFIRM, STEP_NONE, -5 * DAY, "",
	    "keyturnd still holds it" },
	{ "panic: not while that is unknown", "retiring", "compromised_unknown",
	    A, STEP_NONE, STEP_REVOKE, NEVER, "S",
	    "what keyturnd holds is not known, and without that nothing is "
	    "withdrawn: see `keyturn status`" },
	{ "panic: not before the replacement signs", "retiring",
	    "compromised_b_unheld", A, STEP_NONE, STEP_REVOKE, NEVER, "S",
	    "it is compromised; revoked as soon as keyturnd signs with b" },
	{ "panic again: goes on with it", "retiring", "compromised_panic", A,
	    STEP_REVOKE, STEP_NONE, 0, "", "it is compromised" },
	{ "panic again: not the one that took over", "retiring",
	    "compromised_panic", B, STEP_NONE, STEP_NONE, NEVER, "",
	    "not part of this command" },
	{ "panic: a key that retires", "retiring", "panic_a", A, STEP_CONDEMN,
	    STEP_NONE, 0, "", "it is compromised" },
	{ "revoked: seen", "revoked", "see_empty", A, STEP_NOTE_EMPTY,
	    STEP_NONE, 0, "", "every server has it with an empty p=" },
	{ "revoked: gone instead", "revoked", "absent", A, STEP_NOTE_EMPTY,
	    STEP_NONE, 0, "", "no server has it any more" },
	{ "revoked: not looked at", "revoked", "no_look", A, STEP_NONE,
	    STEP_NOTE_EMPTY, NEVER, "",
	    "its record was not looked at this time" },
	{ "revoked: not seen yet", "revoked", "see_old_soon", A, STEP_NONE,
	    STEP_NOTE_EMPTY, NEVER, "",
	    "its record was withdrawn at 2026-03-04T09:00:00Z, not every "
	    "server shows that: every server has the record of the key" },
	{ "revoked: not seen for days: again", "revoked", "see_old", A,
	    STEP_REVOKE, STEP_NONE, -(4 * DAY + 18 * HOUR), "S",
	    "its record was withdrawn at 2026-02-27T10:00:00Z, but still: "
	    "every server has the record of the key" },
	{ "revoked: shown for a week", "revoked", "shown_a_week", A, STEP_NONE,
	    STEP_REMOVE, 23 * DAY, "",
	    "revoked, every server shows that since 2026-02-25T10:00:00Z; its "
	    "record is removed from 2026-03-27T10:00:00Z on" },
	{ "revoked: shown for a month", "revoked", "shown_a_month", A, STEP_ARM,
	    STEP_NONE, 0, "",
	    "its empty record has been shown long enough: it is removed; "
	    "announced, and done at 2026-03-04T11:00:00Z or later" },
	{ "revoked: shown for a month, announced", "revoked", "shown_armed", A,
	    STEP_REMOVE, STEP_NONE, -2 * HOUR, "",
	    "its empty record has been shown long enough: it is removed; "
	    "announced at 2026-03-04T09:00:00Z" },
	{ "revoked: a slot is needed again", "revoked", "shown_slot", A,
	    STEP_ARM, STEP_NONE, -7 * DAY, "",
	    "its empty record has been shown long enough: it is removed; "
	    "announced, and done at 2026-03-04T11:00:00Z or later" },
	{ "removed: gone", "revoked", "removed_absent", A, STEP_GONE, STEP_NONE,
	    0, "", "no server has its record any more" },
	{ "removed: a wildcard is there instead", "revoked", "removed_wild", A,
	    STEP_GONE, STEP_NONE, 0, "", "no server has its record any more" },
	{ "removed: lingers", "revoked", "removed_lingers", A, STEP_REMOVE,
	    STEP_NONE, -19 * HOUR, "S",
	    "its record was withdrawn at 2026-03-03T09:00:00Z, but still: "
	    "ns2.example.net has no record" },
	{ "deletion: kept", "gone", "file_kept", A, STEP_NONE, STEP_DELETE_FILE,
	    10 * DAY, "",
	    "gone; its private key is kept until 2026-03-14T10:00:00Z" },
	{ "deletion: announced", "gone", "nothing", A, STEP_ARM, STEP_NONE,
	    -10 * DAY, "",
	    "its private key is deleted; announced, and done at "
	    "2026-03-04T11:00:00Z or later" },
	{ "deletion: done", "gone", "file_armed", A, STEP_DELETE_FILE,
	    STEP_NONE, -10 * DAY, "",
	    "its private key is deleted; announced at 2026-03-04T09:00:00Z" },
	{ "deletion: not in another boot", "gone", "rebooted", A, STEP_ARM,
	    STEP_NONE, -10 * DAY, "",
	    "its private key is deleted; announced, and done at "
	    "2026-03-04T11:00:00Z or later" },
	{ "deletion: not while the clock is behind", "gone", "file_behind", A,
	    STEP_NONE, STEP_DELETE_FILE, 400, "SA",
	    "the clock says 2026-03-04T10:00:00Z, but the ring has seen "
	    "2026-03-04T10:06:40Z: nothing of this kind is done before then; "
	    "if the clock is wrong, set it" },
	{ "deletion: not while keyturnd holds it", "gone", "a_held", A,
	    STEP_CONFIRM, STEP_NONE, -40 * DAY, "", "keyturnd still holds it" },
	{ "deletion: nor while it holds it and does not answer", "gone",
	    "a_held_no_daemon", A, STEP_NONE, STEP_CONFIRM, NEVER, "S",
	    "keyturnd still holds it and does not answer: start keyturnd" },
	{ "deletion: what was held is not known", "gone", "held_unknown", A,
	    STEP_NONE, STEP_REVOKE, NEVER, "S",
	    "what keyturnd holds is not known, and without that nothing is "
	    "withdrawn: see `keyturn status`" },
	{ "manual: irreversible steps are left to a person", "over", "manual",
	    A, STEP_NONE, STEP_ARM, NEVER, "",
	    "no mail needs its record: p= is made empty; announced, and done "
	    "at 2026-03-04T11:00:00Z or later (mode = manual: `keyturn revoke "
	    "example.com a`)" },
	{ .name = NULL },
};

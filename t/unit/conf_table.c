/*
 * keyturn.conf: what the table of settings says of itself, which settings need
 * a restart, and the sample that is installed.
 */
#include "conf.h"
#include "conf_file.h"
#include "settings.h"
#include "tap.h"

/* Which settings a running keyturnd could not take over. */
static void
test_differences(void)
{
	static const struct {
		const char *a, *b, *want;
	} pairs[] = {
		{ "", "", NULL },
		{ "",
		    "drain = 7; on_error = \"reject\"; key_table = \"x\";"
		    "log = { to = \"stderr\"; };",
		    NULL },
		{ "", "workers = \"service\";", "workers" },
		{ "", "sockets = [ \"unix:/a\" ];", "sockets" },
		{ "sockets = [ \"unix:/a\" ];",
		    "sockets = ( { spec = \"unix:/a\"; mode = \"660\"; } );",
		    NULL },
		{ "sockets = [ \"unix:/a\" ];",
		    "sockets = ( { spec = \"unix:/a\"; mode = \"666\"; } );",
		    "sockets" },
		{ "sockets = [ \"unix:/a\" ];",
		    "sockets = ( { spec = \"unix:/a\"; group = \"root\"; } );",
		    "sockets" },
		{ "sockets = [ \"unix:/a\" ];",
		    "sockets = ( { spec = \"unix:/a\"; optional = true; } );",
		    "sockets" },
		{ "sockets = [ \"unix:/a\" ];",
		    "sockets = [ \"unix:/a\", \"unix:/b\" ];", "sockets" },
		{ "channel_users = [ 1 ];", "channel_users = [ 2 ];",
		    "channel_users" },
		{ "channel_users = [ 0 ];", "channel_users = [ \"root\" ];",
		    NULL },
		{ "channel_users = [ 1 ];", "channel_users = [ ];",
		    "channel_users" },
		{ "channel_socket = \"/a\"; control_socket = \"/b\";",
		    "channel_socket = \"/c\"; control_socket = \"/d\";",
		    "channel_socket, control_socket" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct conf *a = load(pairs[i].a), *b = load(pairs[i].b);
		char *there = conf_restart_differences(a, b);
		char *back = conf_restart_differences(b, a);

		is_str(there, pairs[i].want, pairs[i].b);
		is_str(back, pairs[i].want, "and the other way");
		free(there);
		free(back);
		conf_free(a);
		conf_free(b);
	}
}

/* What the table says of itself holds. */
static void
test_table(void)
{
	const struct setting *s;
	char text[512];

	for (size_t i = 0; (s = setting_get(i)) != NULL; i++) {
		ok(conf_setting(i) == &s->info && s->info.type != NULL &&
		        s->info.default_text != NULL && s->info.range != NULL,
		    "row %s", s->info.name);
		is_int(setting_find(s->info.name), (long long)i, "is found");
		for (const struct setting_word *w = s->words;
		     w != NULL && w->text != NULL && !s->is_of_rings; w++) {
			const char *dot = strchr(s->info.name, '.');

			snprintf(text, sizeof(text), "%.*s%s%s = \"%s\";%s",
			    dot ? (int)(dot - s->info.name) : 0, s->info.name,
			    dot ? " = { " : "", dot ? dot + 1 : s->info.name,
			    w->text, dot ? " };" : "");
			check(refusal(text, strlen(text)), "", text);
			ok(strstr(s->info.range, w->text) != NULL ||
			        strncmp(w->text, "local", 5) == 0,
			    "%s is in the range of %s", w->text, s->info.name);
		}
	}
	ok(conf_setting(1000) == NULL, "the table ends");
	ok(setting_is_group("log") && setting_is_group("sign_for") &&
	        !setting_is_group("lo") && !setting_is_group("drain") &&
	        !setting_is_group(""),
	    "groups");
}

/* Without "#" where that stands right before a setting. */
static void
uncomment(const char *in, struct buf *out)
{
	bool at_start = true;

	for (; *in != '\0'; in++) {
		if (!(at_start && *in == '#' && in[1] != ' ' && in[1] != '\n'))
			buf_addc(out, *in);
		at_start = *in == '\n';
	}
}

/*
 * The sample: taken as it is, and with everything that is commented out in it,
 * which are the defaults.
 */
static void
test_sample(void)
{
	const char *top = getenv("top_srcdir");
	struct err err = ERR_INIT;
	struct buf text = BUF_INIT;
	static char sample[65536];
	const struct setting *s;
	struct conf *c, *defaults;
	char name[1024], *differences;
	FILE *f;

	snprintf(name, sizeof(name), "%s/conf/keyturn.conf", top ? top : ".");
	c = conf_load(name, &err);
	if (!ok(c != NULL && c->key_table != NULL && c->signing_table != NULL,
	        "conf/keyturn.conf"))
		printf("# %s\n", err.text);
	conf_free(c);
	f = fopen(name, "r");
	if (f == NULL || fread(sample, 1, sizeof(sample) - 1, f) == 0 ||
	    fclose(f) == EOF)
		return;
	uncomment(sample, &text);
	c = load(buf_str(&text));
	defaults = conf_default(&err);
	differences = conf_restart_differences(c, defaults);
	is_str(differences, NULL, "its sockets and paths are the defaults");
	ok(strcmp(c->sign_headers, defaults->sign_headers) == 0 &&
	        strcmp(c->oversign_headers, defaults->oversign_headers) == 0 &&
	        c->channel_timeout == defaults->channel_timeout &&
	        c->drain == defaults->drain &&
	        c->sign_network_count == defaults->sign_network_count &&
	        c->on_error == defaults->on_error &&
	        c->on_malformed == defaults->on_malformed &&
	        c->minimum_rsa_bits == defaults->minimum_rsa_bits &&
	        c->log.facility == defaults->log.facility &&
	        c->log.level == defaults->log.level,
	    "and the others too");
	for (size_t i = 0; (s = setting_get(i)) != NULL; i++) {
		const char *dot = strchr(s->info.name, '.');

		snprintf(name, sizeof(name),
		    "%s =", dot ? dot + 1 : s->info.name);
		ok(strstr(sample, name) != NULL, "it shows %s", s->info.name);
	}
	free(differences);
	conf_free(c);
	conf_free(defaults);
	buf_clear(&text);
}

int
main(void)
{
	conf_file_begin();
	test_differences();
	test_table();
	test_sample();
	conf_file_end();
	return tap_done();
}

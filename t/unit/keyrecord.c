/*
 * Key records.  RSA_KEY is the key of RFC 6376 appendix C, ED25519_KEY that of
 * RFC 8463 appendix A.2; the other forms of them, and the keys that are too
 * small, were made by openssl(1).
 */
#include "../../ctl/keyrecord.h"
#include "tap.h"

#define RSA_KEY                                                              \
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoG" \
	"eLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2" \
	"UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPD" \
	"dQPNUYckcQ2QIDAQAB"
#define RSA_PKCS1                                                            \
	"MIGJAoGBAPAhE/9QLdIGwSYapn1klbf8OQygZ4udCDV9afv/Ni0jE3ZKcUKPE4Iob2" \
	"/dviNh9xM2HmKNKyrrfW4Ei0truh36/9G10LZTMnWVZP3jupH5FxpzaBu2j80yonR/" \
	"N9WMfg64qGK11j21/qZzAaNo0FxZOggyY9I8N1A81RhyRxDZAgMBAAE="
#define RSA_512                                                              \
	"MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAOzx2xOx7kWdyxti3ZpZxdBeONLpjBE2b7" \
	"TU5o3fpNJUA2Wkc/XycFSO1/d8RVWx/vmCS3MOwgH5yMj7lTu4IA0CAwEAAQ=="
#define RSA_1023                                                             \
	"MIGeMA0GCSqGSIb3DQEBAQUAA4GMADCBiAKBgHdi3DyOGsVjoEB2hljAoOjPUZMl74" \
	"EBdJ8yleofh4lTQwoIYA53o06/KoeyXqygYCnYopaN6UMQgnrx/Cn8b1/ZSaRlV9ew" \
	"QkU/TopXNPu57L1HAojHdPYSWBYAxdKw9xhgABZDKaZIwvixu31DDKzO63xbwBAoLd" \
	"2M21kTr9kzAgMBAAE="
#define ED25519_KEY "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

#define PEM(label, text) \
	"-----BEGIN " label "-----\n" text "\n-----END " label "-----\n"

static const struct {
	const char *name, *in;
	enum keyrecord_state want;
	const char *text; /* part of the refusal */
} cases[] =
    {
        {"RFC 6376", "v=DKIM1; p=" RSA_KEY, KEYRECORD_GOOD, NULL},
        {"without v=", "p=" RSA_KEY, KEYRECORD_GOOD, NULL},
        {"all tags",
            "v=DKIM1; h=sha1 : sha256; k=rsa; n=note; p=" RSA_KEY
            "; s=email; t=y:s;",
            KEYRECORD_GOOD, NULL},
        {"unknown tags", "v=DKIM1; g=*; zz=1; p=" RSA_KEY, KEYRECORD_GOOD,
            NULL},
        {"unknown flags", "v=DKIM1; t=q:z; p=" RSA_KEY, KEYRECORD_GOOD, NULL},
        {"s=*", "s=*; p=" RSA_KEY, KEYRECORD_GOOD, NULL},
        {"s= with email among others", "s=tlsrpt:email; p=" RSA_KEY,
            KEYRECORD_GOOD, NULL},
        {"RFC 8463", "v=DKIM1; k=ed25519; p=" ED25519_KEY, KEYRECORD_GOOD,
            NULL},
        {"PKCS#1, erratum 3017", "v=DKIM1; p=" RSA_PKCS1, KEYRECORD_GOOD, NULL},

        {"revoked", "v=DKIM1; p=", KEYRECORD_REVOKED, "p= is empty"},
        {"revoked, with white space", "v=DKIM1; k=rsa; p= ;", KEYRECORD_REVOKED,
            "p= is empty"},
        {"no p=", "v=DKIM1; k=rsa", KEYRECORD_SYNTAX, "p= is missing"},
        {"SPF", "v=spf1 -all", KEYRECORD_SYNTAX, "v= is not DKIM1: spf1"},
        {"empty", "", KEYRECORD_SYNTAX, "tag name"},
        {"v= second", "k=rsa; v=DKIM1; p=" RSA_KEY, KEYRECORD_SYNTAX,
            "v= is not the first tag"},
        {"v=DKIM2", "v=DKIM2; p=" RSA_KEY, KEYRECORD_SYNTAX,
            "v= is not DKIM1: DKIM2"},
        {"v=dkim1", "v=dkim1; p=" RSA_KEY, KEYRECORD_SYNTAX, "v= is not"},
        {"a tag twice", "v=DKIM1; p=" RSA_KEY "; p=" RSA_KEY, KEYRECORD_SYNTAX,
            "tag twice: p="},
        {"k=dsa", "v=DKIM1; k=dsa; p=" RSA_KEY, KEYRECORD_TYPE,
            "k= is neither rsa nor ed25519: dsa"},
        {"h=sha1", "v=DKIM1; h=sha1; p=" RSA_KEY, KEYRECORD_HASH,
            "h= does not permit sha256: sha1"},
        {"h= empty", "v=DKIM1; h=; p=" RSA_KEY, KEYRECORD_HASH,
            "h= does not permit"},
        {"s=other", "v=DKIM1; s=other; p=" RSA_KEY, KEYRECORD_SERVICE,
            "s= does not permit email: other"},
        {"not base64", "v=DKIM1; p=a*b", KEYRECORD_SYNTAX,
            "p= is not base64: a*b"},
        {"base64, cut", "v=DKIM1; p=MIGf", KEYRECORD_SYNTAX, NULL},
        {"Ed25519 said to be RSA", "v=DKIM1; k=rsa; p=" ED25519_KEY,
            KEYRECORD_SYNTAX, NULL},
        {"RSA said to be Ed25519", "v=DKIM1; k=ed25519; p=" RSA_KEY,
            KEYRECORD_SYNTAX, NULL},
        {"512 bits", "v=DKIM1; p=" RSA_512, KEYRECORD_WEAK, "512 bits"},
        {"one bit too few", "v=DKIM1; p=" RSA_1023, KEYRECORD_WEAK,
            "1023 bits"},
},
  files[] = {
      {"file: a record", "v=DKIM1; p=" RSA_KEY "\n", KEYRECORD_GOOD, NULL},
      {"file: a record on lines", "v=DKIM1;\r\n p=\r\n" RSA_KEY "\r\n",
          KEYRECORD_GOOD, NULL},
      {"file: RSA in PEM", PEM("PUBLIC KEY", RSA_KEY), KEYRECORD_GOOD, NULL},
      {"file: text before PEM", "a note\n" PEM("PUBLIC KEY", RSA_KEY),
          KEYRECORD_GOOD, NULL},
      {"file: PKCS#1 in PEM", PEM("RSA PUBLIC KEY", RSA_PKCS1), KEYRECORD_GOOD,
          NULL},
      {"file: Ed25519 in PEM",
          PEM("PUBLIC KEY",
              "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
          KEYRECORD_GOOD, NULL},
      {"file: 512 bits in PEM", PEM("PUBLIC KEY", RSA_512), KEYRECORD_WEAK,
          "512 bits"},
      {"file: PEM, cut", "-----BEGIN PUBLIC KEY-----\n" RSA_KEY "\n",
          KEYRECORD_SYNTAX, NULL},
      {"file: PEM, damaged", PEM("PUBLIC KEY", "MIG*"), KEYRECORD_SYNTAX,
          "damaged"},
      {"file: a private key", PEM("PRIVATE KEY", "MIG"), KEYRECORD_SYNTAX,
          "a private key"},
      {"file: quoted", "\"v=DKIM1; p=\"", KEYRECORD_SYNTAX, "--zone"},
      {"file: empty", "", KEYRECORD_SYNTAX, NULL},
};

typedef enum keyrecord_state parser(const char *text, size_t len,
    struct keyrecord *rec, struct err *err);

static void
test_one(parser *parse, const char *name, const char *in,
    enum keyrecord_state want, const char *text)
{
	struct keyrecord rec = KEYRECORD_INIT;
	struct err err = ERR_INIT;

	is_int(parse(in, strlen(in), &rec, &err), want, name);
	ok((rec.key != NULL) == (want == KEYRECORD_GOOD),
	    "%s: a key if it is good", name);
	if (want != KEYRECORD_GOOD &&
	    !ok(strstr(err.text, text ? text : "") != NULL && *err.text,
	        "%s: says so", name))
		printf("# got: %s\n", err.text);
	keyrecord_clear(&rec);
}

static void
test_flags(void)
{
	static const struct {
		const char *t;
		bool is_testing, is_strict;
	} flags[] = {
		{ "", false, false },
		{ "t=;", false, false },
		{ "t=y;", true, false },
		{ "t=s;", false, true },
		{ "t=y:s;", true, true },
		{ "t= s : y ;", true, true },
		{ "t=ys;", false, false },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct keyrecord rec = KEYRECORD_INIT;
		struct err err = ERR_INIT;
		char text[400];

		snprintf(text, sizeof(text), "%s p=%s", flags[i].t, RSA_KEY);
		is_int(keyrecord_parse(text, strlen(text), &rec, &err),
		    KEYRECORD_GOOD, "flags: good");
		is_int(rec.is_testing, flags[i].is_testing, "t=y");
		is_int(rec.is_strict, flags[i].is_strict, "t=s");
		keyrecord_clear(&rec);
	}
}

/* What we write can be read, and says the same key. */
static void
test_write(enum key_alg alg)
{
	struct keyrecord rec = KEYRECORD_INIT;
	struct err err = ERR_INIT;
	struct buf text = BUF_INIT;
	struct key *key = key_generate(alg, 1024, &err);
	unsigned char digest[SHA256_LEN] = "x", sig[KEY_SIG_MAX];
	size_t sig_len = 0;

	if (!ok(key != NULL, "a key: %s", err.text))
		return;
	is_int(keyrecord_write(key, &text, &err), 0, "written");
	is_int(keyrecord_parse(text.data, text.len, &rec, &err), KEYRECORD_GOOD,
	    "read again");
	is_int(rec.alg, alg, "its type");
	is_int(key_sign(key, digest, sig, &sig_len, &err), 0, "signs");
	if (rec.key != NULL)
		is_int(pubkey_verify(rec.key, digest, sig, sig_len, &err), 1,
		    "and verifies with what was read");
	keyrecord_clear(&rec);
	buf_clear(&text);
	key_put(key);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_one(keyrecord_parse, cases[i].name, cases[i].in,
		    cases[i].want, cases[i].text);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		test_one(keyrecord_parse_file, files[i].name, files[i].in,
		    files[i].want, files[i].text);
	test_flags();
	test_write(KEY_RSA_SHA256);
	test_write(KEY_ED25519_SHA256);
	return tap_done();
}

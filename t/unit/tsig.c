/*
 * TSIG.  The messages were made by dnspython 2.3 at 1700000000 with the key
 * "test-key.example", its secret being the bytes 0 to 31: an update, the same
 * signed, and answers to that.  The syntax of key files is that of named.conf.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#include "../../ctl/tsig.h"
#include "tap.h"

enum { MADE = 1700000000 };

static const char plain[] =
    "123428000001000000010000076578616d706c6503636f6d0000060001026b31"
    "0a5f646f6d61696e6b6579c00c001000010000003c000c0b763d444b494d313b"
    "20703d";
static const char signed_sha256[] =
    "123428000001000000010001076578616d706c6503636f6d0000060001026b31"
    "0a5f646f6d61696e6b6579c00c001000010000003c000c0b763d444b494d313b"
    "20703d08746573742d6b6579076578616d706c650000fa00ff00000000003d0b"
    "686d61632d7368613235360000006553f100012c0020d94b96746b433ad68214"
    "5cf2cc4c4f902c38ecfbed7f92057c4140bb33dfec65123400000000";
static const char answer_sha256[] =
    "1234a8060001000000000001076578616d706c6503636f6d0000060001085465"
    "73742d4b6579076578616d706c650000fa00ff00000000003d0b686d61632d73"
    "68613235360000006553f100012c00204b8b0d21c8d5510164e428d73a89a937"
    "6ba0b4427e153b0c9c96d50ac36ae60c123400000000";
static const char badtime[] =
    "1234a8090001000000000001076578616d706c6503636f6d0000060001087465"
    "73742d6b6579076578616d706c650000fa00ff0000000000430b686d61632d73"
    "68613235360000006553f100012c0020442a7e79d9c4dfbea3075511f493a4bd"
    "8d4f1cae1afd805427a59daa0ee789da123400120006000065541428";
static const char signed_sha512[] =
    "123428000001000000010001076578616d706c6503636f6d0000060001026b31"
    "0a5f646f6d61696e6b6579c00c001000010000003c000c0b763d444b494d313b"
    "20703d08746573742d6b6579076578616d706c650000fa00ff00000000005d0b"
    "686d61632d7368613531320000006553f100012c0040cc10ed611797266040b8"
    "1c513e14295fbe75a63441e480d846180554dc7f52df7f014ae2764ce77cf178"
    "b70f1b4874f93e61de533b3b2f65bcd8a3bc265b428a123400000000";
static const char answer_sha512[] =
    "1234a8060001000000000001076578616d706c6503636f6d0000060001085465"
    "73742d4b6579076578616d706c650000fa00ff00000000005d0b686d61632d73"
    "68613531320000006553f100012c00405e3043d49ef60cd8da73d2536d6b301c"
    "93f321f995c5fdf51fae8c016f8f2e23ac74a4b052217f09de493faa773d43e1"
    "2ab47201f69ae0b3978fe579dd62bada123400000000";

static struct err err;

static struct tsig_key
key_of(enum tsig_alg alg)
{
	struct tsig_key key = {
		.name = "test-key.example", .alg = alg, .secret_len = 32
	};

	for (unsigned char i = 0; i < 32; i++)
		key.secret[i] = i;
	return key;
}

static struct buf
bytes(const char *hex)
{
	struct buf b = BUF_INIT;
	unsigned byte;

	for (; *hex != '\0'; hex += 2) {
		sscanf(hex, "%2x", &byte);
		buf_addc(&b, (char)byte);
	}
	return b;
}

static const struct {
	const char *name;
	enum tsig_alg alg;
	const char *want, *answer;
} vectors[] = {
	{ "hmac-sha256", TSIG_HMAC_SHA256, signed_sha256, answer_sha256 },
	{ "hmac-sha512", TSIG_HMAC_SHA512, signed_sha512, answer_sha512 },
};

static enum tsig_verdict
verify(const struct tsig_key *key, time_t now, const struct tsig_mac *mac,
    const struct buf *message)
{
	struct tsig_answer said;

	return tsig_verify(key, now, mac, message, &said, &err);
}

/* Whether the change of this bit is one of letter case in a name. */
static bool
is_case(const struct buf *message, size_t at, int bit)
{
	unsigned char c = (unsigned char)message->data[at] & 0xdf;

	return bit == 5 && c >= 'A' && c <= 'Z' && at > 28;
}

/* Nothing of an answer can be changed or left out. */
static void
test_mangled(const struct tsig_key *key, const struct tsig_mac *mac,
    struct buf *answer)
{
	size_t len = answer->len, good = 0;

	for (answer->len = 0; answer->len < len; answer->len++)
		good += verify(key, MADE, mac, answer) != TSIG_BAD;
	is_int((long long)good, 0, "cut anywhere");
	/* But for the id: the one in the TSIG record is what is signed. */
	for (size_t at = 2; at < len; at++) {
		for (int bit = 0; bit < 8; bit++) {
			answer->data[at] ^= (char)(1 << bit);
			good += !is_case(answer, at, bit) &&
			    verify(key, MADE, mac, answer) != TSIG_BAD;
			answer->data[at] ^= (char)(1 << bit);
		}
	}
	is_int((long long)good, 0, "any bit changed");
	is_int(verify(key, MADE, mac, answer), TSIG_GOOD, "and back");
}

static void
test_vectors(void)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct tsig_key key = key_of(vectors[i].alg);
		struct buf message = bytes(plain), want,
		           answer = bytes(vectors[i].answer);
		struct tsig_mac mac;

		want = bytes(vectors[i].want);
		is_int(tsig_sign(&key, MADE, &message, &mac, &err), 0,
		    vectors[i].name);
		is_mem(message.data, message.len, want.data, want.len,
		    "signed as dnspython does");
		is_int(verify(&key, MADE, &mac, &answer), TSIG_GOOD,
		    "dnspython's answer");
		is_int(verify(&key, MADE + 300, &mac, &answer), TSIG_GOOD,
		    "300 s old");
		is_int(verify(&key, MADE - 300, &mac, &answer), TSIG_GOOD,
		    "300 s young");
		is_int(verify(&key, MADE + 301, &mac, &answer), TSIG_BAD,
		    "301 s old");
		is_str(err.text,
		    "the signature (TSIG) of the answer is 301 s old",
		    "its text");
		is_int(verify(&key, MADE - 301, &mac, &answer), TSIG_BAD,
		    "301 s young");
		test_mangled(&key, &mac, &answer);
		mac.data[0] ^= 1;
		is_int(verify(&key, MADE, &mac, &answer), TSIG_BAD,
		    "the answer to another question");
		mac.data[0] ^= 1;
		key.secret[31] ^= 1;
		is_int(verify(&key, MADE, &mac, &answer), TSIG_BAD,
		    "another secret");
		buf_clear(&message);
		buf_clear(&want);
		buf_clear(&answer);
	}
}

static void
test_badtime(void)
{
	struct tsig_key key = key_of(TSIG_HMAC_SHA256);
	struct buf message = bytes(plain), answer = bytes(badtime);
	struct tsig_answer said;
	struct tsig_mac mac;

	tsig_sign(&key, MADE, &message, &mac, &err);
	is_int(tsig_verify(&key, MADE, &mac, &answer, &said, &err),
	    TSIG_REFUSED, "BADTIME");
	is_int(said.error, TSIG_BADTIME, "its number");
	is_int((long long)said.server_time, MADE + 9000, "the server's clock");
	answer.data[answer.len - 1] ^= 1;
	is_int(tsig_verify(&key, MADE, &mac, &answer, &said, &err), TSIG_BAD,
	    "which is signed");
	buf_clear(&message);
	buf_clear(&answer);
}

/* want: name algorithm length-of-secret, or the refusal behind the path. */
#define S32 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
static const struct {
	const char *text, *want;
} files[] = {
	{ "key \"k\" {\n\talgorithm hmac-sha256;\n\tsecret \"" S32 "\";\n};\n",
	    "k hmac-sha256 32" },
	{ "key k{algorithm \"HMAC-SHA512\";secret " S32 ";};",
	    "k hmac-sha512 32" },
	{ "# c\n// c\n/* c\n * { */ key K.Example. { secret \"QQ==\"; # x\n"
	  "algorithm hmac-sha256; };\n// end",
	    "k.example hmac-sha256 1" },
	{ "", ":1: expected key" },
	{ "options { };", ":1: expected key" },
	{ "key", ":1: expected the key's name" },
	{ "key { }", ":1: expected the key's name" },
	{ "key a..b { };", ":1: not a name for a key: a..b" },
	{ "key \"a\x1b\" { };", ":1: not a name for a key: a\\x1b" },
	{ "key k\n secret", ":2: expected {" },
	{ "key k {", ":1: the closing brace is missing" },
	{ "key k {\nalgorithm hmac-md5;",
	    ":2: algorithm is neither hmac-sha256 nor hmac-sha512: hmac-md5" },
	{ "key k { algorithm hmac-sha256 secret", ":1: expected ;" },
	{ "key k { algorithm hmac-sha256; algorithm hmac-sha256; };",
	    ":1: a second algorithm" },
	{ "key k { secret \"QQ==\"; secret \"QQ==\"; };",
	    ":1: a second secret" },
	{ "key k { secret \"QQ==\"; };", ":1: the key has no algorithm: k" },
	{ "key k { algorithm hmac-sha256; };", ":1: the key has no secret: k" },
	{ "key k { algorithm hmac-sha256;\n secret \"hush!\"; };",
	    ":2: the secret is not base64 of 1 to 128 bytes" },
	{ "key k { secret \"\"; };",
	    ":1: the secret is not base64 of 1 to 128 bytes" },
	{ "key k { secret \"hush\n\"; };", ":1: the closing quote is missing" },
	{ "key k { hush; };", ":1: expected algorithm or secret" },
	{ "key k { algorithm hmac-sha256; secret QQ==; }", ":1: expected ;" },
	{ "key k { algorithm hmac-sha256; secret QQ==; };\nkey l {};",
	    ":2: more than one key" },
	{ "key k { /* x\n\n", ":1: a comment without its end" },
	{ "key k { secret \"" S32 S32 S32 S32 S32 S32 "\"; };",
	    ":1: a word over 255 characters" },
};

static void
write_file(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || write(fd, text, len) != (ssize_t)len ||
	    close(fd) == -1) {
		printf("Bail out! %s\n", path);
		exit(1);
	}
}

static void
test_file(const char *path, const char *text, size_t len, const char *want)
{
	struct tsig_key key;
	char got[1200], name[64];

	snprintf(name, sizeof(name), "key file: %.40s", text);
	for (char *p = name; *p != '\0'; p++)
		if (*p < ' ' || *p == '#')
			*p = '_';
	write_file(path, text, len);
	if (tsig_key_load(&key, path, &err) == 0)
		snprintf(got, sizeof(got), "%s %s %zu", key.name,
		    tsig_alg_name(key.alg), key.secret_len);
	else
		snprintf(got, sizeof(got), "%s", err.text + strlen(path));
	is_str(got, want, name);
	ok(strstr(err.text, "hush") == NULL && strstr(err.text, "QQ") == NULL,
	    "nothing of a secret in the text");
	tsig_key_clear(&key);
}

static void
test_files(void)
{
	char dir[] = "/tmp/keyturn-tsig.XXXXXX", path[64];
	struct tsig_key key;
	static char large[4097];

	if (mkdtemp(dir) == NULL)
		exit(1);
	snprintf(path, sizeof(path), "%s/key", dir);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		test_file(path, files[i].text, strlen(files[i].text),
		    files[i].want);
	test_file(path, "key k\0{", 7, ":1: a NUL byte");
	memset(large, '\n', sizeof(large));
	test_file(path, large, sizeof(large),
	    ": 4097 bytes: at most 4096 are read");
	memcpy(large, files[0].text, strlen(files[0].text));
	test_file(path, large, sizeof(large) - 1, files[0].want);
	chmod(path, 0644);
	is_int(tsig_key_load(&key, path, &err), -1, "mode 0644");
	ok(strstr(err.text, "mode 0644 lets others read it: chmod 0600 ") !=
	        NULL,
	    "says how to mend it: %s", err.text);
	unlink(path);
	if (symlink("/etc/hosts", path) == 0) {
		is_int(tsig_key_load(&key, path, &err), -1, "a link");
		ok(strstr(err.text,
		       ": a symbolic link: name the file itself") != NULL,
		    "says so");
		unlink(path);
	}
	is_int(tsig_key_load(&key, path, &err), -1, "no file");
	ok(strstr(err.text, ": No such file or directory") != NULL, "says so");
	rmdir(dir);
}

int
main(void)
{
	test_vectors();
	test_badtime();
	test_files();
	return tap_done();
}

/*
 * author: mailboxes and groups of a From field, obsolete and wrong forms
 * among them.
 *
 * The first column says where the expected value comes from: the section (of
 * RFC 5322 where no other RFC is named; "own" where no RFC has an answer),
 * then which other readers say the same: P email.headerregistry and U
 * email.utils.getaddresses of Python 3.11, M Mail::Address 2.21 of Perl.  None
 * of them finds another author where we find one, but for Mail::Address, which
 * knows neither groups nor source routes.
 */
#include <unistd.h>

#include "author.h"
#include "tap.h"

enum {
	HOSTILE_LEN = 1 << 20,
	HOSTILE_SECONDS = 60, /* linear: a fraction of one, sanitized too */
};

/* Text that may hold NUL. */
#define T(text) (text), sizeof(text) - 1

static const struct {
	const char *from;
	const char *in;
	size_t in_len;
	enum author_kind kind;
	const char *local, *domain;
} cases[] = {
	/* RFC 5322 appendix A; an address field of any name is read as From. */
	{ "A.1.1 PUM", T("John Doe <jdoe@machine.example>"), AUTHOR_OK, "jdoe",
	    "machine.example" },
	{ "A.1.1 PUM", T(" Mary Smith <mary@example.net>"), AUTHOR_OK, "mary",
	    "example.net" },
	{ "A.1.2 PUM", T("\"Joe Q. Public\" <john.q.public@example.com>"),
	    AUTHOR_OK, "john.q.public", "example.com" },
	{ "A.1.2 PUM",
	    T("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"),
	    AUTHOR_SEVERAL_DOMAINS, "", "" },
	{ "A.1.2 PUM",
	    T("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" "
	      "<sysservices@example.net>"),
	    AUTHOR_SEVERAL_DOMAINS, "", "" },
	{ "A.1.2 PUM",
	    T("\"Giant; \\\"Big\\\" Box\" <sysservices@example.net>"),
	    AUTHOR_OK, "sysservices", "example.net" },
	{ "A.1.3 PUM", T("Pete <pete@silly.example>"), AUTHOR_OK, "pete",
	    "silly.example" },
	{ "A.1.3 PUM",
	    T("A Group:Ed Jones <joe@where.test>,joe@where.test,John "
	      "<jdoe@one.test>;"),
	    AUTHOR_SEVERAL_DOMAINS, "", "" },
	{ "A.1.3 PU", T("Undisclosed recipients:;"), AUTHOR_NO_MAILBOX, "",
	    "" },
	{ "A.2 PUM", T("\"Mary Smith: Personal Account\" <smith@home.example>"),
	    AUTHOR_OK, "smith", "home.example" },
	{ "A.5 PUM",
	    T("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"),
	    AUTHOR_OK, "pete", "silly.test" },
	{ "A.5 PUM",
	    T("A Group(Some people)\r\n     :Chris Jones <c@(Chris's "
	      "host.)public.example>,\r\n         joe@example.org,\r\n  John "
	      "<jdoe@one.test> (my dear friend); (the end of the group)"),
	    AUTHOR_SEVERAL_DOMAINS, "", "" },
	{ "A.5 PUM", T("Chris Jones <c@(Chris's host.)public.example>"),
	    AUTHOR_OK, "c", "public.example" },
	{ "A.5 PU",
	    T("(Empty list)(start)Hidden recipients  :(nobody(that I know))  "
	      ";"),
	    AUTHOR_NO_MAILBOX, "", "" },
	{ "A.6.1 PUM", T("Joe Q. Public <john.q.public@example.com>"),
	    AUTHOR_OK, "john.q.public", "example.com" },
	{ "A.6.1 PUM",
	    T("Mary Smith <@node.test:mary@example.net>, , jdoe@test  . "
	      "example"),
	    AUTHOR_SEVERAL_DOMAINS, "", "" },
	{ "A.6.1 PU", T("Mary Smith <@node.test:mary@example.net>"), AUTHOR_OK,
	    "mary", "example.net" },
	{ "A.6.1 PUM", T("jdoe@test  . example"), AUTHOR_OK, "jdoe",
	    "test.example" },
	{ "A.6.3 PUM", T("John Doe <jdoe@machine(comment).  example>"),
	    AUTHOR_OK, "jdoe", "machine.example" },
	/* Examples of other RFCs. */
	{ "6854 3 PU",
	    T("Managing Partners:ben@example.com,carol@example.com;"),
	    AUTHOR_OK, "ben", "example.com" },
	{ "6854 3 PU", T("Nightly Monitor Robot:;"), AUTHOR_NO_MAILBOX, "",
	    "" },
	{ "822 A.1 PUM", T("\"Al Neuman\"@BBN-TENEXA"), AUTHOR_OK, "Al Neuman",
	    "bbn-tenexa" },
	{ "822 A.1 PUM", T("Muhammed.(I am  the greatest) Ali @(the)Vegas.WBA"),
	    AUTHOR_OK, "Muhammed.Ali", "vegas.wba" },
	{ "2047 8 PUM", T("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>"),
	    AUTHOR_OK, "moore", "cs.utk.edu" },
	{ "2047 8 PUM",
	    T("=?ISO-8859-1?Q?Andr=E9?= Pirard <PIRARD@vm1.ulg.ac.be>"),
	    AUTHOR_OK, "PIRARD", "vm1.ulg.ac.be" },
	{ "2047 8 PUM",
	    T("Nathaniel Borenstein <nsb@thumper.bellcore.com>\r\n "
	      "(=?iso-8859-8?b?7eXs+SDv4SDs8eg=?=)"),
	    AUTHOR_OK, "nsb", "thumper.bellcore.com" },
	{ "3696 3 PUM", T("\"Abc\\@def\"@example.com"), AUTHOR_OK, "Abc@def",
	    "example.com" },
	{ "3696 3 PUM", T("user+mailbox@example.com"), AUTHOR_OK,
	    "user+mailbox", "example.com" },
	{ "3696 3 PUM", T("customer/department=shipping@example.com"),
	    AUTHOR_OK, "customer/department=shipping", "example.com" },
	{ "3696 3 PUM", T("!def!xyz%abc@example.com"), AUTHOR_OK,
	    "!def!xyz%abc", "example.com" },
	/* addr-spec, section 3.4.1. */
	{ "3.4.1 PUM", T("joe@example.com"), AUTHOR_OK, "joe", "example.com" },
	{ "3.4.1 PUM", T(" joe@example.com "), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.4.1 PUM", T("\tjoe@example.com\t"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.4.1 PUM", T("<joe@example.com>"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.4.1 PUM", T("Joe.Public@Example.COM"), AUTHOR_OK, "Joe.Public",
	    "example.com" },
	{ "3.4.1 PUM", T("a@b"), AUTHOR_OK, "a", "b" },
	{ "3.2.3 PUM", T("!#$%&'*+-/=?^_`{|}~@example.com"), AUTHOR_OK,
	    "!#$%&'*+-/=?^_`{|}~", "example.com" },
	{ "3.4.1 PUM", T("joe@sub_domain.example.com"), AUTHOR_OK, "joe",
	    "sub_domain.example.com" },
	{ "3.4.1 PUM", T("joe@-x-.example"), AUTHOR_OK, "joe", "-x-.example" },
	{ "3.4.1 PUM", T("joe@xn--bcher-kva.example"), AUTHOR_OK, "joe",
	    "xn--bcher-kva.example" },
	{ "3.4.1 PM", T("joe@[192.0.2.1]"), AUTHOR_OK, "joe", "[192.0.2.1]" },
	{ "3.4.1 PM", T("joe@[IPv6:2001:DB8::1]"), AUTHOR_OK, "joe",
	    "[ipv6:2001:db8::1]" },
	{ "3.4.1 P", T("Joe <joe@[ 192.0.2.1 ]>"), AUTHOR_OK, "joe",
	    "[192.0.2.1]" },
	{ "3.4.1 P", T("joe@[192.0.2.1\r\n ]"), AUTHOR_OK, "joe",
	    "[192.0.2.1]" },
	{ "3.4.1 PM", T("joe@(c)[192.0.2.1](c)"), AUTHOR_OK, "joe",
	    "[192.0.2.1]" },
	{ "3.4.1 PM", T("joe@[a(b)c]"), AUTHOR_OK, "joe", "[a(b)c]" },
	/* Quoted strings, section 3.2.4. */
	{ "3.2.4 PUM", T("\"joe\"@example.com"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.2.4 PUM", T("\"joe public\"@example.com"), AUTHOR_OK, "joe public",
	    "example.com" },
	{ "3.2.4 PUM", T("\"joe@evil.example\"@example.com"), AUTHOR_OK,
	    "joe@evil.example", "example.com" },
	{ "3.2.4 PUM", T("\"<joe@evil.example>\"@example.com"), AUTHOR_OK,
	    "<joe@evil.example>", "example.com" },
	{ "3.2.4 PUM", T("\"a\\\"b\"@example.com"), AUTHOR_OK, "a\"b",
	    "example.com" },
	{ "3.2.4 PUM", T("\"a\\\\\"@example.com"), AUTHOR_OK, "a\\",
	    "example.com" },
	{ "3.2.4 PUM", T("\"\"@example.com"), AUTHOR_OK, "", "example.com" },
	{ "3.2.4 PUM", T("\"\" <joe@example.com>"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.2.4 PUM", T("\"a\r\n b\"@example.com"), AUTHOR_OK, "a b",
	    "example.com" },
	{ "3.2.4 PUM", T("\"Public, Joe\" <joe@example.com>"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.2.4 PUM", T("\"joe@evil.example\" <joe@example.com>"), AUTHOR_OK,
	    "joe", "example.com" },
	{ "3.2.4 PUM", T("\"<joe@evil.example>\" <joe@example.com>"), AUTHOR_OK,
	    "joe", "example.com" },
	{ "3.2.4 PUM", T("\"joe@evil.example,\" <joe@example.com>"), AUTHOR_OK,
	    "joe", "example.com" },
	{ "3.2.4 PUM", T("\"a\\\" <b@evil.example>\" <joe@example.com>"),
	    AUTHOR_OK, "joe", "example.com" },
	{ "3.2.4 PUM", T("\"(\" <joe@example.com>"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.2.4", T("\"Joe \\\r\n P\" <joe@example.com>"), AUTHOR_SYNTAX, "",
	    "" },
	{ "3.2.4 P", T("\"joe@example.com"), AUTHOR_SYNTAX, "", "" },
	{ "3.2.4 P", T("\"joe@example.com\\\""), AUTHOR_SYNTAX, "", "" },
	{ "3.2.4 P", T("\"joe\\"), AUTHOR_SYNTAX, "", "" },
	{ "3.2.4 P", T("\"joe@example.com\""), AUTHOR_SYNTAX, "", "" },
	/* White space and comments, section 3.2.2. */
	{ "3.2.2 PUM", T("(c)joe@example.com(c)"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.2.2 PUM", T("(c) Joe (c) <(c) joe (c) @ (c) example.com (c)> (c)"),
	    AUTHOR_OK, "joe", "example.com" },
	{ "3.2.2 PUM", T("joe@example.com (Joe Public)"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.2.2 PUM", T("joe@example.com (joe@evil.example)"), AUTHOR_OK,
	    "joe", "example.com" },
	{ "3.2.2 PUM", T("(joe@evil.example) joe@example.com"), AUTHOR_OK,
	    "joe", "example.com" },
	{ "3.2.2 PM", T("(<joe@evil.example>,) joe@example.com"), AUTHOR_OK,
	    "joe", "example.com" },
	{ "3.2.2 PUM", T("(a(b(c)d)e)joe@example.com"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.2.2 PUM", T("(a\\)joe@evil.example)joe@example.com"), AUTHOR_OK,
	    "joe", "example.com" },
	{ "3.2.2 PUM", T("(a\\(b)joe@example.com"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.2.2 PUM", T("(\")joe@example.com(\")"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.2.2 PUM", T("\r\n joe@example.com"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.2.2 PUM", T("Joe\r\n\tPublic\r\n <joe@example.com>\r\n "),
	    AUTHOR_OK, "joe", "example.com" },
	{ "3.2.2 PUM", T("(a\r\n b)joe@example.com"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "4.2 PUM", T("\r\n \r\n joe@example.com"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.2.2", T("(joe@example.com"), AUTHOR_SYNTAX, "", "" },
	{ "3.2.2", T("joe@example.com ("), AUTHOR_SYNTAX, "", "" },
	{ "3.2.2", T("joe@example.com )"), AUTHOR_SYNTAX, "", "" },
	{ "3.2.2", T("joe@example.com ((c)"), AUTHOR_SYNTAX, "", "" },
	{ "3.2.2", T("(c\\)joe@example.com"), AUTHOR_SYNTAX, "", "" },
	{ "3.2.2", T("joe@example.com\r\n"), AUTHOR_SYNTAX, "", "" },
	{ "3.2.2 P", T("joe\r\n@example.com"), AUTHOR_SYNTAX, "", "" },
	{ "3.2.2", T("joe@exam\rple.com"), AUTHOR_SYNTAX, "", "" },
	{ "3.2.2", T("joe@exam\nple.com"), AUTHOR_SYNTAX, "", "" },
	{ "3.2.2 P", T("\"joe\npublic\" <joe@example.com>"), AUTHOR_SYNTAX, "",
	    "" },
	{ "3.2.2", T("(a\rb) joe@example.com"), AUTHOR_SYNTAX, "", "" },
	/* Obsolete forms, section 4.4. */
	{ "4.4 PUM", T("joe . public @ example . com"), AUTHOR_OK, "joe.public",
	    "example.com" },
	{ "4.4 PUM", T("joe(a).(b)public@example(c).(d)com"), AUTHOR_OK,
	    "joe.public", "example.com" },
	{ "4.4 PUM", T("\"joe\".public@example.com"), AUTHOR_OK, "joe.public",
	    "example.com" },
	{ "4.4 PUM", T("\"joe b\".\"c d\" . e@example.com"), AUTHOR_OK,
	    "joe b.c d.e", "example.com" },
	{ "4.4 P", T("<@a.example,@b.example:joe@example.com>"), AUTHOR_OK,
	    "joe", "example.com" },
	{ "4.4 P", T("< @a.example , , @b.example : joe@example.com >"),
	    AUTHOR_OK, "joe", "example.com" },
	{ "4.4 P", T("<,@a.example:joe@example.com>"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "4.4 PU", T("<@[192.0.2.1]:joe@example.com>"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "4.4 PUM", T("J. R. . Public <joe@example.com>"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "4.4 PUM", T("Joe\r\n .(c) <joe@example.com>"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "4.4 PUM", T(",joe@example.com"), AUTHOR_OK, "joe", "example.com" },
	{ "4.4 PM", T("joe@example.com,"), AUTHOR_OK, "joe", "example.com" },
	{ "4.4 PM", T(" , (c) ,, joe@example.com , (c) ,"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "4.4 P", T("Group:,joe@example.com,,;"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "4.1 PUM", T("\"Joe \033$B8\033(B\" <joe@example.com>"), AUTHOR_OK,
	    "joe", "example.com" },
	{ "4.1 PUM", T("(\001\033\177)joe@example.com"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "4.1 P", T("Joe \033$B8\033(B <joe@example.com>"), AUTHOR_SYNTAX, "",
	    "" },
	{ "4.4 P", T("<,:joe@example.com>"), AUTHOR_SYNTAX, "", "" },
	{ "4.4 P", T("<@a.example joe@example.com>"), AUTHOR_SYNTAX, "", "" },
	{ "4.4 P", T("<@a.example,joe@example.com>"), AUTHOR_SYNTAX, "", "" },
	{ "4.4 P", T("<@:joe@example.com>"), AUTHOR_SYNTAX, "", "" },
	{ "4.4 P", T("@a.example:joe@example.com"), AUTHOR_SYNTAX, "", "" },
	/* Several mailboxes and groups. */
	{ "3.4 PUM", T("joe@example.com, jane@example.com"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.4 UM", T("joe@example.com,jane@EXAMPLE.com."), AUTHOR_OK, "joe",
	    "example.com" },
	{ "3.4 PUM", T("Joe <joe@example.com>, Jane <jane@example.com>"),
	    AUTHOR_OK, "joe", "example.com" },
	{ "3.4 PUM", T("joe@example.com, jane@example.net"),
	    AUTHOR_SEVERAL_DOMAINS, "", "" },
	{ "3.4 PUM", T("joe@example.com, jane@sub.example.com"),
	    AUTHOR_SEVERAL_DOMAINS, "", "" },
	{ "3.4 PUM", T("joe@example.com, jane@example.net, jim@example.com"),
	    AUTHOR_SEVERAL_DOMAINS, "", "" },
	{ "6854 2 PU", T("Group: joe@example.com;"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "6854 2 PU", T("Group: joe@example.com; (c)"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "6854 2 UM",
	    T("\"A, B\" C.: Joe <joe@example.com>, jane@example.com ;"),
	    AUTHOR_OK, "joe", "example.com" },
	{ "6854 2 PU", T("G:;, joe@example.com"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "6854 2 PU", T("G:a@example.com;, H:b@example.com;"), AUTHOR_OK, "a",
	    "example.com" },
	{ "6854 2 PUM", T("G:a@example.com;, H:b@example.net;"),
	    AUTHOR_SEVERAL_DOMAINS, "", "" },
	{ "6854 2 PU", T("G: , ;"), AUTHOR_NO_MAILBOX, "", "" },
	{ "6854 2 PU", T("G:;,H:;"), AUTHOR_NO_MAILBOX, "", "" },
	{ "6854 2", T("Group: joe@example.com"), AUTHOR_SYNTAX, "", "" },
	{ "6854 2", T("Group:"), AUTHOR_SYNTAX, "", "" },
	{ "6854 2", T(":joe@example.com;"), AUTHOR_SYNTAX, "", "" },
	{ "6854 2 P", T("G: H: joe@example.com;"), AUTHOR_SYNTAX, "", "" },
	{ "6854 2 P", T("Group: Inner: joe@example.com;;"), AUTHOR_SYNTAX, "",
	    "" },
	{ "6854 2 P", T("Group: joe@example.com;;"), AUTHOR_SYNTAX, "", "" },
	{ "6854 2 P", T("Group: a@example.com; b@example.com"), AUTHOR_SYNTAX,
	    "", "" },
	{ "6854 2", T("a@example.com; b@example.com"), AUTHOR_SYNTAX, "", "" },
	{ "6854 2", T("a@example.com;"), AUTHOR_SYNTAX, "", "" },
	{ "6854 2 P", T(";"), AUTHOR_SYNTAX, "", "" },
	/* Nobody. */
	{ "3.6.2 PUM", T(""), AUTHOR_NO_MAILBOX, "", "" },
	{ "3.6.2 PUM", T(" \t "), AUTHOR_NO_MAILBOX, "", "" },
	{ "3.6.2 PUM", T("(nobody)"), AUTHOR_NO_MAILBOX, "", "" },
	{ "4.4 PUM", T(" , ,"), AUTHOR_NO_MAILBOX, "", "" },
	/* UTF-8 (RFC 6532) and other bytes above 127 are atext. */
	{ "6532 3.2 PUM", T("j\303\266e@b\303\274cher.example"), AUTHOR_OK,
	    "j\303\266e", "b\303\274cher.example" },
	{ "6532 3.2", T("J\303\266e <joe@B\303\234CHER.Example>"), AUTHOR_OK,
	    "joe", "b\303\234cher.example" },
	{ "6532 3.2 PUM",
	    T("\"J\303\266e, P\" (\303\266) <\"\303\266 "
	      "\303\266\"@example.com>"),
	    AUTHOR_OK, "\303\266 \303\266", "example.com" },
	{ "own PUM", T("J\366e <j\366e@example.com>"), AUTHOR_OK, "j\366e",
	    "example.com" },
	/* Encoded words stay as they are and hide nothing. */
	{ "2047 5 PUM", T("=?utf-8?q?joe=40evil.example?= <joe@example.com>"),
	    AUTHOR_OK, "joe", "example.com" },
	{ "2047 5 PUM", T("=?utf-8?q?a?=\r\n =?utf-8?q?b?= <joe@example.com>"),
	    AUTHOR_OK, "joe", "example.com" },
	{ "2047 5 PUM", T("\"=?utf-8?q?a@b?=\" <joe@example.com>"), AUTHOR_OK,
	    "joe", "example.com" },
	{ "2047 5 P", T("=?utf-8?q?joe=40example.com?="), AUTHOR_SYNTAX, "",
	    "" },
	{ "2047 5", T("=?utf-8?q?joe@evil.example?= <joe@example.com>"),
	    AUTHOR_SYNTAX, "", "" },
	{ "2047 5", T("=?utf-8?q?a,b?= <joe@example.com>"), AUTHOR_SYNTAX, "",
	    "" },
	/* Wrong, but with one meaning only, and common. */
	{ "own PUM", T("joe.@example.com"), AUTHOR_OK, "joe.", "example.com" },
	{ "own PUM", T("joe..public@example.com"), AUTHOR_OK, "joe..public",
	    "example.com" },
	{ "own PUM", T(".joe@example.com"), AUTHOR_OK, ".joe", "example.com" },
	{ "own UM", T("joe@example.com."), AUTHOR_OK, "joe", "example.com" },
	{ "own UM", T("Joe <joe@example.com.>"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "own UM", T("joe@example.com. (Joe)"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "own UM", T(". Joe <joe@example.com>"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "own PM", T("joe@example.com <joe@example.com>"), AUTHOR_OK, "joe",
	    "example.com" },
	{ "own PM", T("joe@Example.com (c) <joe@example.COM.>, b@example.com"),
	    AUTHOR_OK, "joe", "example.com" },
	{ "own PM", T("G: joe@example.com <joe@example.com>;"), AUTHOR_OK,
	    "joe", "example.com" },
	/* Of more than one meaning, or of none. */
	{ "own", T("joe@example.com <joe@evil.example>"), AUTHOR_SYNTAX, "",
	    "" },
	{ "own", T("joe@example.com <jane@example.com>"), AUTHOR_SYNTAX, "",
	    "" },
	{ "own", T("joe@example.com <joe@example.com> <joe@example.com>"),
	    AUTHOR_SYNTAX, "", "" },
	{ "own", T("joe@example.com joe@example.com <joe@example.com>"),
	    AUTHOR_SYNTAX, "", "" },
	{ "own", T("<joe@example.com> joe@example.com"), AUTHOR_SYNTAX, "",
	    "" },
	{ "3.4", T("\"a@x\" b@y"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("a@x b@y"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("<a@x> <b@y>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("<a@x><b@y>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("a@x@y"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("<a@x@y>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 PM", T("a@x,y@"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("<a@x> b"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("a@x b"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("a b@x"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("\"a\"b@x"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("\"a\"\"b\"@x"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("<a b@x>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("<<a@x>>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("<a@x>>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("<a@x"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("a@x>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("<>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 PU", T("Joe <>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("< >"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("Joe <joe>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("joe"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("Joe Public"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 PM", T("joe@"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("@example.com"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 PM", T("@"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T(".@example.com"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 PUM", T("joe@."), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("joe@.example.com"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("joe@example..com"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("joe@example.com.."), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("joe@example.com . ."), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("joe@example com"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("joe@\"example.com\""), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("joe@example.com:25"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("joe@exam\\ple.com"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("jo\\e@example.com"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("joe\\@evil.example@example.com"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("Joe <mailto:joe@example.com>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("Public, Joe <joe@example.com>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("[x] Joe <joe@example.com>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("Joe [x] <joe@example.com>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("Joe: x <joe@example.com>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("Joe; x <joe@example.com>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("Joe @ Work <joe@example.com>"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("joe@[192.0.2.1"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("joe@192.0.2.1]"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("joe@[192.0.2.1].example"), AUTHOR_SYNTAX, "", "" },
	{ "3.4", T("joe@x[192.0.2.1]"), AUTHOR_SYNTAX, "", "" },
	{ "3.4 P", T("joe@[[192.0.2.1]]"), AUTHOR_SYNTAX, "", "" },
	{ "own", T("joe@[a\\]b]"), AUTHOR_SYNTAX, "", "" },
	{ "own", T("joe@[a\001]"), AUTHOR_SYNTAX, "", "" },
	{ "own", T("joe@exam\001ple.com"), AUTHOR_SYNTAX, "", "" },
	{ "own", T("joe@exam\177ple.com"), AUTHOR_SYNTAX, "", "" },
	{ "own", T("jo\001e@example.com"), AUTHOR_SYNTAX, "", "" },
	/* NUL, at which one reader ends and another does not. */
	{ "own", T("joe@example.com\000.evil.example"), AUTHOR_SYNTAX, "", "" },
	{ "own", T("joe\000@example.com"), AUTHOR_SYNTAX, "", "" },
	{ "own", T("joe@[a\000]"), AUTHOR_SYNTAX, "", "" },
	{ "own", T("\"joe\000\"@example.com"), AUTHOR_SYNTAX, "", "" },
	{ "own", T("\"joe\\\000\" <joe@example.com>"), AUTHOR_SYNTAX, "", "" },
	{ "own", T("(\000) joe@example.com"), AUTHOR_SYNTAX, "", "" },
	{ "own", T("\000"), AUTHOR_SYNTAX, "", "" },
};

/* Parse a copy of exactly that size, so that reading beyond it is seen. */
static void
parse(const char *value, size_t len, struct author *a)
{
	char *copy = malloc(len > 0 ? len : 1);
	struct err err = ERR_INIT;

	if (copy == NULL)
		abort();
	memcpy(copy, value, len);
	if (author_parse(copy, len, a, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	free(copy);
}

/* One case, in an author that held another one before. */
static void
check(const char *name, const struct author *a, enum author_kind kind,
    const char *local, const char *domain)
{
	bool good = a->kind == kind;

	if (kind == AUTHOR_OK)
		good = good && strcmp(a->local.data, local) == 0 &&
		    strcmp(a->domain.data, domain) == 0 &&
		    a->local.len == strlen(local) &&
		    a->domain.len == strlen(domain);
	if (ok(good, "%s", name))
		return;
	printf("# got: %s, want: %s\n", author_kind_text(a->kind),
	    author_kind_text(kind));
	tap_show("got local", a->local.data, a->local.len);
	tap_show("got domain", a->domain.data, a->domain.len);
	printf("# want: \"%s\" at \"%s\"\n", local, domain);
}

static void
test_cases(void)
{
	struct author a = AUTHOR_INIT;
	struct buf name = BUF_INIT;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&name);
		buf_printf(&name, "%s: ", cases[i].from);
		buf_add_escaped(&name, cases[i].in, cases[i].in_len);
		parse(cases[i].in, cases[i].in_len, &a);
		check(buf_str(&name), &a, cases[i].kind, cases[i].local,
		    cases[i].domain);
	}
	buf_clear(&name);
	author_clear(&a);
}

/* Every beginning of every case; the sanitizers look on. */
static void
test_cuts(void)
{
	struct author a = AUTHOR_INIT;
	size_t cuts = 0, odd = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t len = 0; len < cases[i].in_len; len++) {
			parse(cases[i].in, len, &a);
			odd += a.kind == AUTHOR_OK && a.domain.len == 0;
			odd += a.kind == AUTHOR_NO_FIELD ||
			    a.kind == AUTHOR_SEVERAL_FIELDS;
			cuts++;
		}
	}
	author_clear(&a);
	ok(odd == 0, "%zu cases cut short", cuts);
}

/* Many mailboxes are read to the last one. */
static void
test_many(void)
{
	struct author a = AUTHOR_INIT;
	struct buf list = BUF_INIT;

	for (int i = 0; i < 999; i++)
		buf_printf(&list, "a%d@example.com,\r\n ", i);
	buf_adds(&list, "z@EXAMPLE.com");
	parse(list.data, list.len, &a);
	check("a thousand of one domain", &a, AUTHOR_OK, "a0", "example.com");
	list.len -= strlen("m");
	buf_adds(&list, "n");
	parse(list.data, list.len, &a);
	check("the thousandth of another domain", &a, AUTHOR_SEVERAL_DOMAINS,
	    "", "");
	buf_adds(&list, " x");
	parse(list.data, list.len, &a);
	check("damage behind another domain", &a, AUTHOR_SYNTAX, "", "");
	buf_clear(&list);
	author_clear(&a);
}

/* What is repeated over a megabyte, and what stands at its end. */
static const struct {
	const char *unit, *end;
	enum author_kind kind;
	const char *local, *domain;
} hostile[] = {
	{ "(", "", AUTHOR_SYNTAX, "", "" },
	{ "()", "a@x", AUTHOR_OK, "a", "x" },
	{ "\\(", "", AUTHOR_SYNTAX, "", "" },
	{ ")", "", AUTHOR_SYNTAX, "", "" },
	{ "<", "", AUTHOR_SYNTAX, "", "" },
	{ ",", "", AUTHOR_NO_MAILBOX, "", "" },
	{ ",", "a@x", AUTHOR_OK, "a", "x" },
	{ "a@x,", "", AUTHOR_OK, "a", "x" },
	{ "a@x,", "a@y", AUTHOR_SEVERAL_DOMAINS, "", "" },
	{ "a@x <a@x>,", "", AUTHOR_OK, "a", "x" },
	{ "a@x ", "", AUTHOR_SYNTAX, "", "" },
	{ "a ", "<a@x>", AUTHOR_OK, "a", "x" },
	{ "a ", "@x", AUTHOR_SYNTAX, "", "" },
	{ "a ", "", AUTHOR_SYNTAX, "", "" },
	{ ". ", "<a@x>", AUTHOR_OK, "a", "x" },
	{ ".", "", AUTHOR_SYNTAX, "", "" },
	{ "\"", "", AUTHOR_SYNTAX, "", "" },
	{ "\"\"", "<a@x>", AUTHOR_OK, "a", "x" },
	{ "\"\\", "", AUTHOR_SYNTAX, "", "" },
	{ "@", "", AUTHOR_SYNTAX, "", "" },
	{ "[", "", AUTHOR_SYNTAX, "", "" },
	{ ":", "", AUTHOR_SYNTAX, "", "" },
	{ ";", "", AUTHOR_SYNTAX, "", "" },
	{ "a:", "", AUTHOR_SYNTAX, "", "" },
	{ "a:;,", "a@x", AUTHOR_OK, "a", "x" },
	{ "a:a@x;,", "", AUTHOR_OK, "a", "x" },
	{ "<@x:", "", AUTHOR_SYNTAX, "", "" },
	{ "\r\n ", "a@x", AUTHOR_OK, "a", "x" },
	{ "\r", "", AUTHOR_SYNTAX, "", "" },
	{ "\r\n", "", AUTHOR_SYNTAX, "", "" },
	{ "\377", "", AUTHOR_SYNTAX, "", "" },
};

static void
test_hostile(void)
{
	struct author a = AUTHOR_INIT;
	struct buf in = BUF_INIT, name = BUF_INIT;

	alarm(HOSTILE_SECONDS);
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		buf_reset(&in);
		while (in.len < HOSTILE_LEN)
			buf_adds(&in, hostile[i].unit);
		buf_adds(&in, hostile[i].end);
		buf_reset(&name);
		buf_adds(&name, "a megabyte of ");
		buf_add_escaped(&name, hostile[i].unit,
		    strlen(hostile[i].unit));
		buf_printf(&name, ", then \"%s\"", hostile[i].end);
		parse(in.data, in.len, &a);
		check(buf_str(&name), &a, hostile[i].kind, hostile[i].local,
		    hostile[i].domain);
	}
	buf_clear(&in);
	buf_clear(&name);
	author_clear(&a);
}

/* What repeats cannot say: openings, then as many closings. */
static void
test_deep(void)
{
	struct author a = AUTHOR_INIT;
	struct buf in = BUF_INIT;

	for (int i = 0; i < HOSTILE_LEN / 2; i++)
		buf_addc(&in, '(');
	for (int i = 0; i < HOSTILE_LEN / 2; i++)
		buf_addc(&in, ')');
	buf_adds(&in, "a@x");
	parse(in.data, in.len, &a);
	check("half a million comments in each other", &a, AUTHOR_OK, "a", "x");
	in.len = 0;
	buf_adds(&in, "<");
	while (in.len < HOSTILE_LEN)
		buf_adds(&in, "@x,");
	buf_adds(&in, ":a@y>");
	parse(in.data, in.len, &a);
	check("a route of a megabyte", &a, AUTHOR_OK, "a", "y");
	alarm(0);
	buf_clear(&in);
	author_clear(&a);
}

/* Which field is From. */
static const struct {
	const char *name;
	const char *fields[4][2];
	enum author_kind kind;
	const char *local, *domain;
} messages[] = {
	{ "no field at all", { { NULL } }, AUTHOR_NO_FIELD, "", "" },
	{ "no From", { { "Sender", " a@x" }, { "X-From", " a@x" } },
	    AUTHOR_NO_FIELD, "", "" },
	{ "one", { { "To", " b@y" }, { "From", " a@x" }, { "Fro", " b@y" } },
	    AUTHOR_OK, "a", "x" },
	{ "any case", { { "fROM", "a@x" } }, AUTHOR_OK, "a", "x" },
	{ "white space before the colon", { { "From \t", " a@x" } }, AUTHOR_OK,
	    "a", "x" },
	{ "folded", { { "From", "\r\n a\r\n\t@x" } }, AUTHOR_OK, "a", "x" },
	{ "empty", { { "From", "" } }, AUTHOR_NO_MAILBOX, "", "" },
	{ "two", { { "From", " a@x" }, { "From", " a@x" } },
	    AUTHOR_SEVERAL_FIELDS, "", "" },
	{ "two, one of them odd", { { "From", " a@x" }, { "FROM ", "" } },
	    AUTHOR_SEVERAL_FIELDS, "", "" },
	{ "Resent-From is another",
	    { { "Resent-From", " b@y" }, { "From", "a@x" } }, AUTHOR_OK, "a",
	    "x" },
};

static void
test_find(void)
{
	struct author a = AUTHOR_INIT;
	struct hdrs h = HDRS_INIT;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		hdrs_reset(&h);
		for (int f = 0; f < 4 && messages[i].fields[f][0]; f++) {
			const char *const *field = messages[i].fields[f];

			if (hdrs_add(&h, field[0], strlen(field[0]), field[1],
			        strlen(field[1]), &err) != 0)
				abort();
		}
		if (author_find(&h, &a, &err) != 0)
			abort();
		check(messages[i].name, &a, messages[i].kind, messages[i].local,
		    messages[i].domain);
	}
	hdrs_clear(&h);
	author_clear(&a);
	author_clear(&a);
	ok(a.kind == AUTHOR_NO_FIELD && a.local.data == NULL &&
	        a.domain.data == NULL,
	    "cleared twice");
}

static void
test_texts(void)
{
	for (int k = AUTHOR_OK; k <= AUTHOR_SEVERAL_DOMAINS; k++) {
		const char *text = author_kind_text((enum author_kind)k);
		bool is_own = text != NULL && text[0] != '\0';

		for (int other = AUTHOR_OK; is_own && other < k; other++)
			is_own =
			    strcmp(text,
			        author_kind_text((enum author_kind)other)) != 0;
		ok(is_own, "kind %d has a text of its own", k);
	}
	is_str(author_kind_text(AUTHOR_SEVERAL_FIELDS), "several From fields",
	    "several From fields");
}

int
main(void)
{
	test_cases();
	test_cuts();
	test_many();
	test_hostile();
	test_deep();
	test_find();
	test_texts();
	return tap_done();
}

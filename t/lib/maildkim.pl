#!/usr/bin/perl
# Verify messages with Mail::DKIM against key records from a file.
#
#   maildkim.pl RECORDS <LIST
#
# RECORDS: lines "NAME RECORD"; LIST: one path a line, messages with CRLF.
# Prints one line a signature: path, number from the top, s=, d=, a=, result,
# detail, separated by tabs; a message without signatures gives none.
use strict;
use warnings;
use Mail::DKIM::Verifier;
use Mail::DKIM::PublicKey;

my %records;
open(my $fh, '<', $ARGV[0]) or die "$ARGV[0]: $!\n";
while (<$fh>) {
	chomp;
	my ($name, $record) = split(/ /, $_, 2);
	$records{lc $name} = $record;
}
close($fh);

# Mail::DKIM asks for its keys here; no DNS.
no warnings 'redefine';
*Mail::DKIM::PublicKey::fetch_async = sub {
	my ($class, %prms) = @_;
	my $name = lc "$prms{Selector}._domainkey.$prms{Domain}";
	my $record = $records{$name};
	my $key;
	if (defined $record) {
		$key = eval { Mail::DKIM::PublicKey->parse($record) };
		my $error = $@;
		return sub { $prms{Callbacks}{Error}->($error) } unless $key;
	}
	return sub { $prms{Callbacks}{Success}->($key) };
};

sub verify {
	my ($path) = @_;
	my $verifier = Mail::DKIM::Verifier->new();

	open(my $msg, '<:raw', $path) or die "$path: $!\n";
	while (read($msg, my $piece, 65536)) {
		$verifier->PRINT($piece);
	}
	close($msg);
	$verifier->CLOSE;
	my $count = 0;
	for my $sig ($verifier->signatures) {
		my @out = ($path, $count++, $sig->selector, $sig->domain,
		    $sig->algorithm, $sig->result, $sig->result_detail);
		print(join("\t", map { my $t = $_ // ''; $t =~ s/[\t\n]/ /g; $t }
		    @out), "\n");
	}
}

while (my $path = <STDIN>) {
	chomp $path;
	eval { verify($path); 1 } or do {
		(my $text = $@) =~ s/[\t\n]/ /g;
		print("$path\t0\t\t\t\terror\t$text\n");
	};
}

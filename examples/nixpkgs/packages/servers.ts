import { type Built, writeScriptBin } from 'dockertools'
import { bash, perl } from './packages.ts'

/** A server in Perl that needs no modules: `2, 1, 0` is TCP, `1, 2` is that the port may be used again. */
const listenOn = (port: number): string => String.raw`#!${perl}/bin/perl
$SIG{TERM} = $SIG{INT} = sub { exit };
socket my $server, 2, 1, 0 or die "socket: $!\n";
setsockopt $server, 1, 2, 1;
bind $server, pack 'Sna4x8', 2, ${port}, "\0\0\0\0" or die "bind: $!\n";
listen $server, 9;
`

/** Answers every request on port 80 with the file that it is given. */
export const nginx: readonly Built[] = [
  perl,
  writeScriptBin(
    'nginx',
    String.raw`${listenOn(80)}
open my $file, '<', $ARGV[0] or die "$ARGV[0]: $!\n";
my $page = join '', <$file>;
while (accept my $client, $server) {
  while (<$client>) { last if /^\r?$/ }
  print $client "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n$page";
  close $client;
}
`,
  ),
]

/** Answers PING, and no other command, on port 6379; `redis-cli` sends one. */
export const redis: readonly Built[] = [
  perl,
  writeScriptBin(
    'redis-server',
    String.raw`${listenOn(6379)}
while (accept my $client, $server) {
  my $command = <$client>;
  print $client $command =~ /^PING/ ? "+PONG\r\n" : "-ERR unknown command\r\n";
  close $client;
}
`,
  ),
  writeScriptBin(
    'redis-cli',
    String.raw`#!${bash}/bin/bash
exec 3<> /dev/tcp/127.0.0.1/6379
echo "$1" >&3
read -r answer <&3
echo "$answer"
`,
  ),
]

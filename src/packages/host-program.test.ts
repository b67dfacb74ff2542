import assert from 'node:assert/strict'
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Built, symlinkJoin } from '#derivation'
import { withReporter } from '#events'
import { hostProgram } from './host-program.ts'
import { makeElf, type MadeElf } from './make-elf.test.ts'
import { failsWith, linkIn, makeRoom, needs, type Room, runInRoot } from './test-support.test.ts'

const GLIBC = '/lib64/ld-linux-x86-64.so.2'
const MUSL = '/lib/ld-musl-x86_64.so.1'
const LIB32 = '/lib32/libc.so.6'
const glibc = needs('unshare', 'chroot', GLIBC)

async function said(room: Room, contents: readonly Built[], ...command: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runInRoot(room, contents, command)
  assert.equal(`${stderr}${status}`, '0', command.join(' '))
  return stdout
}

test('bash and env of this machine run in a root with nothing else', glibc, async () => {
  await using room = await makeRoom()
  const contents = [hostProgram(['/bin/bash', '/usr/bin/env'])]
  assert.equal(
    await said(room, contents, '/bin/bash', '-c', 'echo "$0 $((6 * 7))"; /usr/bin/env -i A=1 /bin/env'),
    '/bin/bash 42\nA=1\n',
  )
})

test('programs taken one by one share their libraries without a collision', glibc, async () => {
  await using room = await makeRoom()
  const contents = [hostProgram('/bin/bash'), hostProgram('/usr/bin/sort'), hostProgram('/bin/ls')]
  assert.equal(await said(room, contents, '/bin/bash', '-c', '/bin/ls /bin | /usr/bin/sort -r'), 'sort\nls\nbash\n')
})

test('a script brings the programs that its first line names', { skip: glibc.skip }, async () => {
  await using room = await makeRoom()
  const script = join(room.path, 'greet')
  writeFileSync(script, '#!/usr/bin/env -S bash -e\necho "hello from $BASH_VERSION"\n', { mode: 0o755 })
  assert.match(await said(room, [hostProgram(script)], '/bin/greet'), /^hello from 5/)
})

test(
  'perl runs with the modules that are asked for, and python with its library',
  { skip: needs('/usr/bin/perl', '/usr/bin/python3', 'unshare', GLIBC).skip },
  async () => {
    await using room = await makeRoom()
    const base = readdirSync('/usr/lib/x86_64-linux-gnu').find((name) => name === 'perl-base')
    const perl = hostProgram(
      '/usr/bin/perl',
      base === undefined ? {} : { files: [`/usr/lib/x86_64-linux-gnu/${base}`] },
    )
    assert.equal(await said(room, [perl], '/usr/bin/perl', '-e', 'use List::Util "sum"; print sum(1..4)'), '10')
    const version = readdirSync('/usr/lib').find((name) => /^python3\.\d+$/.test(name))!
    const plain = await runInRoot(room, [hostProgram('/usr/bin/python3')], ['/bin/python3', '-c', 'print(1)'])
    assert.notEqual(plain.status, 0, 'without its library python cannot start')
    // _ctypes is a library of its own that needs another.
    const files = [`/usr/lib/${version}`]
    const python = hostProgram({ path: '/usr/bin/python3', files })
    const loud = await withReporter(undefined, () =>
      said(room, [python], '/bin/python3', '-c', 'import _ctypes, json; print(json.dumps([1]))'),
    )
    assert.equal(loud, '[1]\n')
  },
)

test(
  'a library that is loaded by name is there when it is asked for',
  { skip: needs('/usr/bin/python3', 'unshare', GLIBC).skip },
  async () => {
    await using room = await makeRoom()
    const path = await room.session.realise(
      hostProgram('/bin/bash', { libraries: ['libm.so.6', '/lib/x86_64-linux-gnu/libdl.so.2'] }),
    )
    for (const name of ['libm.so.6', 'libdl.so.2']) {
      assert.match(linkIn(room, path, `lib/x86_64-linux-gnu/${name}`), /\/usr\/lib\//)
      assert.match(linkIn(room, path, `usr/lib/x86_64-linux-gnu/${name}`), /^\/nix\/store\//)
    }
  },
)

test('a static program is taken alone', needs('/bin/busybox', 'unshare'), async () => {
  await using room = await makeRoom()
  const path = await room.session.realise(hostProgram('/bin/busybox'))
  assert.deepEqual(readdirSync(room.physical(path)), ['bin', 'usr'])
  assert.equal(await said(room, [hostProgram('/bin/busybox')], '/bin/busybox', 'echo', 'hi'), 'hi\n')
})

test('a 32-bit program runs with its own loader', needs(LIB32, 'unshare'), async () => {
  await using room = await makeRoom()
  assert.match(await said(room, [hostProgram(LIB32)], LIB32), /^GNU C Library/)
})

/** Writes a made program or library. */
function put(room: Room, name: string, elf: MadeElf): string {
  const place = join(room.path, 'made', name)
  mkdirSync(join(place, '..'), { recursive: true })
  writeFileSync(place, makeElf(elf), { mode: 0o755 })
  return place
}

for (const [kind, interpreter, libc] of [
  ['glibc', GLIBC, 'libc.so.6'],
  ['musl', MUSL, 'libc.so'],
] as const) {
  test(
    `a program of ${kind} finds its own libraries by its place`,
    { skip: needs('unshare', interpreter).skip },
    async () => {
      await using room = await makeRoom()
      put(room, 'lib/libone.so', { soname: 'libone.so', needed: ['libtwo.so', libc], runpath: '$ORIGIN/../more' })
      put(room, 'more/libtwo.so', { soname: 'libtwo.so' })
      const program = put(room, 'bin/made', { interpreter, needed: ['libone.so', libc], runpath: '$ORIGIN/../lib' })
      const built = hostProgram(program)
      for (const command of ['/bin/made', program]) {
        const { status, stderr } = await runInRoot(room, [built], [command])
        assert.equal(`${stderr}${status}`, '42', `${command} exits as the program does`)
      }
    },
  )
}

test('a program runs from its store path too, once its loader is in the root', { skip: glibc.skip }, async () => {
  await using room = await makeRoom()
  const built = hostProgram('/bin/bash')
  const path = await room.session.realise(built)
  assert.equal(await said(room, [built], `${path}/bin/bash`, '-c', 'echo ok'), 'ok\n')
})

test(
  'the store path follows from the content alone, and refers to a path for each library',
  { skip: glibc.skip },
  async () => {
    await using one = await makeRoom()
    await using other = await makeRoom()
    const [first, second] = await Promise.all(
      [one, other].map((room) => room.session.realise(hostProgram('/bin/bash'))),
    )
    assert.equal(first, second)
    assert.match(first!, /^\/nix\/store\/[a-z0-9]{32}-host-bash$/)
    assert.match(linkIn(one, first!, 'bin/bash'), /^(\.\.\/usr\/bin\/bash)$/)
    assert.match(linkIn(one, first!, GLIBC.slice(1)), /^\.\.\//)
    const { references } = await one.writable.pathInfo(first!)
    assert.deepEqual(
      references.map((path) => path.slice('/nix/store/'.length + 33)).toSorted((a, b) => (a < b ? -1 : 1)),
      ['ld-linux-x86-64.so.2', 'libc.so.6', 'libtinfo.so.6.4'],
    )
    const mode = lstatSync(join(one.physical(first!), 'usr/bin/bash')).mode
    assert.equal(mode & 0o7777, 0o555)
    assert.deepEqual((await one.writable.verify({ checksContents: true })).faults, [])
  },
)

test('a symlink to a program is there by both names', { skip: glibc.skip }, async () => {
  await using room = await makeRoom()
  const link = join(room.path, 'shell')
  symlinkSync('/bin/bash', link)
  assert.equal(await said(room, [hostProgram(link)], '/bin/shell', '-c', 'echo $0'), '/bin/shell\n')
})

const REFUSED: readonly (readonly [
  what: string,
  make: (room: Room) => Built,
  code: Parameters<typeof failsWith>[0],
  message: RegExp,
])[] = [
  [
    'a program that is not there',
    () => hostProgram('/bin/no-such'),
    'PROGRAM_MISSING',
    /"\/bin\/no-such": there is no such file/,
  ],
  [
    'a text',
    (room) => hostProgram(file(room, 'text', 0o755)),
    'FORMAT_UNSUPPORTED',
    /neither ELF nor does it begin with "#!"/,
  ],
  [
    'a file that may not be executed',
    (room) => hostProgram(file(room, '#!/bin/sh\n', 0o644)),
    'DEFINITION_INVALID',
    /may not be executed/,
  ],
  ['a folder', () => hostProgram('/usr/bin'), 'FILE_UNREADABLE', /should be a file/],
  [
    'a script without an absolute interpreter',
    (room) => hostProgram(file(room, '#!sh\n', 0o755)),
    'FORMAT_INVALID',
    /first line names "sh"/,
  ],
  [
    'a script of a program that env does not find',
    (room) => hostProgram(file(room, '#!/usr/bin/env no-such-program\n', 0o755)),
    'PROGRAM_MISSING',
    /"env" should start "no-such-program"/,
  ],
  [
    'a program whose library is nowhere',
    (room) => hostProgram(put(room, 'p', { interpreter: GLIBC, needed: ['libnowhere.so.7'] })),
    'PROGRAM_MISSING',
    /its library "libnowhere.so.7" is nowhere on this machine/,
  ],
  [
    'a program whose loader is nowhere',
    (room) => hostProgram(put(room, 'p', { interpreter: '/lib/ld-none.so' })),
    'PROGRAM_MISSING',
    /its loader "\/lib\/ld-none.so" is not on this machine/,
  ],
  [
    'a program for another processor than its loader',
    (room) => hostProgram(put(room, 'p', { interpreter: GLIBC, machine: 183 })),
    'FORMAT_INVALID',
    /is for another processor/,
  ],
  [
    'a library in place of a program',
    (room) => hostProgram(put(room, 'lib.so', { needed: ['libc.so.6'] })),
    'FORMAT_UNSUPPORTED',
    /it is a library/,
  ],
  [
    'a library asked for that is nowhere',
    () => hostProgram('/bin/bash', { libraries: ['libnowhere.so.7'] }),
    'PROGRAM_MISSING',
    /libnowhere/,
  ],
  [
    'libraries for a static program',
    () => hostProgram('/bin/busybox', { libraries: ['libm.so.6'] }),
    'DEFINITION_INVALID',
    /linked statically/,
  ],
  [
    'files that are not there',
    () => hostProgram('/bin/bash', { files: ['/no/such'] }),
    'FILE_UNREADABLE',
    /does not exist/,
  ],
  [
    'two programs of one name',
    (room) => hostProgram(['/bin/bash', put(room, 'bash', { isStatic: true })]),
    'DEFINITION_INVALID',
    /something else at "\/bin\/bash"/,
  ],
  ['a broken library', (room) => hostProgram(brokenLibrary(room)), 'TRUNCATED', /Cannot read ".*libbroken.so"/],
  [
    'scripts that interpret each other',
    (room) => hostProgram(scriptCircle(room)),
    'LIMIT_EXCEEDED',
    /its interpreters are scripts/,
  ],
]

for (const [what, make, code, message] of REFUSED) {
  test(`refuses ${what}`, { skip: glibc.skip }, async () => {
    await using room = await makeRoom()
    await assert.rejects(room.session.realise(make(room)), failsWith(code, message))
  })
}

function file(room: Room, text: string, mode: number): string {
  const place = join(room.path, 'file')
  writeFileSync(place, text)
  chmodSync(place, mode)
  return place
}

function brokenLibrary(room: Room): string {
  const library = put(room, 'libbroken.so', {})
  writeFileSync(library, readFileSync(library).subarray(0, 80))
  return put(room, 'p', { interpreter: GLIBC, needed: ['libbroken.so'], runpath: '$ORIGIN' })
}

function scriptCircle(room: Room): string {
  const [a, b] = [join(room.path, 'a'), join(room.path, 'b')]
  writeFileSync(a, `#!${b}\n`, { mode: 0o755 })
  writeFileSync(b, `#!${a}\n`, { mode: 0o755 })
  return a
}

test('refuses arguments that it does not know, or that are no absolute paths', () => {
  assert.throws(
    () => hostProgram('bash'),
    failsWith('DEFINITION_INVALID', /argument "path": it should be an absolute path/),
  )
  assert.throws(() => hostProgram([]), failsWith('DEFINITION_INVALID', /absolute path, or a list/))
  assert.throws(
    () => hostProgram({ path: '/bin/sh', libs: [] } as never),
    failsWith('DEFINITION_INVALID', /no argument "libs"/),
  )
  assert.throws(
    () => hostProgram('/bin/sh', { libraries: ['./x.so'] }),
    failsWith('DEFINITION_INVALID', /a name or an absolute path/),
  )
})

test('warns of a library in "files" that needs what is not there', { skip: glibc.skip }, async () => {
  await using room = await makeRoom()
  const plugin = put(room, 'plugins/extra.so', { needed: ['libnowhere.so.7'] })
  const warnings: string[] = []
  await withReporter(
    (event) => event.type === 'warning' && warnings.push(event.message),
    () => room.session.realise(hostProgram('/bin/bash', { files: [plugin] })),
  )
  assert.deepEqual(warnings, [`"${plugin}" needs "libnowhere.so.7", which is nowhere on this machine`])
})

test('a program in the Nix store is to be given as its store path', async () => {
  await using room = await makeRoom()
  const place = join(room.path, 'nix/store/aaaa-x/bin/tool')
  mkdirSync(join(place, '..'), { recursive: true })
  copyFileSync('/bin/true', place)
  chmodSync(place, 0o755)
  const { collectHostPrograms } = await import('./collect-host-programs.ts')
  const selection = { programs: [place as never], libraries: [], files: [] }
  assert.throws(
    () => collectHostPrograms(selection, join(room.path, 'nix/store')),
    failsWith('DEFINITION_INVALID', /is in the Nix store/),
  )
})

test('programs that share libraries are joined without a word about them', { skip: glibc.skip }, async () => {
  await using room = await makeRoom()
  const events: unknown[] = []
  const paths = [hostProgram('/bin/bash'), hostProgram('/bin/ls'), hostProgram('/usr/bin/env')]
  const path = await withReporter(
    (event) => void events.push(event),
    () => room.session.realise(symlinkJoin({ name: 'three', paths })),
  )
  assert.deepEqual(readdirSync(room.physical(path)), ['bin', 'lib', 'lib64', 'usr'])
  assert.deepEqual(events, [])
})

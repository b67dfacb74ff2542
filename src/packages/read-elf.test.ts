import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { DockerToolsError } from '#errors'
import { makeTempDir, toByteString } from '#util'
import { BinaryFile } from './binary-file.ts'
import type { ElfFile } from './elf-file.ts'
import { makeElf } from './make-elf.test.ts'
import { readElf } from './read-elf.ts'

function readFile(path: string): ElfFile {
  using file = BinaryFile.open(toByteString(path))
  assert.ok(file !== undefined, `${path} opens`)
  return readElf(file)
}

async function readBytes(bytes: Uint8Array): Promise<ElfFile> {
  await using temp = await makeTempDir('elf-')
  writeFileSync(join(temp.path, 'made'), bytes)
  return readFile(join(temp.path, 'made'))
}

for (const bits of [32, 64] as const) {
  for (const isBigEndian of [false, true]) {
    test(`reads what the loader reads, of ${bits} bits, ${isBigEndian ? 'big' : 'little'} end first`, async () => {
      const bytes = makeElf({
        bits,
        isBigEndian,
        machine: 22,
        flags: 0x400,
        type: 3,
        interpreter: '/lib/ld.so',
        needed: ['libone.so', 'libtwo.so.2'],
        soname: 'me',
        rpath: '/a:$ORIGIN',
        runpath: '',
        flags1: 0x801,
      })
      assert.deepEqual(await readBytes(bytes), {
        target: { bits, isLittleEndian: !isBigEndian, machine: 22, flags: 0x400 },
        type: 'shared',
        interpreter: '/lib/ld.so',
        dynamic: {
          needed: ['libone.so', 'libtwo.so.2'],
          soname: 'me',
          rpath: '/a:$ORIGIN',
          runpath: '',
          skipsSystemFolders: true,
        },
      })
    })
  }
}

test('reads static programs and object files, which load nothing', async () => {
  const fixed = await readBytes(makeElf({ isStatic: true, type: 2 }))
  assert.deepEqual([fixed.type, fixed.interpreter, fixed.dynamic], ['executable', undefined, undefined])
  const object = await readBytes(makeElf({ type: 1, needed: ['libx.so'] }))
  assert.deepEqual([object.type, object.dynamic], ['other', undefined])
})

test('agrees with readelf on programs and libraries of this machine', { skip: whyNoReadelf() }, () => {
  const files = ['/bin/bash', '/usr/bin/env', '/usr/bin/perl', '/lib64/ld-linux-x86-64.so.2', '/usr/bin/busybox']
  const lists = files.filter((file) => existsSync(file)).map((file) => [file, readFile(file)] as const)
  assert.ok(lists.length >= 3)
  for (const [file, elf] of lists) {
    const said = execFileSync('readelf', ['-dlW', file], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
    const all = (pattern: RegExp): readonly (string | undefined)[] =>
      [...said.matchAll(pattern)].map(([, text]) => text)
    assert.deepEqual(elf.dynamic?.needed ?? [], all(/\(NEEDED\) +Shared library: \[(.*)\]/g), file)
    assert.deepEqual(elf.dynamic?.soname, all(/\(SONAME\) +Library soname: \[(.*)\]/g)[0], file)
    assert.deepEqual(elf.interpreter, all(/program interpreter: (.*)\]/g)[0], file)
  }
})

const SAMPLE = makeElf({
  interpreter: '/lib64/ld-linux-x86-64.so.2',
  needed: ['libc.so.6'],
  runpath: '$ORIGIN/../lib',
  code: new Uint8Array(),
})

test('says of a file that was cut off where it should have ended', async () => {
  await using temp = await makeTempDir('elf-')
  const place = join(temp.path, 'cut')
  for (let length = 0; length < SAMPLE.length; length++) {
    writeFileSync(place, SAMPLE.subarray(0, length))
    const { code, message } = refusal(() => readFile(place)) ?? {}
    // What comes last is the alignment before the code: nobody looks at it.
    if (code === undefined) assert.ok(length >= SAMPLE.length - 16, `${length} bytes are refused`)
    else assert.match(`${code} ${message}`, /^(TRUNCATED|FORMAT_INVALID) Cannot read ".*": [^.]+, [^.]+$/)
  }
})

/** Where the fields of the sample are, and a value that cannot be meant. */
const ABSURD: readonly (readonly [what: string, at: number, bytes: readonly number[], message: RegExp])[] = [
  ['class', 4, [3], /its class is 3/],
  ['byte order', 5, [0], /byte order 0/],
  ['place of program headers', 32, [0, 0, 0, 0, 0, 0, 0, 0x7f], /is 9151314442816847872, it should be less than 2\^53/],
  ['place of program headers behind the end', 32, [0, 0, 0, 0, 1], /table of program headers should end at byte/],
  ['size of a program header', 54, [8, 0], /have 8 bytes each, they should have 56/],
  ['number of program headers', 56, [0xff, 0xff], /has 65535 program headers/],
  ['offset of the loader path', 64 + 56 + 8, [0xff, 0xff, 0xff, 0x7f], /path of its loader should end at byte/],
  ['size of the loader path', 64 + 56 + 32, [0xff, 0xff, 0xff], /path of its loader has 16777215 bytes/],
  ['size of the dynamic section', 64 + 3 * 56 + 32, [0, 0, 0, 0x70], /dynamic section has 1879048192 bytes/],
  ['offset of the dynamic section', 64 + 3 * 56 + 8, [0, 0, 0, 0, 0, 1], /dynamic section should end at byte/],
]

for (const [what, at, bytes, message] of ABSURD) {
  test(`refuses an absurd ${what}`, async () => {
    const broken = Buffer.from(SAMPLE)
    broken.set(bytes, at)
    await assert.rejects(readBytes(broken), (error) => {
      assert.ok(error instanceof DockerToolsError)
      assert.match(error.message, message)
      return true
    })
  })
}

test('reads any damaged file or refuses it with an error of its own', async () => {
  await using temp = await makeTempDir('elf-')
  const place = join(temp.path, 'damaged')
  const change = fc.tuple(fc.nat(SAMPLE.length - 1), fc.nat(255))
  let refused = 0
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), fc.nat(SAMPLE.length), (changes, cut) => {
      const bytes = Buffer.from(SAMPLE)
      for (const [at, value] of changes) bytes[at] = value
      writeFileSync(place, cut % 4 === 0 ? bytes.subarray(0, cut) : bytes)
      if (refusal(() => readFile(place)) !== undefined) refused++
    }),
    { numRuns: Number(process.env['DOCKERTOOLS_PROPERTY_RUNS'] ?? 200) },
  )
  assert.ok(refused > 20)
})

function refusal(work: () => unknown): DockerToolsError | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    if (error instanceof DockerToolsError && error.code !== 'INTERNAL') return error
    throw error
  }
}

function whyNoReadelf(): string | false {
  return existsSync('/usr/bin/readelf') ? false : 'no program readelf here'
}

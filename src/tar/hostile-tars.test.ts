import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toByteString } from '#util'
import { encodeHeader } from './encode-header.ts'
import { readTar } from './read-tar.ts'
import type { TarReadOptions } from './tar-limits.ts'
import type { TarMember } from './tar-member.ts'
import { blocks, chunked, collect, fileHeader, patched } from './test-support.test.ts'

const END = Buffer.alloc(1024)
const FIELD = { mode: 100, uid: 108, size: 124, mtime: 136, checksum: 148, type: 156, magic: 257, prefix: 345 }

/** A file of `size` bytes in a POSIX header; `changes` by offset. */
function member(name: string, size: number, changes: Readonly<Record<number, string>> = {}): Buffer {
  return patched(encodeHeader(fileHeader({ path: toByteString(name), size }), 'pax'), changes)
}

/** An extended header of any type with its payload. */
function extended(type: string, payload: string, changes: Readonly<Record<number, string>> = {}): Buffer {
  return Buffer.concat([member('extended', payload.length, { [FIELD.type]: type, ...changes }), blocks(payload)])
}

/** A record with its right length. */
function record(key: string, value: string): string {
  const rest = key.length + value.length + 3
  let length = rest
  while (length !== rest + String(length).length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}

async function read(parts: readonly Uint8Array[], options?: TarReadOptions): Promise<[TarMember, string][]> {
  const result: [TarMember, string][] = []
  for await (const one of readTar(chunked(Buffer.concat(parts), 4096), options)) {
    result.push([one, (await collect(one.body())).toString('latin1')])
  }
  return result
}

async function names(parts: readonly Uint8Array[], options?: TarReadOptions): Promise<string[]> {
  return (await read(parts, options)).map(([{ header }]) => header.path)
}

test('CVE-2025-62518: the size of a PAX record decides what is body, for the member and for what follows', async () => {
  const inner = [member('inner', 0)]
  const body = Buffer.concat(inner).toString('latin1')
  const found = await read([
    extended('x', record('size', '512')),
    member('outer', 0),
    blocks(body),
    member('next', 0),
    END,
  ])
  assert.deepEqual(
    found.map(([{ header }, content]) => [header.path, content]),
    [
      ['outer', body],
      ['next', ''],
    ],
  )
})

test('GHSA-vmf3-w455-68vh: a PAX size applies to no extended header in between', async () => {
  const long = Buffer.concat([member('././@LongLink', 5, { [FIELD.type]: 'L' }), blocks('name\0')])
  const found = await read([extended('x', record('size', '1024')), long, member('x', 3), blocks('a'.repeat(1024)), END])
  assert.deepEqual(
    found.map(([{ header }, content]) => [header.path, content.length]),
    [['name', 1024]],
  )
  const global = [extended('g', record('size', '1024')), extended('x', record('mtime', '5')), member('x', 3)]
  assert.deepEqual(await names([...global, blocks('a'.repeat(1024)), END]), ['x'])
})

const MALFORMED: Readonly<Record<string, string>> = {
  'no length': 'path=x\n',
  'a length of 0': '0 path=x\n',
  'a length that is too long': '11 path=x\n',
  'a length that is too short': '8 path=x\n',
  'a length past the end': '9999 path=x\n',
  'a length with a sign': '+10 path=x\n',
  'a length in hexadecimal': '0xa path=x\n',
  'a length of many digits': `${'0'.repeat(20)}10 path=x\n`,
  'no key': '5 =x\n',
  'no equals sign': '9 pathxx\n',
  'no newline': '10 path=xyz',
  'zeros behind it': `${record('path', 'x')}\0\0\0`,
  'a NUL in a name': record('path', 'x\0y'),
  'a NUL in an owner': record('uname', 'x\0'),
  'a key that is no UTF-8': record('\xff', 'x'),
  'a size that is negative': record('size', '-1'),
  'a size with a fraction': record('size', '1.5'),
  'a size beyond 2^53': record('size', '9007199254740993'),
  'a size that is no number': record('size', '0x10'),
  'a user that is no number': record('uid', 'root'),
  'a time that is no number': record('mtime', '1e9'),
  'a time with two points': record('mtime', '1.2.3'),
}

for (const [name, payload] of Object.entries(MALFORMED)) {
  test(`readTar() refuses an extended record with ${name}`, async () => {
    await assert.rejects(read([extended('x', payload), member('x', 0), END]), { code: 'FORMAT_INVALID' })
  })
}

test('readTar() takes records that look odd but are not', async () => {
  const payload = [
    record('path', '2e308'),
    record('comment', ''),
    record('SCHILY.xattr.user.x', 'a\nb\0=c'),
    record('mtime', '-1.25'),
  ]
  const [[found] = []] = await read([extended('x', payload.join('')), member('x', 0), END])
  assert.equal(found?.header.path, '2e308')
  assert.equal(found?.header.mtimeSeconds, -1.25)
  assert.equal(found?.paxRecords.get('SCHILY.xattr.user.x'), 'a\nb\0=c')
  assert.equal(found?.paxRecords.get('comment'), '')
  assert.equal(found?.format, 'pax')
  const proto = await read([extended('x', record('__proto__', 'x')), member('x', 0), END])
  assert.deepEqual([...(proto[0]?.[0].paxRecords ?? [])], [['__proto__', 'x']])
})

test('readTar() applies global records to all that follow, and lets members override them', async () => {
  const global = extended('g', record('comment', 'c') + record('uid', '7') + record('path', 'all'))
  const own = extended('x', record('uid', '8') + record('path', ''))
  const none = extended('x', record('uid', ''))
  const parts = [member('before', 0), global, member('one', 0), own, member('two', 0), none, member('three', 0), END]
  const found = await read(parts)
  assert.deepEqual(
    found.map(([{ header }]) => [header.path, header.uid]),
    [
      ['before', 0],
      ['all', 7],
      ['two', 8],
      ['all', 0],
    ],
  )
  assert.deepEqual(
    found.map(([{ headerOffset }]) => headerOffset),
    [0, 512 + 1024, 512 + 1024 + 512, 512 + 1024 + 512 + 1536],
  )
})

const AMBIGUOUS: Readonly<Record<string, readonly Buffer[]>> = {
  'two PAX headers': [extended('x', record('path', 'a')), extended('x', record('path', 'b'))],
  'two long names': [extended('L', 'a\0'), extended('L', 'b\0')],
  'two long link targets': [extended('K', 'a\0'), extended('K', 'b\0')],
  'a PAX and a GNU name that differ': [extended('x', record('path', 'a')), extended('L', 'b\0')],
  'a long name that is empty': [extended('L', '\0')],
  'a long name of no bytes': [extended('L', '')],
  'a long name with a NUL in it': [extended('L', 'a\0b\0')],
}

for (const [name, parts] of Object.entries(AMBIGUOUS)) {
  test(`readTar() refuses ${name} in front of one member`, async () => {
    await assert.rejects(names([...parts, member('x', 0), END]), { code: 'FORMAT_INVALID' })
  })
}

test('readTar() refuses an extended header that nothing follows', async () => {
  await assert.rejects(names([extended('x', record('path', 'a')), END]), { code: 'FORMAT_INVALID' })
  await assert.rejects(names([extended('L', 'a\0')]), { code: 'TRUNCATED' })
  assert.deepEqual(await names([extended('g', record('comment', 'a')), END]), [])
})

const NUMBERS: readonly (readonly [string, Readonly<Record<number, string>>, string | RegExp])[] = [
  ['a size below 0 in base 256', { [FIELD.size]: `\xff${'\xff'.repeat(11)}` }, /size is -1/],
  ['a size beyond 2^53', { [FIELD.size]: `\x80${'\0'.repeat(4)}\x01${'\0'.repeat(6)}` }, 'LIMIT_EXCEEDED'],
  ['a size of 2^90', { [FIELD.size]: `\x80\x04${'\0'.repeat(10)}` }, /beyond 2\^53/],
  ['a size with a minus sign', { [FIELD.size]: '-0000000001\0' }, /size is "-0000000001/],
  ['a size in hexadecimal', { [FIELD.size]: '0x000000010\0' }, /octal/],
  ['a size with an 8', { [FIELD.size]: '00000000008\0' }, /octal/],
  ['digits behind a space', { [FIELD.size]: '000000 0001\0' }, /octal/],
  ['a mode that is text', { [FIELD.mode]: 'rw-r--r-' }, /mode is "rw-r--r-"/],
]

for (const [name, changes, expected] of NUMBERS) {
  test(`readTar() refuses ${name}`, async () => {
    const error = typeof expected === 'string' ? { code: expected } : { code: 'FORMAT_INVALID', message: expected }
    await assert.rejects(names([member('x', 0, changes), END]), error)
  })
}

test('readTar() takes numbers as different programs write them', async () => {
  const forms = [
    '0000644\0',
    '000644 \0',
    '   644 \0',
    '    644 ',
    '00000644',
    '644\0\0\0\0\0',
    `\x80${'\0'.repeat(5)}\x01\xa4`,
  ]
  for (const form of forms) {
    const [[found] = []] = await read([member('x', 0, { [FIELD.mode]: form }), END])
    assert.equal(found?.header.mode, 0o644, JSON.stringify(form))
  }
  const empty = await read([member('x', 0, { [FIELD.uid]: '\0'.repeat(8), [FIELD.mtime]: ' '.repeat(12) }), END])
  assert.deepEqual([empty[0]?.[0].header.uid, empty[0]?.[0].header.mtimeSeconds], [0, 0])
  const early = await read([member('x', 0, { [FIELD.mtime]: '\xff'.repeat(11) + '\xfe' }), END])
  assert.equal(early[0]?.[0].header.mtimeSeconds, -2)
})

test('readTar() checks the checksum, and knows the one of signed bytes', async () => {
  const broken = member('x', 0)
  broken[0] = 'y'.charCodeAt(0)
  await assert.rejects(names([broken, END]), {
    code: 'FORMAT_INVALID',
    message: /^Cannot read the tar archive: at byte 0 the checksum of the header is \d+, it should be \d+$/,
  })
  const signed = patched(member('x', 0), { 0: '\xff\xfe' })
  const sum = [...signed.subarray(0, 148), ...signed.subarray(156)].reduce(
    (total, byte) => total + ((byte << 24) >> 24),
    256,
  )
  signed.write(`${sum.toString(8).padStart(6, '0')}\0 `, FIELD.checksum)
  assert.deepEqual(await names([signed, END]), ['\xff\xfe'])
})

const UNSUPPORTED: Readonly<Record<string, readonly [readonly Buffer[], RegExp]>> = {
  'old GNU sparse files': [[member('x', 0, { [FIELD.type]: 'S' })], /an old GNU sparse file/],
  'PAX sparse files of version 1.0': [
    [extended('x', record('GNU.sparse.major', '1') + record('GNU.sparse.minor', '0')), member('x', 0)],
    /a sparse file of the PAX kind \("GNU.sparse.major"\)/,
  ],
  'PAX sparse files of version 0.1': [
    [extended('x', record('GNU.sparse.map', '0,1')), member('x', 0)],
    /GNU.sparse.map/,
  ],
  'sparse files of star': [[extended('x', record('SCHILY.realsize', '1')), member('x', 0)], /SCHILY.realsize/],
  'multi-volume files': [[member('x', 0, { [FIELD.type]: 'M' })], /multi-volume/],
  'volume labels': [[member('x', 0, { [FIELD.type]: 'V' })], /volume label/],
  'incremental directories': [[member('x', 0, { [FIELD.type]: 'D' })], /incremental/],
  'unknown types': [[member('x', 0, { [FIELD.type]: 'Z' })], /unknown type "Z"/],
}

for (const [name, [parts, message]] of Object.entries(UNSUPPORTED)) {
  test(`readTar() names ${name} as not supported`, async () => {
    await assert.rejects(names([...parts, END]), { code: 'FORMAT_UNSUPPORTED', message })
  })
}

const LIMITS: readonly (readonly [keyof TarReadOptions, TarReadOptions, readonly Buffer[]])[] = [
  ['maxPaxBytes', {}, [member('x', 100_000_000, { [FIELD.type]: 'x' })]],
  ['maxNameBytes', {}, [member('x', 70_000, { [FIELD.type]: 'L' })]],
  ['maxNameBytes', { maxNameBytes: 200 }, [extended('x', record('path', 'x'.repeat(201))), member('x', 0), END]],
  [
    'maxNameBytes',
    { maxNameBytes: 200 },
    [extended('x', record('linkpath', 'x'.repeat(201))), member('x', 0, { [FIELD.type]: '2' }), END],
  ],
  ['maxExtendedHeaders', {}, [Buffer.concat(Array.from({ length: 5000 }, () => extended('g', record('k', 'v'))))]],
  ['maxGlobalPaxBytes', {}, [extended('g', record('k', 'v'.repeat(17_000)))]],
  [
    'maxGlobalPaxBytes',
    {},
    Array.from({ length: 40 }, (_, index) =>
      Buffer.concat([extended('g', record(`k${index}`, 'v'.repeat(500))), member('x', 0)]),
    ),
  ],
  ['maxMembers', { maxMembers: 2 }, [member('a', 0), member('b', 0), member('c', 0), END]],
  ['maxMemberBytes', { maxMemberBytes: 10 }, [member('a', 11), blocks('a'.repeat(11)), END]],
  ['maxMemberBytes', {}, [extended('x', record('size', String(2 ** 50))), member('a', 0), END]],
  ['maxTrailingBytes', { maxTrailingBytes: 4096 }, [END, Buffer.alloc(10240)]],
]

for (const [name, options, parts] of LIMITS) {
  test(`readTar() names ${name} when it is passed (${parts.length} parts)`, async () => {
    await assert.rejects(names(parts, options), { code: 'LIMIT_EXCEEDED', message: new RegExp(`, ${name} is \\d+$`) })
  })
}

test('readTar() takes what is exactly at a limit', async () => {
  const parts = [extended('L', `${'n'.repeat(200)}\0`), member('x', 10), blocks('a'.repeat(10)), member('y', 0), END]
  const options = { maxNameBytes: 200, maxMemberBytes: 10, maxMembers: 2, maxExtendedHeaders: 1, maxTrailingBytes: 0 }
  assert.deepEqual(await names(parts, { ...options, maxTrailingBytes: 1024 }), ['n'.repeat(200), 'y'])
})

test('readTar() refuses a single block of zeros in the middle, and an empty name', async () => {
  await assert.rejects(names([member('a', 0), Buffer.alloc(512), member('b', 0), END]), {
    code: 'FORMAT_INVALID',
    message: /a single block of zeros/,
  })
  await assert.rejects(names([patched(member('a', 0), { 0: '\0' }), END]), { code: 'FORMAT_INVALID', message: /empty/ })
})

test('readTar() continues names in the prefix of POSIX archives only', async () => {
  const prefix = { [FIELD.prefix]: 'some/dir' }
  assert.deepEqual(await names([member('file', 0, prefix), END]), ['some/dir/file'])
  assert.deepEqual(await names([member('file', 0, { ...prefix, [FIELD.magic]: 'ustar  \0' }), END]), ['file'])
  assert.deepEqual(await names([member('file', 0, { ...prefix, [FIELD.magic]: '\0'.repeat(8) }), END]), ['file'])
  const star = { [FIELD.prefix]: 'p'.repeat(131), 476: '00000000001\0', 508: 'tar\0' }
  assert.deepEqual(await names([member('file', 0, star), END]), [`${'p'.repeat(131)}/file`])
})

test('readTar() knows the files and directories of archives older than POSIX', async () => {
  const old = { [FIELD.magic]: '\0'.repeat(8), [FIELD.type]: '\0' }
  const found = await read([member('dir/', 0, old), member('file', 3, old), blocks('abc'), END])
  assert.deepEqual(
    found.map(([{ header, format }, content]) => [header.type, format, content]),
    [
      ['directory', 'v7', ''],
      ['file', 'v7', 'abc'],
    ],
  )
  const contiguous = await read([member('file', 3, { [FIELD.type]: '7' }), blocks('abc'), END])
  assert.deepEqual([contiguous[0]?.[0].typeflag, contiguous[0]?.[1]], ['7', 'abc'])
})

test('readTar() takes no body for links and directories, whatever their size says', async () => {
  for (const type of ['1', '2', '3', '4', '5', '6']) {
    const found = await read([member('x', 600, { [FIELD.type]: type }), member('y', 0), END])
    assert.deepEqual(
      found.map(([{ header }, content]) => [header.path, content]),
      [
        ['x', ''],
        ['y', ''],
      ],
    )
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type NarLimits, readNar } from '#store'
import { chunked, failsWith, fileNar, listing, narWords, readAll } from './test-support.test.ts'

const FILE = ['(', 'type', 'regular', 'contents', 'x', ')'] as const
const EMPTY = ['(', 'type', 'directory', ')'] as const

function entry(name: string | Uint8Array, ...node: readonly (string | Uint8Array)[]): (string | Uint8Array)[] {
  return ['entry', '(', 'name', name, 'node', ...node, ')']
}

function directory(...entries: readonly (string | Uint8Array)[]): Buffer {
  return narWords('nix-archive-1', '(', 'type', 'directory', ...entries, ')')
}

function read(bytes: Uint8Array, limits?: Partial<NarLimits>, chunkBytes?: number): Promise<string[]> {
  return listing(readNar(chunked(bytes, chunkBytes), limits))
}

const TREE = directory(
  ...entry('a', '(', 'type', 'regular', 'executable', '', 'contents', 'run', ')'),
  ...entry('b', '(', 'type', 'directory', ...entry('c', ...EMPTY), ...entry('d', ...FILE), ')'),
  ...entry('b.', '(', 'type', 'symlink', 'target', '../x', ')'),
  ...entry(Buffer.of(0xff), ...FILE),
)
const TREE_LISTING = [
  'directory 555 ""',
  'file 555 "a" 3 run',
  'directory 555 "b"',
  'directory 555 "b/c"',
  'file 444 "b/d" 1 x',
  'symlink 777 "b." -> ../x',
  'file 444 "\ufffd" 1 x',
]

test('a NAR reads the same in chunks of any size', async () => {
  for (const size of [1, 2, 7, 8, 13, 64, 100_000]) assert.deepEqual(await read(TREE, {}, size), TREE_LISTING)
})

test('a NAR may be a file or a symlink', async () => {
  assert.deepEqual(await read(fileNar('')), ['file 444 "" 0 '])
  const link = narWords('nix-archive-1', '(', 'type', 'symlink', 'target', '/a', ')')
  assert.deepEqual(await read(link), ['symlink 777 "" -> /a'])
})

test('a NAR that ends anywhere before its end is truncated', async () => {
  for (let length = 0; length < TREE.length; length++) {
    await assert.rejects(read(TREE.subarray(0, length)), failsWith('TRUNCATED'), `${length} bytes`)
  }
})

test('bodies that are not read, or not to their end, are skipped', async () => {
  const seen: string[] = []
  for await (const found of readNar(chunked(TREE, 5))) {
    seen.push(found.path)
    if (found.type === 'file' && found.path === 'a') for await (const _ of found.open()) break
  }
  assert.deepEqual(seen, ['', 'a', 'b', 'b/c', 'b/d', 'b.', '\xff'])
})

test('a body is opened once, and in passing', async () => {
  const nar = directory(...entry('a', ...FILE), ...entry('b', ...FILE))
  const entries = await Array.fromAsync(readNar(chunked(nar)))
  const [, late] = entries
  assert.ok(late?.type === 'file')
  assert.throws(() => late.open(), failsWith('INTERNAL', 'in passing'))
  for await (const found of readNar(chunked(nar))) {
    if (found.type !== 'file') continue
    await readAll(found.open())
    assert.throws(() => found.open(), failsWith('INTERNAL', 'once'))
  }
})

test('a body read on after its time fails, and takes nothing from the next', async () => {
  let stale: AsyncIterator<Uint8Array> | undefined
  const nar = directory(...entry('a', ...FILE), ...entry('b', ...FILE))
  const sizes: number[] = []
  for await (const found of readNar(chunked(nar))) {
    if (found.type !== 'file') continue
    if (stale === undefined) stale = found.open()[Symbol.asyncIterator]()
    else {
      assert.equal((await stale.next()).done, true)
      sizes.push((await readAll(found.open())).length)
    }
  }
  assert.deepEqual(sizes, [1])
})

test('the source is closed when the reader stops early', async () => {
  let isClosed = false
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield* chunked(TREE, 16)
    } finally {
      isClosed = true
    }
  }
  for await (const found of readNar(source())) if (found.path === 'a') break
  assert.equal(isClosed, true)
})

const unsafe: readonly (string | Uint8Array)[] = ['', '.', '..', 'a/b', '/', '/etc', 'a\0', '\0', '../x']
for (const name of unsafe) {
  test(`the name ${JSON.stringify(name)} is refused`, async () => {
    await assert.rejects(read(directory(...entry(name, ...FILE))), failsWith('PATH_UNSAFE', 'plain file name'))
  })
}

test('names that are there twice or do not ascend by bytes are refused', async () => {
  for (const [first, second] of [
    ['a', 'a'],
    ['b', 'a'],
    ['a', 'B'],
    ['aa', 'a'],
  ] as const) {
    const nar = directory(...entry(first, ...FILE), ...entry(second, ...FILE))
    await assert.rejects(read(nar), failsWith('FORMAT_INVALID', 'ascend by bytes'))
  }
  assert.equal((await read(directory(...entry('a-b', ...FILE), ...entry('a.b', ...FILE)))).length, 3)
})

test('names that differ in case, and names of the case hack, are names like any other', async () => {
  const nar = directory(...entry('A', ...FILE), ...entry('a', ...FILE), ...entry('a~nix~case~hack~1', ...FILE))
  assert.equal((await read(nar)).length, 4)
})

const broken: Readonly<Record<string, Buffer>> = {
  'another magic word': narWords('nix-archive-2', ...FILE),
  'an unknown type': narWords('nix-archive-1', '(', 'type', 'socket', ')'),
  'no type': narWords('nix-archive-1', '(', 'contents', 'x', ')'),
  'a file without contents': narWords('nix-archive-1', '(', 'type', 'regular', ')'),
  'contents twice': narWords('nix-archive-1', '(', 'type', 'regular', 'contents', 'x', 'contents', 'y', ')'),
  'a mark that is not empty': narWords(
    'nix-archive-1',
    '(',
    'type',
    'regular',
    'executable',
    'y',
    'contents',
    'x',
    ')',
  ),
  'an empty target': narWords('nix-archive-1', '(', 'type', 'symlink', 'target', '', ')'),
  'NUL in a target': narWords('nix-archive-1', '(', 'type', 'symlink', 'target', 'a\0b', ')'),
  'an entry without name': directory('entry', '(', 'node', ...FILE, ')'),
  'an unknown field of an entry': directory('entry', '(', 'name', 'a', 'mode', ...FILE, ')'),
  'data after its end': Buffer.concat([fileNar('x'), Buffer.of(0)]),
  'a NAR after it': Buffer.concat([fileNar('x'), fileNar('x')]),
  'padding that is not zero': Buffer.concat([fileNar('x').subarray(0, -17), Buffer.of(1), fileNar('x').subarray(-16)]),
  'a length of 2^53': Buffer.concat([fileNar('').subarray(0, -24), Buffer.from('0000000000002000', 'hex')]),
  'a negative length': Buffer.concat([fileNar('').subarray(0, -24), Buffer.alloc(8, 0xff)]),
}
for (const [what, nar] of Object.entries(broken)) {
  test(`a NAR with ${what} is refused`, async () => {
    await assert.rejects(read(nar), failsWith('FORMAT_INVALID', 'Cannot read NAR'))
  })
}

test('long names, targets and keywords are refused before they are read', async () => {
  const long = Buffer.alloc(8)
  long.writeBigUInt64LE(10n ** 12n)
  const heads = [
    Buffer.alloc(0),
    directory('entry', '(', 'name').subarray(0, -16),
    narWords('nix-archive-1', '(', 'type', 'symlink', 'target'),
  ]
  for (const head of heads) {
    await assert.rejects(read(Buffer.concat([head, long])), failsWith('LIMIT_EXCEEDED', '1000000000000 bytes'))
  }
  assert.equal((await read(directory(...entry('x'.repeat(255), ...FILE)))).length, 2)
  await assert.rejects(read(directory(...entry('x'.repeat(256), ...FILE))), failsWith('LIMIT_EXCEEDED', '255'))
})

test('a huge file that is promised but not there costs no memory', async () => {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(2n ** 53n - 1n)
  const nar = Buffer.concat([fileNar('').subarray(0, -24), length])
  await assert.rejects(read(nar), failsWith('TRUNCATED'))
})

function deep(depth: number): Buffer {
  const opening = ['(', 'type', 'directory', 'entry', '(', 'name', 'a', 'node']
  const repeat = (words: string[]): string[] => Array.from({ length: depth }, () => words).flat()
  return narWords('nix-archive-1', ...repeat(opening), ...FILE, ...repeat([')', ')']))
}

/** As `read`, for trees whose paths would be long to list. */
async function count(nar: Buffer): Promise<number> {
  let entries = 0
  for await (const _ of readNar(chunked(nar))) entries++
  return entries
}

test('depth is limited, and depth below the limit costs no stack', async () => {
  assert.equal(await count(deep(4096)), 4097)
  await assert.rejects(count(deep(10_000)), failsWith('LIMIT_EXCEEDED', '4096'))
  await assert.rejects(read(deep(3), { maxDepth: 2 }), failsWith('LIMIT_EXCEEDED', 'the limit of 2'))
})

test('the number of entries is limited', async () => {
  await assert.rejects(read(TREE, { maxEntries: 6 }), failsWith('LIMIT_EXCEEDED', 'the limit of 6'))
  assert.equal((await read(TREE, { maxEntries: 7 })).length, 7)
})

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { directoryTree, fileTree, formatHash, measureNar, narSizeOf, readNar, writeNar } from '#store'
import { treeEntries, type TreeEntry } from '#tree'
import { bytesToByteString, compareByteStrings, makeTempDir, toByteString } from '#util'
import { chunked, failsWith, fileNar, listing, narWords, needs, readAll } from './test-support.test.ts'

const ROOT: TreeEntry = { type: 'directory', path: toByteString(''), mode: 0o755 }

function file(path: string, content = 'x', mode = 0o644): TreeEntry {
  return {
    type: 'file',
    path: toByteString(path),
    mode,
    size: content.length,
    open: () => chunked(Buffer.from(content)),
  }
}

test('a file is written as the format says', async () => {
  assert.deepEqual(await readAll(writeNar(fileTree(Buffer.from('hello')))), fileNar('hello'))
  const executable = narWords('nix-archive-1', '(', 'type', 'regular', 'executable', '', 'contents', 'hi', ')')
  assert.deepEqual(await readAll(writeNar(fileTree(Buffer.from('hi'), true))), executable)
})

test('a directory in memory is written with its names in byte order', async () => {
  const tree = directoryTree({ b: Buffer.from('2'), 'a.': Buffer.from('1'), B: Buffer.from('0') })
  assert.deepEqual(await listing(readNar(writeNar(tree))), [
    'directory 555 ""',
    'file 444 "B" 1 0',
    'file 444 "a." 1 1',
    'file 444 "b" 1 2',
  ])
})

test('only the owner’s right to execute counts', async () => {
  const modes = [0o644, 0o4755, 0o100, 0o011]
  const tree = [ROOT, ...modes.map((mode, index) => file(`${index}`, '', mode))]
  const written = await Array.fromAsync(readNar(writeNar(tree)))
  assert.deepEqual(
    written.slice(1).map((entry) => entry.mode),
    [0o444, 0o555, 0o555, 0o444],
  )
})

const WEIRD_TREE = `
mkdir -p d/e/f 'sp ace' empty; printf 1 > d/e/f/g; printf '' > d/0; head -c 70000 /dev/zero > d/zeros; printf run > x; chmod 755 x
printf a > 'a-b'; mkdir a; printf b > a/b; printf c > a.b; printf u > ž; printf n > "$(printf '\\377\\001')"
ln -s /nowhere link; ln -s "$(printf 'odd\\376')" link2; ln x hard; printf 12345678 > eight; printf 1234567 > seven; chmod 500 d/0`

test('odd trees are written as nix-store --dump writes them', needs('nix-store'), async () => {
  await using temp = await makeTempDir('nar-')
  execFileSync('sh', ['-ec', WEIRD_TREE], { cwd: temp.path })
  for (const path of [temp.path, `${temp.path}/x`, `${temp.path}/link`, `${temp.path}/empty`]) {
    const expected = execFileSync('nix-store', ['--dump', path])
    const entries = await Array.fromAsync(treeEntries(toByteString(path), 'bytes'))
    assert.ok(expected.equals(await readAll(writeNar(entries))), path)
    assert.equal(narSizeOf(entries), expected.length)
    assert.deepEqual(await listing(readNar(chunked(expected, 999))), await listing(readNar(writeNar(entries))))
    const { narHash, narSize } = await measureNar(entries)
    assert.equal(narSize, expected.length)
    assert.equal(formatHash(narHash, 'hex'), createHash('sha256').update(expected).digest('hex'))
  }
})

test('whatever tree is written is read back', async () => {
  const name = fc
    .uint8Array({ minLength: 1, maxLength: 6 })
    .map(bytesToByteString)
    .filter((text) => !/^\.{1,2}$|[/\0]/.test(text))
  const leaf = fc.oneof(
    fc.record({ content: fc.uint8Array({ maxLength: 40 }), isExecutable: fc.boolean() }),
    fc.record({ target: name }),
  )
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.uniqueArray(fc.tuple(name, tie('tree')), { selector: ([key]) => key, maxLength: 4 }),
    ),
  }))
  await fc.assert(
    fc.asyncProperty(tree, fc.integer({ min: 1, max: 100 }), async (shape, chunkBytes) => {
      const entries = [...flatten(shape as Shape, '')]
      const nar = await readAll(writeNar(entries))
      assert.equal(nar.length, narSizeOf(entries))
      const expected = entries.map((entry) => entry.type + entry.path)
      const found = await Array.fromAsync(readNar(chunked(nar, chunkBytes)))
      assert.deepEqual(
        found.map((entry) => entry.type + entry.path),
        expected,
      )
      assert.deepEqual(await readAll(writeNar(readNar(chunked(nar, chunkBytes)))), nar)
    }),
  )
})

type Shape = { content: Uint8Array; isExecutable: boolean } | { target: string } | (readonly [string, Shape])[]

function* flatten(shape: Shape, path: string): Generator<TreeEntry> {
  const at = path as TreeEntry['path']
  if (Array.isArray(shape)) {
    yield { type: 'directory', path: at, mode: 0o555 }
    const sorted = shape.toSorted(([a], [b]) => compareByteStrings(a as typeof at, b as typeof at))
    for (const [name, child] of sorted) yield* flatten(child, path === '' ? name : `${path}/${name}`)
  } else if ('target' in shape) {
    yield { type: 'symlink', path: at, mode: 0o777, target: shape.target as typeof at }
  } else {
    const [entry] = fileTree(shape.content, shape.isExecutable)
    yield { ...entry!, path: at }
  }
}

test('what a NAR cannot hold is refused', async () => {
  for (const type of ['fifo', 'socket'] as const) {
    const tree: TreeEntry[] = [ROOT, { type, path: toByteString('p'), mode: 0o644 }]
    await assert.rejects(readAll(writeNar(tree)), failsWith('FILE_TYPE_UNSUPPORTED', `"p" is a ${type}`))
  }
})

test('a body that is not as long as it was said to be is an error', async () => {
  for (const size of [4, 6]) {
    const tree = [{ ...file('', 'hello'), size } as TreeEntry]
    await assert.rejects(readAll(writeNar(tree)), failsWith('FILE_CHANGED', `should have ${size}`))
  }
})

test('entries in another order than a NAR’s are refused', async () => {
  const directory: TreeEntry = { ...ROOT, path: toByteString('d') }
  const trees: readonly TreeEntry[][] = [
    [],
    [file('a')],
    [file(''), file('a')],
    [ROOT, file('b'), file('a')],
    [ROOT, file('a'), file('a')],
    [ROOT, directory, file('e'), file('d/x')],
    [ROOT, file('d/x')],
    [ROOT, file('..')],
    [ROOT, ROOT],
  ]
  for (const tree of trees) await assert.rejects(readAll(writeNar(tree)), failsWith('INTERNAL', 'Cannot write NAR'))
})

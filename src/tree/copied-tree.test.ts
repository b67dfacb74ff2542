import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { DockerToolsError } from '#errors'
import { type ByteString, makeTempDir, toByteString } from '#util'
import { type CopiedEntry, CopiedTree } from './copied-tree.ts'
import { scanTree } from './scan-tree.ts'

type Entry = CopiedEntry<string>

function entry(path: string, kind: 'directory' | { readonly text: string } | { readonly target: string }): Entry {
  const named = { path: toByteString(path), mode: kind === 'directory' ? 0o555 : 0o444 }
  if (kind === 'directory') return { ...named, type: 'directory' }
  if ('target' in kind) return { ...named, mode: 0o777, type: 'symlink', target: toByteString(kind.target) }
  return { ...named, type: 'file', size: kind.text.length, body: kind.text }
}

function listed(tree: CopiedTree<string>): string[] {
  return [...tree.entries()].map((item) => {
    const more = item.type === 'file' ? `=${item.body}` : item.type === 'symlink' ? `->${item.target}` : '/'
    return `${item.path}${more}`
  })
}

const ROOT = entry('', 'directory')

test('folders are merged, and of files the last stays', async () => {
  const tree = new CopiedTree<string>(0o755, false)
  await tree.copy('a', [ROOT, entry('d', 'directory'), entry('d/x', { text: 'a' }), entry('d/y', { text: 'a' })])
  await tree.copy('b', [ROOT, entry('d', 'directory'), entry('d/x', { text: 'b' })])
  tree.addRootMode(0o220)
  assert.deepEqual(listed(tree), ['/', 'd/', 'd/x=b', 'd/y=a'])
  assert.equal([...tree.entries()][0]?.mode, 0o775)
})

test('a folder takes the place of a symlink, unless such symlinks are kept', async () => {
  const first = [ROOT, entry('real', 'directory'), entry('link', { target: 'real' })]
  const second = [ROOT, entry('link', 'directory'), entry('link/f', { text: 'f' })]
  const [replacing, keeping] = [new CopiedTree<string>(0o755, false), new CopiedTree<string>(0o755, true)]
  for (const tree of [replacing, keeping]) {
    await tree.copy('a', first)
    await tree.copy('b', second)
  }
  assert.deepEqual(listed(replacing), ['/', 'link/', 'link/f=f', 'real/'])
  assert.deepEqual(listed(keeping), ['/', 'link->real', 'real/', 'real/f=f'])
})

for (const target of ['nowhere', '../..', 'link', 'file']) {
  test(`a symlink to "${target}" is no folder, and is replaced`, async () => {
    const tree = new CopiedTree<string>(0o755, true)
    await tree.copy('a', [ROOT, entry('file', { text: '' }), entry('link', { target })])
    await tree.copy('b', [ROOT, entry('link', 'directory'), entry('link/f', { text: 'f' })])
    assert.ok(listed(tree).includes('link/f=f'))
  })
}

for (const [what, first, second, keep] of [
  [
    'a file in the place of a full folder',
    [entry('d', 'directory'), entry('d/x', { text: '' })],
    entry('d', { text: '' }),
    false,
  ],
  ['a folder through an absolute symlink', [entry('d', { target: '/nix/store/x' })], entry('d', 'directory'), true],
] as const) {
  test(`${what} is refused`, async () => {
    const tree = new CopiedTree<string>(0o755, keep)
    await tree.copy('a', [ROOT, ...first])
    await assert.rejects(
      tree.copy('b', [ROOT, second]),
      (error) => error instanceof DockerToolsError && error.code === 'FILE_TYPE_UNSUPPORTED',
    )
  })
}

const names = fc.constantFrom('a', 'b', 'a-b', 'B', 'é')
const paths = fc.uniqueArray(
  fc.tuple(names, names, names).map((parts) => parts.join('/')),
  { maxLength: 6 },
)

test('copies trees over each other as cp does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(paths, { minLength: 1, maxLength: 3 }), async (layers) => {
      await using scratch = await makeTempDir('copied-')
      const target = join(scratch.path, 'target')
      mkdirSync(target)
      const tree = new CopiedTree<string>(0o755, false)
      for (const [index, files] of layers.entries()) {
        const source = join(scratch.path, String(index))
        mkdirSync(source)
        for (const file of files) {
          mkdirSync(join(source, file, '..'), { recursive: true })
          writeFileSync(join(source, file), String(index))
        }
        chmodSync(source, 0o755)
        execFileSync('cp', ['-a', `${source}/.`, target])
        await tree.copy(source, scannedEntries(source, String(index)))
      }
      const expected = [...scanTree(toByteString(target), { order: 'bytes' })].map(({ path, type, mode }) => ({
        path,
        type,
        mode,
      }))
      assert.deepEqual(
        [...tree.entries()].map(({ path, type, mode }) => ({ path, type, mode })),
        expected,
      )
    }),
    { numRuns: 25 },
  )
})

function* scannedEntries(root: string, text: string): Generator<Entry> {
  for (const item of scanTree(toByteString(root), { order: 'bytes' })) {
    const { path, mode } = item as { readonly path: ByteString; readonly mode: number }
    yield item.type === 'file' ? { path, mode, type: 'file', size: 1, body: text } : { path, mode, type: 'directory' }
  }
}

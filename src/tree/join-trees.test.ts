import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { ByteString } from '#util'
import { type JoinCollision, type JoinSource, joinTrees } from './join-trees.ts'
import type { TreeEntry } from './tree-entry.ts'

const b = (text: string): ByteString => text as ByteString

/** A tree from lines such as `bin/`, `bin/x` and `l -> target`; directories have a slash at the end. */
function source(target: string, lines: readonly string[]): JoinSource {
  const entries = ['/', ...lines].map((line): TreeEntry => {
    const [path = '', link] = line.split(' -> ')
    if (link !== undefined) return { type: 'symlink', path: b(path), mode: 0o777, target: b(link) }
    if (path.endsWith('/')) return { type: 'directory', path: b(path.slice(0, -1)), mode: 0o555 }
    return { type: 'file', path: b(path), mode: 0o444, size: 0, open: () => assert.fail('a join does not read files') }
  })
  return { target: b(target), entries }
}

async function join(...sources: readonly JoinSource[]): Promise<{ lines: string[]; collisions: JoinCollision[] }> {
  const collisions: JoinCollision[] = []
  const tree = await joinTrees(sources, (collision) => collisions.push(collision))
  const lines = [...tree.entries('bytes')].map((entry) =>
    entry.type === 'directory' ? `${entry.path}/` : `${entry.path} -> ${entry.target}`,
  )
  return { lines, collisions }
}

test('joinTrees() merges directories, links files and copies symlinks as they are', async () => {
  const { lines, collisions } = await join(
    source('/s/a', ['bin/', 'bin/x', 'link -> bin']),
    source('/s/b', ['bin/', 'bin/y', 'bin/z -> /abs', 'etc/']),
  )
  assert.deepEqual(lines, [
    '/',
    'bin/',
    'bin/x -> /s/a/bin/x',
    'bin/y -> /s/b/bin/y',
    'bin/z -> /abs',
    'etc/',
    'link -> bin',
  ])
  assert.deepEqual(collisions, [])
})

test('joinTrees() keeps the first of one name, and reports the others', async () => {
  const { lines, collisions } = await join(
    source('/s/a', ['dir/', 'dir/in', 'file', 'same -> x']),
    source('/s/b', ['dir', 'file/', 'file/in', 'file/sub/', 'file/sub/deep', 'same -> x']),
    source('/s/c', ['file']),
  )
  assert.deepEqual(lines, ['/', 'dir/', 'dir/in -> /s/a/dir/in', 'file -> /s/a/file', 'same -> x'])
  assert.deepEqual(collisions, [
    { path: 'dir', source: '/s/b', dropped: 'file', kept: 'directory' },
    { path: 'file', source: '/s/b', dropped: 'directory', kept: 'symlink' },
    { path: 'file', source: '/s/c', dropped: 'file', kept: 'symlink' },
  ])
})

test('joinTrees() leaves out what lndir leaves out', async () => {
  const skipped = ['x~', '.#x', '.DS_Store', '._.DS_Store', '.cvsignore', '.gitignore', '~']
  const directories = ['BitKeeper', 'RCS', 'SCCS', 'CVS', 'CVS.adm', '.svn', 'y~']
  const { lines, collisions } = await join(
    source('/s', [...skipped, ...directories.flatMap((name) => [`${name}/`, `${name}/in/`, `${name}/in/file`])]),
    source('/t', ['RCS', 'SCCS -> x', '.git/', '~x']),
  )
  assert.deepEqual(lines, ['/', '.git/', 'RCS -> /t/RCS', 'SCCS -> x', '~x -> /t/~x'])
  assert.deepEqual(collisions, [])
})

test('joinTrees() links pipes, sockets and devices', async () => {
  const entries: TreeEntry[] = [
    { type: 'directory', path: b(''), mode: 0o755 },
    { type: 'fifo', path: b('p'), mode: 0o644 },
    { type: 'socket', path: b('s'), mode: 0o644 },
    { type: 'char', path: b('z'), mode: 0o644, major: 1, minor: 3 },
  ]
  const { lines } = await join({ target: b('/s'), entries })
  assert.deepEqual(lines, ['/', 'p -> /s/p', 's -> /s/s', 'z -> /s/z'])
})

test('joinTrees() refuses a source that is no directory', async () => {
  const file: TreeEntry = { type: 'symlink', path: b(''), mode: 0o777, target: b('x') }
  await assert.rejects(joinTrees([{ target: b('/s/x'), entries: [file] }]), {
    code: 'FILE_TYPE_UNSUPPORTED',
    message: 'Cannot join "/s/x": it is a symlink, it should be a directory',
  })
  await assert.rejects(joinTrees([{ target: b('/s/x'), entries: [] }]), { code: 'INTERNAL' })
})

test('joinTrees() of nothing is an empty directory', async () => {
  assert.deepEqual((await join()).lines, ['/'])
})

test('joinTrees() takes trees of any depth', async () => {
  const paths = Array.from({ length: 3000 }, (_, depth) => 'd/'.repeat(depth + 1))
  const { lines } = await join(source('/s', paths))
  assert.equal(lines.length, 3001)
})

/** What is at each path, found one path at a time: an oracle that knows nothing of trees. */
function expectedLines(trees: readonly (readonly string[])[]): string[] {
  const found = new Map<string, string>()
  for (const [index, lines] of trees.entries()) {
    const dropped: string[] = []
    for (const line of lines) {
      const isDirectory = line.endsWith('/')
      const path = isDirectory ? line.slice(0, -1) : line
      if (dropped.some((above) => path.startsWith(`${above}/`))) continue
      const existing = found.get(path)
      if (existing === undefined) found.set(path, isDirectory ? `${path}/` : `${path} -> /${index}/${path}`)
      else if (isDirectory && !existing.endsWith('/')) dropped.push(path)
    }
  }
  return [...found.values()].toSorted()
}

test('joinTrees() agrees with looking at each path alone', async () => {
  const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
  const tree = fc.array(path, { maxLength: 8 }).map((files) => {
    const paths = new Map<string, boolean>()
    for (const parts of files) {
      const whole = parts.join('/')
      const blocked = parts.some((_, index) => index > 0 && paths.get(parts.slice(0, index).join('/')) === false)
      if (blocked || paths.has(whole)) continue
      for (let length = 1; length < parts.length; length++) paths.set(parts.slice(0, length).join('/'), true)
      paths.set(whole, false)
    }
    return [...paths].map(([name, isDirectory]) => (isDirectory ? `${name}/` : name)).toSorted()
  })
  await fc.assert(
    fc.asyncProperty(fc.array(tree, { maxLength: 4 }), async (trees) => {
      const { lines } = await join(...trees.map((list, index) => source(`/${index}`, list)))
      assert.deepEqual(lines.slice(1).toSorted(), expectedLines(trees))
    }),
    { numRuns: 200 },
  )
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { makeTempDir, toByteString } from '#util'
import { treeEntries } from './tree-entries.ts'
import type { TreeEntry } from './tree-entry.ts'

async function list(root: string): Promise<TreeEntry[]> {
  return Array.fromAsync(treeEntries(toByteString(root), 'bytes'))
}

async function content(entry: TreeEntry | undefined): Promise<string> {
  assert.ok(entry?.type === 'file')
  return Buffer.concat(await Array.fromAsync(entry.open())).toString('latin1')
}

test('treeEntries() gives the content of files, as often as asked', async () => {
  await using directory = await makeTempDir('entries-')
  const large = 'x'.repeat(600_000)
  mkdirSync(`${directory.path}/sub`)
  writeFileSync(`${directory.path}/sub/large`, large)
  writeFileSync(`${directory.path}/sub/empty`, '')
  const [, sub, empty, file] = await list(directory.path)
  assert.equal(sub?.type, 'directory')
  assert.equal(await content(empty), '')
  assert.equal(await content(file), large)
  assert.equal(await content(file), large)
})

test('treeEntries() gives the content of a root that is a file', async () => {
  await using directory = await makeTempDir('entries-')
  writeFileSync(`${directory.path}/file`, 'abc')
  const [file] = await list(`${directory.path}/file`)
  assert.equal(await content(file), 'abc')
})

const CHANGES: Readonly<Record<string, (path: string) => void>> = {
  grows: (path) => appendFileSync(path, 'x'),
  shrinks: (path) => truncateSync(path, 1),
  vanishes: (path) => rmSync(path),
  'is replaced by one of the same size': (path) => {
    writeFileSync(`${path}.new`, 'ABC')
    renameSync(`${path}.new`, path)
  },
  'is overwritten in place': (path) => {
    const { ctimeMs } = lstatSync(path)
    // The clock of the file system moves in steps of some milliseconds.
    while (lstatSync(path).ctimeMs === ctimeMs) writeFileSync(path, 'ABC')
  },
  'becomes a symlink': (path) => {
    renameSync(path, `${path}.old`)
    symlinkSync('file.old', path)
  },
  'becomes a pipe': (path) => {
    rmSync(path)
    assert.equal(spawnSync('mkfifo', [path]).status, 0)
  },
}

for (const [name, change] of Object.entries(CHANGES)) {
  test(`treeEntries() says FILE_CHANGED when a file ${name} before it is read`, async () => {
    await using directory = await makeTempDir('entries-')
    writeFileSync(`${directory.path}/file`, 'abc')
    const [, file] = await list(directory.path)
    change(`${directory.path}/file`)
    await assert.rejects(content(file), { code: 'FILE_CHANGED' })
  })
}

test('treeEntries() says FILE_CHANGED when a file shrinks while it is read', async () => {
  await using directory = await makeTempDir('entries-')
  writeFileSync(`${directory.path}/file`, 'x'.repeat(600_000))
  const [, file] = await list(directory.path)
  assert.ok(file?.type === 'file')
  const read = async (): Promise<void> => {
    for await (const _ of file.open()) truncateSync(`${directory.path}/file`, 1)
  }
  await assert.rejects(read(), { code: 'FILE_CHANGED' })
})

import assert from 'node:assert/strict'
import { lstatSync, mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { type ByteString, makeTempDir, toByteString } from '#util'
import { joinTrees, type JoinedTree } from './join-trees.ts'
import { materialize } from './materialize.ts'
import { scanTree } from './scan-tree.ts'

const odd = '\xff' as ByteString

const directory = (path: ByteString) => ({ type: 'directory', path, mode: 0o555 }) as const
const symlink = (path: ByteString) => ({ type: 'symlink', path, mode: 0o777, target: odd }) as const

async function example(): Promise<JoinedTree> {
  const entries = [directory('' as ByteString), directory('sub' as ByteString), symlink(`sub/${odd}` as ByteString)]
  return joinTrees([{ target: toByteString('/s'), entries }])
}

for (const umask of [0o000, 0o022, 0o077, 0o777]) {
  test(`materialize() makes the same tree under umask ${umask.toString(8)}`, async () => {
    await using scratch = await makeTempDir('materialize-')
    const tree = await example()
    const before = process.umask(umask)
    try {
      await materialize(tree, `${scratch.path}/new`)
    } finally {
      process.umask(before)
    }
    const entries = [...scanTree(toByteString(`${scratch.path}/new`), { order: 'bytes' })]
    const facts = entries.map(({ path, mode, type }) => [path, type, mode])
    assert.deepEqual(facts, [
      ['', 'directory', 0o755],
      ['sub', 'directory', 0o755],
      [`sub/${odd}`, 'symlink', 0o777],
    ])
    assert.ok(entries[2]?.type === 'symlink' && entries[2].target === odd)
  })
}

test('materialize() fills an empty directory, and replaces nothing', async () => {
  await using scratch = await makeTempDir('materialize-')
  mkdirSync(`${scratch.path}/empty`, 0o700)
  await materialize(await example(), `${scratch.path}/empty`)
  assert.equal(lstatSync(`${scratch.path}/empty`).mode & 0o777, 0o755)
  await assert.rejects(materialize(await example(), `${scratch.path}/empty`), {
    code: 'WRITE_FAILED',
    message: `Cannot create "${scratch.path}/empty/sub": it exists, it should not`,
  })
  writeFileSync(`${scratch.path}/file`, '')
  await assert.rejects(materialize(await example(), `${scratch.path}/file`), { code: 'WRITE_FAILED' })
  await assert.rejects(materialize(await example(), `${scratch.path}/none/below`), { code: 'WRITE_FAILED' })
})

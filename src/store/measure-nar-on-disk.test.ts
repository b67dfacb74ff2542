import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatHash, measureNar, measureNarOnDisk } from '#store'
import { treeEntries } from '#tree'
import { toByteString } from '#util'

test('measureNarOnDisk() measures what measureNar() measures', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'nar-on-disk-'))
  t.after(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'a', 'empty'), { recursive: true })
  for (const size of [0, 1, 7, 8, 9, 1024 * 1024, 1024 * 1024 + 1])
    writeFileSync(join(root, 'a', `f${size}`), Buffer.alloc(size, size))
  writeFileSync(join(root, 'a-b'), 'x')
  chmodSync(join(root, 'a-b'), 0o755)
  symlinkSync('nowhere', join(root, 'žluť'))
  for (const path of [root, join(root, 'a-b'), join(root, 'žluť')]) {
    const name = toByteString(path)
    const expected = await measureNar(treeEntries(name, 'bytes'))
    const actual = await measureNarOnDisk(name)
    assert.equal(actual.narSize, expected.narSize, path)
    assert.equal(formatHash(actual.narHash, 'sri'), formatHash(expected.narHash, 'sri'), path)
  }
})

test('measureNarOnDisk() names a file that is not there any more as unreadable', async () => {
  await assert.rejects(measureNarOnDisk(toByteString('/nonexistent/x')), { code: 'FILE_UNREADABLE' })
})

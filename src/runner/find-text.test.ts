import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempDir } from '#util'
import { findText } from './find-text.ts'

test('a text is found in contents, also across chunks, in targets and in names', async () => {
  await using temp = await makeTempDir('find-')
  const make = (name: string): string => {
    mkdirSync(join(temp.path, name, 'd'), { recursive: true })
    writeFileSync(join(temp.path, name, 'd/plain'), 'need le')
    return join(temp.path, name)
  }
  assert.equal(findText(make('none'), 'needle'), undefined)
  for (const before of [0, 1_048_570, 1_048_571, 1_048_576, 2_097_150]) {
    const tree = make(`content-${before}`)
    writeFileSync(join(tree, 'd/file'), `${'x'.repeat(before)}needle`, { mode: 0o000 })
    assert.equal(findText(tree, 'needle'), join(tree, 'd/file'), `${before}`)
  }
  const link = make('link')
  symlinkSync('to/needle/x', join(link, 'd/link'))
  assert.equal(findText(link, 'needle'), join(link, 'd/link'))
  const name = make('name')
  writeFileSync(join(name, 'd/a needle'), '')
  assert.equal(findText(name, 'needle'), join(name, 'd'))
})

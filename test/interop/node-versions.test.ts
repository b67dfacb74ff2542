import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeOddTree } from './odd-tree.ts'
import { run } from './run.ts'
import { digestOfFile, makeWorkshop } from './workshop.ts'

/** Another Node that the package supports. */
const OTHER_NODE = process.env['DOCKERTOOLS_NODE_26']

const skip = OTHER_NODE === undefined ? 'DOCKERTOOLS_NODE_26 names no Node 26 to try' : false

test('another Node writes the same bytes, whatever the compressor', { skip }, async () => {
  await using shop = await makeWorkshop()
  await makeOddTree(join(shop.path, 'odd'))
  for (const compressor of ['none', 'gz', 'zstd']) {
    const args = { contents: ['./odd'], extraCommands: 'seq 100000 > numbers', compressor }
    const expected = await digestOfFile(await shop.build(compressor, args))
    const output = join(shop.path, `${compressor}.other`)
    const again = shop.command('build', join(shop.path, `${compressor}.json`), '-o', output)
    await run({ ...again, program: OTHER_NODE ?? '' })
    assert.equal(await digestOfFile(output), expected, compressor)
  }
})

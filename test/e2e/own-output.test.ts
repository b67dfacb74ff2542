import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildImage, streamLayeredImage, writeOciLayout } from '#docker-tools'
import { makeTempDir } from '#util'
import { useOwnHome } from '../support/own-home.ts'
import { makeBench } from '../support/run-cli.ts'

useOwnHome()

test('an image of a folder does not take in the image that a link in the folder leads to', async () => {
  for (const image of [
    { function: 'buildLayeredImage', args: { name: 'dot', tag: '1', contents: './' } },
    { function: 'buildImage', args: { name: 'dot', tag: '1', copyToRoot: './' } },
  ]) {
    await using bench = await makeBench()
    const folder = join(bench.path, 'project')
    mkdirSync(folder)
    writeFileSync(join(folder, 'data'), Buffer.alloc(300_000, 'data '))
    writeFileSync(join(folder, 'image.json'), JSON.stringify(image))
    const sizes: number[] = []
    for (let round = 0; round < 3; round++) {
      const { status, stderr } = await bench.run(
        ['build', '-q', 'image.json', '--store', `local:${bench.path}/store`],
        {
          cwd: folder,
        },
      )
      assert.equal(status, 0, stderr)
      const result = readdirSync(folder).find((name) => name === 'result')
      assert.ok(result)
      const store = join(bench.path, 'store/nix/store')
      const archives = readdirSync(store).filter((name) => name.endsWith('.tar.gz'))
      sizes.push(Math.max(...archives.map((name) => readFileSync(join(store, name)).length)))
    }
    // The link itself is one of the folder's files.
    assert.ok(Math.max(...sizes) < 40_000, sizes.join(', '))
  }
})

test('a layout goes into a folder that is empty or new, and into no other', async () => {
  await using scratch = await makeTempDir('layout-')
  const image = streamLayeredImage({ name: 'x', tag: '1' })
  await writeOciLayout(image, join(scratch.path, 'new'))
  assert.ok(readdirSync(join(scratch.path, 'new')).includes('index.json'))
  mkdirSync(join(scratch.path, 'used'))
  writeFileSync(join(scratch.path, 'used/mine'), '')
  await assert.rejects(writeOciLayout(image, join(scratch.path, 'used')), {
    code: 'WRITE_FAILED',
    message: /there is "mine" in it, it should be an empty folder$/,
  })
  assert.deepEqual(readdirSync(join(scratch.path, 'used')), ['mine'])
  await assert.rejects(writeOciLayout(image, join(scratch.path, 'no/such')), { code: 'WRITE_FAILED' })
  assert.deepEqual(readdirSync(scratch.path).toSorted(), ['new', 'used'])
})

test('buildImage takes no date that engines cannot read', () => {
  for (const created of ['2020-01-01', '20200101', '2020-01-01T00:00', '2020-01-01 00:00:00', '2020-01-01T00:00:00']) {
    assert.throws(
      () => buildImage({ name: 'x', created }),
      { code: 'DEFINITION_INVALID', message: /RFC 3339/ },
      created,
    )
  }
  for (const created of ['now', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00.5+02:00']) {
    buildImage({ name: 'x', created })
  }
})

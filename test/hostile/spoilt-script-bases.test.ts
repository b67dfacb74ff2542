import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { sha256 } from '../support/make-image.ts'
import { makeTar } from '../support/make-tar.ts'
import { needs } from '../support/places.ts'
import { makeBench } from '../support/run-cli.ts'

const needsTools = needs('unshare', 'nsenter', 'busybox')

const LOWER = makeTar([{ name: 'etc/a', body: 'lower\n' }])
const UPPER = makeTar([{ name: 'etc/b', body: 'upper\n' }])
/** One byte of a content is another one: names, sizes and checksums of headers are as they should be. */
const SPOILT = Buffer.from(LOWER)
SPOILT.write('L', LOWER.indexOf('lower\n'))

/** What a script says shows that it has run. */
const SCRIPT = 'echo the script runs >&2; cat /etc/a >&2'

/** A docker-archive whose configuration has the digests of the layers as they should be. */
function archive(stored: readonly Buffer[], named: readonly Buffer[]): Buffer {
  const names = stored.map((_, index) => `${index}/layer.tar`)
  const config = { rootfs: { type: 'layers', diff_ids: named.map((tar) => `sha256:${sha256(tar)}`) } }
  return makeTar([
    ...stored.map((body, index) => ({ name: names[index] ?? '', body })),
    { name: 'c.json', body: JSON.stringify(config) },
    { name: 'manifest.json', body: JSON.stringify([{ Config: 'c.json', Layers: names }]) },
  ])
}

async function runOn(base: Buffer, name = 'base.tar'): Promise<{ status: number | null; stderr: string }> {
  await using bench = await makeBench()
  writeFileSync(join(bench.path, name), base)
  const args = { name: 'x', tag: '1', fromImage: `./${name}`, runAsRoot: SCRIPT }
  writeFileSync(join(bench.path, 'image.json'), JSON.stringify({ function: 'buildImage', args }))
  const { status, stderr } = await bench.run(['build', 'image.json', '-o', 'image.tar', '--runner', 'namespace'])
  assert.deepEqual(bench.leftovers(), [])
  return { status, stderr }
}

const cases: Readonly<Record<string, readonly [stored: readonly Buffer[], named: readonly Buffer[]]>> = {
  'the only one, plain': [[SPOILT], [LOWER]],
  'the only one, compressed': [[gzipSync(SPOILT)], [LOWER]],
  'the lower of two': [
    [SPOILT, UPPER],
    [LOWER, UPPER],
  ],
  'one that is cut short': [[LOWER.subarray(0, 514)], [LOWER]],
  'one whose header is spoilt': [[Buffer.from(LOWER).fill('x', 0, 4)], [LOWER]],
  'the upper of two': [
    [UPPER, SPOILT],
    [UPPER, LOWER],
  ],
}

for (const [what, [stored, named]] of Object.entries(cases)) {
  test(`runAsRoot is not run on a base with a layer that has another digest: ${what}`, needsTools, async () => {
    const { status, stderr } = await runOn(archive(stored, named))
    assert.equal(status, 3, stderr)
    assert.match(
      stderr,
      new RegExp(`DIGEST_MISMATCH.*layer "./layer.tar" of base image.*should be "sha256:${sha256(LOWER)}`),
    )
    assert.doesNotMatch(stderr, /the script runs/)
  })
}

test('runAsRoot is run on the same base where the digests are right', needsTools, async () => {
  const { status, stderr } = await runOn(archive([LOWER, UPPER], [LOWER, UPPER]))
  assert.equal(status, 0, stderr)
  assert.match(stderr, /the script runs\n.*lower\n/)
})

test('the base of a script may have a name that no store path can have', needsTools, async () => {
  const { status, stderr } = await runOn(archive([LOWER], [LOWER]), 'the base.tar')
  assert.equal(status, 0, stderr)
})

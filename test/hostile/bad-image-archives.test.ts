import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type MadeMember, makeTar } from '../support/make-tar.ts'
import { makeBench } from '../support/run-cli.ts'
import { assertFailed, type Refusal } from './expect-refusal.ts'

const LAYER = makeTar([{ name: 'etc/a', body: 'a\n' }])
const DIFF_ID = `sha256:${createHash('sha256').update(LAYER).digest('hex')}`

/** A docker-archive with one layer, further members, and other parts where they are told. */
function archive(
  more: readonly MadeMember[] = [],
  parts: {
    readonly diffIds?: readonly string[]
    readonly layers?: readonly string[]
    readonly manifest?: unknown
  } = {},
): Buffer {
  const { diffIds = [DIFF_ID], layers = ['l/layer.tar'] } = parts
  const config = { rootfs: { type: 'layers', diff_ids: diffIds }, config: {} }
  const { manifest = [{ Config: 'c.json', RepoTags: ['base:1'], Layers: layers }] } = parts
  return makeTar([
    { name: 'l/layer.tar', body: LAYER },
    { name: 'c.json', body: JSON.stringify(config) },
    { name: 'manifest.json', body: JSON.stringify(manifest) },
    ...more,
  ])
}

const cases: Readonly<Record<string, readonly [bytes: Buffer, refusal: Refusal]>> = {
  'with a member above it': [
    archive([{ name: '../../escaped', body: 'x' }]),
    { code: 'PATH_UNSAFE', message: /"\.\.\/\.\.\/escaped" leads outside/ },
  ],
  'with an absolute member': [
    archive([{ name: '/tmp/escaped', body: 'x' }]),
    { code: 'PATH_UNSAFE', message: /"\/tmp\/escaped" leads outside/ },
  ],
  'with a member behind a symlink': [
    archive([
      { name: 'd', type: '2', link: '/tmp' },
      { name: 'd/escaped', body: 'x' },
    ]),
    { code: 'PATH_UNSAFE', message: /leads through a symlink/ },
  ],
  'with a pipe': [archive([{ name: 'p', type: '6' }]), { code: 'FORMAT_UNSUPPORTED', message: /"p" is a fifo/ }],
  'with a hard link to nothing': [
    archive([{ name: 'h', type: '1', link: 'nothing' }]),
    { code: 'FORMAT_INVALID', message: /link to nothing/ },
  ],
  'with hard links in a circle': [
    archive([
      { name: 'h', type: '1', link: 'i' },
      { name: 'i', type: '1', link: 'h' },
    ]),
    { code: 'FORMAT_INVALID', message: /circle/ },
  ],
  'whose layer has another digest': [
    archive([], { diffIds: [`sha256:${'0'.repeat(64)}`] }),
    { code: 'DIGEST_MISMATCH', message: /layer "l\/layer\.tar"/ },
  ],
  'with more layers than digests': [
    archive([], { layers: ['l/layer.tar', 'l/layer.tar'] }),
    { code: 'FORMAT_INVALID', message: /names 2 layers/ },
  ],
  'whose manifest is null': [archive([], { manifest: null }), { code: 'FORMAT_INVALID', message: /list of images/ }],
  'whose manifest has lower-case keys': [
    archive([], { manifest: [{ config: 'c.json', layers: [] }] }),
    { code: 'FORMAT_INVALID', message: /no "Config"/ },
  ],
  'that ends in a layer': [archive().subarray(0, 800), { code: 'TRUNCATED', message: /image/ }],
}

for (const [what, [bytes, refusal]] of Object.entries(cases)) {
  for (const definition of [
    { function: 'buildImage', args: { name: 'x', tag: '1', fromImage: './base.tar', compressor: 'none' } },
    { function: 'mergeImages', args: { images: ['./base.tar'] } },
  ]) {
    test(`${definition.function} refuses an archive ${what}`, async () => {
      await using bench = await makeBench()
      writeFileSync(join(bench.path, 'base.tar'), bytes)
      writeFileSync(join(bench.path, 'image.json'), JSON.stringify(definition))
      mkdirSync(join(bench.path, 'result'))
      const result = await bench.run(['build', 'image.json', '-o', 'result/image.tar', '--log-format=json'])
      assertFailed(result, refusal)
      assert.deepEqual(readdirSync(join(bench.path, 'result')), [])
      assert.deepEqual(bench.leftovers(), [])
      assert.equal(existsSync('/tmp/escaped'), false)
      assert.equal(existsSync(join(bench.path, '..', 'escaped')), false)
    })
  }
}

const refusals: Readonly<Record<string, readonly [definition: unknown, refusal: Refusal]>> = {
  'an image that the archive does not have': [
    { function: 'buildImage', args: { name: 'x', fromImage: './base.tar', fromImageName: 'base', fromImageTag: '2' } },
    { code: 'DEFINITION_INVALID', message: /no image with name "base" and tag "2"/ },
  ],
  'contents under both names': [
    { function: 'buildImage', args: { name: 'x', contents: [], copyToRoot: [] } },
    {
      code: 'DEFINITION_INVALID',
      message: /^in docker image x: You can not specify both contents and copyToRoot\.$/,
      isUpstreamText: true,
    },
  ],
  'runAsRoot that is no text': [
    { function: 'buildImage', args: { name: 'x', runAsRoot: true } },
    { code: 'DEFINITION_INVALID', message: /"runAsRoot": it is true, it should be a string/ },
  ],
  'a diskSize of nothing': [
    { function: 'buildImage', args: { name: 'x', diskSize: 0 } },
    { code: 'DEFINITION_INVALID', message: /"diskSize": it is 0, it should be a number of MiB above 0/ },
  ],
  'a time that is none': [
    { function: 'buildImage', args: { name: 'x', created: 'yesterday' } },
    { code: 'DEFINITION_INVALID', message: /"yesterday" as created/ },
  ],
  'a plain file as contents': [
    { function: 'buildImage', args: { name: 'x', copyToRoot: './base.tar' } },
    { code: 'FILE_TYPE_UNSUPPORTED', message: /not a folder/ },
  ],
  'a script that fails': [
    { function: 'buildImage', args: { name: 'x', extraCommands: 'false' } },
    { code: 'SCRIPT_FAILED', message: /extraCommands.*status 1/ },
  ],
  'no images to merge': [
    { function: 'mergeImages', args: { images: [] } },
    { code: 'DEFINITION_INVALID', message: /at least one image/ },
  ],
}

for (const [what, [definition, refusal]] of Object.entries(refusals)) {
  test(`a definition is refused with ${what}`, async () => {
    await using bench = await makeBench()
    writeFileSync(join(bench.path, 'base.tar'), archive())
    writeFileSync(join(bench.path, 'image.json'), JSON.stringify(definition))
    const result = await bench.run(['build', 'image.json', '-o', 'image.tar', '--log-format=json'])
    assertFailed(result, refusal)
    assert.equal(existsSync(join(bench.path, 'image.tar')), false)
    assert.deepEqual(bench.leftovers(), [])
  })
}

test('the hint of an image that is not there lists those that are', async () => {
  await using bench = await makeBench()
  writeFileSync(join(bench.path, 'base.tar'), archive())
  const args = { name: 'x', fromImage: './base.tar', fromImageName: 'other' }
  const stdin = JSON.stringify({ function: 'buildImage', args })
  const result = await bench.run(['build', '-', '-o', 'image.tar'], { stdin })
  assert.match(result.stderr, /hint: It has base:1\n/)
})

test('symlinks to folders above them end where the kernel stops', async () => {
  await using bench = await makeBench()
  mkdirSync(join(bench.path, 'root'))
  writeFileSync(join(bench.path, 'root/f'), 'f')
  symlinkSync('.', join(bench.path, 'root/self'))
  const args = { name: 'x', tag: '1', copyToRoot: './root', compressor: 'none' }
  const stdin = JSON.stringify({ function: 'buildImage', args })
  const result = await bench.run(['build', '-', '-o', 'image.tar', '--quiet'], { stdin })
  assert.equal(result.status, 0, result.stderr)
  const deep = `./${'self/'.repeat(40)}`
  const bytes = readFileSync(join(bench.path, 'image.tar'))
  assert.ok(bytes.includes(`${deep}f`))
  assert.ok(!bytes.includes(`${deep}self/`))
})

test('a layer that is a link to another one is taken', async () => {
  await using bench = await makeBench()
  const link = archive([{ name: 'm/layer.tar', type: '2', link: '../l/layer.tar' }], {
    diffIds: [DIFF_ID, DIFF_ID],
    layers: ['l/layer.tar', 'm/layer.tar'],
  })
  writeFileSync(join(bench.path, 'base.tar'), link)
  const args = { name: 'x', tag: '1', fromImage: './base.tar', compressor: 'none' }
  const stdin = JSON.stringify({ function: 'buildImage', args })
  const result = await bench.run(['build', '-', '-o', 'image.tar', '--quiet'], { stdin })
  assert.equal(result.status, 0, result.stderr)
})

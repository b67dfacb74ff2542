import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DockerToolsError } from '#errors'
import { chooseEntry } from './choose-entry.ts'
import { type IndexEntry, parseManifest } from './parse-manifest.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`
const OCI = 'application/vnd.oci.image'
const CONFIG = { mediaType: `${OCI}.config.v1+json`, digest: DIGEST, size: 2 }
const LAYER = { mediaType: `${OCI}.layer.v1.tar+gzip`, digest: DIGEST, size: 3 }
const IMAGE = { schemaVersion: 2, mediaType: `${OCI}.manifest.v1+json`, config: CONFIG, layers: [LAYER] }
const INDEX = { schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests: [{ ...IMAGE.config }] }

function parse(value: unknown) {
  return parseManifest(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), 'manifest "x"')
}

describe('parseManifest()', () => {
  test('reads images and indexes, with their type or without', () => {
    for (const mediaType of [IMAGE.mediaType, undefined]) {
      const parsed = parse({ ...IMAGE, mediaType })
      assert.deepEqual(parsed, { type: 'image', config: CONFIG, layers: [LAYER] })
    }
    for (const mediaType of [INDEX.mediaType, undefined]) {
      const parsed = parse({ ...INDEX, mediaType })
      assert.deepEqual(parsed, { type: 'index', entries: [{ ...CONFIG, platform: undefined }] })
    }
  })

  for (const [what, value, code, message] of [
    ['no JSON', '<html>', 'FORMAT_INVALID', /manifest "x"/],
    ['a list', [], 'FORMAT_INVALID', /should be a JSON object/],
    ['both an image and an index', { ...IMAGE, ...INDEX, mediaType: undefined }, 'FORMAT_INVALID', /both layers and/],
    ['an index that says it is an image', { ...INDEX, mediaType: IMAGE.mediaType }, 'FORMAT_UNSUPPORTED', /media type/],
    ['an image that says it is an index', { ...IMAGE, mediaType: INDEX.mediaType }, 'FORMAT_UNSUPPORTED', /media type/],
    ['schema 1', { schemaVersion: 1, fsLayers: [] }, 'FORMAT_UNSUPPORTED', /manifest of schema 1/],
    [
      'an artifact',
      { ...IMAGE, config: { ...CONFIG, mediaType: 'a/b' } },
      'FORMAT_UNSUPPORTED',
      /artifact of type "a\/b"/,
    ],
    ['a layer that is no tar', { ...IMAGE, layers: [{ ...LAYER, mediaType: 'a/b' }] }, 'FORMAT_UNSUPPORTED', /"a\/b"/],
    [
      'an encrypted layer',
      { ...IMAGE, layers: [{ ...LAYER, mediaType: `${LAYER.mediaType}+encrypted` }] },
      'FORMAT_UNSUPPORTED',
      /encrypted/,
    ],
    [
      'a digest of another kind',
      { ...IMAGE, config: { ...CONFIG, digest: 'sha512:ab' } },
      'FORMAT_INVALID',
      /a digest/,
    ],
    [
      'a digest that leads out',
      { ...IMAGE, config: { ...CONFIG, digest: 'sha256:../x' } },
      'FORMAT_INVALID',
      /a digest/,
    ],
    ['a size below 0', { ...IMAGE, layers: [{ ...LAYER, size: -1 }] }, 'FORMAT_INVALID', /the size/],
    ['a size that no number holds', { ...IMAGE, layers: [{ ...LAYER, size: 2 ** 60 }] }, 'FORMAT_INVALID', /the size/],
    [
      'layers without end',
      { ...IMAGE, layers: Array.from({ length: 10_001 }, () => LAYER) },
      'LIMIT_EXCEEDED',
      /10001 layers/,
    ],
    ['layers that are no list', { ...IMAGE, layers: {} }, 'FORMAT_INVALID', /should be a list/],
    ['no configuration', { ...IMAGE, config: undefined }, 'FORMAT_INVALID', /should be an object/],
  ] as const) {
    test(`refuses ${what}`, () => {
      assert.throws(
        () => parse(value),
        (error: DockerToolsError) => {
          assert.equal(error.code, code, error.message)
          assert.match(error.message, message)
          return true
        },
      )
    })
  }
})

// As containers/image 5.23 chose, for each of these lists.
describe('chooseEntry()', () => {
  const entry = (platform: string | undefined, index: number): IndexEntry => {
    const [os = '', architecture = '', variant] = platform?.split('/') ?? []
    const known = platform === undefined ? undefined : { os, architecture, variant }
    return { mediaType: '', digest: DIGEST as IndexEntry['digest'], size: index, platform: known }
  }
  const choose = (there: readonly (string | undefined)[], asked: string): string | undefined => {
    const [os = '', architecture = '', variant] = asked.split('/')
    const chosen = chooseEntry(there.map(entry), { os, architecture, variant }, 'image "x"')
    return there[chosen.size]
  }
  const ARMS = ['linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7', 'linux/arm64/v8', 'linux/amd64', undefined]

  for (const [there, asked, expected] of [
    [ARMS, 'linux/arm', 'linux/arm/v7'],
    [ARMS, 'linux/arm/v6', 'linux/arm/v6'],
    [['linux/arm/v5', 'linux/arm/v7'], 'linux/arm/v6', 'linux/arm/v5'],
    [['linux/arm/v7', 'linux/arm'], 'linux/arm', 'linux/arm'],
    [['linux/arm/v7', 'linux/arm'], 'linux/arm/v6', 'linux/arm'],
    [ARMS, 'linux/arm64', 'linux/arm64/v8'],
    [['linux/arm64', 'linux/arm64/v8'], 'linux/arm64/v8', 'linux/arm64/v8'],
    [['linux/amd64/v3', 'linux/amd64'], 'linux/amd64', 'linux/amd64'],
    [['linux/amd64'], 'linux/amd64/v3', 'linux/amd64'],
    [ARMS, 'linux/s390x', undefined],
    [['windows/amd64', 'linux/amd64'], 'linux/amd64', 'linux/amd64'],
  ] as const) {
    test(`${asked} of ${there.join(', ')} is ${expected}`, () => assert.equal(choose(there, asked), expected))
  }

  test('what is not there is told with what is', () => {
    assert.throws(() => choose(['linux/amd64/v3', 'linux/arm'], 'linux/amd64'), {
      code: 'IMAGE_MISSING',
      message: 'Cannot use image "x": it has no image for "linux/amd64", it has "linux/amd64/v3", "linux/arm"',
    })
    assert.throws(() => choose([], 'linux/amd64'), { message: /it has none/ })
  })
})

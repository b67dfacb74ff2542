import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import { pullImage, type PullImageArgs } from '#docker-tools'
import type { IntegrityError } from '#errors'
import { readSample, serveHoldings, startServer } from '../support/fake-registry.ts'
import { listTar } from '../support/list-tar.ts'
import { GOLDEN, skipWithoutGolden } from '../support/places.ts'
import { useOwnHome } from '../support/own-home.ts'

useOwnHome()

const FOLDER = join(GOLDEN, 'skopeo')
const samples = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => /^s\d\d-/.test(name)) : []

async function pull(sample: string, args: Partial<PullImageArgs> & { readonly hash: string }): Promise<Buffer> {
  const { holdings, digest } = readSample(join(FOLDER, sample))
  await using server = await startServer((request, response) => serveHoldings(holdings, request, response))
  const image = pullImage({
    imageName: `${server.host}/sample`,
    imageDigest: digest,
    finalImageName: 'final/name',
    finalImageTag: 'tag1',
    ...args,
  })
  const chunks: Uint8Array[] = []
  for await (const chunk of image.chunks({ cacheDirectory: null, environment: {} })) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function sri(bytes: Uint8Array): string {
  return `sha256-${createHash('sha256').update(bytes).digest('base64')}`
}

describe('pullImage() gives the bytes that skopeo gave', skipWithoutGolden, () => {
  test('all samples are here', () => assert.equal(samples.length, 15))

  for (const sample of samples.filter((name) => existsSync(join(FOLDER, name, 'out.tar')))) {
    test(sample, async () => {
      const expected = readFileSync(join(FOLDER, sample, 'out.tar'))
      const actual = await pull(sample, { hash: sri(expected), arch: 'amd64' })
      assert.ok(actual.equals(expected))
    })
  }

  // The archives of the index are numbered in its order: one that has no variant, arm64 v8, arm v7, …
  for (const [archive, args] of [
    ['p0.tar', { arch: 'amd64' }],
    ['p1.tar', { arch: 'arm64' }],
    ['p2.tar', { arch: 'arm' }],
    ['p4.tar', { os: 'windows', arch: 'amd64' }],
  ] as const) {
    test(`s30-oci-index for ${JSON.stringify(args)}`, async () => {
      const expected = readFileSync(join(FOLDER, 's30-oci-index', archive))
      assert.ok((await pull('s30-oci-index', { hash: sri(expected), ...args })).equals(expected))
    })
  }

  test('s30-oci-index by the digests of its manifests, whatever the platform', async () => {
    const { holdings, digest } = readSample(join(FOLDER, 's30-oci-index'))
    const index = JSON.parse(Buffer.from(holdings.manifests.get(digest) ?? []).toString()) as {
      manifests: { digest: string }[]
    }
    for (const [number, manifest] of index.manifests.entries()) {
      const expected = readFileSync(join(FOLDER, 's30-oci-index', `p${number}.tar`))
      const actual = await pull('s30-oci-index', { hash: sri(expected), imageDigest: manifest.digest, arch: 's390x' })
      assert.ok(actual.equals(expected))
    }
  })

  test('a platform that is not there is told, with those that are', async () => {
    await assert.rejects(pull('s30-oci-index', { hash: '', arch: 's390x' }), {
      code: 'IMAGE_MISSING',
      message: /it has no image for "linux\/s390x", it has "linux\/amd64", "linux\/arm64\/v8"/,
    })
  })

  test('a layer in zstd, which skopeo refuses, is written plain', async () => {
    const sample = join(FOLDER, 's06-oci-2layers-zstd')
    const { holdings, digest } = readSample(sample)
    const manifest = JSON.parse(Buffer.from(holdings.manifests.get(digest) ?? []).toString()) as {
      layers: { digest: string }[]
    }
    const plain = manifest.layers.map((layer) => zstdDecompressSync(holdings.blobs.get(layer.digest) ?? Buffer.of()))
    let hash = ''
    await assert.rejects(pull('s06-oci-2layers-zstd', { hash: '' }), (error: IntegrityError) => {
      hash = error.actual
      return error.code === 'DIGEST_MISMATCH'
    })
    const members = listTar(await pull('s06-oci-2layers-zstd', { hash })).members
    for (const [index, layer] of plain.entries()) {
      assert.equal(members[index]?.row.name, `${createHash('sha256').update(layer).digest('hex')}.tar`)
      assert.ok(members[index]?.body.equals(layer))
    }
  })
})

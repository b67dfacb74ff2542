import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { buildImage, type ImageFileRecipe, mergeImages, type WriteOptions } from '#docker-tools'
import { collectEvents, collectingSink } from '../support/collect.ts'
import { listTar, listingText, memberNamed, type TarRow } from '../support/list-tar.ts'
import type { ExpectedLayer } from './golden-case.ts'

/** A recorded case of `buildImage` or `mergeImages`. */
export interface ImageCase {
  readonly case: string
  readonly function: 'buildImage' | 'mergeImages'
  readonly args: Readonly<Record<string, unknown>>
  readonly derived: {
    readonly outPath: string
    readonly imageTag?: string
    readonly imageName?: string
    readonly layerClosure?: readonly string[]
    readonly layerPath?: string
    readonly layerBeforeStorePaths?: { readonly diffId: string; readonly size: number }
  }
  readonly expect: {
    readonly compressor: string
    readonly tarSha256: string
    readonly tarSize: number
    readonly tarMembers: readonly TarRow[]
    readonly manifestJson: string
    readonly repositories: string
    readonly images: readonly {
      readonly config: string
      readonly configJson: string
      readonly layers: readonly (ExpectedLayer & { readonly path: string })[]
    }[]
    readonly otherFiles?: Readonly<Record<string, string>>
    readonly error?: unknown
  }
}

/** The recipe that a case calls for. */
export function imageRecipe(golden: ImageCase): ImageFileRecipe {
  if (golden.function === 'mergeImages') return mergeImages(golden.args as never)
  return buildImage({ ...golden.args, architecture: golden.args['architecture'] ?? 'amd64' } as never)
}

/** The uncompressed archive of a recipe. */
export async function archiveOf(recipe: ImageFileRecipe, options: WriteOptions): Promise<Buffer> {
  const sink = collectingSink()
  await recipe.writeTo(sink, options)
  return sink.bytes()
}

/** The options of all cases. */
export function imageOptions(store: string): WriteOptions {
  const { onEvent } = collectEvents()
  return { stores: [store], checkSignatures: false, cacheDirectory: null, environment: {}, onEvent }
}

/** Holds an archive against a recorded one: text by text and row by row, then its digest. */
export function assertRecorded(archive: Buffer, { expect }: ImageCase, layersFolder: string): void {
  const listing = listTar(archive)
  const text = (name: string): string => memberNamed(listing, name).body.toString()
  assert.deepEqual(
    listing.members.map(({ row }) => row.name),
    listing.members.map(({ row }) => row.name).toSorted(bySortName),
    'order of members',
  )
  for (const image of expect.images) {
    for (const layer of image.layers) {
      const member = listing.members.find(({ row }) => row.name === layer.path)
      if (member === undefined || member.row.type !== '0') continue
      assertLayer(member.body, layer, layersFolder)
    }
  }
  for (const [name, body] of Object.entries(expect.otherFiles ?? {})) {
    assert.equal(listing.members.find(({ row }) => row.name === name)?.body.toString(), body, name)
  }
  for (const image of expect.images) {
    const found = listing.members.find(({ row }) => row.name === image.config)
    assert.equal(found?.body.toString() ?? configs(listing), image.configJson, 'configuration')
  }
  assert.equal(text('manifest.json'), expect.manifestJson, 'manifest')
  assert.equal(text('repositories'), expect.repositories, 'repositories')
  assert.deepEqual(
    listing.members.map(({ row }) => withoutDigest(row)),
    expect.tarMembers.map(withoutDigest),
    'members',
  )
  assert.equal(archive.length, expect.tarSize, 'size')
  assert.equal(sha256(archive), expect.tarSha256, 'digest')
}

function assertLayer(body: Buffer, layer: ExpectedLayer, layersFolder: string): void {
  if (`sha256:${sha256(body)}` === layer.diffId) return
  const rows = listTar(body).members.map(({ row }) => row)
  const file = join(layersFolder, `${layer.diffId.replace('sha256:', '')}.jsonl.gz`)
  const known = existsSync(file)
    ? gunzipSync(readFileSync(file)).toString('utf8')
    : listingText(layer.rows ?? layer.firstRows ?? [])
  const count = known.trimEnd().split('\n').length
  assert.equal(listingText(count < layer.members ? rows.slice(0, count) : rows), known, 'listing of a layer')
  assert.fail(`a layer lists as "${layer.diffId}" should, but has other bytes`)
}

function configs(listing: ReturnType<typeof listTar>): string {
  return listing.members
    .filter(({ row }) => typeof row.name === 'string' && /^[0-9a-f]{64}\.json$/.test(row.name))
    .map(({ body }) => body.toString())
    .join('')
}

/** As GNU tar sorts: folder by folder, by bytes. */
function bySortName(a: TarRow['name'], b: TarRow['name']): number {
  const [left, right] = [textOf(a), textOf(b)]
  if (left === '.\0' || right === '.\0') return left === right ? 0 : left === '.\0' ? -1 : 1
  return left < right ? -1 : left > right ? 1 : 0
}

function withoutDigest(row: TarRow): object {
  return { ...row, sha256: undefined }
}

function textOf(name: TarRow['name']): string {
  return (typeof name === 'string' ? name : name.hex).replaceAll('/', '\0')
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

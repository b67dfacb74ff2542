import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { listingText, listTar, memberNamed, type TarListing, type TarRow } from '../support/list-tar.ts'
import { expectedListing, type ExpectedImage } from './golden-case.ts'

/**
 * Holds an archive against a recorded one: layer by layer, member by member,
 * text by text, so that a difference can be read, and at last by the digest of the whole.
 *
 * @param layersFolder Where the full listings of layers are.
 */
export function assertSameArchive(actual: Buffer, expected: ExpectedImage, layersFolder: string): void {
  const listing = listTar(actual)
  assertSameLayers(listing, expected, layersFolder, 'in order')
  const [image] = expected.images
  assert.ok(image !== undefined)
  const { config } = manifestOf(listing)
  assert.equal(memberNamed(listing, config).body.toString(), image.configJson, 'configuration')
  assert.equal(memberNamed(listing, 'manifest.json').body.toString(), expected.manifestJson, 'manifest')
  assert.deepEqual(outerRows(listing), rowsOf(expected), 'members of the archive')
  assert.equal(actual.length, expected.tarSize, 'size of the archive')
  assert.equal(sha256(actual), expected.tarSha256, 'digest of the archive')
}

/** Holds the layers of an archive against recorded ones, in their order or as a set. */
export function assertSameLayers(
  listing: TarListing,
  expected: ExpectedImage,
  layersFolder: string,
  order: 'in order' | 'in any order',
): void {
  const wanted = expected.images[0]?.layers ?? []
  const { layers } = manifestOf(listing)
  for (const [index, member] of layers.entries()) {
    const { body } = memberNamed(listing, member)
    const recorded = wanted[index]
    if (recorded === undefined || order === 'in any order' || `sha256:${sha256(body)}` === recorded.diffId) continue
    // Of a compressed layer the recorded digest is that of the plain bytes.
    if (!isTar(body)) continue
    const lines = listingText(listTar(body).members.map(({ row }) => row))
      .trimEnd()
      .split('\n')
    // Without the full listing only its beginning can be compared.
    const known = expectedListing(recorded, layersFolder)
    const end = known.length < recorded.members ? known.length : undefined
    assert.deepEqual(lines.slice(0, end), known, `listing of layer ${index + 1}`)
    assert.fail(`layer ${index + 1} lists as "${recorded.diffId}" should, but has other bytes`)
  }
  const diffIds = (JSON.parse(memberNamed(listing, manifestOf(listing).config).body.toString()) as ConfigText).rootfs
    .diff_ids
  const wantedIds = wanted.map(({ diffId }) => diffId)
  if (order === 'in order') assert.deepEqual(diffIds, wantedIds, 'digests of layers')
  else assert.deepEqual(diffIds.toSorted(), wantedIds.toSorted(), 'digests of layers, in any order')
}

interface ConfigText {
  readonly rootfs: { readonly diff_ids: readonly string[] }
}

/** The names in the manifest of an archive with one image. */
export function manifestOf(listing: TarListing): { readonly config: string; readonly layers: readonly string[] } {
  const [image] = JSON.parse(memberNamed(listing, 'manifest.json').body.toString()) as {
    readonly Config: string
    readonly Layers: readonly string[]
  }[]
  assert.ok(image !== undefined)
  return { config: image.Config, layers: image.Layers }
}

function outerRows(listing: TarListing): readonly string[] {
  return listing.members.map(({ row }) => withoutContent(row))
}

function rowsOf(expected: ExpectedImage): readonly string[] {
  return expected.tarMembers.map(withoutContent)
}

/** A member as a line, without the digest of its body: bodies are compared by themselves. */
function withoutContent(row: TarRow): string {
  const { sha256: digest, ...header } = row
  assert.ok(digest === undefined || digest.length === 64)
  return listingText([header]).trimEnd()
}

function isTar(bytes: Buffer): boolean {
  return bytes.toString('latin1', 257, 262) === 'ustar'
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

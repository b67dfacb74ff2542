import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { listTar, memberNamed, type TarMemberBytes } from './list-tar.ts'

/** An image out of a docker-archive that was found to be well-formed. */
export interface ImageInArchive {
  readonly repoTags: readonly string[]
  readonly configuration: Configuration
  /** Digests of the layers, the lowest first. */
  readonly diffIds: readonly string[]
  /** What all layers together have, by names without `./` and a slash at the end; whiteouts are members like others. */
  readonly files: ReadonlyMap<string, TarMemberBytes>
}

/** What of a configuration is looked at. */
export interface Configuration {
  readonly architecture: string
  readonly created: string
  readonly config: Readonly<Record<string, unknown>>
  readonly rootfs: { readonly diff_ids: readonly string[] }
}

interface ManifestEntry {
  readonly Config: string
  readonly RepoTags: readonly string[] | null
  readonly Layers: readonly string[]
}

/**
 * Reads a docker-archive, and checks that its documents name what is there.
 *
 * @param isNamedByDigest Whether configurations are to be named for their digest, as ours are.
 */
export function readImages(archive: Buffer, isNamedByDigest = true): readonly ImageInArchive[] {
  const listing = listTar(archive)
  assert.ok(listing.hasEndMarker, 'the archive ends as a tar does')
  // A layer that both a base and what stands on it have may be there twice.
  for (const { row } of listing.members) {
    if (row.type !== '0') continue
    assert.ok(typeof row.name === 'string')
    assert.equal(memberNamed(listing, row.name).row.sha256, row.sha256, row.name)
  }
  const manifest = JSON.parse(memberNamed(listing, 'manifest.json').body.toString()) as readonly ManifestEntry[]
  return manifest.map(({ Config, RepoTags, Layers }) => {
    const document = memberNamed(listing, Config).body
    if (isNamedByDigest) assert.equal(Config, `${sha256(document)}.json`)
    const configuration = JSON.parse(document.toString()) as Configuration
    const layers = Layers.map((layer) => memberNamed(listing, layer).body)
    const diffIds = layers.map((layer) => `sha256:${sha256(layer)}`)
    assert.deepEqual(configuration.rootfs.diff_ids, diffIds)
    return { repoTags: RepoTags ?? [], configuration, diffIds, files: new Map(layers.flatMap(filesOf)) }
  })
}

/** The members of a file system, by names without `./` and a slash at the end. */
export function filesOf(layer: Buffer): readonly (readonly [name: string, member: TarMemberBytes])[] {
  const { members, hasEndMarker } = listTar(layer)
  assert.ok(hasEndMarker, 'the layer ends as a tar does')
  return members.map((member) => {
    const { name } = member.row
    return [(typeof name === 'string' ? name : name.hex).replace(/^\.?\//, '').replace(/\/$/, ''), member] as const
  })
}

/** What is in a file of a file system, through symlinks in any part of its name. */
export function bodyOf(files: ImageInArchive['files'], name: string): Buffer {
  let left = name.split('/')
  let at: readonly string[] = []
  for (let links = 0; ;) {
    const [part, ...rest] = left
    if (part === undefined) break
    left = rest
    if (part === '..') at = at.slice(0, -1)
    if (part === '' || part === '.' || part === '..') continue
    at = [...at, part]
    const row = files.get(at.join('/'))?.row
    if (row?.type !== '2') continue
    assert.ok(typeof row.link === 'string' && ++links < 40, `${name} leads somewhere`)
    left = [...row.link.split('/'), ...left]
    at = row.link.startsWith('/') ? [] : at.slice(0, -1)
  }
  const member = files.get(at.join('/'))
  assert.ok(member, `${name} leads to ${at.join('/')}, which is not there`)
  return member.body
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

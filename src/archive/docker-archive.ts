import type { Compression } from '#compress'
import { DockerToolsError } from '#errors'
import { type Digest, isJsonArray, isJsonObject, type JsonObject, type JsonValue, parseDigest, parseJson } from '#image'
import type { IndexedTarMember, TarHeader } from '#tar'
import { byteStringToText, toByteString } from '#util'
import type { ArchivedMember, ArchiveFile } from './archive-tree.ts'
import type { MemberTable } from './member-table.ts'
import type { RandomAccess } from './random-access.ts'

/** A layer as it stands in an archive, compressed or not. */
export interface ArchivedLayer {
  /** Its name in the manifest. */
  readonly member: string
  /** Its header with that name, owner and time as they are in the archive. */
  readonly header: TarHeader & { readonly type: 'file' }
  /** The digest of its plain bytes, as the configuration has it. */
  readonly diffId: Digest
  open(): AsyncGenerator<Uint8Array>
}

/** A layer in a docker-archive, which can be read from anywhere. */
export interface DockerLayer extends ArchivedLayer {
  /** Reads from anywhere in it; fewer bytes at its end. */
  read(offset: number, length: number): Promise<Uint8Array>
  /** Fills `target` at once; gives how many bytes there were. */
  readNow(target: Uint8Array, offset: number): number
  /** Where its bytes begin in the archive: layers of two names may be one file. */
  readonly bodyOffset: number
}

/** An image in an archive of any kind. */
export interface ArchivedImage {
  readonly repoTags: readonly string[]
  readonly layers: readonly ArchivedLayer[]
  /** The configuration, parsed: architecture, `config`, `rootfs` and the rest. */
  readonly config: JsonObject
}

/** One image of a docker-archive. */
export interface DockerImage extends ArchivedImage {
  readonly layers: readonly DockerLayer[]
  /** Its name in the archive, as the manifest has it. */
  readonly configMember: string
  /** All that the manifest says of the image. */
  readonly manifestEntry: JsonObject
}

/** A docker-archive that is open. */
export interface DockerArchive extends AsyncDisposable {
  readonly images: readonly [DockerImage, ...DockerImage[]]
  /** How the archive is compressed. */
  readonly compression: Compression
  /** Everything that is in it, the last member of each name. */
  members(): Iterable<ArchivedMember & { readonly bodyOffset: number }>
  /** The text of a small file, or undefined where there is none of this name. */
  text(name: string): Promise<string | undefined>
}

/** Limits on what a manifest and a configuration may weigh; Docker's own are of this order. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024
const MAX_CONFIG_BYTES = 4 * 1024 * 1024

/** A docker-archive whose members are listed. */
export async function dockerArchiveOf(
  access: RandomAccess,
  members: MemberTable,
  what: string,
): Promise<DockerArchive> {
  return {
    images: await readDockerImages(members, what),
    compression: access.compression,
    members: () => listMembers(members),
    text: async (name) =>
      members.has(name) ? await members.text(name, MAX_MANIFEST_BYTES, 'the limit for a text') : undefined,
    [Symbol.asyncDispose]: () => access[Symbol.asyncDispose](),
  }
}

/** The images of an archive whose members are listed. */
export async function readDockerImages(members: MemberTable, what: string): Promise<DockerArchive['images']> {
  if (!members.has('manifest.json')) throw invalid(what, 'it has no "manifest.json"')
  const manifest = parseJson(
    await members.text('manifest.json', MAX_MANIFEST_BYTES, 'the limit for a manifest'),
    `manifest of ${what}`,
  )
  if (!isJsonArray(manifest)) throw invalid(what, 'its manifest should be a list of images')
  const images: DockerImage[] = []
  for (const entry of manifest) images.push(await readImage(entry, members, what))
  const [first, ...others] = images
  if (first === undefined) throw invalid(what, 'its manifest lists no image')
  return [first, ...others]
}

async function readImage(entry: JsonValue, members: MemberTable, what: string): Promise<DockerImage> {
  if (!isJsonObject(entry)) throw invalid(what, 'an entry of its manifest should be an object')
  const configMember = entry.get('Config')
  if (typeof configMember !== 'string') throw invalid(what, 'an entry of its manifest has no "Config"')
  const layerMembers = stringList(entry.get('Layers'), what, '"Layers" of its manifest')
  const repoTags = stringList(entry.get('RepoTags'), what, '"RepoTags" of its manifest')
  const text = await members.text(configMember, MAX_CONFIG_BYTES, 'the limit for a configuration')
  const config = parseJson(text, `configuration of ${what}`)
  if (!isJsonObject(config)) throw invalid(what, 'its configuration should be an object')
  const rootfs = config.get('rootfs')
  const diffIds = stringList(isJsonObject(rootfs) ? rootfs.get('diff_ids') : null, what, '"rootfs.diff_ids"')
  if (diffIds.length !== layerMembers.length) {
    throw invalid(what, `its manifest names ${layerMembers.length} layers, its configuration ${diffIds.length}`)
  }
  const layers = layerMembers.map((member, index) => {
    const found = members.file(member)
    const header = renamed(found.header, found.paxRecords, member)
    return {
      member,
      header,
      diffId: parseDigest(diffIds[index] ?? ''),
      open: () => members.stream(found),
      read: (offset: number, length: number) => members.readAt(found, offset, length),
      readNow: (target: Uint8Array, offset: number) => members.readNow(found, target, offset),
      bodyOffset: found.bodyOffset,
    }
  })
  return { repoTags, layers, config, configMember, manifestEntry: entry }
}

function* listMembers(members: MemberTable): Generator<ArchivedMember & { readonly bodyOffset: number }> {
  for (const member of members.list()) {
    const { header } = member
    const isFile = header.type === 'file' || header.type === 'hardlink'
    if (!isFile) yield { header, file: undefined, bodyOffset: member.bodyOffset }
    else {
      const found = header.type === 'file' ? { ...member, header } : members.file(byteStringToText(header.path))
      yield { header, file: fileOf(found, members), bodyOffset: found.bodyOffset }
    }
  }
}

function fileOf(
  member: IndexedTarMember & { readonly header: TarHeader & { readonly type: 'file' } },
  members: MemberTable,
): ArchiveFile {
  const { mode, size } = member.header
  return { type: 'file', mode, size, open: () => members.stream(member) }
}

/** The header under the manifest's name. A record that says otherwise would have priority over the field. */
function renamed(
  header: TarHeader & { readonly type: 'file' },
  records: TarHeader['paxRecords'],
  name: string,
): TarHeader & { readonly type: 'file' } {
  const path = toByteString(name)
  const kept = new Map(records)
  if (kept.has('path')) kept.set('path', path)
  return { ...header, path, ...(kept.size === 0 ? {} : { paxRecords: kept }) }
}

function stringList(value: JsonValue | undefined, what: string, where: string): string[] {
  if (value === null || value === undefined) return []
  if (!isJsonArray(value)) throw invalid(what, `${where} should be a list`)
  return value.map((item) => {
    if (typeof item !== 'string') throw invalid(what, `${where} should hold strings`)
    return item
  })
}

function invalid(what: string, reason: string): DockerToolsError {
  return new DockerToolsError('FORMAT_INVALID', `Cannot read ${what}: ${reason}`, {
    hint: 'Save the image again, for example with skopeo copy',
  })
}

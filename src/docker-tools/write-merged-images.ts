import { basename, posix } from 'node:path'
import { type ArchiveDirectory, archiveTree, makeDirectory, textFile, writeArchiveTree } from '#archive'
import { DockerToolsError } from '#errors'
import { report } from '#events'
import { type Digest, digestOf, encodeJqJson, isJsonObject, type JsonObject, type JsonValue, parseJson } from '#image'
import { BUILD_EPOCH_SECONDS } from '#runner'
import { type ByteSink, byteStringToText, toByteString } from '#util'
import type { BuildContext } from './build-context.ts'
import type { ImageFile } from './open-base-image.ts'
import type { ImageSummary } from './recipe.ts'
import { checkedMembers } from './write-built-image.ts'

const TEXT_MODE = 0o644

/**
 * Writes the files of all archives into one. Where two have a file of the same
 * name, that of the archive whose own name sorts first is taken, as upstream's
 * `cp` goes through them by name; names and manifest are joined in the order given.
 *
 * @returns Facts of the first image.
 * @throws {DockerToolsError} `FORMAT_UNSUPPORTED`, `FORMAT_INVALID`, also for two files of one name that differ, `PATH_UNSAFE`; `DIGEST_MISMATCH` at the end of a layer.
 * @see nixpkgs `pkgs/build-support/docker/default.nix`, `mergeImages`
 */
export async function writeMergedImages(
  files: readonly ImageFile[],
  context: BuildContext,
  sink: ByteSink,
): Promise<ImageSummary> {
  for (const { archive, what } of files) {
    if (['none', 'gz', 'zstd'].includes(archive.compression)) continue
    const reason = `it is compressed with ${archive.compression}, it should be plain or compressed with gz or zstd`
    throw new DockerToolsError('FORMAT_UNSUPPORTED', `Cannot merge ${what}: ${reason}`)
  }
  await assertSameFiles(files)
  const root = makeDirectory()
  for (const file of files.toSorted(byName)) {
    const source = archiveTree(checkedMembers(file.archive, file.what), file.what)
    // The pattern that upstream takes the files by leaves these out.
    for (const name of source.children.keys()) if (name.startsWith('.')) source.children.delete(name)
    overlay(root, source, file.what)
  }
  const manifest = mergedManifest(files)
  root.children.set(toByteString('manifest.json'), textFile(encodeJqJson(manifest), TEXT_MODE))
  const repositories = encodeJqJson(await mergedRepositories(files))
  root.children.set(toByteString('repositories'), textFile(repositories, TEXT_MODE))
  context.sources.assertUnchanged()
  report({ type: 'manifest' })
  const archiveBytes = await writeArchiveTree(root, BUILD_EPOCH_SECONDS, sink, context.signal)
  report({ type: 'done' })
  return { ...(await summary(files)), archiveBytes }
}

/**
 * Of two files of one name only one is written: if they were not the same, an
 * image would silently become another one. Whether they are what they are said to
 * be is seen when they are read.
 */
async function assertSameFiles(files: readonly ImageFile[]): Promise<void> {
  const seen = new Map<string, { readonly digest: Digest; readonly what: string }>()
  for (const { archive, what } of files) {
    for (const image of archive.images) {
      const config = digestOf(Buffer.from((await archive.text(image.configMember)) ?? ''))
      for (const [name, digest] of [
        [image.configMember, config] as const,
        ...image.layers.map(({ member, diffId }) => [member, diffId] as const),
      ]) {
        const place = posix.normalize(name)
        const other = seen.get(place)
        if (other === undefined) seen.set(place, { digest, what })
        else if (other.digest !== digest) {
          const reason = `its "${name}" is another file than that of ${other.what}, they should have other names or be the same`
          throw new DockerToolsError('FORMAT_INVALID', `Cannot merge ${what}: ${reason}`, {
            hint: 'Write one of them anew, for example with "skopeo copy", which names files for what is in them',
          })
        }
      }
    }
  }
}

function byName(a: ImageFile, b: ImageFile): number {
  const [left, right] = [toByteString(basename(a.label)), toByteString(basename(b.label))]
  return left < right ? -1 : left > right ? 1 : 0
}

/** `cp -R --update=none`: what is there stays; modes lose what the umask takes. */
function overlay(target: ArchiveDirectory, source: ArchiveDirectory, what: string): void {
  const pending = [{ target, source }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const [name, node] of next.source.children) {
      const there = next.target.children.get(name)
      if (node.type === 'directory') {
        const folder = there ?? makeDirectory(copied(node.mode))
        if (folder.type !== 'directory') {
          const shown = byteStringToText(name)
          throw new DockerToolsError(
            'FORMAT_INVALID',
            `Cannot merge ${what}: "${shown}" is a folder in it and a ${folder.type} in another image`,
          )
        }
        next.target.children.set(name, folder)
        pending.push({ target: folder, source: node })
      } else if (there === undefined) {
        next.target.children.set(name, node.type === 'file' ? { ...node, mode: copied(node.mode) } : node)
      }
    }
  }
}

function copied(mode: number): number {
  return mode & 0o755
}

/** The images of all, each once. */
function mergedManifest(files: readonly ImageFile[]): JsonObject[] {
  const entries = new Map<string, JsonObject>()
  for (const { archive } of files) {
    for (const { manifestEntry } of archive.images) {
      const text = encodeJqJson(manifestEntry)
      if (!entries.has(text)) entries.set(text, manifestEntry)
    }
  }
  return [...entries.values()]
}

/** jq's `add` of objects: of two images with one name the last one's tags are left. Null where there are none. */
async function mergedRepositories(files: readonly ImageFile[]): Promise<JsonValue> {
  let merged: JsonObject | null = null
  for (const { archive, what } of files) {
    const text = await archive.text('repositories')
    const value = text === undefined ? null : parseJson(text, `"repositories" of ${what}`)
    if (value === null) continue
    if (!isJsonObject(value)) {
      throw new DockerToolsError('FORMAT_INVALID', `Cannot merge ${what}: its "repositories" should be an object`)
    }
    merged = new Map([...(merged ?? []), ...value])
  }
  return merged
}

async function summary(files: readonly ImageFile[]): Promise<Omit<ImageSummary, 'archiveBytes'>> {
  const [first] = files
  if (first === undefined) throw new DockerToolsError('INTERNAL', 'Cannot merge no images')
  const [image] = first.archive.images
  const config = (await first.archive.text(image.configMember)) ?? ''
  return {
    imageId: digestOf(Buffer.from(config)),
    repoTag: image.repoTags[0] ?? '',
    layers: image.layers.map((layer) => layer.diffId),
  }
}

import { isJsonArray, isJsonObject, type JsonObject, parseDigest } from '#image'
import type { ImageFiles } from './image-files.ts'
import { parseImageName } from './image-name.ts'
import { choosePlatform } from './choose-platform.ts'
import { invalid, makeImage, parseFile, type ReadContext, readSmall, stringList } from './read-image.ts'
import type { ImageLayer, ListedImage, StoredImage } from './stored-image.ts'

/** Where newer archives keep a file under the digest of its bytes. */
const BLOB = /^blobs\/sha256\/([0-9a-f]{64})$/

/** The images that `manifest.json` of a docker-archive lists. */
export async function listManifestImages(files: ImageFiles, context: ReadContext): Promise<ListedImage[]> {
  const file = await files.file('manifest.json')
  const manifest = parseFile(
    await readSmall(file, 'manifest.json', 'maxManifestBytes', context),
    'manifest.json',
    context,
  )
  if (!isJsonArray(manifest)) throw invalid(context, 'its manifest should be a list of images')
  return manifest.map((entry) => {
    if (!isJsonObject(entry)) throw invalid(context, 'an entry of its manifest should be an object')
    const names = stringList(entry.get('RepoTags'), '"RepoTags" of its manifest', context).map(parseImageName)
    const load = memoised(() => readEntry(entry, names, files, context))
    return {
      names,
      platforms: async () => [(await load()).platform],
      load: async (platform) => {
        const image = await load()
        return choosePlatform([image], (one) => one.platform, platform, context.what)
      },
    }
  })
}

async function readEntry(
  entry: JsonObject,
  names: StoredImage['names'],
  files: ImageFiles,
  context: ReadContext,
): Promise<StoredImage> {
  const configName = entry.get('Config')
  if (typeof configName !== 'string') {
    const [lowerCase] = ['config', 'layers'].filter((name) => entry.has(name))
    const reason = lowerCase === undefined ? '' : `; it has "${lowerCase}", which should begin with a capital`
    throw invalid(context, `an entry of its manifest has no "Config"${reason}`)
  }
  const layers: Omit<ImageLayer, 'diffId'>[] = []
  for (const name of stringList(entry.get('Layers'), '"Layers" of its manifest', context)) {
    const blob = BLOB.exec(name)?.[1]
    layers.push({
      name,
      blobDigest: blob === undefined ? undefined : parseDigest(`sha256:${blob}`),
      mediaType: undefined,
      file: await files.file(name),
    })
  }
  const rawConfig = await readSmall(await files.file(configName), configName, 'maxConfigBytes', context)
  return makeImage(rawConfig, configName, layers, names, context)
}

/** The same promise each time. */
export function memoised<T>(read: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined
  return () => (value ??= read())
}

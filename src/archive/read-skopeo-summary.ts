import { stat } from 'node:fs/promises'
import { type Digest, isJsonArray, isJsonObject, parseDigest } from '#image'
import { DEFAULT_IMAGE_LIMITS } from './image-limits.ts'
import { openImageFiles } from './open-image-archive.ts'
import { invalid, parseFile, readSmall, type ReadContext, stringList } from './read-image.ts'
import type { WrittenArchive } from './write-skopeo-archive.ts'

/**
 * What `writeSkopeoArchive` told when it wrote an archive that is now a file. Only the manifest is read, whose names
 * are digests; as when it was written, what the configuration says of the layers is not looked at.
 *
 * @throws {DockerToolsError} `FILE_UNREADABLE`; `FORMAT_INVALID`, `TRUNCATED`, `LIMIT_EXCEEDED` for a file that is no
 *   such archive.
 */
export async function readSkopeoSummary(path: string, what: string): Promise<WrittenArchive> {
  const context: ReadContext = { what, limits: DEFAULT_IMAGE_LIMITS }
  await using files = await openImageFiles(path, context)
  const file = await files.file('manifest.json')
  const bytes = await readSmall(file, 'manifest.json', 'maxManifestBytes', context)
  const manifest = parseFile(bytes, 'manifest.json', context)
  const [entry] = isJsonArray(manifest) ? manifest : []
  const config = isJsonObject(entry) ? entry.get('Config') : undefined
  if (!isJsonObject(entry) || typeof config !== 'string') throw invalid(context, 'its manifest lists no image')
  const layers = stringList(entry.get('Layers'), '"Layers" of its manifest', context)
  return {
    imageId: digestIn(config, '.json', context),
    layers: layers.map((layer) => digestIn(layer, '.tar', context)),
    size: (await stat(path)).size,
  }
}

function digestIn(name: string, extension: string, context: ReadContext): Digest {
  if (/^[0-9a-f]{64}\./.test(name) && name.slice(64) === extension) return parseDigest(`sha256:${name.slice(0, 64)}`)
  throw invalid(context, `its manifest names "${name}", which should be a digest with "${extension}"`)
}

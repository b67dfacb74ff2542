import {
  compressionOf,
  formatImageName,
  type ImageLayer,
  type ImageLimits,
  readLayer,
  type StoredImage,
} from '#archive'
import { copyTo, inTurns } from '#util'
import type { ImageParts, LayerPart, RereadableBytes } from './image-parts.ts'

/** The layers and the configuration of an image in an archive or a layout. */
export async function archiveParts(image: StoredImage, what: string, limits: ImageLimits): Promise<ImageParts> {
  const layers: LayerPart[] = []
  for (const layer of image.layers) layers.push(await layerPart(layer, what, limits))
  const named = image.names.find(({ name }) => name !== undefined)
  return {
    repoTag: named === undefined ? undefined : formatImageName(named),
    layers,
    config: () => Promise.resolve({ bytes: image.rawConfig, platform: image.platform }),
  }
}

async function layerPart(layer: ImageLayer, what: string, limits: ImageLimits): Promise<LayerPart> {
  const compression = await compressionOf(layer)
  const bytes = rereadable(layer)
  return {
    measured: () =>
      Promise.resolve({ digest: layer.diffId, size: compression === 'none' ? layer.file.size : undefined }),
    take: () =>
      Promise.resolve({
        skip: () => undefined,
        writeTo: (sink) => copyTo(readLayer(layer, what, limits), sink),
      }),
    plain: compression === 'none' ? bytes : undefined,
    stored:
      compression === 'gz' || compression === 'zstd'
        ? { ...bytes, compressor: compression, digest: layer.blobDigest }
        : undefined,
  }
}

function rereadable({ file }: ImageLayer): RereadableBytes {
  return {
    size: file.size,
    open: (offset) => inTurns(offset, file.size, (target, position) => file.readNow(target, position)),
  }
}

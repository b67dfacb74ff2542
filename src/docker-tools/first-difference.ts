import { createReadStream, lstatSync } from 'node:fs'
import { join } from 'node:path'
import { type ImageArchive, openImageArchive, readLayer, type StoredImage } from '#archive'
import { DockerToolsError } from '#errors'
import { encodeNixJson } from '#image'
import { tarDifference } from './tar-difference.ts'
import { firstDifferentByte } from './first-different-byte.ts'

const READING = { highWaterMark: 1024 * 1024 }

/**
 * The first thing in which two outputs of ours differ, in words; undefined where
 * there is none. Images are compared layer by layer and member by member.
 */
export async function firstDifference(before: string, after: string): Promise<string | undefined> {
  if (lstatSync(before).isDirectory()) {
    // What else is in it follows from the layer.
    const [old, now] = [join(before, 'layer.tar'), join(after, 'layer.tar')]
    if ((await byteDifference(old, now)) === undefined) return undefined
    return (await tarDifference(createReadStream(old), createReadStream(now))) ?? 'layer.tar differs'
  }
  const byte = await byteDifference(before, after)
  if (byte === undefined) return undefined
  return (await imageDifference(before, after)) ?? `the first different byte is number ${byte}, counted from 0`
}

async function byteDifference(before: string, after: string): Promise<number | undefined> {
  return await firstDifferentByte(createReadStream(before, READING), createReadStream(after, READING))
}

/** Undefined also for what is no image. */
async function imageDifference(before: string, after: string): Promise<string | undefined> {
  await using stack = new AsyncDisposableStack()
  let archives: readonly ImageArchive[]
  try {
    archives = [stack.use(await openImageArchive(before, 'it')), stack.use(await openImageArchive(after, 'it'))]
  } catch (error) {
    if (error instanceof DockerToolsError) return undefined
    throw error
  }
  const [left, right] = archives
  if (left === undefined || right === undefined) return undefined
  for (const [index, listed] of left.images.entries()) {
    const other = right.images[index]
    if (other === undefined) return `it has ${left.images.length} images before, ${right.images.length} now`
    const [old, now] = [await listed.load(undefined), await other.load(undefined)]
    const difference = await layersDifference(old, now, left)
    if (difference !== undefined) return difference
    const [oldConfig, nowConfig] = [encodeNixJson(old.config), encodeNixJson(now.config)]
    if (oldConfig !== nowConfig) return `the configuration is ${oldConfig} before, ${nowConfig} now`
  }
  return undefined
}

async function layersDifference(
  old: StoredImage,
  now: StoredImage,
  { limits }: ImageArchive,
): Promise<string | undefined> {
  for (const [index, layer] of old.layers.entries()) {
    const other = now.layers[index]
    if (other === undefined) return `it has ${old.layers.length} layers before, ${now.layers.length} now`
    if (layer.diffId === other.diffId) continue
    const what = await tarDifference(readLayer(layer, 'it', limits), readLayer(other, 'it', limits))
    return `layer ${index + 1}: ${what ?? 'its bytes differ'}`
  }
  return undefined
}

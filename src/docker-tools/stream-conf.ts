import { stat } from 'node:fs/promises'
import { type BaseArchive, openBaseArchive } from '#archive'
import { DockerToolsError, systemErrorCode } from '#errors'
import {
  type Content,
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
  parsePythonIsoTime,
  pythonListRepr,
  type TimeArgument,
} from '#image'
import { isStorePath, type StorePath } from '#store'
import { type ByteSink, makeSpool } from '#util'
import type { BuildContext } from './build-context.ts'
import { fileOfStorePath } from './file-of-store-path.ts'
import { inContext } from './in-context.ts'
import type { ImageSummary, WriteOptions } from './recipe.ts'
import { openCustomisation, parseChecksum } from './stored-customisation.ts'
import { streamImage } from './stream-image.ts'

/**
 * Streams an image from the conf of upstream's stream script, in its place: the
 * same input, the same archive. Store paths are taken from disk, else from the stores.
 *
 * @param confText The JSON document.
 * @param sink Receives the archive. Writes are awaited; it is not closed.
 * @returns Image ID, name and tag, digests of the layers, size of the archive.
 * @throws {DockerToolsError} `DEFINITION_INVALID` for a conf that is not one, `STORE_PATH_MISSING`.
 * @throws {IntegrityError} `DIGEST_MISMATCH` if the customisation layer is not what its checksum says.
 * @see nixpkgs `pkgs/build-support/docker/stream_layered_image.py`, `main`
 *
 * @example Stream what nixpkgs has prepared
 * ```ts no-run
 * import { readFile } from 'node:fs/promises'
 * import { streamConf } from 'dockertools'
 *
 * const conf = await readFile('/nix/store/…-hello-conf.json', 'utf8')
 * await streamConf(conf, { write: (chunk) => void process.stdout.write(Uint8Array.from(chunk)) })
 * ```
 */
export async function streamConf(confText: string, sink: ByteSink, options: WriteOptions = {}): Promise<ImageSummary> {
  return await inContext(options, async (context) => {
    const conf = parseConf(confText)
    await using stack = new AsyncDisposableStack()
    const base = conf.fromImage === null ? undefined : stack.use(await openBase(conf.fromImage, context))
    const content = await findCustomisation(conf.customisation, context, stack)
    const sizes = await knownSizes(conf.storeLayers.flat(), context)
    return await streamImage(
      {
        ...conf,
        base: base?.image,
        preferDisk: true,
        narSize: (path) => sizes.get(path),
        customisation: { path: conf.customisation, content },
        repoTag: options.repoTag ?? conf.repoTag,
      },
      context,
      sink,
    )
  })
}

function parseConf(text: string) {
  const value = parseJson(text, 'conf')
  if (!isJsonObject(value)) throw invalid('conf', 'it should be an object')
  const conf = value
  const storeDir = stringField(conf, 'store_dir')
  const layers = conf.get('store_layers')
  if (!isJsonArray(layers)) throw invalid('"store_layers"', 'it should be a list of lists')
  const storeLayers = layers.map((layer) => stringList(layer, '"store_layers"'))
  for (const paths of storeLayers) {
    if (paths.every((path) => path.startsWith(storeDir))) continue
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Expecting absolute paths from ${storeDir}, but got: ${pythonListRepr(paths)}`,
    )
  }
  const fromImage = conf.get('from_image') ?? null
  if (fromImage !== null && typeof fromImage !== 'string') throw invalid('"from_image"', 'it should be a path or null')
  return {
    architecture: stringField(conf, 'architecture'),
    config: conf.get('config') ?? null,
    storeLayers,
    fromImage,
    customisation: stringField(conf, 'customisation_layer'),
    repoTag: stringField(conf, 'repo_tag'),
    created: timeField(conf, 'created'),
    // Confs of nixpkgs before the argument was there give files the time of the image.
    mtime: conf.has('mtime') ? timeField(conf, 'mtime') : timeField(conf, 'created'),
    owner: {
      uid: idField(conf, 'uid'),
      gid: idField(conf, 'gid'),
      uname: stringField(conf, 'uname'),
      gname: stringField(conf, 'gname'),
    },
  }
}

async function openBase(path: string, context: BuildContext): Promise<BaseArchive> {
  const what = `base image "${path}"`
  if (await isThere(path)) return await openBaseArchive(path, what)
  if (!isStorePath(path, context.store.dir)) throw missing(path, context)
  await using file = await fileOfStorePath(path, 'from_image', context.store)
  return await openBaseArchive(file.path, what)
}

async function findCustomisation(folder: string, context: BuildContext, stack: AsyncDisposableStack): Promise<Content> {
  if (await isThere(folder)) return await openCustomisation(folder)
  if (!isStorePath(folder, context.store.dir)) throw missing(folder, context)
  const physical = await context.store.realPath(folder)
  if (physical !== undefined) return await openCustomisation(physical)
  return await fetchCustomisation(folder, context, stack)
}

async function fetchCustomisation(
  folder: StorePath,
  context: BuildContext,
  stack: AsyncDisposableStack,
): Promise<Content> {
  const layer = makeSpool(16 * 1024 * 1024)
  stack.defer(async () => await layer[Symbol.asyncDispose]())
  let checksum = ''
  for await (const entry of context.store.entries(folder)) {
    if (entry.type !== 'file') continue
    if (entry.path === 'layer.tar') for await (const chunk of entry.open()) await layer.write(chunk)
    if (entry.path === 'checksum' && entry.size <= 1024) {
      for await (const chunk of entry.open()) checksum += Buffer.from(chunk).toString('latin1')
    }
  }
  return { digest: parseChecksum(checksum), size: layer.size, open: () => layer.read() }
}

async function knownSizes(paths: readonly string[], { store }: BuildContext): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>()
  for (const path of paths) {
    if (!isStorePath(path, store.dir) || !(await store.has(path))) continue
    sizes.set(path, (await store.pathInfo(path)).narSize)
  }
  return sizes
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return false
    throw new DockerToolsError('FILE_UNREADABLE', `Cannot read "${path}"`, { cause: error })
  }
}

function stringField(conf: JsonObject, name: string): string {
  const value = conf.get(name)
  if (typeof value === 'string') return value
  throw invalid(`"${name}"`, value === undefined ? 'it is missing' : 'it should be a string')
}

function idField(conf: JsonObject, name: string): number {
  const value = conf.get(name)
  const id = typeof value === 'string' && /^\s*[+-]?\d{1,15}\s*$/.test(value) ? Number(value) : value
  if (typeof id === 'number') return id
  throw invalid(`"${name}"`, 'it should be a whole number in a string')
}

function timeField(conf: JsonObject, name: string): TimeArgument {
  const text = stringField(conf, name)
  return text === 'now' ? 'now' : parsePythonIsoTime(text, `"${name}" of the conf`)
}

function stringList(value: JsonValue, what: string): string[] {
  if (isJsonArray(value) && value.every((item) => typeof item === 'string')) return [...value]
  throw invalid(what, 'it should hold lists of strings')
}

function invalid(what: string, reason: string): DockerToolsError {
  return new DockerToolsError('DEFINITION_INVALID', `Cannot use ${what} of the conf: ${reason}`)
}

function missing(path: string, context: BuildContext): DockerToolsError {
  return new DockerToolsError('STORE_PATH_MISSING', `Cannot find "${path}": it is not on disk, and no store has it`, {
    hint: `The stores asked are: ${context.store.uri}. Give others with --store`,
  })
}

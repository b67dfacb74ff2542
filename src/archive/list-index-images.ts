import { DockerToolsError } from '#errors'
import { isJsonArray, isJsonObject, type JsonObject, formatPlatform, type Platform } from '#image'
import { choosePlatform } from './choose-platform.ts'
import { type Descriptor, parseDescriptor, readBlob } from './descriptor.ts'
import type { ImageFiles } from './image-files.ts'
import { checkLimit } from './image-limits.ts'
import { familiarName, formatImageName, type ImageName, parseImageName, parseRefName } from './image-name.ts'
import { memoised } from './list-manifest-images.ts'
import { isImageManifest, readImageManifest } from './read-image-manifest.ts'
import { invalid, parseFile, type ReadContext, readSmall } from './read-image.ts'
import type { ListedImage, StoredImage } from './stored-image.ts'

const INDEX_TYPES: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]

/** How deep indexes may stand in one another; what programs write is two deep. */
const MAX_INDEX_DEPTH = 8

/** One manifest that an index leads to. */
interface Candidate {
  readonly descriptor: Descriptor
  platform(): Promise<Platform>
  load(names: readonly ImageName[]): Promise<StoredImage>
}

/**
 * The images that `index.json` of an OCI layout lists. Attestations and artifacts
 * are left out; manifests of one name are one image for several platforms.
 */
export async function listIndexImages(files: ImageFiles, context: ReadContext): Promise<ListedImage[]> {
  const file = await files.file('index.json')
  const index = parseFile(await readSmall(file, 'index.json', 'maxManifestBytes', context), 'index.json', context)
  const budget = { manifests: 0 }
  const groups = new Map<string, { readonly names: ImageName[]; readonly candidates: Candidate[] }>()
  for (const descriptor of manifestsOf(index, context)) {
    const names = namesOf(descriptor)
    const found = await collect(descriptor, files, context, budget)
    if (found.length === 0) continue
    const key = JSON.stringify(names.map(formatImageName))
    const group = groups.get(key) ?? { names, candidates: [] }
    group.candidates.push(...found)
    groups.set(key, group)
  }
  return mergeNames([...groups.values()]).map(({ names, candidates }) => listed(names, candidates, context))
}

function listed(names: readonly ImageName[], candidates: readonly Candidate[], context: ReadContext): ListedImage {
  const platforms = memoised(() => Promise.all(candidates.map((candidate) => candidate.platform())))
  return {
    names,
    platforms,
    load: async (platform) => {
      if (platform === undefined && candidates.length === 1) return (await candidates[0]?.load(names)) as StoredImage
      const known = await platforms()
      const pairs = candidates.map((candidate, index) => ({ candidate, platform: known[index] as Platform }))
      const chosen = choosePlatform(pairs, (pair) => pair.platform, platform, context.what)
      return await chosen.candidate.load(names)
    },
  }
}

/** Tags of one image stand in the index one by one: the same manifests again, under another name. */
function mergeNames(groups: readonly { readonly names: ImageName[]; readonly candidates: Candidate[] }[]) {
  const byDigests = new Map<string, { readonly names: ImageName[]; readonly candidates: Candidate[] }>()
  for (const group of groups) {
    const key = group.candidates.map((candidate) => candidate.descriptor.digest).join()
    const known = byDigests.get(key)
    if (known === undefined) byDigests.set(key, { names: [...group.names], candidates: group.candidates })
    else known.names.push(...group.names)
  }
  return [...byDigests.values()]
}

/** The manifests of images that a descriptor leads to, through indexes. */
async function collect(
  descriptor: Descriptor,
  files: ImageFiles,
  context: ReadContext,
  budget: { manifests: number },
  depth = 0,
): Promise<Candidate[]> {
  budget.manifests++
  checkLimit(
    context.limits,
    'maxManifests',
    budget.manifests,
    `${context.what}: it lists ${budget.manifests} manifests`,
  )
  if (isAttestation(descriptor)) return []
  // Left out of an archive that was saved for one platform: Docker keeps the index whole.
  if (depth > 0 && !(await files.has(`blobs/sha256/${descriptor.digest.slice('sha256:'.length)}`))) return []
  const bytes = await readBlob(files, descriptor, 'maxManifestBytes', context)
  const manifest = parseFile(bytes, descriptor.digest, context)
  if (!isJsonObject(manifest)) throw invalid(context, `manifest "${descriptor.digest}" should be an object`)
  checkKind(manifest, descriptor, context)
  if (INDEX_TYPES.includes(descriptor.mediaType) || manifest.has('manifests')) {
    if (depth >= MAX_INDEX_DEPTH) throw invalid(context, `its indexes are nested deeper than ${MAX_INDEX_DEPTH}`)
    const found: Candidate[] = []
    for (const child of manifestsOf(manifest, context)) {
      found.push(...(await collect(child, files, context, budget, depth + 1)))
    }
    return found
  }
  if (!isImageManifest(manifest)) return []
  const load = memoised(() => readImageManifest(manifest, files, context))
  return [
    {
      descriptor,
      platform: async () => descriptor.platform ?? (await load()).platform,
      load: async (names) => ({ ...(await load()), names }),
    },
  ]
}

function checkKind(manifest: JsonObject, descriptor: Descriptor, context: ReadContext): void {
  const version = manifest.get('schemaVersion')
  if (version === 1) {
    throw new DockerToolsError(
      'FORMAT_UNSUPPORTED',
      `Cannot read ${context.what}: manifest "${descriptor.digest}" is of schema version 1, it should be 2`,
      { hint: 'Convert it, for example with skopeo copy' },
    )
  }
  if (manifest.has('manifests') && (manifest.has('layers') || manifest.has('config'))) {
    throw invalid(context, `manifest "${descriptor.digest}" has both layers and manifests, it should have one of them`)
  }
  const own = manifest.get('mediaType')
  if (typeof own === 'string' && descriptor.mediaType !== '' && own !== descriptor.mediaType) {
    throw invalid(context, `manifest "${descriptor.digest}" is "${own}", the index says "${descriptor.mediaType}"`)
  }
}

function manifestsOf(index: ReturnType<typeof parseFile>, context: ReadContext): Descriptor[] {
  const manifests = isJsonObject(index) ? index.get('manifests') : undefined
  if (!isJsonArray(manifests)) throw invalid(context, '"manifests" of an index should be a list')
  return manifests.map((value) => parseDescriptor(value, context))
}

function isAttestation({ platform, annotations }: Descriptor): boolean {
  return (
    annotations.get('vnd.docker.reference.type') === 'attestation-manifest' ||
    (platform !== undefined && formatPlatform(platform) === 'unknown/unknown')
  )
}

/** The full name where there is one: the other annotation has the tag alone. */
function namesOf({ annotations }: Descriptor): ImageName[] {
  const full = annotations.get('io.containerd.image.name')
  if (full !== undefined) return [parseImageName(familiarName(full))]
  const ref = annotations.get('org.opencontainers.image.ref.name')
  return ref === undefined ? [] : [parseRefName(ref)]
}

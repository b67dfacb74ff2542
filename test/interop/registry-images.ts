import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, gzipSync } from 'node:zlib'
import { digestOfBytes } from '../support/fake-registry.ts'
import { makeTar } from '../support/make-tar.ts'

/** A layer as it is stored. */
export interface StoredLayer {
  readonly bytes: Uint8Array
  readonly mediaType: string
}

/** An image of one platform. */
export interface MadeImage {
  readonly layers: readonly StoredLayer[]
  /** As it is stored: it need not be what a program would write. */
  readonly config: string
  readonly platform?: Readonly<Record<string, unknown>>
}

/** A shape of image, and how it gets into the registry. */
export interface Shape {
  readonly name: string
  readonly images: readonly MadeImage[]
  /** `skopeo` copies it from an OCI layout; `put` stores blobs and manifests as they are. */
  readonly way: 'skopeo' | 'put'
  readonly kind?: 'oci' | 'docker'
  readonly skopeo?: readonly string[]
  /** Options of skopeo, and the platform of ours, with which it is read. */
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant: string | undefined }
}

const OCI = 'application/vnd.oci.image'
const DOCKER = 'application/vnd.docker'

/** A tar of one file. */
export function plainTar(name: string, body: string | Uint8Array): Buffer {
  return makeTar([{ name, body }])
}

export function gzipLayer(tar: Uint8Array, level: number = constants.Z_DEFAULT_COMPRESSION): StoredLayer {
  return { bytes: gzipSync(tar, { level }), mediaType: `${OCI}.layer.v1.tar+gzip` }
}

export function plainLayer(tar: Uint8Array): StoredLayer {
  return { bytes: tar, mediaType: `${OCI}.layer.v1.tar` }
}

/** Bytes that do not compress, always the same. */
export function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = 12345
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    bytes[index] = state >>> 24
  }
  return bytes
}

/** A configuration with these members besides what each has. */
export function config(tars: readonly Uint8Array[], members: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    created: '2020-01-02T03:04:05.678Z',
    config: { Cmd: ['/bin/sh'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: tars.map(digestOfBytes) },
    ...members,
  })
}

interface Encoded {
  readonly blobs: ReadonlyMap<string, Uint8Array>
  /** The top one last. */
  readonly manifests: readonly { readonly mediaType: string; readonly bytes: Buffer }[]
}

/** Blobs and manifests of a shape. */
export function encodeShape({ images, kind = 'oci' }: Shape): Encoded {
  const blobs = new Map<string, Uint8Array>()
  const type = (oci: string, docker: string): string => (kind === 'oci' ? `${OCI}.${oci}` : `${DOCKER}.${docker}`)
  const manifests = images.map(({ layers, config: text }) => {
    const configBytes = Buffer.from(text)
    for (const bytes of [configBytes, ...layers.map((layer) => layer.bytes)]) blobs.set(digestOfBytes(bytes), bytes)
    const mediaType = type('manifest.v1+json', 'distribution.manifest.v2+json')
    const manifest = {
      schemaVersion: 2,
      mediaType,
      config: describe(type('config.v1+json', 'container.image.v1+json'), configBytes),
      layers: layers.map((layer) => describe(dockerType(layer.mediaType, kind), layer.bytes)),
    }
    return { mediaType, bytes: Buffer.from(JSON.stringify(manifest)) }
  })
  if (images.length === 1) return { blobs, manifests }
  const mediaType = type('index.v1+json', 'distribution.manifest.list.v2+json')
  const index = {
    schemaVersion: 2,
    mediaType,
    manifests: manifests.map((manifest, number) => ({
      ...describe(manifest.mediaType, manifest.bytes),
      ...(images[number]?.platform === undefined ? {} : { platform: images[number].platform }),
    })),
  }
  return { blobs, manifests: [...manifests, { mediaType, bytes: Buffer.from(JSON.stringify(index)) }] }
}

function describe(mediaType: string, bytes: Uint8Array) {
  return { mediaType, digest: digestOfBytes(bytes), size: bytes.length }
}

function dockerType(mediaType: string, kind: 'oci' | 'docker'): string {
  if (kind === 'oci') return mediaType
  return mediaType.endsWith('+gzip') ? `${DOCKER}.image.rootfs.diff.tar.gzip` : `${DOCKER}.image.rootfs.diff.tar`
}

/** Writes a shape as an OCI layout, for skopeo to copy. */
export function writeLayout(shape: Shape, folder: string): void {
  const { blobs, manifests } = encodeShape(shape)
  mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true })
  const write = (bytes: Uint8Array): void =>
    writeFileSync(join(folder, 'blobs', 'sha256', digestOfBytes(bytes).slice('sha256:'.length)), bytes)
  for (const bytes of [...blobs.values(), ...manifests.map((manifest) => manifest.bytes)]) write(bytes)
  const top = manifests.at(-1)
  const index = {
    schemaVersion: 2,
    manifests: [{ mediaType: top?.mediaType, digest: digestOfBytes(top?.bytes ?? ''), size: top?.bytes.length }],
  }
  writeFileSync(join(folder, 'index.json'), JSON.stringify(index))
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
}

/** Stores a shape in a registry as it is, under `v1`. */
export async function putShape(shape: Shape, origin: string): Promise<void> {
  const { blobs, manifests } = encodeShape(shape)
  const base = `${origin}/v2/${shape.name}`
  for (const [digest, bytes] of blobs) {
    const started = await fetch(`${base}/blobs/uploads/`, { method: 'POST' })
    const location = new URL(started.headers.get('location') ?? '', origin)
    location.searchParams.set('digest', digest)
    await expectCreated(await fetch(location, { method: 'PUT', body: Buffer.from(bytes) }))
  }
  for (const [number, { mediaType, bytes }] of manifests.entries()) {
    const reference = number === manifests.length - 1 ? 'v1' : digestOfBytes(bytes)
    const headers = { 'content-type': mediaType }
    await expectCreated(await fetch(`${base}/manifests/${reference}`, { method: 'PUT', headers, body: bytes }))
  }
}

async function expectCreated(response: Response): Promise<void> {
  if (response.status !== 201) throw new Error(`the registry answered ${response.status}: ${await response.text()}`)
}

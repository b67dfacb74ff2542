import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { type MadeMember, makeTar } from './make-tar.ts'

/** How a layer of a made image is stored. */
export type MadeCompression = 'none' | 'gz' | 'zstd'

/** A layer of a made image. */
export interface MadeLayer {
  readonly tar: Buffer
  readonly compression?: MadeCompression
}

/** Files of an image by name. */
export type MadeFiles = ReadonlyMap<string, Buffer>

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

export function packed({ tar, compression = 'none' }: MadeLayer): Buffer {
  return compression === 'gz' ? gzipSync(tar) : compression === 'zstd' ? zstdCompressSync(tar) : tar
}

/** The configuration of an image with these layers. */
export function makeConfig(layers: readonly MadeLayer[], fields: object = {}): Buffer {
  const diffIds = layers.map(({ tar }) => `sha256:${sha256(tar)}`)
  const base = { architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: diffIds } }
  return Buffer.from(JSON.stringify({ ...base, ...fields }))
}

/** The files of a docker-archive, as they are named in old ones. */
export function dockerFiles(layers: readonly MadeLayer[], repoTags: readonly string[] | null = null): MadeFiles {
  const names = layers.map((_, index) => `${index}/layer.tar`)
  const manifest = [{ Config: 'c.json', RepoTags: repoTags, Layers: names }]
  return new Map([
    ...layers.map((layer, index) => [names[index] ?? '', packed(layer)] as const),
    ['c.json', makeConfig(layers)] as const,
    ['manifest.json', Buffer.from(JSON.stringify(manifest))] as const,
  ])
}

/** Blobs, and the descriptor of what was put there last. */
export class MadeLayout {
  readonly files: Map<string, Buffer> = new Map([['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')]])

  add(mediaType: string, content: Uint8Array | object, fields: object = {}): Readonly<Record<string, unknown>> {
    const bytes = content instanceof Uint8Array ? Buffer.from(content) : Buffer.from(JSON.stringify(content))
    const hex = sha256(bytes)
    this.files.set(`blobs/sha256/${hex}`, bytes)
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length, ...fields }
  }

  /** A manifest with its configuration and layers; media types are those of plain layers, whatever they are. */
  image(layers: readonly MadeLayer[], config: object = {}, fields: object = {}): Readonly<Record<string, unknown>> {
    const type = 'application/vnd.oci.image'
    return this.add(
      `${type}.manifest.v1+json`,
      {
        schemaVersion: 2,
        config: this.add(`${type}.config.v1+json`, makeConfig(layers, config)),
        layers: layers.map((layer) => this.add(`${type}.layer.v1.tar`, packed(layer))),
      },
      fields,
    )
  }

  index(...manifests: readonly unknown[]): MadeFiles {
    this.files.set('index.json', Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })))
    return this.files
  }
}

/** The files in a tar. */
export function tarOf(files: MadeFiles): Buffer {
  const members: MadeMember[] = [...files].map(([name, body]) => ({ name, body }))
  return makeTar(members)
}

/** The files in a folder. */
export function writeFilesTo(folder: string, files: MadeFiles): void {
  for (const [name, body] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), body)
  }
}

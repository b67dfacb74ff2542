import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemErrorCode } from '#errors'
import type { Measurement } from './layer-job.ts'
import type { StoreLayerSpec } from './store-layer-spec.ts'

/** Changed when the bytes of a layer, or what is remembered of it, change. */
const CACHE_VERSION = 1

/** What is remembered of a layer between runs. */
export type RememberedLayer = Pick<Measurement, 'sha256' | 'size' | 'fingerprint'>

/**
 * Remembers the digests of layers, a small file each, so that a layer whose
 * files have not been touched is not hashed again.
 *
 * Nothing depends on it: a cache that cannot be read or written only costs time.
 */
export class LayerCache {
  readonly #directory: string

  /** @param directory Made when first needed. */
  constructor(directory: string) {
    this.#directory = join(directory, `layers-v${CACHE_VERSION}`)
  }

  async recall(key: string): Promise<RememberedLayer | undefined> {
    try {
      const found: unknown = JSON.parse(await readFile(join(this.#directory, key), 'utf8'))
      return isRemembered(found) ? found : undefined
    } catch {
      // Missing, unreadable or half-written: measured anew.
      return undefined
    }
  }

  async remember(key: string, layer: RememberedLayer): Promise<void> {
    const { sha256, size, fingerprint } = layer
    const temporary = join(this.#directory, `.${key}-${process.pid}`)
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 })
      await writeFile(temporary, JSON.stringify({ sha256, size, fingerprint }), { mode: 0o600 })
      await rename(temporary, join(this.#directory, key))
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error
      await rm(temporary, { force: true }).catch(() => undefined)
    }
  }
}

/** The name under which a layer is remembered: everything its bytes follow from, besides the content of its files. */
export function layerCacheKey(spec: StoreLayerSpec): string {
  const { uid, gid, uname, gname } = spec.owner
  const roots = spec.roots.map((root) => [root.logical, root.physical, root.canonicalModes])
  return createHash('sha256')
    .update(JSON.stringify([roots, uid, gid, uname, gname, spec.mtimeSeconds]))
    .digest('hex')
}

function isRemembered(value: unknown): value is RememberedLayer {
  if (typeof value !== 'object' || value === null) return false
  const { sha256, size, fingerprint } = value as Record<string, unknown>
  return (
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    Number.isSafeInteger(size) &&
    typeof fingerprint === 'string'
  )
}

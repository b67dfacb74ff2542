import type { Digest } from './digest.ts'

/**
 * Bytes of known digest and size that can be read from the start as often as
 * asked. Whoever makes one has measured it; there is no "not computed yet".
 */
export interface Content {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  open(): AsyncIterable<Uint8Array>
}

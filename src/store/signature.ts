import { createPublicKey, verify } from 'node:crypto'
import { DockerToolsError } from '#errors'
import { formatHash } from './hash.ts'
import type { PathInfo } from './path-info.ts'

/** The key of the public Nix cache. */
export const BUILT_IN_KEY = 'cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY='

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64

/** The part of a path's facts that is signed: a change of any of them makes the signature void. */
export function fingerprint(info: Pick<PathInfo, 'path' | 'narHash' | 'narSize' | 'references'>): string {
  return `1;${info.path};sha256:${formatHash(info.narHash, 'nix32')};${info.narSize};${info.references.join(',')}`
}

/** The public keys whose signatures count, by name. */
export class TrustedKeys {
  readonly #keys = new Map<string, ReturnType<typeof createPublicKey>>()

  /**
   * @param keys `NAME:BASE64`, besides the built-in one.
   * @throws {DockerToolsError} `USAGE` for a text of another form, or two keys of one name.
   */
  constructor(keys: readonly string[] = []) {
    for (const text of new Set([BUILT_IN_KEY, ...keys])) {
      const { name, bytes } = split(text)
      if (name === undefined || bytes.length !== KEY_BYTES) {
        throw new DockerToolsError(
          'USAGE',
          `Cannot use public key ${JSON.stringify(text.slice(0, 200))}: it should be "NAME:" and ${KEY_BYTES} bytes in base 64`,
        )
      }
      if (this.#keys.has(name)) {
        throw new DockerToolsError('USAGE', `Cannot use public keys: two are named "${name}", names should differ`)
      }
      const jwk = { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') }
      this.#keys.set(name, createPublicKey({ key: jwk, format: 'jwk' }))
    }
  }

  get names(): readonly string[] {
    return [...this.#keys.keys()]
  }

  /** Whether `signature` (`NAME:BASE64`) is by one of these keys and of these facts. */
  verifySignature(info: PathInfo, signature: string): boolean {
    const { name, bytes } = split(signature)
    const key = name === undefined ? undefined : this.#keys.get(name)
    if (key === undefined || bytes.length !== SIGNATURE_BYTES) return false
    return verify(null, Buffer.from(fingerprint(info)), key, bytes)
  }

  /** Whether one of the path's own signatures holds. */
  verifyPath(info: PathInfo): boolean {
    return info.signatures.some((signature) => this.verifySignature(info, signature))
  }
}

/** Whether `signature` holds for `info` under one public key (`NAME:BASE64`). */
export function verifySignature(info: PathInfo, signature: string, publicKey: string): boolean {
  return new TrustedKeys([publicKey]).verifySignature(info, signature)
}

function split(text: string): { name: string | undefined; bytes: Buffer } {
  const colon = text.indexOf(':')
  const payload = text.slice(colon + 1)
  const bytes = Buffer.from(payload, 'base64')
  // Buffer takes almost anything; only what it writes back the same is base 64.
  const isExact = bytes.toString('base64') === payload
  return { name: colon > 0 && isExact ? text.slice(0, colon) : undefined, bytes }
}

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A tree in memory: a file's text or bytes, a link, or a folder. Names are written as they are, in their order. */
export type FixtureTree =
  | string
  | { readonly rawNode: Buffer }
  | Uint8Array
  | { readonly executable: string }
  | { readonly link: string }
  | { readonly folder: readonly (readonly [name: string, FixtureTree])[] }

/** A store path for a binary cache. */
export interface FixturePath {
  readonly path: string
  readonly tree: FixtureTree
  readonly references?: readonly string[]
  /** Changes the NAR after it was hashed. */
  readonly spoil?: (nar: Buffer) => Buffer
  /** Changes lines of the narinfo. */
  readonly narinfo?: Readonly<Record<string, string>>
  readonly signWith?: SigningKey
}

export interface SigningKey {
  readonly name: string
  readonly key: KeyObject
  /** What `--trusted-public-key` takes. */
  readonly publicText: string
}

/** `/nix/store/` and 32 times `letter`, then `-NAME`. */
export function fixturePath(letter: string, name: string): string {
  return `/nix/store/${letter.repeat(32)}-${name}`
}

/** Writes a binary cache with uncompressed NARs, and gives its URL. */
export function writeCache(folder: string, paths: readonly FixturePath[]): string {
  mkdirSync(join(folder, 'nar'), { recursive: true })
  writeFileSync(join(folder, 'nix-cache-info'), 'StoreDir: /nix/store\n')
  for (const fixture of paths) writePath(folder, fixture)
  return `file://${folder}`
}

export function makeSigningKey(name: string): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return { name, key: privateKey, publicText: `${name}:${raw.toString('base64')}` }
}

/** A NAR, written for the tests alone: names need be neither sorted nor sane. */
export function fixtureNar(tree: FixtureTree): Buffer {
  return Buffer.concat([word('nix-archive-1'), node(tree)])
}

function writePath(folder: string, { path, tree, references = [], spoil, narinfo, signWith }: FixturePath): void {
  const nar = fixtureNar(tree)
  const hash = `sha256:${toBase32(createHash('sha256').update(nar).digest())}`
  const baseName = path.slice('/nix/store/'.length)
  const hashPart = baseName.slice(0, 32)
  const fields: Record<string, string> = {
    StorePath: path,
    URL: `nar/${hashPart}.nar`,
    Compression: 'none',
    NarHash: hash,
    NarSize: String(nar.length),
    References: references.map((reference) => reference.slice('/nix/store/'.length)).join(' '),
  }
  if (signWith !== undefined) {
    const fingerprint = `1;${path};${hash};${nar.length};${references.join(',')}`
    fields['Sig'] = `${signWith.name}:${sign(null, Buffer.from(fingerprint), signWith.key).toString('base64')}`
  }
  const lines = Object.entries({ ...fields, ...narinfo }).map(([name, value]) => `${name}: ${value}\n`)
  writeFileSync(join(folder, `${hashPart}.narinfo`), lines.join(''))
  writeFileSync(join(folder, `nar/${hashPart}.nar`), spoil === undefined ? nar : spoil(nar))
}

function node(tree: FixtureTree): Buffer {
  if (typeof tree === 'string' || tree instanceof Uint8Array) {
    return words('(', 'type', 'regular', 'contents', tree, ')')
  }
  if ('rawNode' in tree) return tree.rawNode
  if ('executable' in tree) return words('(', 'type', 'regular', 'executable', '', 'contents', tree.executable, ')')
  if ('link' in tree) return words('(', 'type', 'symlink', 'target', tree.link, ')')
  const entries = tree.folder.map(([name, child]) =>
    Buffer.concat([words('entry', '(', 'name', Buffer.from(name, 'latin1'), 'node'), node(child), words(')')]),
  )
  return Buffer.concat([words('(', 'type', 'directory'), ...entries, words(')')])
}

/** A folder in a folder, so many times; its node is not made by recursion. */
export function nestedFolders(depth: number): FixtureTree {
  const open = words('(', 'type', 'directory', 'entry', '(', 'name', 'd', 'node')
  const inner = words('(', 'type', 'directory', ')')
  const parts = [
    ...Array.from({ length: depth }, () => open),
    inner,
    ...Array.from({ length: depth }, () => words(')', ')')),
  ]
  return { rawNode: Buffer.concat(parts) }
}

function words(...texts: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(texts.map(word))
}

function word(text: string | Uint8Array): Buffer {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(bytes.length))
  return Buffer.concat([length, bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)])
}

/** Nix's base-32: five bits a digit, the highest first, of the bytes as a little-endian number. */
export function toBase32(bytes: Buffer): string {
  const digits = Math.ceil((bytes.length * 8) / 5)
  let number = BigInt(`0x${Buffer.from(bytes.toReversed()).toString('hex')}`)
  let text = ''
  for (let digit = 0; digit < digits; digit++) {
    text = ('0123456789abcdfghijklmnpqrsvwxyz'[Number(number & 31n)] ?? '') + text
    number >>= 5n
  }
  return text
}

/**
 * Makes the binary cache beside it, `examples/cache`, anew: always the same bytes.
 *
 *     npx node --conditions=source examples/make-cache/make-cache.ts
 */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { getCompressor } from '#compress'
import {
  compareStorePaths,
  fingerprint,
  formatHash,
  formatNarInfo,
  hashBytes,
  type NarInfo,
  scanReferences,
  storePathHash,
  writeNar,
} from '#store'
import { treeEntries } from '#tree'
import { makeTempDir, toByteString } from '#util'
import { examplePackages, type Package } from './packages.ts'

const CACHE = join(import.meta.dirname, '../cache')
const KEY_NAME = 'dockertools-examples-1'

/** Anyone can make this key from the text: it shows how signatures are checked, and protects nothing. */
const SEED = hashBytes('sha256', 'the key of the dockertools examples, which is no secret').bytes

/** What PKCS #8 has in front of the 32 bytes of an Ed25519 key (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, SEED]), format: 'der', type: 'pkcs8' })

const packages = examplePackages()
await rm(CACHE, { recursive: true, force: true })
await mkdir(join(CACHE, 'nar'), { recursive: true })
await writeFile(join(CACHE, 'nix-cache-info'), 'StoreDir: /nix/store\n')
for (const item of packages) await addToCache(item)
const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
console.log(`${KEY_NAME}:${Buffer.from(x, 'base64url').toString('base64')}`)

async function addToCache(item: Package): Promise<void> {
  const nar = await narOf(item)
  const packed = await collect(getCompressor('zstd').compress(chunks(nar)))
  const fileHash = hashBytes('sha256', packed)
  const url = `nar/${formatHash(fileHash, 'nix32')}.nar.zst`
  const facts = {
    path: item.path,
    narHash: hashBytes('sha256', nar),
    narSize: nar.length,
    references: await referencesOf(nar),
  }
  const signature = sign(null, Buffer.from(fingerprint(facts)), privateKey).toString('base64')
  const info: NarInfo = {
    ...facts,
    url,
    compression: 'zstd',
    fileHash,
    fileSize: packed.length,
    signatures: [`${KEY_NAME}:${signature}`],
  }
  await writeFile(join(CACHE, url), packed)
  await writeFile(join(CACHE, `${storePathHash(item.path)}.narinfo`), formatNarInfo(info))
}

/** Puts the package on disk, where it can be read in the order of a NAR. */
async function narOf({ files }: Package): Promise<Buffer> {
  await using folder = await makeTempDir('package-')
  const root = join(folder.path, 'package')
  for (const [name, file] of Object.entries(files)) {
    const place = join(root, name)
    await mkdir(dirname(place), { recursive: true })
    if ('target' in file) await symlink(file.target, place)
    else await writeFile(place, file.content, { mode: file.isExecutable === true ? 0o755 : 0o644 })
  }
  return await collect(writeNar(treeEntries(toByteString(root), 'bytes')))
}

async function referencesOf(nar: Uint8Array) {
  const byHashPart = new Map(packages.map(({ path }) => [storePathHash(path), path]))
  const found = await scanReferences(chunks(nar), { knownHashParts: new Set(byHashPart.keys()) })
  return packages
    .map(({ path }) => path)
    .filter((path) => found.hashParts.has(storePathHash(path)))
    .toSorted(compareStorePaths)
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of source) parts.push(Uint8Array.from(part))
  return Buffer.concat(parts)
}

// oxlint-disable-next-line require-await -- what reads it takes streams
async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

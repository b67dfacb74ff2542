import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { type ByteString, byteStringToText } from '#util'
import { encodeHeader } from './encode-header.ts'
import { readTar } from './read-tar.ts'
import { endOfArchive } from './tar-format.ts'
import type { TarDialect } from './tar-header.ts'
import type { TarMember } from './tar-member.ts'
import { assertSameBytes, chunked } from './test-support.test.ts'

/** Layers that the original wrote with Python and GNU tar, with listings that Python made of them. */
const LAYERS = new URL('../../../shared/golden/layers/', import.meta.url)

const skip = !existsSync(LAYERS)
  ? 'shared folder not there'
  : spawnSync('xz', ['--version']).status === 0
    ? false
    : 'the program xz is not there'
const layers = skip === false ? readdirSync(LAYERS).filter((name) => name.endsWith('.tar.xz')) : []
const unpacked = unpackAll()

test(`readTar() lists ${layers.length} recorded layers as Python did`, { skip }, async () => {
  for (const [layer, bytes] of unpacked) {
    const rows: unknown[] = []
    for await (const member of readTar(chunked(bytes, 10_000))) rows.push(await rowOf(member))
    const listing = gunzipSync(readFileSync(new URL(layer.replace('.tar.xz', '.jsonl.gz'), LAYERS))).toString()
    const expected = listing.trimEnd().split('\n').filter(Boolean)
    assert.deepEqual(rows, expected.map(withoutStored), layer)
  }
})

test('encodeHeader() writes the members of recorded layers again, byte for byte', { skip }, async () => {
  const seen = { pax: 0, gnu: 0, 'gnu-numeric': 0 }
  for (const [layer, bytes] of unpacked) {
    if (BY_DOCKER.includes(layer)) continue
    const parts: Uint8Array[] = []
    for await (const member of readTar(chunked(bytes, 65536))) {
      const stored = bytes.subarray(member.headerOffset, member.bodyOffset)
      const dialect = dialectOf(member, stored)
      seen[dialect]++
      // The records are to be found again, so they are not handed over.
      const { paxRecords: _, ...header } = member.header
      const encoded = encodeHeader(header, dialect)
      assertSameBytes(encoded, stored, `${layer}: ${byteStringToText(header.path)}`)
      const size = header.type === 'file' ? header.size : 0
      parts.push(encoded, bytes.subarray(member.bodyOffset, member.bodyOffset + Math.ceil(size / 512) * 512))
    }
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    const sha256 = createHash('sha256')
    for (const part of [...parts, endOfArchive(length)]) sha256.update(part)
    assert.equal(sha256.digest('hex'), layer.slice(0, 64))
  }
  for (const [dialect, count] of Object.entries(seen)) assert.ok(count > 100, `${dialect}: ${count} members`)
})

/** Part of an image that Docker saved, and so written by Docker, in its own way. */
const BY_DOCKER = [
  '4d84e5e74cf345a58e5b6a61fb16a71b551ef2c782a8f2d7de77ab788bf238bd.tar.xz',
  '7bb5aa6b4ae11540dc7c6b493b39a789b6795dc35255f3640086a10924d86c8e.tar.xz',
]

/** The owners' names tell GNU tar's two ways apart; there are no layers by owners without a name. */
function dialectOf(member: TarMember, stored: Uint8Array): TarDialect {
  if (member.format !== 'gnu') return 'pax'
  const named = `${member.header.uname}${member.header.gname}` !== ''
  return named || Buffer.from(stored).toString('latin1', 265, 269) === 'root' ? 'gnu' : 'gnu-numeric'
}

/** All layers in one run of xz, since starting it is what takes the time. */
function unpackAll(): Map<string, Buffer> {
  if (layers.length === 0) return new Map()
  const files = layers.map((layer) => fileURLToPath(new URL(layer, LAYERS)))
  const listing = spawnSync('xz', ['--robot', '--list', ...files], { encoding: 'utf8' }).stdout
  const rows = listing.split('\n').map((line) => line.split('\t'))
  const sizes = rows.filter(([kind]) => kind === 'file').map((row) => Number(row[4]))
  const { stdout } = spawnSync('xz', ['-dc', ...files], { maxBuffer: 2 ** 30 })
  const result = new Map<string, Buffer>()
  let offset = 0
  for (const [index, layer] of layers.entries()) {
    const end = offset + (sizes[index] ?? Number.NaN)
    result.set(layer, stdout.subarray(offset, end))
    offset = end
  }
  assert.equal(offset, stdout.length)
  return result
}

/** What the listing says of how a member is stored is for the test that writes it again. */
function withoutStored(text: string): unknown {
  const { ext: _ext, paxHeaderName: _name, prefixLen: _prefix, ...row } = JSON.parse(text)
  return row
}

async function rowOf(member: TarMember): Promise<unknown> {
  const { header } = member
  const body = createHash('sha256')
  for await (const chunk of member.body()) body.update(chunk)
  const pax = Object.fromEntries([...member.paxRecords].map(([key, value]) => [key, nameOf(value)]))
  return {
    ...(member.paxRecords.size === 0 ? {} : { pax }),
    ...(header.type === 'char' || header.type === 'block' ? { dev: [header.major, header.minor] } : {}),
    fmt: member.format === 'gnu' ? 'gnu' : 'ustar',
    gid: header.gid,
    gname: byteStringToText(header.gname),
    ...(header.type === 'symlink' || header.type === 'hardlink' ? { link: nameOf(header.target) } : {}),
    mode: member.storedMode.toString(8).padStart(4, '0'),
    mtime: header.mtimeSeconds,
    name: nameOf(header.path),
    ...(header.type === 'file' ? { sha256: body.digest('hex') } : {}),
    size: header.type === 'file' ? header.size : 0,
    type: member.typeflag,
    uid: header.uid,
    uname: byteStringToText(header.uname),
  }
}

function nameOf(name: ByteString): string | { readonly hex: string } {
  const text = byteStringToText(name)
  return text.includes('\ufffd') ? { hex: Buffer.from(name, 'latin1').toString('hex') } : text
}

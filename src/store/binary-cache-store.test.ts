import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { IntegrityError } from '#errors'
import {
  closure,
  formatHash,
  formatNarInfo,
  type Hash,
  makeFixedOutputPath,
  makeSourcePath,
  makeTextPath,
  measureNar,
  type NarInfo,
  openStore,
  parseStorePath,
  type Store,
  type StoreOptions,
  type StorePath,
} from '#store'
import { makeTempDir, type TempDir } from '#util'
import { failsWith, fileNar, listing, makeNixSandbox, narWords, needs, readAll, testPath } from './test-support.test.ts'

const PATH = testPath('a', 'x')
const CONTENT = 'hello '.repeat(5000)
const NAR = fileNar(CONTENT)

function sha256(bytes: Uint8Array | string): Hash {
  return { algorithm: 'sha256', bytes: createHash('sha256').update(bytes).digest() }
}

/** The narinfo of `NAR`, with `change`. */
function narInfo(change: Partial<NarInfo> = {}): NarInfo {
  const base = { path: PATH, url: 'nar/x.nar', compression: 'none', references: [], signatures: [] }
  return { ...base, narHash: sha256(NAR), narSize: NAR.length, ...change }
}

/** A cache with one path, made by hand. */
async function makeCache(info: NarInfo, file: Uint8Array | undefined): Promise<TempDir> {
  const temp = await makeTempDir('cache-')
  await mkdir(`${temp.path}/nar`)
  await writeFile(`${temp.path}/nix-cache-info`, 'StoreDir: /nix/store\nWantMassQuery: 1\n')
  await writeFile(`${temp.path}/${info.path.slice(11, 43)}.narinfo`, formatNarInfo(info))
  if (file !== undefined) await writeFile(`${temp.path}/nar/x.nar`, file)
  return temp
}

function open(temp: TempDir, options: StoreOptions = { checkSignatures: false }): Promise<Store> {
  return openStore(`file://${temp.path}`, { environment: {}, ...options })
}

async function readPath(info: NarInfo, file: Uint8Array | undefined, options?: StoreOptions): Promise<string[]> {
  await using temp = await makeCache(info, file)
  return await listing((await open(temp, options)).entries(info.path))
}

test('content comes out whole whatever the compression', async () => {
  const files = { none: NAR, gzip: gzipSync(NAR), zstd: zstdCompressSync(NAR) }
  for (const [compression, file] of Object.entries(files)) {
    const info = narInfo({ compression, fileHash: sha256(file), fileSize: file.length })
    assert.deepEqual(await readPath(info, file), [`file 444 "" ${CONTENT.length} ${CONTENT}`])
  }
})

test('compressions that we do not read are refused by name', async () => {
  for (const compression of ['bzip2', 'br', 'lzip', '']) {
    const reason = failsWith('FORMAT_UNSUPPORTED', JSON.stringify(compression))
    await assert.rejects(readPath(narInfo({ compression }), NAR), reason)
  }
})

test('a file of another hash or size than promised is an integrity error, however it breaks', async () => {
  const packed = gzipSync(NAR)
  const promised = { compression: 'gzip', fileHash: sha256(packed), fileSize: packed.length }
  const flipped = Buffer.from(packed)
  flipped[20]! ^= 0xff
  await assert.rejects(readPath(narInfo(promised), flipped), failsWith('DIGEST_MISMATCH', 'nar/x.nar'))
  await assert.rejects(readPath(narInfo(promised), packed.subarray(0, -1)), failsWith('SIZE_MISMATCH', 'nar/x.nar'))
  await assert.rejects(readPath(narInfo(promised), Buffer.concat([packed, packed])), failsWith('SIZE_MISMATCH'))
  const other = gzipSync(NAR, { level: 1 })
  await assert.rejects(readPath(narInfo({ ...promised, fileSize: other.length }), other), failsWith('DIGEST_MISMATCH'))
})

test('a NAR of another hash or size than promised is an integrity error, however it breaks', async () => {
  for (const at of [0, 20, 100, 5000, NAR.length - 1]) {
    const flipped = Buffer.from(NAR)
    flipped[at]! ^= 1
    await assert.rejects(readPath(narInfo(), flipped), failsWith('DIGEST_MISMATCH', 'NAR of'), `byte ${at}`)
  }
  await assert.rejects(readPath(narInfo({ narSize: NAR.length - 1 }), NAR), failsWith('SIZE_MISMATCH'))
  await assert.rejects(readPath(narInfo({ narSize: NAR.length + 1 }), NAR), failsWith('SIZE_MISMATCH'))
  await assert.rejects(readPath(narInfo(), NAR.subarray(0, -8)), failsWith('SIZE_MISMATCH'))
})

test('a NAR bomb stops at the promised size', async () => {
  const bomb = zstdCompressSync(fileNar(Buffer.alloc(50_000_000)))
  await assert.rejects(readPath(narInfo({ compression: 'zstd' }), bomb), failsWith('SIZE_MISMATCH', 'more than'))
})

test('a NAR that is promised to be broken is refused for what it is', async () => {
  const nar = narWords('nix-archive-1', '(', 'type', 'directory', 'entry', '(', 'name', '..', 'node', '(', 'type')
  const info = narInfo({ narHash: sha256(nar), narSize: nar.length })
  await assert.rejects(readPath(info, nar), failsWith('PATH_UNSAFE'))
  const cut = gzipSync(NAR).subarray(0, -10)
  await assert.rejects(readPath(narInfo({ compression: 'gzip' }), cut), failsWith('TRUNCATED'))
})

test('a file outside the cache is never read', async () => {
  const urls = [
    '../x',
    '/etc/passwd',
    'nar/../../x',
    'file:///etc/passwd',
    'http://127.0.0.1/x',
    '//h/x',
    'nar/%2e%2e/x',
  ]
  for (const url of [...urls, 'nar\\x', 'nar//x', './x', 'nar/x#y', 'C:x', 'nar/x.nar\0']) {
    await assert.rejects(readPath(narInfo({ url }), NAR), failsWith('PATH_UNSAFE', 'a file of the cache'), url)
  }
})

test('a NAR that the cache promises and does not have is missing', async () => {
  await assert.rejects(readPath(narInfo(), undefined), failsWith('STORE_PATH_MISSING', 'no such file'))
})

test('a narinfo about another path than it is named for is refused', async () => {
  await using temp = await makeCache(narInfo(), NAR)
  await writeFile(`${temp.path}/${'b'.repeat(32)}.narinfo`, formatNarInfo(narInfo()))
  await assert.rejects((await open(temp)).pathInfo(testPath('b')), failsWith('FORMAT_INVALID', 'named for'))
})

test('a path with the same hash part and another name is missing', async () => {
  await using temp = await makeCache(narInfo(), NAR)
  const store = await open(temp)
  await assert.rejects(store.pathInfo(testPath('a', 'other')), failsWith('STORE_PATH_MISSING'))
  assert.equal(await store.has(testPath('a', 'other')), false)
  assert.equal(await store.has(PATH), true)
})

test('a path without a trusted signature is refused, unless signatures are not checked', async () => {
  await assert.rejects(readPath(narInfo(), NAR, {}), failsWith('SIGNATURE_INVALID', 'it has none'))
  const signatures = [`cache.nixos.org-1:${Buffer.alloc(64).toString('base64')}`]
  const error = await readPath(narInfo({ signatures }), NAR, {}).catch((reason: unknown) => reason)
  assert.ok(error instanceof IntegrityError)
  assert.match(error.message, /none that holds, only by "cache\.nixos\.org-1"/)
  assert.equal((await readPath(narInfo({ signatures }), NAR)).length, 1)
})

const narPath = makeSourcePath('x', sha256(NAR))
const flatPath = makeFixedOutputPath('flat', sha256(CONTENT), 'x')
const textPath = makeTextPath('x', sha256(CONTENT), [PATH])
const sha1: Hash = { algorithm: 'sha1', bytes: createHash('sha1').update(NAR).digest() }
const sha1Path = makeFixedOutputPath('nar', sha1, 'x')
const addressed: Readonly<Record<string, Partial<NarInfo> & { path: StorePath }>> = {
  'its NAR': { path: narPath, contentAddress: `fixed:r:sha256:${formatHash(sha256(NAR), 'nix32')}` },
  'its NAR by sha1': { path: sha1Path, contentAddress: `fixed:r:sha1:${formatHash(sha1, 'nix32')}` },
  'its one file': { path: flatPath, contentAddress: `fixed:sha256:${formatHash(sha256(CONTENT), 'nix32')}` },
  'its text': {
    path: textPath,
    references: [PATH],
    contentAddress: `text:sha256:${formatHash(sha256(CONTENT), 'nix32')}`,
  },
}
for (const [what, change] of Object.entries(addressed)) {
  test(`a path that follows from ${what} needs no signature, and is checked against it`, async () => {
    assert.equal((await readPath(narInfo(change), NAR, {})).length, 1)
    const other = fileNar('other')
    const lie = narInfo({ ...change, narHash: sha256(other), narSize: other.length })
    await assert.rejects(readPath(lie, other, {}), (error: unknown) => error instanceof IntegrityError)
    const renamed = narInfo({ ...change, path: parseStorePath(`${change.path}y`) })
    await assert.rejects(readPath(renamed, NAR, {}), failsWith('SIGNATURE_INVALID'))
    const referring = narInfo({ ...change, references: [testPath('b')] })
    await assert.rejects(readPath(referring, NAR, {}), failsWith('SIGNATURE_INVALID'))
  })
}

test('a file checked by its own hash is checked though its reader leaves it early or alone', async () => {
  const info = narInfo(addressed['its one file'])
  const other = fileNar(`${CONTENT.slice(1)}!`)
  const lie = narInfo({ ...info, narHash: sha256(other), narSize: other.length })
  for (const isOpened of [true, false]) {
    for (const [promised, file] of [
      [info, NAR],
      [lie, other],
    ] as const) {
      await using temp = await makeCache(promised, file)
      const read = async (): Promise<void> => {
        for await (const entry of (await open(temp, {})).entries(info.path)) {
          if (entry.type !== 'file' || !isOpened) continue
          for await (const _ of entry.open()) break
        }
      }
      if (promised === info) await read()
      else await assert.rejects(read(), failsWith('DIGEST_MISMATCH', 'for its name'))
    }
  }
})

test('contradictory content addresses make a path need a signature', async () => {
  const addresses = [
    '',
    'text',
    'fixed:r:sha256:x',
    'text:md5:',
    'fixed:git:sha1:0',
    'fixed::sha256:0',
    'x'.repeat(99_999),
  ]
  for (const contentAddress of addresses) {
    const info = narInfo({ contentAddress })
    await assert.rejects(readPath(info, NAR, {}), failsWith('SIGNATURE_INVALID'), contentAddress.slice(0, 30))
  }
})

test('a folder that is no binary cache, or one for another store folder, cannot be opened', async () => {
  await using temp = await makeTempDir('cache-')
  await assert.rejects(open(temp), failsWith('STORE_UNAVAILABLE', 'nix-cache-info'))
  await writeFile(`${temp.path}/nix-cache-info`, 'WantMassQuery: 1\nStoreDir: /other/store\n')
  await assert.rejects(open(temp), failsWith('STORE_UNAVAILABLE', '"/other/store"'))
  assert.equal((await open(temp, { storeDir: '/other/store' })).dir, '/other/store')
})

test('a huge narinfo is refused', async () => {
  await using temp = await makeCache(narInfo(), NAR)
  await writeFile(`${temp.path}/${'a'.repeat(32)}.narinfo`, Buffer.alloc(5_000_000, 'x'))
  await assert.rejects((await open(temp)).pathInfo(PATH), failsWith('LIMIT_EXCEEDED', '4194304'))
})

test('a narinfo is read once, however many ask at once', async () => {
  await using temp = await makeCache(narInfo(), NAR)
  const store = await open(temp)
  await Promise.all([store.pathInfo(PATH), store.has(PATH), store.findByHashPart('a'.repeat(32))])
  await rm(`${temp.path}/${'a'.repeat(32)}.narinfo`)
  assert.equal((await store.pathInfo(PATH)).narSize, NAR.length)
})

test('signed caches that Nix makes read in all compressions', needs('nix', 'nix-store'), async () => {
  await using nix = await makeNixSandbox()
  const { root, storeDir } = nix
  await mkdir(`${root}/tree/sub`, { recursive: true })
  await writeFile(`${root}/tree/sub/file`, 'content')
  await writeFile(`${root}/tree/run`, '#!/bin/sh\n', { mode: 0o755 })
  const tree = parseStorePath(nix.run('nix-store', '--add', `${root}/tree`), storeDir)
  // Refers to the tree and has no content address, so that its signature is what counts.
  const expression = `derivation { name = "user"; system = builtins.currentSystem; builder = "/bin/sh"; args = ["-c" "echo ${tree} > $out"]; }`
  await writeFile(`${root}/user.nix`, expression.replace(tree, `\${builtins.storePath ${tree}}`))
  const user = parseStorePath(nix.run('nix-build', '--no-out-link', `${root}/user.nix`), storeDir)
  nix.run('nix-store', '--generate-binary-cache-key', 'test-1', `${root}/secret`, `${root}/public`)
  const publicKey = nix.run('cat', `${root}/public`)
  for (const compression of ['xz', 'zstd', 'gzip', 'none']) {
    const cache = `file://${root}/${compression}`
    nix.run('nix', 'copy', '--to', `${cache}?compression=${compression}&secret-key=${root}/secret`, user)
    const { environment } = nix
    const store = await openStore(cache, { environment, trustedPublicKeys: [publicKey] })
    const graph = await closure(store, [user])
    assert.deepEqual(
      graph.map((node) => node.path),
      [tree, user].toSorted(),
    )
    for (const node of graph) {
      const { narHash } = await measureNar(store.entries(node.path))
      assert.equal(formatHash(narHash, 'hex'), nix.run('nix-hash', '--type', 'sha256', node.path))
    }
    const unsigned = await openStore(cache, { environment })
    await assert.rejects(unsigned.pathInfo(user), failsWith('SIGNATURE_INVALID', '"test-1"'))
    assert.equal((await unsigned.pathInfo(tree)).contentAddress?.startsWith('fixed:r:sha256:'), true)
    assert.deepEqual(await readAll(bodies(unsigned, tree)), Buffer.from('#!/bin/sh\ncontent'))
  }
})

async function* bodies(store: Store, path: StorePath): AsyncGenerator<Uint8Array> {
  for await (const entry of store.entries(path)) if (entry.type === 'file') yield* entry.open()
}

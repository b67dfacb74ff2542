import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import {
  closure,
  formatNarInfo,
  hashBytes,
  measureNar,
  type NarInfo,
  openStore,
  openStores,
  parseStorePath,
  type StorePath,
} from '#store'
import { treeEntries } from '#tree'
import { makeTempDir, type TempDir, toByteString } from '#util'
import { failsWith, fileNar, listing, testPath } from './test-support.test.ts'

const OPTIONS = { environment: { PATH: '' }, checkSignatures: false }
const [A, B, C] = [testPath('a'), testPath('b'), testPath('c')]

/** The files of a cache in which each path is a file that holds `content` and refers to the next path. */
function cacheFiles(paths: readonly StorePath[], content: string): ReadonlyMap<string, Buffer> {
  const nar = fileNar(content)
  const files = new Map<string, Buffer>([['nix-cache-info', Buffer.from('StoreDir: /nix/store\n')]])
  files.set('nar/x.nar', nar)
  for (const [index, path] of paths.entries()) {
    const references = paths.slice(index + 1, index + 2)
    const facts = { path, narHash: hashBytes('sha256', nar), narSize: nar.length, references, signatures: [] }
    const info: NarInfo = { ...facts, url: 'nar/x.nar', compression: 'none' }
    files.set(`${path.slice(11, 43)}.narinfo`, Buffer.from(formatNarInfo(info)))
  }
  return files
}

async function makeFileCache(paths: readonly StorePath[], content: string): Promise<TempDir & { uri: string }> {
  const temp = await makeTempDir('cache #% ')
  await mkdir(`${temp.path}/nar`)
  for (const [name, bytes] of cacheFiles(paths, content)) await writeFile(`${temp.path}/${name}`, bytes)
  return { ...temp, uri: pathToFileURL(temp.path).href }
}

interface HttpCache extends AsyncDisposable {
  readonly uri: string
  readonly requests: string[]
}

async function serveCache(files: ReadonlyMap<string, Buffer>, missingStatus = 404): Promise<HttpCache> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.headers.authorization === undefined ? '' : 'authorized '}${request.url}`)
    const bytes = files.get(request.url!.replace(/^\/cache\//, ''))
    response.writeHead(bytes === undefined ? missingStatus : 200)
    response.end(bytes)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/cache`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('a cache on a server reads as one in a folder, each narinfo fetched once', async () => {
  await using cache = await serveCache(cacheFiles([A, B], 'served'))
  const store = await openStore(`${cache.uri}/`, OPTIONS)
  assert.equal(store.uri, cache.uri)
  await closure(store, [A])
  assert.equal((await closure(store, [A, B])).length, 2)
  assert.deepEqual(await listing(store.entries(B)), ['file 444 "" 6 served'])
  const [first, second] = [A, B].map((path) => `/cache/${path.slice(11, 43)}.narinfo`)
  assert.deepEqual(cache.requests, ['/cache/nix-cache-info', first, second, '/cache/nar/x.nar'])
})

for (const status of [404, 403]) {
  test(`a server that says ${status} does not have the path`, async () => {
    const files = new Map([...cacheFiles([A], 'x')].filter(([name]) => name !== 'nar/x.nar'))
    await using cache = await serveCache(files, status)
    const store = await openStore(cache.uri, OPTIONS)
    assert.equal(await store.has(C), false)
    assert.equal(await store.findByHashPart('c'.repeat(32)), undefined)
    await assert.rejects(listing(store.entries(A)), failsWith('STORE_PATH_MISSING', 'no such file'))
    await assert.rejects(openStore(`${cache.uri}/deeper`, OPTIONS), failsWith('STORE_UNAVAILABLE', 'nix-cache-info'))
  })
}

test('a server that breaks off a NAR that is not read to its end is let go', async () => {
  await using cache = await serveCache(cacheFiles([A], 'x'.repeat(5_000_000)))
  const store = await openStore(cache.uri, OPTIONS)
  for await (const entry of store.entries(A)) {
    if (entry.type === 'file') for await (const _ of entry.open()) break
    break
  }
})

test('a password in the address of a cache is sent, and shown nowhere', async () => {
  await using cache = await serveCache(cacheFiles([A], 'x'))
  const store = await openStore(cache.uri.replace('//', '//me:secret@'), OPTIONS)
  assert.equal(store.uri, cache.uri)
  assert.deepEqual(cache.requests, ['authorized /cache/nix-cache-info'])
  await assert.rejects(store.pathInfo(C), (error: Error) => !error.message.includes('secret'))
})

test('an aborted signal stops a store on a server', async () => {
  await using cache = await serveCache(cacheFiles([A], 'x'))
  const signal = AbortSignal.abort()
  await assert.rejects(openStore(cache.uri, { ...OPTIONS, signal }), failsWith('INTERRUPTED'))
})

test('of several stores the first that has a path answers for it', async () => {
  await using first = await makeFileCache([A], 'first')
  await using second = await makeFileCache([A, B, C], 'second')
  const store = await openStores([first.uri, second.uri], OPTIONS)
  assert.equal(store.uri, `${first.uri} ${second.uri}`)
  assert.deepEqual(await listing(store.entries(A)), ['file 444 "" 5 first'])
  assert.deepEqual(await listing(store.entries(B)), ['file 444 "" 6 second'])
  assert.deepEqual((await store.pathInfo(A)).references, [])
  assert.equal(await store.findByHashPart('c'.repeat(32)), C)
  assert.equal(await store.findByHashPart('d'.repeat(32)), undefined)
  assert.equal(await store.realPath(B), undefined)
  assert.equal(await store.has(testPath('d')), false)
  await assert.rejects(store.pathInfo(testPath('d')), failsWith('STORE_PATH_MISSING', store.uri))
  await assert.rejects(listing(store.entries(testPath('d'))), failsWith('STORE_PATH_MISSING'))
})

test('with no store named, it is auto', async () => {
  const environment = {
    NIX_STORE_DIR: '/nowhere/store',
    NIX_STATE_DIR: '/nowhere',
    XDG_DATA_HOME: '/nowhere',
    PATH: '',
  }
  assert.equal((await openStores([], { environment })).uri, 'auto')
  await using cache = await makeFileCache([A], 'x')
  const both = await openStores(['auto', cache.uri], {
    ...OPTIONS,
    environment: { ...environment, NIX_STORE_DIR: undefined },
  })
  assert.equal(await both.has(A), true)
})

test('a graph file names paths whose content is on disk', async () => {
  await using temp = await makeTempDir('graph-')
  const storeDir = `${temp.path}/store`
  const path = (letter: string): StorePath => parseStorePath(`${storeDir}/${letter.repeat(32)}-x`, storeDir)
  await mkdir(storeDir)
  await writeFile(path('a'), 'on disk')
  const expected = await measureNar(treeEntries(toByteString(path('a')), 'bytes'))
  const narHash = 'sha256:1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s'
  const graph = [
    { path: path('b'), references: [path('a')], narHash, narSize: 5 },
    { path: path('a'), references: [] },
  ]
  await writeFile(`${temp.path}/g.json`, JSON.stringify({ closure: graph }))
  const store = await openStore(`graph:${temp.path}/g.json`, { storeDir })
  assert.equal((await store.pathInfo(path('b'))).narSize, 5)
  assert.deepEqual((await store.pathInfo(path('a'))).narHash, expected.narHash)
  assert.equal((await closure(store, [path('b')])).length, 2)
  assert.equal(await store.findByHashPart('b'.repeat(32)), path('b'))
  assert.deepEqual(await listing(store.entries(path('a'))), ['file 644 "" 7 on disk'])
  assert.equal(await store.realPath(path('a')), path('a'))
  assert.equal(await store.realPath(path('b')), undefined)
  await assert.rejects(listing(store.entries(path('b'))), failsWith('STORE_PATH_MISSING', 'not on disk'))
  await assert.rejects(store.pathInfo(path('c')), failsWith('STORE_PATH_MISSING', path('c')))
  await assert.rejects(store.realPath(path('c')), failsWith('STORE_PATH_MISSING', path('c')))
  await assert.rejects(listing(store.entries(path('c'))), failsWith('STORE_PATH_MISSING'))
  await assert.rejects(openStore(`graph:${temp.path}/none`), failsWith('STORE_UNAVAILABLE', 'none'))
})

const bad: readonly (readonly [uri: string, fault: string])[] = [
  ['', 'it should be'],
  ['daemon', 'it should be'],
  ['ssh://host', 'it should be'],
  ['/nix/store', 'it should be'],
  ['auto ', 'it should be'],
  ['file:x', 'absolute'],
  ['file://host/x', 'absolute'],
  ['file:///x?compression=xz', 'query'],
  ['https://h/x?priority=1', 'query'],
  ['https://h/x#y', 'query or fragment'],
  ['https://', 'no URL'],
  ['graph:', 'names no file'],
]
for (const [uri, fault] of bad) {
  test(`the store ${JSON.stringify(uri)} is refused`, async () => {
    await assert.rejects(openStore(uri, OPTIONS), failsWith('USAGE', fault))
  })
}

test('bad store folders, roots and keys are refused as wrong usage', async () => {
  await assert.rejects(openStore('local:'), failsWith('USAGE', 'names no folder'))
  for (const storeDir of ['nix/store', '/nix/store/', '/nix/../x', '']) {
    await assert.rejects(openStore('auto', { storeDir }), failsWith('USAGE', 'store folder'))
  }
  await using cache = await makeFileCache([A], 'x')
  await assert.rejects(openStore(cache.uri, { trustedPublicKeys: ['x'] }), failsWith('USAGE', 'public key'))
})

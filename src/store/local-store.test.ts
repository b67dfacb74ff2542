import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openStore, openWritableStore, parseStorePath, storePathHash, type StorePath, type WritableStore } from '#store'
import { makeTempDir } from '#util'
import { failsWith, listing, testPath } from './test-support.test.ts'

interface Place extends AsyncDisposable {
  readonly path: string
  readonly root: string
  readonly store: WritableStore
  /** Another process's view, as far as locks and roots go. */
  open(): WritableStore
  physical(path: StorePath): string
  /** Names in the store folder. */
  names(): string[]
}

async function makePlace(): Promise<Place> {
  const temp = await makeTempDir('local-')
  const root = join(temp.path, 'root')
  const open = (): WritableStore =>
    openWritableStore(`local:${root}`, { environment: {}, now: () => 1_700_000_000_000 })
  const store = open()
  return {
    path: temp.path,
    root,
    store,
    open,
    physical: (path) => join(root, path),
    names: () => readdirSync(join(root, 'nix/store')).filter((name) => name !== '.links'),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await temp[Symbol.asyncDispose]()
    },
  }
}

/** A tree with a file, an executable, a folder that nobody may write, and a symlink. */
function makeTree(folder: string): string {
  mkdirSync(join(folder, 'tree/d'), { recursive: true })
  writeFileSync(join(folder, 'tree/d/file'), 'text')
  writeFileSync(join(folder, 'tree/run'), '#!', { mode: 0o710 })
  symlinkSync('run', join(folder, 'tree/link'))
  chmodSync(join(folder, 'tree/d'), 0o500)
  return join(folder, 'tree')
}

/** Why a folder in memory cannot stand for another disk, or false. */
function canMakeInMemory(): string | false {
  if (!existsSync('/dev/shm')) return 'no folder /dev/shm here'
  return lstatSync('/dev/shm').dev === lstatSync(tmpdir()).dev ? 'temp folder is in memory itself' : false
}

test('a store is not made by looking into it', async () => {
  await using place = await makePlace()
  const path = testPath('a')
  assert.equal(await place.store.has(path), false)
  assert.equal(await place.store.findByHashPart('a'.repeat(32)), undefined)
  await assert.rejects(place.store.pathInfo(path), failsWith('STORE_PATH_MISSING', 'local:'))
  assert.deepEqual(await place.store.verify({ checksContents: true }), { pathCount: 0, faults: [] })
  assert.equal(existsSync(place.root), false)
})

test('modes and times are those of a store whatever the umask', async () => {
  await using place = await makePlace()
  const before = process.umask(0o077)
  try {
    const path = await place.store.addLocal(makeTree(place.path), 'tree')
    const facts = ['', '/d', '/d/file', '/run', '/link'].map((below) => {
      const { mode, mtimeMs } = lstatSync(place.physical(path) + below)
      return [below, (mode & 0o777).toString(8), mtimeMs]
    })
    const expected = [
      ['', '555', 1000],
      ['/d', '555', 1000],
      ['/d/file', '444', 1000],
      ['/run', '555', 1000],
      ['/link', '777', 1000],
    ]
    assert.deepEqual(facts, expected)
    assert.deepEqual(await listing(place.store.entries(path)), [
      'directory 555 ""',
      'directory 555 "d"',
      'file 444 "d/file" 4 text',
      'symlink 777 "link" -> run',
      'file 555 "run" 2 #!',
    ])
    assert.equal(await place.store.addLocal(join(place.path, 'tree'), 'tree'), path)
  } finally {
    process.umask(before)
  }
})

test('a filter leaves files out, and does not look below folders it leaves out', async () => {
  await using place = await makePlace()
  const tree = makeTree(place.path)
  mkdirSync(join(tree, 'secret'))
  writeFileSync(join(tree, 'secret/x'), '')
  const seen: string[] = []
  const path = await place.store.addLocal(tree, 'tree', {
    filter: (entry) => {
      seen.push(entry.path)
      return entry.path !== 'secret' && entry.path !== 'run'
    },
  })
  assert.deepEqual(seen, ['d', 'd/file', 'link', 'run', 'secret'])
  assert.deepEqual(readdirSync(place.physical(path)), ['d', 'link'])
})

test('what cannot be added leaves the store as it was', async () => {
  await using place = await makePlace()
  const { store, path } = place
  await store.addText('first', 'x')
  const names = place.names()
  await assert.rejects(store.addLocal(join(path, 'nowhere'), 'x'), failsWith('FILE_UNREADABLE'))
  await assert.rejects(store.addLocal(path, 'x'), failsWith('USAGE', 'the store is in it'))
  await assert.rejects(store.addLocal(path, '.x/y'), failsWith('STORE_PATH_INVALID'))
  await assert.rejects(store.addText('a b', ''), failsWith('STORE_PATH_INVALID'))
  await assert.rejects(
    store.addText('x', '', [testPath('a')]),
    failsWith('STORE_PATH_MISSING', 'should be in the store first'),
  )
  const broken = (async function* () {
    yield { type: 'directory', path: '', mode: 0o755 } as never
    throw new Error('broken off')
  })()
  await assert.rejects(store.addEntries('x', broken), /broken off/)
  assert.deepEqual(place.names(), names)
  const [room = ''] = readdirSync(join(place.root, 'nix/var/nix/dockertools/scratch'))
  assert.deepEqual(readdirSync(join(place.root, 'nix/var/nix/dockertools/scratch', room)), ['lock', 'roots'])
})

test('outputs refer to what their bytes name, wherever it stands: contents, file names, links, themselves', async () => {
  await using place = await makePlace()
  const { store } = place
  const known = await Promise.all(['a', 'b', 'c', 'd'].map((name) => store.addText(name, name)))
  const [a, b, c] = known as [StorePath, StorePath, StorePath]
  const out = testPath('x', 'out')
  const temp = await store.scratchPath()
  mkdirSync(join(temp, 'bin'), { recursive: true })
  // Around the size of the buffer that files are read into.
  writeFileSync(join(temp, 'bin/large'), `${'-'.repeat(1024 * 1024 - 16)}${storePathHash(a)}`)
  writeFileSync(join(temp, `bin/${storePathHash(b)}`), '')
  symlinkSync(`${c}/x`, join(temp, 'link'))
  writeFileSync(join(temp, 'self'), out)
  const info = await store.registerOutput(out, temp, { known, deriver: testPath('d', 'x.drv') })
  assert.deepEqual(info.references, [a, b, c, out].toSorted())
  assert.equal(info.deriver, testPath('d', 'x.drv'))
  assert.equal(lstatSync(join(place.physical(out), 'bin/large')).mode & 0o777, 0o444)
  assert.equal(existsSync(temp), false)
})

test('outputs become valid together, not in a circle; another content for the same path is refused', async () => {
  await using place = await makePlace()
  const { store, path } = place
  const [out, dev] = [testPath('x', 'out'), testPath('y', 'dev')]
  const make = (content: string): string => {
    const file = join(path, 'made')
    rmSync(file, { force: true })
    writeFileSync(file, content)
    return file
  }
  writeFileSync(join(path, 'made-dev'), `${out}${dev}`)
  const circle = [
    { path: out, physicalTemp: make(dev) },
    { path: dev, physicalTemp: join(path, 'made-dev') },
  ]
  await assert.rejects(store.registerOutputs(circle, { known: [] }), failsWith('OUTPUT_INVALID', 'circle'))
  assert.deepEqual([await store.has(out), await store.has(dev)], [false, false])
  const fixed = { path: dev, physicalTemp: make(dev), contentAddress: 'fixed:r:sha256:x' }
  await assert.rejects(store.registerOutputs([fixed], { known: [] }), failsWith('OUTPUT_INVALID', 'refers to'))
  rmSync(join(path, 'made-dev'))
  writeFileSync(join(path, 'made-dev'), dev)
  const outputs = [
    { path: out, physicalTemp: make(dev) },
    { path: dev, physicalTemp: join(path, 'made-dev') },
  ]
  const infos = await store.registerOutputs(outputs, { known: [] })
  assert.deepEqual(
    infos.map(({ references }) => references),
    [[dev], [dev]],
  )
  assert.deepEqual((await store.registerOutput(out, make(dev), { known: [dev] })).references, [dev])
  await assert.rejects(
    store.registerOutput(out, make('other'), { known: [] }),
    failsWith('DIGEST_MISMATCH', 'it is there'),
  )
  assert.equal(readFileSync(place.physical(out), 'utf8'), dev)
  const other = testPath('z', 'other')
  writeFileSync(join(path, 'made-other'), '')
  const mixed = [
    { path: other, physicalTemp: join(path, 'made-other') },
    { path: out, physicalTemp: make('other') },
  ]
  await assert.rejects(store.registerOutputs(mixed, { known: [] }), failsWith('DIGEST_MISMATCH'))
  assert.equal(await store.has(other), false)
  await assert.rejects(
    store.registerOutput(other, join(path, 'gone'), { known: [] }),
    failsWith('FILE_UNREADABLE', 'nothing'),
  )
})

test('what was built on another disk is taken over all the same', { skip: canMakeInMemory() }, async () => {
  await using place = await makePlace()
  await using memory = await makeTempDir('built-', '/dev/shm')
  const made = join(memory.path, 'made')
  mkdirSync(join(made, 'd'), { recursive: true })
  const a = await place.store.addText('a', '')
  symlinkSync(a, join(made, 'd/a'))
  const { references } = await place.store.registerOutput(testPath('x', 'out'), made, { known: [a] })
  assert.deepEqual(references, [a])
  assert.equal(existsSync(made), false)
  assert.deepEqual((await place.store.verify({ checksContents: true })).faults, [])
})

test('what a killed process left at a place makes room for the real thing', async () => {
  await using place = await makePlace()
  const path = await place.store.addText('x', 'text')
  await place.store[Symbol.asyncDispose]()
  await using other = place.open()
  const database = new DatabaseSync(join(place.root, 'nix/var/nix/db/db.sqlite'))
  database.exec('DELETE FROM ValidPaths')
  database.close()
  rmSync(place.physical(path))
  mkdirSync(join(place.physical(path), 'half'), { recursive: true })
  chmodSync(place.physical(path), 0o555)
  assert.equal(await other.addText('x', 'text'), path)
  assert.equal(readFileSync(place.physical(path), 'utf8'), 'text')
})

test('garbage is what no root reaches: links, links to links, profiles, writers at work, running Nix processes', async () => {
  await using place = await makePlace()
  const { store, path } = place
  const made: Record<string, StorePath> = {}
  for (const name of ['dead', 'indirect', 'direct', 'profile', 'nix', 'by-name', 'below'])
    made[name] = await store.addText(name, name)
  const above = await store.addText('above', made['below']!, [made['below']!])
  const link = join(path, 'result')
  await store.addRoot(link, made['indirect']!)
  await store.addRoot(join(path, 'above'), above)
  const state = join(place.root, 'nix/var/nix')
  mkdirSync(join(state, 'gcroots/mine/deeper'), { recursive: true })
  symlinkSync(made['direct']!, join(state, 'gcroots/mine/deeper/x'))
  symlinkSync(`${place.physical(made['profile']!)}/bin`, join(state, 'profiles/default'))
  writeFileSync(join(state, 'gcroots', made['by-name']!.split('/').at(-1)!), '')
  writeFileSync(join(state, 'temproots', String(process.pid)), `${made['nix']!}\0`)
  writeFileSync(join(place.root, 'nix/store/stray'), '')

  const stays = place.open()
  assert.deepEqual((await stays.collectGarbage()).paths, [], 'the first store is still at work')
  await store[Symbol.asyncDispose]()
  assert.deepEqual((await stays.collectGarbage({ isDryRun: true })).paths, [made['dead']!])
  assert.equal(await stays.has(made['dead']!), true)
  assert.deepEqual((await stays.collectGarbage()).paths, [made['dead']!])
  assert.equal(existsSync(place.physical(made['dead']!)), false)
  assert.equal(place.names().includes('stray'), false)

  rmSync(link)
  writeFileSync(join(state, 'temproots', '4194305'), `${made['nix']!}\0`)
  rmSync(join(state, 'temproots', String(process.pid)))
  const gone = [made['indirect']!, made['nix']!].toSorted()
  assert.deepEqual((await stays.collectGarbage()).paths, gone)
  assert.equal(place.names().length, 5)
  await stays[Symbol.asyncDispose]()
})

test('a root is made over an old one, and over nothing else', async () => {
  await using place = await makePlace()
  const [a, b] = [await place.store.addText('a', ''), await place.store.addText('b', '')]
  const link = join(place.path, 'result')
  await place.store.addRoot(link, a)
  await place.store.addRoot(link, b)
  writeFileSync(join(place.path, 'file'), '')
  await assert.rejects(place.store.addRoot(join(place.path, 'file'), a), failsWith('WRITE_FAILED', 'no symlink'))
  await assert.rejects(place.store.addRoot(link, testPath('a')), failsWith('STORE_PATH_MISSING'))
  await place.store[Symbol.asyncDispose]()
  await using other = place.open()
  assert.deepEqual((await other.collectGarbage()).paths, [a])
})

test('verify finds what is missing and what has changed', async () => {
  await using place = await makePlace()
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => place.store.addText(name, name)))
  rmSync(place.physical(a!))
  chmodSync(place.physical(b!), 0o644)
  writeFileSync(place.physical(b!), 'B')
  assert.deepEqual(
    (await place.store.verify()).faults.map(({ path, fault }) => [path, fault]),
    [[a, 'missing']],
  )
  const { pathCount, faults } = await place.store.verify({ checksContents: true })
  assert.equal(pathCount, 3)
  const wrong = new Map(faults.map(({ path, fault }) => [path, fault]))
  assert.deepEqual(
    wrong,
    new Map([
      [a, 'missing'],
      [b, 'changed'],
    ]),
  )
  await assert.rejects(place.store.realPath(a!), failsWith('STORE_PATH_MISSING', 'not on disk'))
  assert.equal(await place.store.realPath(c!), place.physical(c!))
})

test('a store for a newer Nix, and a database that is none, are refused', async () => {
  await using place = await makePlace()
  await place.store.addText('a', 'a')
  await place.store[Symbol.asyncDispose]()
  const state = join(place.root, 'nix/var/nix/db')
  writeFileSync(join(state, 'schema'), '11')
  await assert.rejects(place.open().addText('b', ''), failsWith('FORMAT_UNSUPPORTED', 'schema is "11"'))
  await assert.rejects(place.open().has(testPath('a')), failsWith('FORMAT_UNSUPPORTED'))
  writeFileSync(join(state, 'schema'), '10\n')
  writeFileSync(join(state, 'db.sqlite'), 'x'.repeat(4096))
  await assert.rejects(place.open().addText('b', ''), failsWith('STORE_UNAVAILABLE'))
})

test('other stores cannot be written, and are refused', async () => {
  for (const uri of ['nix', 'file:///x', 'https://x', 'graph:x', 'nonsense']) {
    assert.throws(() => openWritableStore(uri), failsWith('USAGE', 'can only be read'))
  }
})

test('local is below the folder for data; auto has it once it is there', async () => {
  await using place = await makePlace()
  const environment = { XDG_DATA_HOME: join(place.path, 'data'), NIX_STATE_DIR: place.path }
  assert.equal((await openStore('auto', { environment, storeDir: '/no/store' })).uri, 'auto')
  await using store = openWritableStore('auto', { environment, storeDir: '/no/store' })
  const path = await store.addText('x', '')
  assert.equal(store.root, join(place.path, 'data/dockertools'))
  assert.equal(parseStorePath(path, '/no/store'), path)
  assert.equal(await (await openStore('auto', { environment, storeDir: '/no/store' })).has(path), true)
  assert.equal(
    openWritableStore('local', { environment: { XDG_DATA_HOME: 'x', HOME: '/h' } }).root,
    '/h/.local/share/dockertools',
  )
})

test('work that is stopped ends with one error, and leaves nothing', async () => {
  await using place = await makePlace()
  const stop = new AbortController()
  const tree = join(place.path, 'many')
  mkdirSync(tree)
  for (let index = 0; index < 600; index++) writeFileSync(join(tree, String(index)), '')
  await using store = openWritableStore(`local:${place.root}`, { environment: {}, signal: stop.signal })
  const filter = (): boolean => {
    stop.abort()
    return true
  }
  await assert.rejects(store.addLocal(tree, 'many', { filter }), failsWith('INTERRUPTED'))
  const from = place.open()
  const path = await from.addText('x', 'x')
  await using other = openWritableStore(`local:${place.root}2`, { environment: {}, signal: stop.signal })
  await assert.rejects(other.copyClosure(from, [path]), failsWith('INTERRUPTED'))
  await from[Symbol.asyncDispose]()
  assert.deepEqual(place.names(), [path.split('/').at(-1)])
  assert.equal(await other.has(path), false)
})

test('a closure is copied from another local store in the order of references, and a spoilt one is refused', async () => {
  await using place = await makePlace()
  const { store } = place
  const a = await store.addText('a', 'a')
  const b = await store.addText('b', a, [a])
  const c = await store.addText('c', `${a}${b}`, [a, b])
  await using copy = openWritableStore(`local:${place.root}2`, { environment: {} })
  // A NAR of one file has 112 bytes besides its content, which is filled up to eights: 1, 45 and 90 bytes here.
  assert.deepEqual(await copy.copyClosure(store, [c, b]), { copied: [a, b, c], narBytes: 3 * 112 + 8 + 48 + 96 })
  assert.deepEqual(await copy.pathInfo(c), await store.pathInfo(c))
  chmodSync(place.physical(b), 0o644)
  writeFileSync(place.physical(b), 'B')
  await using spoilt = openWritableStore(`local:${place.root}3`, { environment: {} })
  await assert.rejects(spoilt.copyClosure(store, [c]), failsWith('DIGEST_MISMATCH', b))
  assert.deepEqual(await spoilt.verify({ checksContents: true }), { pathCount: 1, faults: [] })
  await assert.rejects(
    spoilt.copyClosure(openWritableStore('local:/x', { storeDir: '/x/store' }), []),
    failsWith('STORE_UNAVAILABLE', 'it should be for'),
  )
})

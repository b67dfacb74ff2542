import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { closure, formatHash, openStore, openWritableStore, parseStorePath, type StorePath } from '#store'
import { makeTempDir, type TempDir } from '#util'
import { fixturePath, writeCache } from '../support/binary-cache.ts'
import { needs } from '../support/places.ts'
import { nixEnvironment } from './nix-oracle.ts'
import { makeTrees } from './path-cases.ts'

interface Room {
  readonly root: string
  /** Runs a program of Nix's on the store; gives its lines, those on stderr too. */
  readonly nix: (program: string, ...args: readonly string[]) => string[]
}

function makeRoom(temp: TempDir): Room {
  const root = join(temp.path, 'root')
  const env = nixEnvironment(temp.path)
  return {
    root,
    nix: (program, ...args) =>
      execFileSync('sh', ['-c', 'exec "$0" "$@" 2>&1', program, '--store', root, ...args], { env, cwd: temp.path })
        .toString()
        .split('\n')
        .filter((line) => line !== '' && !/^(?:reading|checking) /.test(line)),
  }
}

const skip = needs('nix', 'nix-store')

test('a real Nix lists and verifies what was added, copied and built', skip, async () => {
  await using temp = await makeTempDir('store-nix-')
  const { root, nix } = makeRoom(temp)
  await using store = openWritableStore(`local:${root}`)
  const trees = join(temp.path, 'trees')
  mkdirSync(trees)
  const added: StorePath[] = []
  for (const name of makeTrees(trees)) added.push(await store.addLocal(join(trees, name), name))
  const [a, b] = ['a', 'b'].map((letter) => fixturePath(letter, letter)) as [string, string]
  const cache = writeCache(join(temp.path, 'cache'), [
    { path: a, tree: { link: b }, references: [a, b] },
    { path: b, tree: 'b' },
  ])
  const from = await openStore(cache, { checkSignatures: false })
  assert.deepEqual((await store.copyClosure(from, [parseStorePath(a)])).copied, [b, a])
  const output = await store.scratchPath()
  mkdirSync(output)
  writeFileSync(join(output, 'x'), `${added[0]!} ${a}`, { mode: 0o755 })
  const built = parseStorePath(fixturePath('c', 'built'))
  await store.registerOutput(built, output, { known: [...added, parseStorePath(a)] })

  assert.deepEqual(nix('nix-store', '--verify', '--check-contents'), [])
  assert.deepEqual(nix('nix', 'path-info', '--all').toSorted(), [...added, a, b, built].toSorted())
  for (const path of [a, built, added[3]!] as StorePath[]) {
    const info = await store.pathInfo(path)
    assert.deepEqual(nix('nix-store', '--query', '--references', path).toSorted(), info.references)
    assert.deepEqual(nix('nix-store', '--query', '--hash', path), [`sha256:${formatHash(info.narHash, 'nix32')}`])
    assert.deepEqual(nix('nix-store', '--query', '--size', path), [String(info.narSize)])
  }
  const graph = (await closure(store, [built])).map(({ path }) => path)
  assert.deepEqual(nix('nix-store', '--query', '--requisites', built).toSorted(), graph)
})

test('the database is as Nix makes it: the same tables in the same words, and the same rows', skip, async () => {
  await using temp = await makeTempDir('store-nix-')
  const { root, nix } = makeRoom(temp)
  writeFileSync(join(temp.path, 'x'), 'x')
  const path = nix('nix-store', '--add', './x')[0]!
  await using store = openWritableStore(`local:${join(temp.path, 'ours')}`)
  assert.equal(await store.addLocal(join(temp.path, 'x'), 'x'), path)
  const dump = (folder: string): unknown => {
    using database = new DatabaseSync(join(folder, 'nix/var/nix/db/db.sqlite'), { readOnly: true })
    const rows = database.prepare('SELECT id, path, hash, deriver, narSize, ultimate, sigs, ca FROM ValidPaths').all()
    return { schema: database.prepare('SELECT * FROM sqlite_schema').all(), rows }
  }
  assert.deepEqual(dump(join(temp.path, 'ours')), dump(root))
  const schema = (folder: string): string => readFileSync(join(folder, 'nix/var/nix/db/schema'), 'utf8')
  assert.equal(schema(join(temp.path, 'ours')), schema(root))
})

test('Nix and we write to one store, and keep each other’s roots', skip, async () => {
  await using temp = await makeTempDir('store-nix-')
  const { root, nix } = makeRoom(temp)
  const [one, two] = ['one', 'two'].map((name) => join(temp.path, name)) as [string, string]
  writeFileSync(one, 'one')
  writeFileSync(two, 'two')
  const kept: StorePath[] = []
  {
    await using store = openWritableStore(`local:${root}`)
    kept.push(await store.addLocal(one, 'one'))
    await store.addRoot(join(temp.path, 'result'), kept[0]!)
    await store.addText('garbage', '')
  }
  const theirs = nix('nix-store', '--add', './two')[0]!
  nix('nix-store', '--realise', theirs, '--add-root', join(temp.path, 'their-result'))
  kept.push(parseStorePath(theirs))
  await using store = openWritableStore(`local:${root}`)
  assert.equal(await store.has(parseStorePath(theirs)), true)
  assert.equal((await store.collectGarbage()).paths.length, 1)
  await store[Symbol.asyncDispose]()

  nix('nix-store', '--gc')
  assert.deepEqual(nix('nix', 'path-info', '--all').toSorted(), kept.toSorted())
  rmSync(join(temp.path, 'result'))
  nix('nix-store', '--gc')
  await using later = openWritableStore(`local:${root}`)
  assert.deepEqual(await later.keep(kept), [kept[0]])
  const names = readdirSync(join(root, 'nix/store')).filter((name) => name !== '.links')
  assert.deepEqual(names, [theirs.split('/').at(-1)])
})

test('derivations that were added or copied have their outputs in the database, as Nix notes them', skip, async () => {
  await using temp = await makeTempDir('store-nix-')
  const { root, nix } = makeRoom(temp)
  const attributes = 'name = "x"; system = "builtin"; builder = "/x"; outputs = [ "out" "dev" ];'
  const drv = parseStorePath(nix('nix-instantiate', '--expr', `derivation { ${attributes} }`).at(-1)!)
  const expected = nix('nix-store', '--query', '--outputs', drv).toSorted()
  assert.equal(expected.length, 2)
  await using copy = openWritableStore(`local:${join(temp.path, 'copy')}`)
  await copy.copyClosure(await openStore(`local:${root}`), [drv])
  const rows = (folder: string): unknown => {
    using database = new DatabaseSync(join(folder, 'nix/var/nix/db/db.sqlite'), { readOnly: true })
    return database.prepare('SELECT id, path FROM DerivationOutputs ORDER BY id').all()
  }
  assert.deepEqual(rows(copy.root), rows(root))
  const odd = await copy.addText('odd.drv', 'Derive([("out","/etc/passwd","",""),')
  await copy.addLocal(temp.path + '/conf', 'folder.drv')
  assert.equal(await copy.has(odd), true)
  assert.deepEqual(rows(copy.root), rows(root))
})

test(
  'a collection of Nix’s waits until our writers are closed',
  { skip: skip.skip || needs('flock').skip },
  async () => {
    await using temp = await makeTempDir('store-nix-')
    const { root } = makeRoom(temp)
    const isLocked = (): boolean => {
      try {
        execFileSync('flock', ['-n', '-x', join(root, 'nix/var/nix/gc.lock'), 'true'])
        return false
      } catch {
        return true
      }
    }
    const store = openWritableStore(`local:${root}`)
    await store.addText('x', '')
    assert.equal(isLocked(), true)
    await store[Symbol.asyncDispose]()
    assert.equal(isLocked(), false)
  },
)

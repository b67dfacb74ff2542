import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { closure, formatHash, openStore, parseStorePath, type Store, type StorePath } from '#store'
import { makeTempDir } from '#util'
import { failsWith, listing, makeNixSandbox, needs } from './test-support.test.ts'

const HEX = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
const isRoot = process.getuid?.() === 0

/** A machine with a Nix store, as far as we look: its folders, a database, maybe a program. */
interface Machine extends AsyncDisposable {
  readonly root: string
  readonly environment: Readonly<Record<string, string>>
  readonly database: DatabaseSync
  path(letter: string, name?: string): StorePath
  /** Puts a path on disk and, where references are given, in the database. */
  add(path: StorePath, references?: readonly StorePath[]): Promise<void>
  open(uri?: string): Promise<Store>
}

async function makeMachine(journal: 'wal' | 'delete' = 'delete'): Promise<Machine> {
  const temp = await makeTempDir('nix-machine-')
  const storeDir = `${temp.path}/store`
  await mkdir(storeDir)
  await mkdir(`${temp.path}/state/db`, { recursive: true })
  await mkdir(`${temp.path}/bin`)
  const database = new DatabaseSync(`${temp.path}/state/db/db.sqlite`)
  database.exec(`PRAGMA journal_mode = ${journal};
    CREATE TABLE ValidPaths (id integer primary key autoincrement not null, path text unique not null, hash text not null,
      registrationTime integer not null, deriver text, narSize integer, ultimate integer, sigs text, ca text);
    CREATE TABLE Refs (referrer integer not null, reference integer not null, primary key (referrer, reference));`)
  const environment = {
    NIX_STORE_DIR: storeDir,
    NIX_STATE_DIR: `${temp.path}/state`,
    XDG_DATA_HOME: `${temp.path}/data`,
    PATH: `${temp.path}/bin`,
  }
  return {
    root: temp.path,
    environment,
    database,
    path: (letter, name = letter) => parseStorePath(`${storeDir}/${letter.repeat(32)}-${name}`, storeDir),
    async add(path, references) {
      await writeFile(path, path.slice(-1), { mode: 0o444 })
      if (references === undefined) return
      const insert = 'INSERT INTO ValidPaths VALUES (NULL, ?, ?, 1, NULL, 112, 1, ?, NULL)'
      database.prepare(insert).run(path, `sha256:${HEX}`, 'k:A l:B')
      const refer = 'INSERT INTO Refs SELECT a.id, b.id FROM ValidPaths a, ValidPaths b WHERE a.path = ? AND b.path = ?'
      for (const reference of references) database.prepare(refer).run(path, reference)
    },
    open: (uri = 'nix') => openStore(uri, { environment }),
    async [Symbol.asyncDispose]() {
      database.close()
      await temp[Symbol.asyncDispose]()
    },
  }
}

/** A `nix-store` that answers `--dump-db PATH` with a registration, and leaves a mark each time. */
async function addProgram(machine: Machine, script: string): Promise<void> {
  const program = `${machine.root}/bin/nix-store`
  await writeFile(program, `#!/bin/sh\necho "$@" >> ${machine.root}/calls\n${script}\n`)
  await chmod(program, 0o755)
}

function answer(path: StorePath, references: readonly StorePath[]): string {
  const lines = [path, HEX, '112', '', `${references.length}`, ...references]
  return `[ "$1 $2" = "--dump-db ${path}" ] && printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')}`
}

test('facts are those of the database, content is that on disk', async () => {
  await using machine = await makeMachine()
  const [a, b] = [machine.path('a'), machine.path('b')]
  await machine.add(b, [])
  await machine.add(a, [b, a])
  const store = await machine.open()
  const info = await store.pathInfo(a)
  assert.equal(formatHash(info.narHash, 'hex'), HEX)
  assert.equal(info.narSize, 112)
  assert.deepEqual(info.signatures, ['k:A', 'l:B'])
  assert.deepEqual(info.references, [a, b])
  assert.equal((await closure(store, [a, b])).length, 2)
  assert.deepEqual(await listing(store.entries(a)), ['file 444 "" 1 a'])
  assert.equal(await store.realPath(a), a)
  assert.equal(await store.findByHashPart('b'.repeat(32)), b)
  assert.equal(await store.findByHashPart('c'.repeat(32)), undefined)
})

test('references are sorted, and may hold the path itself', async () => {
  await using machine = await makeMachine()
  const [a, b, c] = [machine.path('a'), machine.path('b'), machine.path('c')]
  for (const path of [c, b, a]) await machine.add(path, [])
  machine.database.exec('INSERT INTO Refs VALUES (2, 3), (2, 2), (2, 1)')
  assert.deepEqual((await (await machine.open()).pathInfo(b)).references, [a, b, c])
})

test('reading leaves nothing in the folder of the database', async () => {
  await using machine = await makeMachine('wal')
  await machine.add(machine.path('a'), [])
  machine.database.exec('PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = delete; PRAGMA journal_mode = wal')
  await rm(`${machine.root}/state/db/db.sqlite-wal`, { force: true })
  await rm(`${machine.root}/state/db/db.sqlite-shm`, { force: true })
  assert.equal(await (await machine.open()).has(machine.path('a')), true)
  assert.deepEqual(await readdir(`${machine.root}/state/db`), ['db.sqlite'])
})

test('rows that are still in the write-ahead log are seen', async () => {
  await using machine = await makeMachine('wal')
  await machine.add(machine.path('a'), [])
  assert.ok((await readdir(`${machine.root}/state/db`)).includes('db.sqlite-wal'))
  assert.equal(await (await machine.open()).has(machine.path('a')), true)
})

test('what the database does not show is asked of nix-store, once, if it is on disk', async () => {
  await using machine = await makeMachine()
  const [a, b, c] = [machine.path('a'), machine.path('b'), machine.path('c')]
  await machine.add(a, [])
  await machine.add(b)
  await addProgram(machine, answer(b, [b, a]))
  const store = await machine.open()
  assert.deepEqual((await store.pathInfo(b)).references, [a, b])
  assert.equal((await store.pathInfo(b)).narSize, 112)
  assert.equal(await store.findByHashPart('b'.repeat(32)), b)
  await assert.rejects(store.pathInfo(c), failsWith('STORE_PATH_MISSING', c))
  const calls = await readFile(`${machine.root}/calls`, 'utf8')
  assert.equal(calls, `--dump-db ${b}\n`)
})

test('a path that nix-store does not have either is missing, and the hint tells what it said', async () => {
  await using machine = await makeMachine()
  await machine.add(machine.path('b'))
  await addProgram(machine, 'echo "error: path is not valid" >&2; exit 1')
  const error = await (await machine.open()).pathInfo(machine.path('b')).catch((reason: unknown) => reason)
  assert.ok(failsWith('STORE_PATH_MISSING')(error))
  assert.match((error as { hint: string }).hint, /path is not valid/)
})

test('nonsense from nix-store is refused', async () => {
  await using machine = await makeMachine()
  const b = machine.path('b')
  await machine.add(b)
  for (const lines of [b, `${b}\\nhash`, `${b}\\n${HEX}\\nx\\n\\n0`, `${b}\\n${HEX}\\n1\\n\\n5\\n`]) {
    await addProgram(machine, `printf '${lines}'`)
    await assert.rejects((await machine.open()).pathInfo(b), failsWith('FORMAT_INVALID'), lines)
  }
  await addProgram(machine, `printf '${machine.path('c')}\\n${HEX}\\n1\\n\\n0\\n'`)
  await assert.rejects((await machine.open()).pathInfo(b), failsWith('STORE_PATH_MISSING'))
})

test('without a readable database, nix-store is asked for everything', async () => {
  await using machine = await makeMachine()
  const a = machine.path('a')
  await machine.add(a)
  await rm(`${machine.root}/state`, { recursive: true })
  await assert.rejects(machine.open(), failsWith('STORE_UNAVAILABLE', 'there is none'))
  await addProgram(machine, answer(a, []))
  const store = await machine.open()
  assert.equal(await store.findByHashPart('a'.repeat(32)), a)
  assert.deepEqual(await listing(store.entries(a)), ['file 444 "" 1 a'])
})

test('a path that the database knows and the disk does not have is told as such', async () => {
  await using machine = await makeMachine()
  const a = machine.path('a')
  await machine.add(a, [])
  await rm(a, { force: true })
  const store = await machine.open()
  assert.equal(await store.realPath(a), undefined)
  await assert.rejects(listing(store.entries(a)), failsWith('STORE_PATH_MISSING', 'not on disk'))
})

test('a reference to a path that the database lost is not passed over', async () => {
  await using machine = await makeMachine()
  const [a, b] = [machine.path('a'), machine.path('b')]
  await machine.add(b, [])
  await machine.add(a, [b])
  machine.database.exec('DELETE FROM ValidPaths WHERE id = 1')
  await assert.rejects(closure(await machine.open(), [a]), failsWith('STORE_UNAVAILABLE', `"${a}" refers to a path`))
})

test('rows that are no store paths or hashes are refused', async () => {
  await using machine = await makeMachine()
  const a = machine.path('a')
  await machine.add(a, [])
  machine.database.exec("UPDATE ValidPaths SET deriver = '/etc/passwd'")
  await assert.rejects((await machine.open()).pathInfo(a), failsWith('STORE_PATH_INVALID', '/etc/passwd'))
  machine.database.exec("UPDATE ValidPaths SET deriver = NULL, hash = 'sha256:x'")
  await assert.rejects((await machine.open()).pathInfo(a), failsWith('FORMAT_INVALID', 'Cannot read hash'))
})

test('a file that is no Nix database makes the store unavailable', async () => {
  await using machine = await makeMachine()
  for (const content of ['not a database, but long enough to be looked at as one', '']) {
    await writeFile(`${machine.root}/state/db/db.sqlite`, content)
    await assert.rejects(machine.open(), failsWith('STORE_UNAVAILABLE', 'Cannot read Nix database'))
    await assert.rejects(machine.open('auto'), failsWith('STORE_UNAVAILABLE'))
  }
})

test('auto is the Nix store where there is one, and else a store that has nothing', async () => {
  await using machine = await makeMachine()
  await machine.add(machine.path('a'), [])
  assert.equal((await machine.open('auto')).uri, 'nix')
  const environment = {
    NIX_STORE_DIR: '/nowhere/store',
    NIX_STATE_DIR: '/nowhere',
    XDG_DATA_HOME: '/nowhere',
    PATH: '',
  }
  const empty = await openStore('auto', { environment })
  const path = parseStorePath(`/nowhere/store/${'a'.repeat(32)}-x`, '/nowhere/store')
  assert.equal(await empty.has(path), false)
  await assert.rejects(empty.pathInfo(path), failsWith('STORE_PATH_MISSING'))
  await assert.rejects(openStore('nix', { environment }), failsWith('STORE_UNAVAILABLE'))
})

test('a store that a real Nix made reads as Nix itself reads it', needs('nix', 'nix-store'), async () => {
  await using nix = await makeNixSandbox()
  const { root, storeDir, environment } = nix
  await writeFile(`${root}/file`, 'content')
  const file = nix.run('nix-store', '--add', `${root}/file`)
  const expression = `derivation { name = "user"; system = builtins.currentSystem; builder = "/bin/sh"; args = ["-c" "echo $out \${builtins.storePath ${file}} > $out"]; }`
  await writeFile(`${root}/user.nix`, expression)
  const user = parseStorePath(nix.run('nix-build', '--no-out-link', `${root}/user.nix`), storeDir)
  const store = await openStore('auto', { environment })
  const graph = await closure(store, [user])
  assert.deepEqual(
    graph.map((node) => node.path),
    nix.run('nix-store', '--query', '--requisites', user).split('\n').toSorted(),
  )
  for (const { path, narHash, narSize, references } of graph) {
    assert.equal(`sha256:${formatHash(narHash, 'nix32')}`, nix.run('nix-store', '--query', '--hash', path))
    assert.equal(`${narSize}`, nix.run('nix-store', '--query', '--size', path))
    const named = nix.run('nix-store', '--query', '--references', path).split('\n')
    assert.deepEqual(references, named.filter((line) => line !== '').toSorted())
  }
  assert.equal((await store.pathInfo(user)).deriver, nix.run('nix-store', '--query', '--deriver', user))
  // The same, asked of the program: the database is not where we look, but the program knows where it is.
  const program = nix.run('sh', '-c', 'command -v nix-store')
  await mkdir(`${root}/bin`)
  const script = `#!/bin/sh\nNIX_STATE_DIR=${root}/state exec ${program} "$@"\n`
  await writeFile(`${root}/bin/nix-store`, script, { mode: 0o755 })
  const asking = { NIX_STATE_DIR: `${root}/none`, PATH: `${root}/bin:${environment['PATH'] ?? ''}` }
  const asked = await openStore('nix', { environment: { ...environment, ...asking } })
  assert.deepEqual(await closure(asked, [user]), graph)
  const { deriver } = await asked.pathInfo(user)
  assert.equal(deriver, (await store.pathInfo(user)).deriver)
  await writeFile(`${storeDir}/${'a'.repeat(32)}-stray`, 'not registered')
  assert.equal(await asked.findByHashPart('a'.repeat(32)), undefined)
})

const asNobody = needs('setpriv')
const skipAsNobody = { skip: isRoot ? asNobody.skip : 'only root can become another user' }

test('an ordinary user reads a database in WAL mode that is not in use', skipAsNobody, async () => {
  await using machine = await makeMachine('wal')
  const [a, b] = [machine.path('a'), machine.path('b')]
  await machine.add(a, [])
  machine.database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  await machine.add(b, [])
  await addProgram(machine, answer(b, []))
  // As after a crash: a log that an ordinary user cannot use, with a row in it that nix-store knows.
  await rm(`${machine.root}/state/db/db.sqlite-shm`)
  await chmod(`${machine.root}/state/db/db.sqlite-wal`, 0o600)
  execFileSync('chmod', ['-R', 'a+rX', machine.root])
  await chmod(`${machine.root}/state/db/db.sqlite-wal`, 0o600)
  await writeFile(`${machine.root}/calls`, '', { mode: 0o666 })
  const script = `
    import { openStore } from '#store'
    const store = await openStore('auto')
    for (const path of ${JSON.stringify([a, b])}) console.log((await store.pathInfo(path)).narSize)`
  const ids = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--']
  const node = [process.execPath, '--conditions=source', '--input-type=module', '--eval', script]
  const output = execFileSync('setpriv', [...ids, ...node], {
    env: { ...machine.environment, PATH: `${machine.root}/bin:/usr/bin:/bin` },
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
  })
  assert.equal(output.toString(), '112\n112\n')
})

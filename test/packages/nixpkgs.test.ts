import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { symlinkJoin } from '#derivation'
import { fromBinaryCache, nixpkgs } from '#packages'
import type { StorePath } from '#store'
import { failsWith, makeRoom, needs, type Room } from '../../src/packages/test-support.test.ts'
import { GOLDEN, GOLDEN_STORE, skipWithoutGolden } from '../support/places.ts'
import { nixEnvironment } from '../store/nix-oracle.ts'

const { skip } = skipWithoutGolden
const packages =
  skip === false
    ? (JSON.parse(readFileSync(`${GOLDEN}packages.json`, 'utf8')) as Readonly<Record<string, StorePath>>)
    : {}
const NO_NIX = { environment: { PATH: '/var/empty' }, checkSignatures: false }

interface ClosureEntry {
  readonly path: StorePath
  readonly narHash: string
  readonly references: readonly StorePath[]
}

/** What a path needs, as it was recorded. */
function closureOf(root: StorePath): readonly StorePath[] {
  const all = JSON.parse(readFileSync(`${GOLDEN}closure.json`, 'utf8')) as readonly ClosureEntry[]
  const found = new Set([root])
  for (const path of found) for (const next of all.find((entry) => entry.path === path)!.references) found.add(next)
  return [...found]
}

function narHashOf(path: StorePath): string {
  const all = JSON.parse(readFileSync(`${GOLDEN}closure.json`, 'utf8')) as readonly ClosureEntry[]
  return all.find((entry) => entry.path === path)!.narHash
}

/** A room whose definitions lie in a folder with a lock file. */
async function lockedRoom(lab: Room, entries: Readonly<Record<string, unknown>>): Promise<Room> {
  symlinkSync(`${GOLDEN}cache`, join(lab.path, 'cache'))
  mkdirSync(join(lab.path, 'deep/er'), { recursive: true })
  writeFileSync(join(lab.path, 'dockertools.lock.json'), JSON.stringify({ version: 1, packages: entries }))
  return await makeRoom({ baseDirectory: join(lab.path, 'deep/er'), storeOptions: NO_NIX })
}

test('fromBinaryCache brings a path with all it refers to, checked', { skip }, async () => {
  await using room = await makeRoom({ storeOptions: NO_NIX })
  const { hello } = packages
  const built = fromBinaryCache(hello!, { cache: GOLDEN_STORE })
  assert.equal(built.name, 'hello-2.12.1')
  assert.equal(await room.session.outPath(built), hello)
  assert.equal(await room.writable.has(hello!), false, 'asking for the path brings nothing')
  assert.equal(await room.session.realise(built), hello)
  for (const path of closureOf(hello!)) assert.ok(await room.writable.has(path), path)
  assert.deepEqual((await room.writable.verify({ checksContents: true })).faults, [])
})

test('fromBinaryCache leaves a path where a store of the session has it', { skip }, async () => {
  await using room = await makeRoom({ stores: [GOLDEN_STORE], storeOptions: NO_NIX })
  const built = fromBinaryCache(packages['hello']!, { cache: 'https://cache.invalid' })
  assert.equal(await room.session.realise(built), packages['hello'])
  assert.equal(await room.writable.has(packages['hello']!), false)
})

test('fromBinaryCache wants signatures, as elsewhere', { skip }, async () => {
  await using room = await makeRoom({ storeOptions: { environment: {} } })
  const built = fromBinaryCache({ path: packages['hello']!, cache: GOLDEN_STORE })
  await assert.rejects(room.session.realise(built), failsWith('SIGNATURE_INVALID', /hello/))
})

test('fromBinaryCache says which cache does not have a path', { skip }, async () => {
  await using room = await makeRoom({ storeOptions: NO_NIX })
  const absent = `/nix/store/${'a'.repeat(32)}-absent`
  await assert.rejects(
    room.session.realise(fromBinaryCache(absent, { cache: GOLDEN_STORE })),
    failsWith('STORE_PATH_MISSING', /"file:.*" does not have "\/nix\/store\/a+-absent"/),
  )
  await assert.rejects(room.session.realise(fromBinaryCache('/etc/x')), failsWith('STORE_PATH_INVALID', /etc/))
  assert.throws(() => fromBinaryCache(absent, { cache: 'local' }), failsWith('DEFINITION_INVALID', /argument "cache"/))
})

test('nixpkgs follows a lock file above the definition, without Nix', { skip }, async () => {
  await using lab = await makeRoom()
  const hello = packages['hello']!
  await using room = await lockedRoom(lab, { hello: { storePath: hello, narHash: narHashOf(hello), cache: './cache' } })
  assert.equal(await room.session.realise(nixpkgs('hello')), hello)
  for (const path of closureOf(hello)) assert.ok(await room.writable.has(path), path)
})

test('nixpkgs refuses content that is not what the lock file says', { skip }, async () => {
  await using lab = await makeRoom()
  const [hello, other] = [packages['hello']!, packages['greet']!]
  await using room = await lockedRoom(lab, { hello: { storePath: hello, narHash: narHashOf(other), cache: './cache' } })
  await assert.rejects(
    room.session.realise(nixpkgs('hello')),
    failsWith('DIGEST_MISMATCH', /^Cannot get package "hello": .* it should be sha256-/),
  )
  assert.equal(await room.writable.has(hello), false)
})

test('nixpkgs says what to do where neither Nix nor a lock file gives a package', async () => {
  await using room = await makeRoom({ storeOptions: NO_NIX })
  await assert.rejects(room.session.realise(nixpkgs('hello')), (error) => {
    assert.ok(
      failsWith(
        'PACKAGE_MISSING',
        /^Cannot get package "hello": Nix is not installed, and there is no dockertools.lock.json$/,
      )(error),
    )
    assert.match((error as { hint: string }).hint, /Install Nix .*, or add "hello" to dockertools.lock.json/)
    return true
  })
  for (const text of ['', '-x', 'a b', '../x', 'a..b', '(x)']) {
    assert.throws(() => nixpkgs(text), failsWith('DEFINITION_INVALID', /names joined by "\."/), text)
  }
})

const STAND_IN = `{ }: rec {
  derive = name: builder: derivation {
    inherit name; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" builder ];
  };
  lib = derive "lib-1" "echo lib > $out";
  hello = derive "hello-1.0" "echo hello \${lib} > $out";
  set.inner = derive "inner-2" "echo inner > $out";
  broken = derive "broken-1" "echo it breaks >&2; exit 3";
  unfree = throw "this is unfree";
  number = { outPath = 5; };
}`

/** A room with a real Nix, whose store and nixpkgs are in a folder of the test. */
async function nixRoom(lab: Room, hasNixpkgs = true): Promise<Room> {
  const at = (name: string): string => join(lab.path, name)
  writeFileSync(at('stand-in.nix'), STAND_IN)
  const environment = {
    ...nixEnvironment(lab.path),
    NIX_STORE_DIR: at('nix/store'),
    NIX_STATE_DIR: at('nix/var'),
    NIX_LOG_DIR: at('nix/log'),
    NIX_PATH: hasNixpkgs ? `nixpkgs=${at('stand-in.nix')}` : '',
  }
  execFileSync('nix-store', ['--init'], { env: environment })
  return await makeRoom({ baseDirectory: lab.path, storeOptions: { environment, storeDir: at('nix/store') } })
}

const nix = needs('nix-build', 'nix-instantiate', 'nix-store')

test('nixpkgs has an installed Nix build what no store has, and copies it with what it refers to', nix, async () => {
  await using lab = await makeRoom()
  await using room = await nixRoom(lab)
  const path = await room.session.outPath(nixpkgs('hello'))
  assert.match(path, /-hello-1\.0$/)
  assert.equal(await room.session.realise(nixpkgs('hello')), path)
  const info = await room.writable.pathInfo(path)
  assert.deepEqual(
    info.references.map((reference) => reference.replace(/^.*-lib/, 'lib')),
    ['lib-1'],
  )
  assert.match(await room.session.realise(nixpkgs({ attribute: 'set.inner' })), /-inner-2$/)
})

test(
  'nixpkgs prefers the lock file to an installed Nix: it is there so that all machines get the same',
  nix,
  async () => {
    await using lab = await makeRoom()
    await using room = await nixRoom(lab)
    const storePath = join(lab.path, 'nix/store', `${'b'.repeat(32)}-hello-9`)
    const narHash = `sha256-${Buffer.alloc(32).toString('base64')}`
    writeFileSync(
      join(lab.path, 'dockertools.lock.json'),
      JSON.stringify({ version: 1, packages: { hello: { storePath, narHash, cache: 'https://cache.invalid' } } }),
    )
    assert.equal(await room.session.outPath(nixpkgs('hello')), storePath)
    assert.match(await room.session.outPath(nixpkgs('lib')), /-lib-1$/)
  },
)

test('nixpkgs tells apart what Nix does not have and what does not work', nix, async () => {
  await using lab = await makeRoom()
  await using room = await nixRoom(lab)
  const realise = (attribute: string): Promise<StorePath> => room.session.realise(nixpkgs(attribute))
  await assert.rejects(
    realise('no.such'),
    failsWith('PACKAGE_MISSING', /nixpkgs of this machine has no attribute "no.such"/),
  )
  await assert.rejects(realise('unfree'), failsWith('SCRIPT_FAILED', /Nix failed; it said:[^]*this is unfree/))
  await assert.rejects(realise('broken'), failsWith('SCRIPT_FAILED', /it breaks/))
  await assert.rejects(realise('number'), failsWith('DEFINITION_INVALID', /its path is no text/))
  await using bare = await makeRoom()
  await using without = await nixRoom(bare, false)
  await assert.rejects(
    without.session.realise(nixpkgs('hello')),
    failsWith('PACKAGE_MISSING', /Nix has no nixpkgs in its search path/),
  )
})

test('packages stand where paths stand, and as text for their paths', { skip }, async () => {
  await using room = await makeRoom({ stores: [GOLDEN_STORE], storeOptions: NO_NIX })
  const paths = [fromBinaryCache(packages['hello']!), fromBinaryCache(packages['greet']!)]
  const joined = await room.session.realise(symlinkJoin({ name: 'both', paths }))
  const { references } = await room.writable.pathInfo(joined)
  assert.deepEqual(
    references,
    [packages['greet']!, packages['hello']!].toSorted((a, b) => (a < b ? -1 : 1)),
  )
})

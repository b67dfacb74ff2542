import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatHash } from '#store'
import { makeTempDir } from '#util'
import { findPackageLock, LOCK_FILE_NAME, readPackageLock } from './package-lock.ts'
import { failsWith } from './test-support.test.ts'

const HELLO = '/nix/store/cmydr9vaxswlb7wqbc3y3k58n7b1kc8q-hello-2.12.1'
const HASH = `sha256-${Buffer.alloc(32, 7).toString('base64')}`
const ENTRY = { storePath: HELLO, narHash: HASH, cache: 'https://cache.example' }

async function read(content: unknown): Promise<Awaited<ReturnType<typeof readPackageLock>>> {
  await using temp = await makeTempDir('lock-')
  const file = join(temp.path, LOCK_FILE_NAME)
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return await readPackageLock(file, '/nix/store')
}

test('reads packages, with hashes in any of the forms of Nix and caches beside the file', async () => {
  const { file, packages } = await read({
    $schema: './lock.json',
    version: 1,
    packages: {
      hello: ENTRY,
      'python3Packages.x-y': { ...ENTRY, narHash: `sha256:${'07'.repeat(32)}`, cache: './my cache' },
      __proto__x: { ...ENTRY, cache: 'file:///srv/cache' },
    },
  })
  const told = [...packages].map(([name, { storePath, narHash, cache }]) => [
    name,
    storePath,
    formatHash(narHash, 'sri'),
    cache,
  ])
  assert.deepEqual(told, [
    ['hello', HELLO, HASH, 'https://cache.example'],
    ['python3Packages.x-y', HELLO, HASH, `file://${file.slice(0, -LOCK_FILE_NAME.length)}my%20cache`],
    ['__proto__x', HELLO, HASH, 'file:///srv/cache'],
  ])
})

test('the nearest file counts, from the folder of the definition up', async () => {
  await using temp = await makeTempDir('lock-')
  mkdirSync(join(temp.path, 'a/b/c'), { recursive: true })
  assert.equal(findPackageLock(join(temp.path, 'a/b/c')), undefined)
  writeFileSync(join(temp.path, LOCK_FILE_NAME), '')
  assert.equal(findPackageLock(join(temp.path, 'a/b/c')), join(temp.path, LOCK_FILE_NAME))
  writeFileSync(join(temp.path, 'a', LOCK_FILE_NAME), '')
  assert.equal(findPackageLock(join(temp.path, 'a/b/c')), join(temp.path, 'a', LOCK_FILE_NAME))
  assert.equal(findPackageLock(temp.path), join(temp.path, LOCK_FILE_NAME))
})

const WRONG: readonly (readonly [what: string, content: unknown, message: RegExp])[] = [
  ['nothing', '', /it is no JSON, it should be/],
  ['half a file', '{"version": 1, "pack', /it is no JSON/],
  ['a list', [], /it should be an object with "version" and "packages"/],
  ['no version', { packages: {} }, /its version is missing, it should be 1/],
  ['another version', { version: 2, packages: {} }, /its version is 2, it should be 1/],
  ['a version that is no number', { version: { a: 1 }, packages: {} }, /its version is no text/],
  ['no packages', { version: 1 }, /its "packages" should be an object/],
  ['an unknown field', { version: 1, packages: {}, package: {} }, /it has "package", the nearest is "packages"/],
  [
    'a package that is a text',
    { version: 1, packages: { hello: HELLO } },
    /package "hello": it should be an object with "storePath", "narHash", "cache"/,
  ],
  [
    'an unknown field of a package',
    { version: 1, packages: { hello: { ...ENTRY, path: 1 } } },
    /package "hello": it has "path"/,
  ],
  [
    'no hash',
    { version: 1, packages: { hello: { storePath: HELLO, cache: 'https://x' } } },
    /its "narHash" is missing, it should be a text/,
  ],
  [
    'another kind of hash',
    { version: 1, packages: { hello: { ...ENTRY, narHash: 'sha1-AAAA' } } },
    /its "narHash" is "sha1-AAAA", it should be a sha256/,
  ],
  [
    'a hash of another length',
    { version: 1, packages: { hello: { ...ENTRY, narHash: 'sha256-AAAA' } } },
    /it should be a sha256/,
  ],
  [
    'a path elsewhere',
    { version: 1, packages: { hello: { ...ENTRY, storePath: '/etc/passwd' } } },
    /its "storePath" is "\/etc\/passwd", it should be a store path in "\/nix\/store"/,
  ],
  [
    'a file below a path',
    { version: 1, packages: { hello: { ...ENTRY, storePath: `${HELLO}/bin` } } },
    /should be a store path/,
  ],
  [
    'a cache that is none',
    { version: 1, packages: { hello: { ...ENTRY, cache: 'ftp://x' } } },
    /its "cache" is "ftp:\/\/x", it should be "https:/,
  ],
  ['deep nesting', '['.repeat(100_000), /it is no JSON/],
]

for (const [what, content, message] of WRONG) {
  test(`refuses ${what}`, async () => {
    await assert.rejects(read(content), failsWith('DEFINITION_INVALID', message))
  })
}

test('refuses a file that is too large, and one that cannot be read', async () => {
  await assert.rejects(
    read(' '.repeat(17 * 1024 * 1024)),
    failsWith('LIMIT_EXCEEDED', /it should have at most 16777216/),
  )
  await using temp = await makeTempDir('lock-')
  const file = join(temp.path, LOCK_FILE_NAME)
  await assert.rejects(readPackageLock(temp.path, '/nix/store'), failsWith('DEFINITION_INVALID', /no regular file/))
  symlinkSync(LOCK_FILE_NAME, file)
  await assert.rejects(readPackageLock(file, '/nix/store'), failsWith('FILE_UNREADABLE', /the system says ELOOP/))
})

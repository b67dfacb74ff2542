import assert from 'node:assert/strict'
import { lstatSync, mkdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DockerToolsError } from '#errors'
import { makeTempDir } from '#util'
import { addNixDatabase } from './add-nix-database.ts'

const nothing = { closure: [], contents: [], upstreamRoot: '/build/layer' } as const

test('the root links of a folder that is there already are left as they are, as Nix leaves them', async () => {
  await using temp = await makeTempDir('nixdb-')
  const roots = join(temp.path, 'nix/var/nix/gcroots')
  mkdirSync(roots, { recursive: true })
  addNixDatabase(temp.path, nothing)
  assert.equal(lstatSync(join(roots, 'profiles'), { throwIfNoEntry: false }), undefined)
  assert.ok(lstatSync(join(roots, 'docker')).isDirectory())
})

test('folders that may not be written to keep their modes', async () => {
  await using temp = await makeTempDir('nixdb-')
  mkdirSync(join(temp.path, 'nix'), { mode: 0o555 })
  addNixDatabase(temp.path, nothing)
  assert.equal(lstatSync(join(temp.path, 'nix')).mode & 0o7777, 0o555)
  assert.equal(lstatSync(join(temp.path, 'nix/var')).mode & 0o7777, 0o755)
  assert.equal(readlinkSync(join(temp.path, 'nix/var/nix/gcroots/profiles')), '/build/layer/nix/var/nix/profiles')
})

test('what the system refuses is one error that says what was done', async () => {
  await using temp = await makeTempDir('nixdb-')
  assert.throws(
    () => addNixDatabase(join(temp.path, 'gone'), nothing),
    (error) =>
      error instanceof DockerToolsError &&
      error.code === 'WRITE_FAILED' &&
      error.message === 'Cannot add the Nix database to the image: the system says ENOENT',
  )
})

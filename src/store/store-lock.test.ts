import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { DockerToolsError } from '#errors'
import { makeTempDir } from '#util'
import { storeError } from './store-error.ts'
import { StoreLock } from './store-lock.ts'
import { failsWith } from './test-support.test.ts'

test('a lock is shared, or held alone, also within one process; nothing is left beside its file', async () => {
  await using temp = await makeTempDir('lock-')
  const file = join(temp.path, 'lock')
  const one = await StoreLock.acquire(file, 'shared')
  const two = await StoreLock.acquire(file, 'shared')
  assert.equal(StoreLock.tryAcquire(file, 'alone'), undefined)
  one[Symbol.dispose]()
  assert.equal(StoreLock.tryAcquire(file, 'alone'), undefined)
  two[Symbol.dispose]()
  using alone = StoreLock.tryAcquire(file, 'alone')
  assert.ok(alone)
  assert.equal(StoreLock.tryAcquire(file, 'shared'), undefined)
  assert.equal(StoreLock.tryAcquire(file, 'alone'), undefined)
  assert.deepEqual(readdirSync(temp.path), ['lock'])
})

test('whoever waits for a lock gets it when its holder is killed', async () => {
  await using temp = await makeTempDir('lock-')
  const file = join(temp.path, 'lock')
  const script = `const { DatabaseSync } = require('node:sqlite')
    const database = new DatabaseSync(process.argv[1])
    database.exec('BEGIN EXCLUSIVE')
    console.log('held')
    setInterval(() => undefined, 1000)`
  const child = spawn(process.execPath, ['-e', script, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  assert.equal(StoreLock.tryAcquire(file, 'shared'), undefined)
  const waiting = StoreLock.acquire(file, 'alone')
  child.kill('SIGKILL')
  using lock = await waiting
  assert.ok(lock)
})

test('a lock that cannot be made is told', () => {
  assert.throws(
    () => StoreLock.tryAcquire('/nonexistent/lock', 'shared'),
    failsWith('STORE_UNAVAILABLE', 'lock "/nonexistent/lock"'),
  )
})

test('what SQLite and the system say becomes one of our errors', async () => {
  await using temp = await makeTempDir('lock-')
  const file = join(temp.path, 'db.sqlite')
  using holder = new DatabaseSync(file)
  holder.exec('CREATE TABLE x (y); BEGIN IMMEDIATE')
  const failing = (options: { readonly readOnly?: boolean }): unknown => {
    using database = new DatabaseSync(file, { timeout: 0, ...options })
    try {
      database.exec('INSERT INTO x VALUES (1)')
    } catch (error) {
      return storeError('add "p" to store "s"', error)
    }
    return undefined
  }
  const told = (error: unknown): string =>
    error instanceof DockerToolsError ? `${error.code} ${error.message}` : 'not ours'
  assert.equal(
    told(failing({})),
    'STORE_UNAVAILABLE Cannot add "p" to store "s": its database is locked by another process',
  )
  assert.equal(
    told(failing({ readOnly: true })),
    'STORE_UNAVAILABLE Cannot add "p" to store "s": its database can only be read',
  )
  const full = Object.assign(new Error('x'), { code: 'ENOSPC' })
  assert.equal(told(storeError('add', full)), 'WRITE_FAILED Cannot add: the disk is full')
  const bug = new TypeError('x')
  assert.equal(storeError('add', bug), bug)
})

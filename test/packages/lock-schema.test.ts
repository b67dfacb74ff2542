import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { nixpkgs } from '#packages'
import { makeRoom } from '../../src/packages/test-support.test.ts'
import { type JsonSchema, matchesSchema } from '../support/match-schema.ts'
import { ROOT } from '../support/places.ts'

const schema = JSON.parse(readFileSync(join(ROOT, 'schema/lock.json'), 'utf8')) as JsonSchema

const entry = {
  storePath: '/nix/store/cmydr9vaxswlb7wqbc3y3k58n7b1kc8q-hello-2.12.1',
  narHash: `sha256-${Buffer.alloc(32, 7).toString('base64')}`,
  cache: 'https://cache.example',
}
const lock = (hello: unknown): unknown => ({ version: 1, packages: { hello } })

/** Lock files that both the schema and the program have to take, or refuse. */
const verdicts: readonly (readonly [isTaken: boolean, lock: unknown])[] = [
  [true, lock(entry)],
  [true, { $schema: 'x', ...(lock({ ...entry, cache: './cache' }) as object) }],
  [true, lock({ ...entry, cache: 'file:///srv', narHash: `sha256:${'07'.repeat(32)}` })],
  [false, { packages: {} }],
  [false, { version: 2, packages: { hello: entry } }],
  [false, { version: 1 }],
  [false, { version: 1, packages: [] }],
  [false, { version: 1, packages: {}, more: 1 }],
  [false, lock(entry.storePath)],
  [false, lock({ ...entry, more: 1 })],
  [false, lock({ ...entry, cache: undefined })],
  [false, lock({ ...entry, cache: 'local' })],
  [false, lock({ ...entry, narHash: 'sha256-AAAA' })],
  [false, lock({ ...entry, narHash: 5 })],
  [false, lock({ ...entry, storePath: '/etc/passwd' })],
]

test('the schema of lock files and the program take and refuse the same', async () => {
  for (const [isTaken, value] of verdicts) {
    const text = JSON.stringify(value)
    assert.equal(matchesSchema(JSON.parse(text), schema, schema), isTaken, `schema: ${text}`)
    await using room = await makeRoom({ storeOptions: { environment: { PATH: '/var/empty' } } })
    writeFileSync(join(room.path, 'dockertools.lock.json'), text)
    const asked = room.session.outPath(nixpkgs('hello'))
    if (isTaken) assert.equal(await asked, entry.storePath, text)
    else await assert.rejects(asked, { code: 'DEFINITION_INVALID' }, text)
  }
})

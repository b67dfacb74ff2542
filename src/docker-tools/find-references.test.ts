import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BuildEvent, withReporter } from '#events'
import { parseStorePath, type Store, type StorePath } from '#store'
import { findKnownReferences, findReferences } from './find-references.ts'

const path = (letter: string, name = letter): StorePath => parseStorePath(`/nix/store/${letter.repeat(32)}-${name}`)
const [A, B, C] = [path('a'), path('b', 'b-1.0'), path('c')]

function storeWith(...paths: readonly StorePath[]): Store {
  const unused = (): never => {
    throw new Error('this is not asked for')
  }
  return {
    dir: '/nix/store',
    uri: 'test',
    has: (wanted) => Promise.resolve(paths.includes(wanted)),
    findByHashPart: (hash) => Promise.resolve(paths.find((item) => item.startsWith(`/nix/store/${hash}-`))),
    pathInfo: unused,
    realPath: unused,
    entries: unused,
  }
}

async function find(text: string, known: readonly StorePath[], store: Store) {
  const warnings: string[] = []
  const onEvent = (event: BuildEvent): void => {
    if (event.type === 'warning') warnings.push(`${event.code}: ${event.message}`)
  }
  async function* bytes(): AsyncGenerator<Uint8Array> {
    // In pieces, so that names stand across borders.
    for (let at = 0; at < text.length; at += 7) yield await Promise.resolve(Buffer.from(text.slice(at, at + 7)))
  }
  const references = await withReporter(onEvent, () => findReferences(bytes(), known, store, 'config'))
  return { references, warnings }
}

test('paths of a store count where their whole name stands; each once, sorted', async () => {
  const { references, warnings } = await find(`x ${C}/bin:${B}/lib "${C}" ${B}`, [], storeWith(A, B, C))
  assert.deepEqual(references, [B, C])
  assert.deepEqual(warnings, [])
})

test('known paths count by their hash part alone, as in Nix', async () => {
  const text = `…${'a'.repeat(32)}…`
  assert.deepEqual((await find(text, [A], storeWith(A))).references, [A])
  assert.deepEqual((await find(text, [], storeWith(A))).references, [], 'a hash part of nothing known is no path')
})

test('of what was made, only what it was made of counts', async () => {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from(`${B} and ${C}/bin`))
  }
  assert.deepEqual(await findKnownReferences(bytes(), [C, A], '/nix/store'), [C])
})

test('a name that goes on behind the path is still the path', async () => {
  assert.deepEqual((await find(`${B}-and-more`, [], storeWith(B))).references, [B])
})

test('a path that no store has is told once, and ignored', async () => {
  const { references, warnings } = await find(`${A} and ${A}/x and ${B}`, [], storeWith(B))
  assert.deepEqual(references, [B])
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /^REFERENCE_UNKNOWN: config names ".*a{32}-a", which no store has; it is ignored$/)
})

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { closure, formatHash, measureNar, openStore, parseReferenceGraph, parseStorePath } from '#store'
import { GOLDEN, skipWithoutGolden } from './test-support.test.ts'

test('every path of the golden cache reads as what it was when it was recorded', skipWithoutGolden, async () => {
  const recorded = parseReferenceGraph(await readFile(`${GOLDEN}closure.json`, 'utf8'))
  const store = await openStore(`file://${GOLDEN}cache`, { checkSignatures: false, environment: {} })
  assert.ok(recorded.length > 400)
  const pending = recorded.values()
  async function work(): Promise<void> {
    for (const node of pending) {
      const { narHash, narSize } = await measureNar(store.entries(node.path))
      assert.equal(narSize, node.narSize, node.path)
      assert.equal(formatHash(narHash, 'sri'), formatHash(node.narHash!, 'sri'), node.path)
    }
  }
  await Promise.all([work(), work(), work()])
  const roots = recorded.map((node) => node.path)
  assert.deepEqual(await closure(store, roots), recorded)
})

test('a path of the golden cache is found by its hash part', skipWithoutGolden, async () => {
  const store = await openStore(`file://${GOLDEN}cache/`, { checkSignatures: false, environment: {} })
  const path = parseStorePath('/nix/store/00rmvhwib4jh1l6yrp39hyndv5xdi25p-refs-config.json')
  assert.equal(await store.findByHashPart('00rmvhwib4jh1l6yrp39hyndv5xdi25p'), path)
  assert.equal(await store.findByHashPart('0'.repeat(32)), undefined)
  assert.equal(await store.findByHashPart('../nix-cache-info'), undefined)
  assert.equal(await store.realPath(path), undefined)
  assert.equal(await store.has(parseStorePath('/nix/store/00rmvhwib4jh1l6yrp39hyndv5xdi25p-other')), false)
})

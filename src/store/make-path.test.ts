import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import {
  compressHash,
  type Hash,
  type HashAlgorithm,
  makeFixedOutputPath,
  makeOutputPath,
  makeSourcePath,
  makeTextPath,
  measureNar,
  fileTree,
  parseStorePath,
} from '#store'
import { treeEntries } from '#tree'
import { toByteString } from '#util'
import { failsWith, makeNixSandbox, needs, testPath } from './test-support.test.ts'

function digest(algorithm: HashAlgorithm, text: string): Hash {
  return { algorithm, bytes: createHash(algorithm).update(text).digest() }
}

test('hashes are folded by exclusive or', () => {
  assert.deepEqual(compressHash(Uint8Array.of(1, 2, 3, 4, 5), 2), Uint8Array.of(1 ^ 3 ^ 5, 2 ^ 4))
  assert.equal(compressHash(new Uint8Array(32)).length, 20)
})

test('paths are those that nix-store --add and --add-fixed give', needs('nix-store'), async () => {
  await using nix = await makeNixSandbox()
  const { storeDir, root } = nix
  await mkdir(`${root}/tree/sub`, { recursive: true })
  await writeFile(`${root}/tree/sub/file`, 'content')
  await writeFile(`${root}/flat.txt`, 'flat')
  const treePath = `${root}/tree`
  const { narHash } = await measureNar(treeEntries(toByteString(treePath), 'bytes'))
  assert.equal(makeSourcePath('tree', narHash, {}, storeDir), nix.run('nix-store', '--add', treePath))
  for (const algorithm of ['md5', 'sha256', 'sha512'] as const) {
    const flat = makeFixedOutputPath('flat', digest(algorithm, 'flat'), 'flat.txt', {}, storeDir)
    assert.equal(flat, nix.run('nix-store', '--add-fixed', algorithm, `${root}/flat.txt`))
    const nar = nix.run('nix-hash', '--type', algorithm, treePath)
    const recursive = makeFixedOutputPath('nar', { algorithm, bytes: Buffer.from(nar, 'hex') }, 'tree', {}, storeDir)
    assert.equal(recursive, nix.run('nix-store', '--add-fixed', '--recursive', algorithm, treePath))
  }
})

test('text paths are those of builtins.toFile, references included', needs('nix-instantiate'), async () => {
  await using nix = await makeNixSandbox()
  const evaluate = (expression: string): string =>
    JSON.parse(nix.run('nix-instantiate', '--eval', '--read-write-mode', '--json', '-E', expression)) as string
  const a = parseStorePath(evaluate('builtins.toFile "a" "text a"'), nix.storeDir)
  const b = parseStorePath(evaluate('builtins.toFile "b" "text b"'), nix.storeDir)
  assert.equal(makeTextPath('a', digest('sha256', 'text a'), [], nix.storeDir), a)
  const both = evaluate('builtins.toFile "c" "${builtins.toFile "b" "text b"} ${builtins.toFile "a" "text a"}"')
  assert.equal(makeTextPath('c', digest('sha256', `${b} ${a}`), [b, a, b], nix.storeDir), both)
})

test('references of source paths are part of the hash, sorted, and so is the path itself', () => {
  const hash = digest('sha256', 'x')
  const [a, b] = [testPath('a'), testPath('b')]
  const plain = makeSourcePath('n', hash)
  assert.equal(makeSourcePath('n', hash, { references: [b, a] }), makeSourcePath('n', hash, { references: [a, b] }))
  const others = [{ references: [a] }, { isSelfReferential: true }, { references: [a], isSelfReferential: true }]
  assert.equal(new Set([plain, ...others.map((references) => makeSourcePath('n', hash, references))]).size, 4)
})

test('an output other than out is in the name', () => {
  const hash = digest('sha256', 'x')
  assert.match(makeOutputPath('dev', hash, 'n'), /-n-dev$/)
  assert.match(makeOutputPath('out', hash, 'n'), /-n$/)
})

test('names and hashes that make no store path are refused', async () => {
  const { narHash } = await measureNar(fileTree(Buffer.of()))
  for (const name of ['', 'a b', 'a/b', '..', 'x'.repeat(212)]) {
    assert.throws(() => makeSourcePath(name, narHash), failsWith('STORE_PATH_INVALID', 'Cannot make a store path'))
  }
  assert.throws(() => makeTextPath('n', digest('sha1', '')), failsWith('STORE_PATH_INVALID', 'sha1'))
  const references = { references: [testPath('a')] }
  assert.throws(
    () => makeFixedOutputPath('flat', narHash, 'n', references),
    failsWith('STORE_PATH_INVALID', 'references'),
  )
})

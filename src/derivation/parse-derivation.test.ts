import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Derivation, encodeDerivation, identifyDerivations, parseDerivation } from '#derivation'
import { DockerToolsError, type ErrorCode } from '#errors'
import { parseStorePath, type StorePath } from '#store'

const A = `/nix/store/${'a'.repeat(32)}-a`
const DRV = `/nix/store/${'d'.repeat(32)}-d.drv`
/** As Nix 2.8 writes one, with paths of the test's own. */
const TEXT = `Derive([("dev","${A}","",""),("out","${A}","r:sha256","${'0'.repeat(64)}")],[("${DRV}",["dev","out"])],["${A}"],"x86_64-linux","/bin/sh",["-c","a\\"b\\\\\\n\\t\\r\\$é"],[("a",""),("b","c")])`

const bad: Readonly<Record<string, readonly [text: string, code: ErrorCode]>> = {
  'nothing at all': ['', 'FORMAT_INVALID'],
  'something after its end': [`${TEXT} `, 'FORMAT_INVALID'],
  'white space': [TEXT.replace(',"x86', ', "x86'), 'FORMAT_INVALID'],
  'no outputs': [TEXT.replace(/\[\("dev".*?\)\]/, '[]'), 'FORMAT_INVALID'],
  'an output twice': [TEXT.replace('"dev"', '"out"'), 'FORMAT_INVALID'],
  'a variable twice': [TEXT.replace('("b"', '("a"'), 'FORMAT_INVALID'],
  'an output that is no name': [TEXT.replace('"dev"', '"a/b"'), 'FORMAT_INVALID'],
  'an output that is no store path': [TEXT.replace(A, '/nix/store/../x'), 'STORE_PATH_INVALID'],
  'a source that is no store path': [TEXT.replace(`["${A}"]`, '["/etc/passwd"]'), 'STORE_PATH_INVALID'],
  'an unknown algorithm': [TEXT.replace('r:sha256', 'r:crc32'), 'FORMAT_INVALID'],
  'a hash of the wrong length': [TEXT.replace('0'.repeat(64), '00'), 'FORMAT_INVALID'],
  'an output known by what is built': [TEXT.replace('0'.repeat(64), ''), 'FORMAT_UNSUPPORTED'],
  'an output without a path': [TEXT.replace(`"dev","${A}"`, '"dev",""'), 'FORMAT_UNSUPPORTED'],
  'another version': [TEXT.replace('Derive(', 'DrvWithVersion("xp-dyn-drv",'), 'FORMAT_UNSUPPORTED'],
}
for (const [what, [text, code]] of Object.entries(bad)) {
  test(`a derivation with ${what} is refused`, () => {
    assert.throws(() => parseDerivation(text, 'x.drv'), { code, constructor: DockerToolsError })
  })
}

test('all parts are read, with their escapes', () => {
  const derivation = parseDerivation(Buffer.from(TEXT), 'x.drv')
  assert.deepEqual([...derivation.outputs.keys()], ['dev', 'out'])
  assert.equal(derivation.outputs.get('dev')?.fixed, undefined)
  assert.equal(derivation.outputs.get('out')?.fixed?.ingestion, 'nar')
  assert.deepEqual([...derivation.inputDerivations], [[DRV, ['dev', 'out']]])
  assert.deepEqual(derivation.inputSources, [A])
  assert.deepEqual(derivation.args, ['-c', 'a"b\\\n\t\r$é'])
  assert.deepEqual(
    [...derivation.env],
    [
      ['a', ''],
      ['b', 'c'],
    ],
  )
})

test('a text that ends anywhere is refused', () => {
  for (let length = 0; length < TEXT.length; length++) {
    assert.throws(() => parseDerivation(TEXT.slice(0, length), 'x.drv'), DockerToolsError)
  }
})

test('bytes that are no UTF-8, and more than the limit, are refused', () => {
  const broken = Buffer.from(TEXT)
  broken[broken.indexOf('é')] = 0xff
  assert.throws(() => parseDerivation(broken, 'x.drv'), { code: 'FORMAT_INVALID' })
  assert.throws(() => parseDerivation(Buffer.alloc(64 * 1024 * 1024 + 1), 'x.drv'), { code: 'LIMIT_EXCEEDED' })
})

test('changed texts are read as something else or refused, and nothing else happens', () => {
  const change = fc.tuple(fc.nat(TEXT.length - 1), fc.constantFrom('"', '\\', '[', ']', '(', ')', ',', 'x', '\0'))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const characters = [...TEXT]
      for (const [at, character] of changes) characters[at] = character
      try {
        parseDerivation(characters.join(''), 'x.drv')
      } catch (error) {
        assert.ok(error instanceof DockerToolsError && error.code !== 'INTERNAL', String(error))
      }
    }),
  )
})

test('any texts come back from the form they are written in', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 })
  fc.assert(
    fc.property(fc.array(text), fc.dictionary(text, text), text, (args, env, builder) => {
      const plain = parseDerivation(TEXT, 'x.drv')
      const derivation: Derivation = { ...plain, args, env: new Map(Object.entries(env)), builder }
      const read = parseDerivation(Buffer.from(encodeDerivation(derivation)), 'x.drv')
      assert.deepEqual(read.args, args)
      assert.equal(read.builder, builder)
      assert.deepEqual(Object.fromEntries(read.env), { ...env })
    }),
  )
})

/** A derivation with other derivations as inputs. */
function needing(...inputs: readonly StorePath[]): Derivation {
  const out = { path: parseStorePath(A) }
  const inputDerivations = new Map(inputs.map((path) => [path, ['out']]))
  return { ...parseDerivation(TEXT, 'x.drv'), outputs: new Map([['out', out]]), inputDerivations }
}

function drvPath(index: number): StorePath {
  return parseStorePath(`/nix/store/${String(index).padStart(32, '0')}-x.drv`)
}

test('derivations that need each other, or an output that is not there, are refused', async () => {
  const [x, y] = [drvPath(1), drvPath(2)]
  const circle = new Map([
    [x, needing(y)],
    [y, needing(x)],
  ])
  await assert.rejects(
    identifyDerivations([x], async (path) => circle.get(path)!),
    { code: 'FORMAT_INVALID' },
  )
  await assert.rejects(
    identifyDerivations([x], async () => needing(x)),
    { code: 'FORMAT_INVALID' },
  )
  const lacking = new Map([
    [x, needing(y)],
    [y, { ...needing(), outputs: new Map([['dev', { path: parseStorePath(A) }]]) }],
  ])
  await assert.rejects(
    identifyDerivations([x], async (path) => lacking.get(path)!),
    { code: 'STORE_PATH_MISSING' },
  )
})

test('a chain of 20,000 derivations costs no stack, and each is read once', async () => {
  let reads = 0
  const read = async (path: StorePath): Promise<Derivation> => {
    reads++
    const index = Number(path.slice(11, 43))
    return index === 0 ? needing() : needing(drvPath(index - 1))
  }
  const identities = await identifyDerivations([drvPath(20_000), drvPath(5)], read)
  assert.equal(identities.size, 20_001)
  assert.equal(reads, 20_001)
})

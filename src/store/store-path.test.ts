import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isStorePath, parseStorePath, storePathHash, storePathName } from '#store'
import { failsWith } from './test-support.test.ts'

const HASH = '0123456789abcdfghijklmnpqrsvwxyz'

test('a store path has a hash part and a name', () => {
  const path = parseStorePath(`/nix/store/${HASH}-hello-2.12.1`)
  assert.equal(storePathHash(path), HASH)
  assert.equal(storePathName(path), 'hello-2.12.1')
})

test('a store folder may be any absolute folder', () => {
  const path = parseStorePath(`/home/me/s-t/${HASH}-x`, '/home/me/s-t')
  assert.equal(storePathHash(path), HASH)
  assert.equal(isStorePath(path), false)
})

test('names may have every character that Nix allows, and a dot at their start', () => {
  for (const name of ['a+b-c.d_e?f=G', '.gitignore', '...', '.a-b', '-', 'x'.repeat(211)]) {
    assert.equal(isStorePath(`/nix/store/${HASH}-${name}`), true, name)
  }
})

const bad: Readonly<Record<string, [text: string, fault: string]>> = {
  'another store folder': [`/nix/stores/${HASH}-x`, 'directly in the store folder'],
  'a relative path': [`nix/store/${HASH}-x`, 'directly in the store folder'],
  'a file below a path': [`/nix/store/${HASH}-x/bin`, 'nothing below'],
  'a slash at the end': [`/nix/store/${HASH}-x/`, 'nothing below'],
  'a double slash': [`/nix/store//${HASH}-x`, 'nothing below'],
  'a short hash part': [`/nix/store/${HASH.slice(1)}-x`, 'hash part'],
  'a long hash part': [`/nix/store/0${HASH}-x`, 'a "-" and a name'],
  'a letter that is no digit (e)': [`/nix/store/${'e'.repeat(32)}-x`, 'hash part'],
  'upper case in the hash part': [`/nix/store/${HASH.toUpperCase()}-x`, 'hash part'],
  'no name': [`/nix/store/${HASH}-`, 'is empty'],
  'no dash': [`/nix/store/${HASH}`, 'a "-" and a name'],
  'a long name': [`/nix/store/${HASH}-${'x'.repeat(212)}`, '212 characters'],
  'a space': [`/nix/store/${HASH}-a b`, 'only letters'],
  'a line break at the end': [`/nix/store/${HASH}-a\n`, 'only letters'],
  NUL: [`/nix/store/${HASH}-a\0`, 'only letters'],
  'a letter that is not ASCII': [`/nix/store/${HASH}-ž`, 'only letters'],
  'the name ..': [`/nix/store/${HASH}-..`, 'should not be'],
  'the name .-x': [`/nix/store/${HASH}-.-x`, 'should not be'],
  nothing: ['', 'directly in the store folder'],
}
for (const [what, [text, fault]] of Object.entries(bad)) {
  test(`a text with ${what} is no store path`, () => {
    assert.equal(isStorePath(text), false)
    assert.throws(() => parseStorePath(text), failsWith('STORE_PATH_INVALID', fault))
  })
}

test('the message shows hostile text bounded and escaped', () => {
  assert.throws(
    () => parseStorePath(`\u001b[2J${'x'.repeat(100_000)}`),
    (error: Error) => error.message.length < 600 && !error.message.includes('\u001b'),
  )
})

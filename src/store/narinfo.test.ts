import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatNarInfo, parseNarInfo } from '#store'
import { failsWith } from './test-support.test.ts'

const HASH = '1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s'
const BASE = 'a'.repeat(32)
const TEXT = `StorePath: /nix/store/${BASE}-x
URL: nar/${HASH}.nar.xz
Compression: xz
FileHash: sha256:${HASH}
FileSize: 12
NarHash: sha256:${HASH}
NarSize: 34
References: ${BASE}-x ${'b'.repeat(32)}-y
Deriver: ${'d'.repeat(32)}-x.drv
Sig: k-1:AAAA
Sig: k-2:BBBB
CA: fixed:r:sha256:${HASH}
`

function parse(text: string): ReturnType<typeof parseNarInfo> {
  return parseNarInfo(text, 'test.narinfo')
}

function replaced(field: string, line: string): string {
  return TEXT.replace(new RegExp(`^${field}: .*\n`, 'm'), line)
}

test('a narinfo is read in full, and written as it was', () => {
  const info = parse(TEXT)
  assert.equal(info.narSize, 34)
  assert.equal(info.fileSize, 12)
  assert.deepEqual(info.references, [`/nix/store/${BASE}-x`, `/nix/store/${'b'.repeat(32)}-y`])
  assert.equal(info.deriver, `/nix/store/${'d'.repeat(32)}-x.drv`)
  assert.deepEqual(info.signatures, ['k-1:AAAA', 'k-2:BBBB'])
  assert.equal(formatNarInfo(info), TEXT)
})

test('unknown fields, CRLF and references out of order are put up with', () => {
  const text = `System: x\n${replaced('References', `References: ${'b'.repeat(32)}-y ${BASE}-x\n`)}`
  assert.equal(formatNarInfo(parse(text.replaceAll('\n', '\r\n'))), TEXT)
})

test('optional fields may be missing; no compression is told as bzip2, as Nix has it', () => {
  const info = parse(
    `StorePath: /nix/store/${BASE}-x\nURL: a\nNarHash: sha256:${HASH}\nNarSize: 1\nDeriver: unknown-deriver`,
  )
  assert.equal(info.compression, 'bzip2')
  assert.deepEqual(info.references, [])
  assert.equal('deriver' in info || 'fileHash' in info || 'contentAddress' in info, false)
})

for (const field of ['StorePath', 'URL', 'NarHash', 'NarSize']) {
  test(`a narinfo without ${field}, with an empty one or with two is refused`, () => {
    assert.throws(() => parse(replaced(field, '')), failsWith('FORMAT_INVALID', `no "${field}"`))
    assert.throws(() => parse(replaced(field, `${field}:\n`)), failsWith('FORMAT_INVALID', `no "${field}"`))
    const line = TEXT.split('\n').find((text) => text.startsWith(field))!
    assert.throws(() => parse(`${TEXT}${line}\n`), failsWith('FORMAT_INVALID', `"${field}" stands in it twice`))
  })
}

test('sizes that are no numbers below 2^53 are refused', () => {
  for (const size of ['-1', '1.5', '1e3', '0x10', '9007199254740992', '99999999999999999999', ' ', 'x']) {
    assert.throws(() => parse(replaced('NarSize', `NarSize: ${size}\n`)), failsWith('FORMAT_INVALID'), size)
    if (size !== ' ')
      assert.throws(() => parse(replaced('FileSize', `FileSize: ${size}\n`)), failsWith('FORMAT_INVALID'))
  }
})

test('paths and hashes that are none are refused', () => {
  for (const field of ['StorePath', 'References', 'Deriver']) {
    assert.throws(() => parse(replaced(field, `${field}: ../x\n`)), failsWith('STORE_PATH_INVALID'), field)
  }
  assert.throws(() => parse(replaced('NarHash', 'NarHash: sha256:x\n')), failsWith('FORMAT_INVALID'))
  assert.throws(() => parse(replaced('NarHash', `NarHash: md5:${'a'.repeat(32)}\n`)), failsWith('FORMAT_INVALID'))
  assert.throws(() => parse('no fields here'), failsWith('FORMAT_INVALID', 'FIELD: VALUE'))
})

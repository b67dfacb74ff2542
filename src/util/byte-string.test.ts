import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byteStringToText, bytesToByteString, toByteString } from '#util'

test('byte strings keep names that are not UTF-8', () => {
  const name = bytesToByteString(Uint8Array.of(0x61, 0xff))
  assert.equal(name.length, 2)
  assert.equal(byteStringToText(toByteString('žluť')), 'žluť')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeEvent } from './describe-event.ts'
import { printable } from './printable.ts'

test('events are told in the words of the original', () => {
  assert.equal(describeEvent({ type: 'no-base-image' }), "No 'fromImage' provided\n")
  assert.equal(
    describeEvent({ type: 'base-layer', index: 1, member: 'a/layer.tar' }),
    'Adding base layer 1 from a/layer.tar\n',
  )
  assert.equal(
    describeEvent({ type: 'store-layer', index: 2, paths: ["/nix/store/a'b", '/nix/store/c'] }),
    "Creating layer 2 from paths: [\"/nix/store/a'b\", '/nix/store/c']\n",
  )
  assert.equal(describeEvent({ type: 'warning', code: 'X', message: 'text' }), 'warning (X): text\n')
})

test('no name can steer the terminal', () => {
  assert.equal(printable('a\u001b[2J\u0007\u009b\u202e\r\n\tž😀'), 'a\\u{1b}[2J\\u{7}\\u{9b}\\u{202e}\\u{d}\n\tž😀')
  assert.equal(
    describeEvent({ type: 'base-layer', index: 1, member: '\u001b]0;x\u0007' }),
    'Adding base layer 1 from \\u{1b}]0;x\\u{7}\n',
  )
})

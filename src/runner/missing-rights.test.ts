import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MissingRights } from './missing-rights.ts'

function reasonFor(...texts: readonly string[]): string | undefined {
  const rights = new MissingRights()
  for (const text of texts) rights.read(text)
  return rights.reason
}

/** As the programs say it: coreutils, busybox, GNU tar, install, cp, dpkg, rsync. */
const OWNERS = [
  "chown: changing ownership of '/data': Invalid argument",
  'chown: /data: Invalid argument',
  "chgrp: changing group of '/data': Invalid argument",
  'tar: ./f: Cannot change ownership to uid 70, gid 71: Invalid argument',
  "install: cannot change ownership of '/f': Invalid argument",
  "cp: failed to preserve ownership for '/f': Invalid argument",
  "dpkg: error processing archive x (--unpack): error setting ownership of './f': Invalid argument",
  'rsync: chown "/f" failed: Invalid argument (22)',
]

for (const line of OWNERS) {
  test(`an owner that cannot be given is noticed: ${line}`, () => {
    assert.equal(
      reasonFor(`before\n${line}\nafter\n`),
      `it gives a file to an owner that there is no number for ("${line}")`,
    )
  })
}

test('a device that cannot be made is noticed, also where the line comes in pieces', () => {
  const reason = 'it makes a device, which a user namespace cannot ("mknod: /dev/x: Operation not permitted")'
  assert.equal(reasonFor('some\nmkn', 'od: /dev/x: Operation ', 'not permitted\n'), reason)
})

test('other failures are not taken for it', () => {
  const said = "mkdir: cannot create directory '/x': File exists\nchown: invalid user: 'nobody2'\n"
  assert.equal(reasonFor(said, 'mount: Operation not permitted\ndd: Invalid argument\n'), undefined)
  assert.equal(reasonFor('chown: missing operand\n', 'sleep: Invalid argument\n'), undefined)
})

test('a line without an end is not kept for ever', () => {
  assert.equal(reasonFor('chown', 'x'.repeat(10_000), ' Invalid argument\n'), undefined)
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type ByteString, toByteString } from '#util'
import { encodeHeader } from './encode-header.ts'
import type { TarHeader } from './tar-header.ts'
import { headers, text, wholeSeconds } from './header-arbitraries.test.ts'
import { assertSameBytes, missing } from './test-support.test.ts'

/** Encodes headers given as JSON, one line each, with Python's own `tarfile`. */
const PROGRAM = `
import base64, json, os, sys, tarfile
def text(latin1): return latin1.encode('latin1').decode('utf-8', 'surrogateescape')
types = dict(file=b'0', hardlink=b'1', symlink=b'2', char=b'3', block=b'4', directory=b'5', fifo=b'6')
for line in sys.stdin:
    h = json.loads(line)
    t = tarfile.TarInfo(text(h['path']))
    t.type = types[h['type']]
    t.mode, t.uid, t.gid = h['mode'], h['uid'], h['gid']
    t.size, t.mtime = h.get('size', 0), h['mtimeSeconds']
    t.uname, t.gname, t.linkname = text(h['uname']), text(h['gname']), text(h.get('target', ''))
    t.devmajor, t.devminor = h.get('major', 0), h.get('minor', 0)
    t.pax_headers = {key: text(value) for key, value in h['records']}
    # As after reading an archive: the time of a record is a float there, whole or not.
    if 'mtime' in t.pax_headers: t.mtime = float(t.mtime)
    print(base64.b64encode(t.tobuf(tarfile.PAX_FORMAT, 'utf-8', 'surrogateescape')).decode())
`

function byPython(list: readonly TarHeader[]): Buffer[] {
  const input = list.map((header) => JSON.stringify({ ...header, records: [...(header.paxRecords ?? [])] })).join('\n')
  const { stdout, stderr, status } = spawnSync('python3', ['-X', 'utf8', '-c', PROGRAM], { input, maxBuffer: 2 ** 28 })
  assert.equal(status, 0, stderr.toString())
  return stdout
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => Buffer.from(line, 'base64'))
}

const skip = missing('python3')
const seconds = fc.oneof(
  wholeSeconds,
  fc.double({ min: -1e10, max: 1e10, noNaN: true }).filter((value) => !Object.is(value, -0)),
  fc.constantFrom(0.5, 1.5, 2.5, -0.5, -1.5, 1e-5, -1e-7, 8589934591.5),
)
const KEYS = ['path', 'linkpath', 'uname', 'gname', 'uid', 'gid', 'size', 'mtime', 'hdrcharset', 'comment', 'ключ']
const key = fc.constantFrom(...KEYS)
const takenOver = fc
  .tuple(headers(seconds), fc.array(fc.tuple(key, text(100, 0)), { maxLength: 5 }))
  .map(([header, list]): TarHeader => ({ ...header, paxRecords: new Map(list) }))

function fifo(length: number, paxRecords: ReadonlyMap<string, ByteString>): TarHeader {
  const path = toByteString('p'.repeat(length))
  const empty = toByteString('')
  return { type: 'fifo', path, mode: 0, uid: 0, gid: 0, uname: empty, gname: empty, mtimeSeconds: 0, paxRecords }
}

/** Where a digit more or less changes how many digits there are. */
const LENGTHS = [101, 102, 980, 985, 986, 987, 988, 989, 990, 991, 992, 9980, 9985, 9986, 9987, 9988, 9989, 99_990]

const GROUPS: Readonly<Record<string, readonly TarHeader[]>> = {
  'encodeHeader() writes pax headers as tarfile does': fc.sample(headers(seconds), 600),
  'encodeHeader() gives records taken over from another archive priority, as tarfile does': fc.sample(takenOver, 300),
  'encodeHeader() counts the digits of a record length as tarfile does, whatever the length': [
    ...LENGTHS.map((length) => fifo(length, new Map())),
    ...Array.from({ length: 110 }, (_, length) => fifo(1, new Map([['k', toByteString('v'.repeat(length))]]))),
  ],
}

/** All in one go, since starting Python is what takes the time. */
const expected = skip === false ? byPython(Object.values(GROUPS).flat()) : []

let start = 0
for (const [name, list] of Object.entries(GROUPS)) {
  const first = start
  start += list.length
  test(name, { skip }, () => {
    for (const [index, header] of list.entries()) {
      const python = expected[first + index]
      assert.ok(python !== undefined)
      assertSameBytes(encodeHeader(header, 'pax'), python, JSON.stringify(header))
    }
  })
}

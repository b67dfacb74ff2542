import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ArchiveWriter } from '#archive'
import type { TarHeader } from '#tar'
import { toByteString } from '#util'

const header: TarHeader & { readonly type: 'file' } = {
  type: 'file',
  path: toByteString('a'),
  size: 5,
  mode: 0o644,
  uid: 0,
  gid: 0,
  uname: toByteString(''),
  gname: toByteString(''),
  mtimeSeconds: 1,
}

function collecting() {
  const parts: Buffer[] = []
  return { write: (chunk: Uint8Array) => void parts.push(Buffer.from(chunk)), bytes: () => Buffer.concat(parts) }
}

test('members are padded to blocks, the archive to records, and its end is written last', async () => {
  const sink = collecting()
  const writer = new ArchiveWriter(sink, 'pax')
  await writer.member(header, async (body) => {
    await body.write(Buffer.from('12'))
    await body.write(Buffer.from('345'))
  })
  assert.equal(sink.bytes().length, 1024)
  assert.equal(writer.size, 1024)
  await writer.end()
  assert.equal(sink.bytes().length, 10_240)
  assert.equal(sink.bytes().toString('latin1', 512, 517), '12345')
  assert.ok(
    sink
      .bytes()
      .subarray(517)
      .every((byte) => byte === 0),
  )
})

test('a body of another size than its header says is refused, before a byte too many is written', async () => {
  for (const text of ['1234', '123456', '']) {
    const sink = collecting()
    const writer = new ArchiveWriter(sink, 'pax')
    await assert.rejects(
      writer.member(header, async (body) => body.write(Buffer.from(text))),
      { code: 'FILE_CHANGED', message: /"a".*the 5 bytes it should have/ },
    )
    assert.ok(sink.bytes().length <= 512 + 5)
  }
})
